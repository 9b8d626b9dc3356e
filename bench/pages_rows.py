"""Rows of the table about what the console's pages ask and how soon they can be worked with, on a big ledger."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from rig import BUILD, ROOT, TOKEN, TOOLS, Failure, Rig, api, free_port

QUICK = "--quick" in sys.argv
DAYS, ROUNDS = 28, 2 if QUICK else 5
KEPT = next((a.removeprefix("--ledger=") for a in sys.argv if a.startswith("--ledger=")), None)  # made there once, and used again


def verdict(good):
    return "pass" if good else "MISS"


def reads(folder, millions, ask):
    """bench/reads on this folder, which it fills when it is not there; what it said of paths that begin with `ask`."""
    ends = pathlib.Path(f"{folder}.ends")
    if not folder.exists():
        ends.write_text(str(int(time.time())))
    ran = subprocess.run([TOOLS / "reads", "-n", str(millions * 1_000_000), "-d", str(DAYS), "-e", ends.read_text(), "-r", str(ROUNDS), "-p", ask, "-k", folder],
                         capture_output=True, text=True, timeout=1800)
    asked = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode != 0 or any(a["status"] != 200 for a in asked):
        raise Failure(f"bench/reads ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-300:]}")
    return asked


def folder_of(rig, millions):
    return pathlib.Path(KEPT).resolve() if KEPT and millions == 10 else rig.folder / f"ledger-{millions}"


def row_console_reads(table):
    """What the console's pages ask, over 1 and (not with --quick) 10 million records and 1,000 versions of prompts, by bench/reads.c; --ledger=DIR keeps the big one."""
    for millions in (1,) if QUICK else (1, 10):
        print(f"  console-reads: {millions} M records", file=sys.stderr, flush=True)
        with Rig() as rig:
            asked = reads(folder_of(rig, millions), millions, "/")
        asked.sort(key=lambda a: -a["cpu_ms"])
        table.raw[f"console-reads {millions} M"] = asked
        over = [a for a in asked if a["cpu_ms"] >= 300]
        table.add(f"{len(asked)} queries of the console's pages, {millions} M records", "each under 300 ms of CPU (median)",
                  f"{len(asked) - len(over)} are; slowest: " + "; ".join(f"{a['path'].removeprefix('/api/v1/')} {a['cpu_ms']:.0f} ms (wall {a['p50_ms']:.0f})" for a in asked[:3]),
                  verdict(asked and not over))


def serve(rig, folder):
    """The server on that folder, with what bench/reads declares."""
    port, file = free_port(), rig.folder / "quarterdeck.yaml"
    applications = ", ".join(f"app-{i}: {{}}" for i in range(8))
    file.write_text(f"""
listen: 127.0.0.1:{port}
data_dir: {folder}
tokens: [{{name: bench, role: admin, token: "{TOKEN}"}}]
providers:
  openai: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", api_key: sk-bench}}
  anthropic: {{dialect: anthropic, base_url: "http://127.0.0.1:1/v1", api_key: sk-bench}}
models:
  support-chat: {{targets: [{{provider: openai, model: gpt-4o-mini}}, {{provider: anthropic, model: claude-haiku-4-5}}]}}
applications: {{{applications}}}
receivers: {{ops: {{webhook: {{url: "http://127.0.0.1:1/"}}}}}}
alerts: [{{name: slow, when: {{metric: latency.p95, window: 5m, above: 1.5s}}, severity: error, notify: [ops]}}]
oncall: {{people: {{anna: {{receiver: ops}}}}, schedules: {{primary: {{timezone: UTC, rotations: [{{people: [anna], starts: 2026-01-05, turn: 7d}}]}}}}}}
budgets:
  - {{name: everything, limit_usd: 100000, window: month, timezone: UTC}}
  - {{name: one, scope: {{application: app-1}}, limit_usd: 10000, window: month, timezone: UTC}}
""")
    return rig.start("serve", [BUILD / "quarterdeck", "serve", "-c", file], rig.proxy_cpu, port)


def row_pages(table):
    """How soon each page of the console can be worked with on 10 million records (1 with --quick), in Chromium (tests/browser/pages.mjs); --ledger=DIR keeps them."""
    if not (ROOT / "tests" / "browser" / "node_modules" / "playwright-core").exists():
        raise Failure("playwright-core is not installed: ./dev test console does that")
    millions = 1 if QUICK else 10
    with Rig() as rig:
        folder = folder_of(rig, millions)
        reads(folder, millions, "none")
        server = serve(rig, folder)
        api(server, "/api/v1/status")
        ran = subprocess.run(["node", "pages.mjs", str(ROUNDS)], cwd=ROOT / "tests" / "browser", capture_output=True, text=True, timeout=1800,
                             env={**os.environ, "QD_CONSOLE_URL": f"http://127.0.0.1:{server.port}", "QD_CONSOLE_TOKEN": TOKEN, "QD_CONSOLE_PID": str(server.pid)})
    pages = [json.loads(line) for line in ran.stdout.splitlines()]
    wrongs = [f"{p['page']}: {p['wrongs'][0]}" for p in pages if p["wrongs"]]
    if ran.returncode != 0 or not pages or wrongs:
        raise Failure(f"pages.mjs ended with {ran.returncode}: {(wrongs or [ran.stderr])[0][-400:]}")
    pages.sort(key=lambda p: -p["ms"])
    table.raw["pages"] = pages
    most = max(pages, key=lambda p: p["server_cpu_ms"] + p["browser_cpu_ms"])
    over = [p for p in pages if p["ms"] >= 1000]
    table.add(f"{len(pages)} pages of the console, {millions} M records: data shown and a key answered", "each under 1 s (median)",
              f"{len(pages) - len(over)} are; median {statistics.median(p['ms'] for p in pages):.0f} ms; slowest: " + "; ".join(f"{p['page']} {p['ms']} ms" for p in pages[:3]) +
              f"; CPU of server and browser together at most {most['server_cpu_ms']} + {most['browser_cpu_ms']} ms ({most['page']})", verdict(not over))

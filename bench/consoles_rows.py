"""Rows of the table about consoles: what many of them cost, and what following exchanges costs."""
import json
import re
import statistics
import subprocess
import sys
import threading
import time

from rig import BUILD, KEY, LOAD_CPU, ROOT, TOKEN, Failure, Rig, api, cpu_seconds

QUICK = "--quick" in sys.argv
CONSOLES, TAILS = 200, 20
PAGE = ("/api/v1/overview?from=-24h", "/api/v1/series?metrics=requests,latency.p95,cost,error_rate&from=-24h", "/api/v1/timeline?from=-24h", "/api/v1/alerts?state=active",
        "/api/v1/findings?state=open")
SILENCE = {"matchers": "rule=none", "lasts": "1h", "reason": "bench"}


def verdict(good):
    return "pass" if good else "MISS"


def consoles(gateway, seconds, n, query, *paths):
    """Opens them in a process of their own, on the processor of what measures."""
    command = ["taskset", "-c", str(LOAD_CPU), sys.executable, str(ROOT / "bench" / "consoles.py"), gateway.port, TOKEN, seconds, n, query, *paths]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)


def ask_at(rig, gateway, rate, seconds):
    """Exchanges at a rate: what the load generator says."""
    out = rig.folder / "load.json"
    command = ["taskset", "-c", str(LOAD_CPU), str(BUILD / "quarterdeck"), "load", "--url", f"http://127.0.0.1:{gateway.port}", "--key", KEY, "--model", "bench", "--no-stream",
               "--rate", str(rate), "--duration", f"{seconds}s", "--input", "20", "--output", "5", "--json", str(out)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if not out.exists():
        raise Failure(f"load: {ran.stdout[-300:]}{ran.stderr[-300:]}")
    return json.loads(out.read_text())


def row_consoles(table):
    """What 200 open consoles cost beside traffic, while something changes each second: the worst that they are told of."""
    seconds = 4 if QUICK else 10
    with Rig() as rig:
        gateway = rig.gateway(rig.upstream())
        used, said = {}, None
        for name in ("without", "with"):
            pages = consoles(gateway, seconds + 2, CONSOLES, "topics=alerts,findings,rollouts,actions", *PAGE) if name == "with" else None
            time.sleep(1.5)
            ended = threading.Event()

            def change():
                while not ended.wait(1):
                    api(gateway, "/api/v1/silences", SILENCE)

            changes = threading.Thread(target=change)
            changes.start()
            before, began = cpu_seconds(gateway.pid), time.monotonic()
            ask_at(rig, gateway, 200, seconds - 1)
            used[name] = (cpu_seconds(gateway.pid) - before) / (time.monotonic() - began)
            ended.set()
            changes.join()
            said = json.loads(pages.communicate()[0]) if pages else None
        time.sleep(1.1)
        shared = {name: float(n) for name, n in re.findall(r'quarterdeck_api_shared_answers_total{result="(\w+)"} (\S+)', api(gateway, "/metrics"))}
    table.raw["consoles"] = {"core": used, "pages": said, "shared": shared}
    added = used["with"] - used["without"]
    table.add(f"{CONSOLES} open consoles, a change each second, 200 exchanges/s: CPU added", "under half a core",
              f"{added:.2f} of a core ({used['without']:.2f} without); {said['answers']} answers in {seconds + 2} s, p50 {said['p50_ms']:.1f} ms, p99 {said['p99_ms']:.0f} ms, "
              f"{said['failed']} failed, {said['not_modified']} not sent again", verdict(added < 0.5 and said["failed"] == 0 and said["answers"] > CONSOLES))


def row_tail(table):
    """Exchanges at 1,000 a second with 20 tails that follow them and without, in turns."""
    seconds, pairs = 3 if QUICK else 4, []
    with Rig() as rig:
        gateway = rig.gateway(rig.upstream())
        ask_at(rig, gateway, 1000, 1)
        for turn in range(2):
            pair = {}
            for name in sorted(("with", "without"), reverse=turn % 2 == 1):
                tails = consoles(gateway, seconds + 1, TAILS, "topics=records") if name == "with" else None
                time.sleep(0.7)
                before = cpu_seconds(gateway.pid)
                load = ask_at(rig, gateway, 1000, seconds - 1)
                pair[name] = {"cpu_s": cpu_seconds(gateway.pid) - before, "load": load}
                if tails:
                    pair["tails"] = json.loads(tails.communicate()[0])
            pairs.append(pair)
    table.raw["tail"] = pairs
    ratio = [p["with"]["cpu_s"] / p["without"]["cpu_s"] for p in pairs]
    shown, left = sum(p["tails"].get("exchange", 0) for p in pairs), sum(p["tails"]["left_out"] for p in pairs)
    table.add(f"1,000 exchanges/s followed by {TAILS} tails: CPU of the process, ratio to without", "at most 1.2; every one shown or counted",
              f"{statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f}); {shown} shown, {left} counted as left out", verdict(statistics.median(ratio) <= 1.2 and left > 0))
    p99 = [p["with"]["load"]["all"]["total_ms"]["p99"] / p["without"]["load"]["all"]["total_ms"]["p99"] for p in pairs]
    table.add("the same: p99 of the exchanges, ratio to without", "shown", f"{statistics.median(p99):.2f} ({min(p99):.2f} to {max(p99):.2f})", "shown")

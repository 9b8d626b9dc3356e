#!/usr/bin/env python3
"""The benchmark table: each row with its bar, what was measured, and the verdict. Loopback only, bounded.

  bench/run.py [ROW...]    default: all; --list names them; --quick: short and rough; --ledger=DIR: where the ledger of console-reads and pages is kept

Everything is measured side by side in one run, in interleaved rounds, and medians are shown. What is measured is
pinned to one processor and what measures to the other.
"""
import http.client
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time

from consoles_rows import row_consoles, row_tail  # noqa: F401
from pages_rows import row_console_reads, row_pages  # noqa: F401
from rig import (ALL_CPUS, BODY, BUILD, CPUS, KEY, LOAD_CPU, PROXY_CPU, ROOT, TOKEN, TOOLS, Failure, Rig, cpu_seconds, cpu_settled, api, memory_mib, metric, promptfoo,
                 timed, tool, tool_lines, wrk)

QUICK = "--quick" in sys.argv
ROUNDS = 2 if QUICK else 5
SECONDS = 2 if QUICK else 4
STREAMS = 2000


class Table:
    def __init__(self):
        self.rows, self.raw = [], {}

    def add(self, what, bar, measured, verdict):
        self.rows.append({"what": what, "bar": bar, "measured": measured, "verdict": verdict})

    def text(self):
        heads = ["what", "bar", "measured", "verdict"]
        widths = [max(len(str(row[h])) for row in self.rows + [dict(zip(heads, heads))]) for h in heads]
        lines = ["| " + " | ".join(h.ljust(w) for h, w in zip(heads, widths)) + " |",
                 "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
        for row in self.rows:
            lines.append("| " + " | ".join(str(row[h]).ljust(w) for h, w in zip(heads, widths)) + " |")
        return "\n".join(lines)


def verdict(good):
    return "pass" if good else "MISS"


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def median(samples, field):
    return statistics.median(sample[field] for sample in samples)


def row_throughput(table):
    """CPU a request and requests a second against nginx, 64 connections, one worker each."""
    with Rig() as rig:
        upstream = rig.upstream()
        targets = {"nginx": rig.nginx(upstream), "quarterdeck": rig.gateway(upstream)}
        headers = {}
        portkey = None if QUICK else rig.portkey(upstream)
        if portkey:
            targets["portkey"] = portkey
            headers["portkey"] = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream.port}/v1"}
        samples = {name: [] for name in targets}
        for name, target in targets.items():  # warm up
            samples[name].clear()
            wrk(rig, target, 1, headers=headers.get(name))
        sent = metric(targets["quarterdeck"], "quarterdeck_exchanges_total")
        for turn in range(ROUNDS):
            for name, target in targets.items():
                samples[name].append(wrk(rig, target, SECONDS, headers=headers.get(name)))
                progress(f"throughput {turn + 1}/{ROUNDS} {name}: {samples[name][-1]['rate']:.0f}/s, "
                         f"{samples[name][-1]['cpu_us']:.1f} us CPU")
        recorded = metric(targets["quarterdeck"], "quarterdeck_exchanges_total") - sent
        lost = metric(targets["quarterdeck"], "quarterdeck_records_lost_total")
        answered = sum(sample["requests"] for sample in samples["quarterdeck"])
    table.raw["throughput"] = samples
    cpu = {name: median(s, "cpu_us") for name, s in samples.items()}
    rate = {name: median(s, "rate") for name, s in samples.items()}
    ratio = cpu["quarterdeck"] / cpu["nginx"]
    also = f"; portkey {cpu['portkey']:.0f} us" if portkey else ""
    table.add("CPU per request against nginx, 64 connections", "at most 4.0 x (aim 2.5)",
              f"{ratio:.2f} x ({cpu['quarterdeck']:.1f} against {cpu['nginx']:.1f} us{also})", verdict(ratio <= 4.0))
    ratio = rate["quarterdeck"] / rate["nginx"]
    also = f"; portkey {rate['portkey']:.0f}" if portkey else ""
    table.add("requests a second, one worker, 64 connections", "at least 0.40 of nginx (aim 0.6)",
              f"{ratio:.2f} ({rate['quarterdeck']:.0f} against {rate['nginx']:.0f}{also})", verdict(ratio >= 0.40))
    table.add("each of those requests has its record", "all, none lost",
              f"{recorded:.0f} records, {answered} answers, {lost:.0f} lost", verdict(answered <= recorded <= answered + 64 * ROUNDS and lost == 0))


def row_latency(table):
    """Added latency at concurrency 1, in turns with the direct way, all on one processor.

    One request at a time never uses two; apart, every hop would add what waking another processor costs on this machine
    (on a virtual one up to 90 us), to nginx as much as to us."""
    with Rig(LOAD_CPU) as rig:
        upstream = rig.upstream()
        targets = {"direct": upstream, "nginx": rig.nginx(upstream), "quarterdeck": rig.gateway(upstream)}
        samples = {name: [] for name in targets}
        for turn in range(ROUNDS):
            found = tool("ping", 4000 if QUICK else 20000, 100, KEY, "bench", *[t.port for t in targets.values()])
            for name, sample in zip(targets, found):
                samples[name].append(sample)
            progress(f"latency {turn + 1}/{ROUNDS}: " + ", ".join(f"{n} {s[-1]['p50']}/{s[-1]['p99']} us" for n, s in samples.items()))
    table.raw["latency"] = samples
    p50 = {name: median(s, "p50") for name, s in samples.items()}
    p99 = {name: median(s, "p99") for name, s in samples.items()}
    added = (p50["quarterdeck"] - p50["direct"], p99["quarterdeck"] - p99["direct"])
    nginx = (p50["nginx"] - p50["direct"], p99["nginx"] - p99["direct"])
    table.add("added latency at concurrency 1, p50 / p99", "at most 60 / 200 us",
              f"{added[0]:.0f} / {added[1]:.0f} us (nginx {nginx[0]:.0f} / {nginx[1]:.0f})", verdict(added[0] <= 60 and added[1] <= 200))


def row_streams(table):
    """2,000 streams of 20 tokens a second: what is added to each token, by us and by nginx, and memory under them.

    Nothing is pinned: the gateway and nginx have a worker a processor, as they come, and all share the machine. The
    streams start 1.0065 ms apart, so that their tokens are spread over the whole interval between two of a stream."""
    with Rig(ALL_CPUS, ALL_CPUS) as rig:
        tokens = 80 if QUICK else 200
        upstream = rig.upstream(tokens, 20)
        gateway = rig.gateway(upstream, workers=len(CPUS))
        targets = {"direct": upstream, "nginx": rig.nginx(upstream, workers=len(CPUS)), "quarterdeck": gateway}
        samples, peak = {name: [] for name in targets}, [0.0]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.2):
                peak[0] = max(peak[0], memory_mib(gateway.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for turn in range(1 if QUICK else 3):
                for name, target in targets.items():
                    before = cpu_seconds(target.pid)
                    last = tool("streams", target.port, STREAMS, tokens, 2013, KEY, "bench", cpu=ALL_CPUS)
                    last["cpu_us"] = (cpu_seconds(target.pid) - before) * 1e6 / max(1, last["tokens"])
                    samples[name].append(last)
                    progress(f"streams {name}: p50 {last['p50']} us, p99 {last['p99']} us, {last['complete']} complete, "
                             f"{last['cpu_us']:.1f} us CPU a token")
        finally:
            stop.set()
            watcher.join()
    table.raw["streams"] = samples
    added = {name: (median(s, "p99") - median(samples["direct"], "p99")) / 1000 for name, s in samples.items()}
    cpu = {name: median(s, "cpu_us") for name, s in samples.items()}
    whole = all(s["complete"] == STREAMS and s["tokens"] == s["expected"] and s["out_of_order"] == 0 for s in samples["quarterdeck"])
    missing = sum(s["expected"] - s["tokens"] for s in samples["quarterdeck"])
    table.add(f"{STREAMS} streams of 20 tokens/s: per-token added p99", "at most 2 ms; every frame",
              f"{added['quarterdeck']:.2f} ms (nginx {added['nginx']:.2f}; CPU a token {cpu['quarterdeck']:.1f} us, nginx {cpu['nginx']:.1f}); "
              f"{'every frame' if whole else str(missing) + ' frames missing'}", verdict(added["quarterdeck"] <= 2 and whole))
    table.add(f"resident memory at {STREAMS} streams", "at most 150 MiB", f"{peak[0]:.1f} MiB", verdict(peak[0] <= 150))


def row_memory(table):
    """Idle memory of a fresh server, and its growth over an hour's worth of load (a million requests)."""
    with Rig() as rig:
        upstream = rig.upstream()
        gateway = rig.gateway(upstream)
        idle = memory_mib(gateway.pid)
        wrk(rig, gateway, 3)
        settle(gateway)
        before, goal, done, series = memory_mib(gateway.pid, "RssAnon"), 100_000 if QUICK else 1_000_000, 0, []
        deadline = time.monotonic() + 240
        while done < goal and time.monotonic() < deadline:
            done += wrk(rig, gateway, 5)["requests"]
            series.append(round(memory_mib(gateway.pid, "RssAnon"), 2))
            progress(f"memory: {done} requests, {series[-1]:.1f} MiB")
        settle(gateway)
        after, resident = memory_mib(gateway.pid, "RssAnon"), memory_mib(gateway.pid)
    table.raw["memory"] = {"idle": idle, "before": before, "after": after, "resident": resident, "requests": done, "series": series}
    table.add("resident memory idle", "at most 20 MiB", f"{idle:.1f} MiB", verdict(idle <= 20))
    growth = after - before
    table.add(f"memory after {done} requests more", "flat", f"{growth:+.2f} MiB (private {after:.1f}, resident {resident:.1f})",
              verdict(growth <= max(1.0, 0.05 * before)))


def settle(gateway):
    """Until the ledger has drained the flight recorder."""
    deadline = time.monotonic() + 60
    while metric(gateway, "quarterdeck_recorder_pending_bytes") > 0 and time.monotonic() < deadline:
        time.sleep(0.2)


def row_ledger(table):
    """Records drained to the ledger a second, and bytes a record, by bench/ledger.c."""
    program = TOOLS / "ledger"
    if not program.exists():
        raise Failure("bench/ledger.c is not there")
    with Rig() as rig:
        ran = subprocess.run([program, "-n", "200000" if QUICK else "500000"], capture_output=True, text=True, cwd=rig.folder, timeout=300)
    found = {name: re.search(pattern, ran.stdout) for name, pattern in {
        "alone": r"drain alone: (\d+) records/s", "appending": r"drain while appending.*: (\d+) records/s",
        "bytes": r"size: ([\d.]+) bytes a record"}.items()}
    if ran.returncode != 0 or not all(found.values()):
        raise Failure(f"bench/ledger ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-300:]}")
    value = {name: float(match.group(1)) for name, match in found.items()}
    table.raw["ledger"] = {**value, "text": ran.stdout}
    table.add("records drained to the ledger", "at least 50,000/s; at most 400 bytes each",
              f"{value['alone']:,.0f}/s ({value['appending']:,.0f}/s while appending); {value['bytes']:.0f} bytes",
              verdict(value["alone"] >= 50_000 and value["bytes"] <= 400))


def row_budget(table):
    """Reservations and settlements a second on 8 threads: one budget that all share, one a user beside it, a limit too."""
    runs = [tool("budget", 1 if QUICK else 2, 8, cpu=ALL_CPUS) for _ in range(ROUNDS)]
    table.raw["budget"] = runs
    for i, row in enumerate(runs[0]):
        rate, cpu = (statistics.median(run[i][field] for run in runs) for field in ("pairs_per_s", "cpu_ns_per_pair"))
        table.add(f"reserve and settle, 8 threads, {row['row']}", "at least 5,000,000 pairs/s",
                  f"{rate:,.0f}/s ({cpu:.0f} ns of processor a pair)", verdict(rate >= 5e6))


def row_spend(table):
    """Cost report by two dimensions, and explain, over 1 and (not with --quick) 10 million records, by bench/spend.c."""
    for millions, days in ((1, 10),) if QUICK else ((1, 10), (10, 30)):
        progress(f"spend: {millions} M records")
        with Rig() as rig:
            ran = subprocess.run([TOOLS / "spend", "-n", str(millions * 1_000_000), "-d", str(days)], capture_output=True, text=True,
                                 cwd=rig.folder, timeout=460)
        milliseconds = r"([\d.]+) ms"
        reports = [float(ms) for ms in re.findall(rf"by (?:team,feature|key,target_model): {milliseconds}", ran.stdout)]
        explains = [float(ms) for ms in re.findall(rf"explain, .*?: {milliseconds} reading", ran.stdout)]
        if ran.returncode != 0 or len(reports) != 3 or len(explains) != 2 or "WRONG" in ran.stdout:
            raise Failure(f"bench/spend ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-300:]}")
        table.raw[f"spend {millions} M"] = {"reports": reports, "explains": explains, "text": ran.stdout}
        table.add(f"cost report by two dimensions, {millions} M records", "under 1 s", f"{max(reports):.0f} ms, the slowest of {len(reports)}",
                  verdict(max(reports) < 1000))
        table.add(f"cost explain, {millions} M records", "under 2 s", f"{max(explains):.0f} ms, the slower of {len(explains)}",
                  verdict(max(explains) < 2000))


def row_tokens(table):
    """Token counting of this project's documents and sources, MB/s of one thread, by encoding."""
    with Rig() as rig:
        text = rig.folder / "text"
        text.write_bytes(b"".join(path.read_bytes() for path in sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.[ch]")])))
        ran = subprocess.run(["taskset", "-c", str(LOAD_CPU), TOOLS / "tokens", text], capture_output=True, text=True, timeout=60)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    if ran.returncode != 0 or not rows:
        raise Failure(f"bench/tokens ended with {ran.returncode}: {ran.stderr[-300:]}")
    table.raw["tokens"] = rows
    for row in rows:
        table.add(f"token counting, {row['encoding']}", "at least 20 MB/s", f"{row['mb_per_s']:.1f} MB/s", verdict(row["mb_per_s"] >= 20))


def row_cache(table):
    """Our own time of an answer from the exact cache, as the reply's header tells it."""
    with Rig() as rig:
        upstream = rig.upstream()
        gateway = rig.gateway(upstream, application="cache: {exact: {ttl: 1h}}, ")
        connection, found = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10), []
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        for i in range(1_000 if QUICK else 10_000):
            connection.request("POST", "/v1/chat/completions", BODY, headers)
            reply = connection.getresponse()
            reply.read()
            if reply.headers["x-quarterdeck-cache"] == "hit":
                found.append(int(reply.headers["x-quarterdeck-overhead-us"]))
        connection.close()
    if len(found) < i:
        raise Failure(f"{len(found)} of {i} repeated questions were answered from the cache")
    found.sort()
    p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
    table.raw["cache"] = {"hits": len(found), "p50": p50, "p99": p99, "longest": found[-1]}
    table.add("exact-cache hit, our own time, p50 / p99", "at most 100 us", f"{p50} / {p99} us", verdict(p99 <= 100))


def row_schema(table):
    """JSON Schema validation of typical answers, reading included, MB/s of the answer's text."""
    rows = tool_lines("schema", 1, cpu=LOAD_CPU)
    table.raw["schema"] = rows
    for row in rows:
        table.add(f"JSON Schema validation, {row['value']} ({row['bytes']:,} bytes)", "at least 50 MB/s",
                  f"{row['check_mb_per_s']:.0f} MB/s; with reading the JSON {row['both_mb_per_s']:.0f}", verdict(row["check_mb_per_s"] >= 50))


def row_watch(table):
    """Signals filled at 1,000 records a second, and 1,000 rules over 200 series each held against them, by bench/watch.c."""
    with Rig() as rig:
        ran = subprocess.run([TOOLS / "watch", "2" if QUICK else "10"], capture_output=True, text=True, cwd=rig.folder, timeout=120)
    if ran.returncode != 0:
        raise Failure(f"bench/watch ended with {ran.returncode}: {ran.stderr[-300:]}")
    row = json.loads(ran.stdout)
    table.raw["watch"] = row
    table.add("1,000 rules over 200 series each, one tick", "under 1 s", f"{row['tick_ms']:.0f} ms; looking at all signals alone {row['look_ms']:.0f} ms",
              verdict(row["tick_ms"] < 1000))
    table.add(f"the tick in which {row['firing']:,} alerts begin to fire, kept and told", "under 1 s",
              f"{row['worst_tick_ms']:.0f} ms, and {row['worst_write_ms']:.0f} ms of CPU to keep", verdict(row["worst_tick_ms"] + row["worst_write_ms"] < 1000))
    table.add("signals and rules at 1,000 requests/s, a tick each 5 s", "under 5 % of a core", f"{100 * row['cores_at_1000_per_s']:.1f} %, {row['fill_us_per_record']:.2f} us a record",
              verdict(row["cores_at_1000_per_s"] < 0.05))
    table.add(f"memory of signals, {row['base_series']:,} series after 10 minutes", "-", f"{row['bytes_per_series'] / 1024:.1f} KiB a series", "-")


def row_bootstrap(table):
    """Paired bootstrap of 10,000 resamples on 5,000 cases, seconds of one thread."""
    runs = [tool_lines("stats", cpu=LOAD_CPU) for _ in range(ROUNDS)]
    table.raw["bootstrap"] = runs
    seconds = statistics.median(run[0]["seconds"] for run in runs)
    table.add("paired bootstrap, 10,000 resamples, 5,000 cases", "under 1 s", f"{seconds:.3f} s", verdict(seconds < 1))


NO_REVIEWS = """
change_policy: {minor: &none {reviewers: 0, gate: none, rollout: direct}, moderate: *none, major: *none}
"""


def apply_prompt(gateway, name, system):
    """A version, not served yet."""
    api(gateway, "/api/v1/prompts?reason=bench", json.dumps({"prompt": name, "model": "bench", "parameters": {"temperature": 0.2, "max_tokens": 200},
                                                             "messages": [{"role": "system", "content": system}, {"role": "user", "content": "{{question}}"}],
                                                             "variables": {"question": {"required": True, "max_chars": 8000}, "customer": {"default": "the customer"}}}))


def put_in_production(gateway, name, version=1):
    """No policy asks anybody about it; what is not the first is rolled out at once."""
    api(gateway, f"/api/v1/prompts/{name}/versions/{version}/submit", {"reason": "bench"})
    if version > 1:
        api(gateway, "/api/v1/rollouts", {"name": name, "version": str(version), "reason": "bench"})


def whose_turn(port, name, until, seen):
    """Asks by the prompt, again and again: when it was asked, and the version that the answer came with (None: there is none in production)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"prompt_variables": {"question": "Where is my parcel?"}})
    while not until.is_set():
        asked = time.monotonic()
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", "authorization": f"Bearer {KEY}", "x-quarterdeck-prompt": name})
        reply = connection.getresponse()
        reply.read()
        seen.append((asked, reply.headers["x-quarterdeck-prompt"]))
    connection.close()


def flip(gateway, name, to):
    """A rollback: milliseconds from before it is asked for until the last request was sent that was still served as before, by 16 connections on all workers."""
    until, seen = threading.Event(), [[] for _ in range(16)]
    asking = [threading.Thread(target=whose_turn, args=(gateway.port, name, until, of)) for of in seen]
    for thread in asking:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    api(gateway, f"/api/v1/prompts/{name}/rollback", {"to": str(to), "reason": "bench"})
    told = time.monotonic()
    time.sleep(0.5)
    until.set()
    for thread in asking:
        thread.join()
    before = {of[0][1] for of in seen}
    after = {of[-1][1] for of in seen}
    if len(before) != 1 or after != {f"{name}@{to}"} or before == after:
        raise Failure(f"{name} was served as {before}, then as {after}")
    late = [asked for of in seen for asked, version in of if version in before]
    return {"effective_ms": (max(late) - began) * 1e3, "told_ms": (told - began) * 1e3, "requests": sum(map(len, seen))}


PROMPT_PAIRS = 6 if QUICK else 14


def median_within(values):
    """Median and its interval of at least 95 % (exact, of order statistics; six values are the fewest that have one)."""
    values, n, below = sorted(values), len(values), 0
    while below + 1 < n / 2 and 2 * sum(math.comb(n, k) for k in range(below + 2)) <= 0.05 * 2**n:
        below += 1
    return values[below], statistics.median(values), values[n - 1 - below]


def prompt_pair(rig, gateway, asked, turn):
    """A second with the prompt and one without, in turns first; each pays for the records that it left to be written."""
    pair = {}
    for name in sorted(asked, reverse=turn % 2 == 1):
        headers = {"x-quarterdeck-user": "u1", **({"x-quarterdeck-prompt": "bench"} if name == "with" else {})}
        pair[name] = wrk(rig, gateway, 1, headers=headers, body=asked[name], cpu=cpu_settled)
    progress(f"prompt {turn}/{PROMPT_PAIRS}: " + ", ".join(f"{name} {last['rate']:.0f}/s, {last['cpu_us']:.1f} us CPU" for name, last in sorted(pair.items())))
    return pair


def row_prompt(table):
    """What x-quarterdeck-prompt costs beside the same final messages without it, and how soon a change of what serves is in force on all workers."""
    rows = tool_lines("prompt", 1, cpu=PROXY_CPU)
    table.raw["prompt"] = rows
    for row in rows:
        table.add(f"version, arm and request put together, {row['case']} ({row['final_bytes']:,} bytes)", "at most 5 us of CPU",
                  f"{row['added_us']:.2f} us (choice {row['choice_us']:.2f}; {row['prompt_us']:.1f} against {row['whole_us']:.1f})", verdict(row["added_us"] <= 5))
    with Rig() as rig:
        gateway = rig.gateway(rig.upstream(), more=NO_REVIEWS)
        final = json.loads(BODY)
        apply_prompt(gateway, "bench", final["messages"][0]["content"])
        put_in_production(gateway, "bench")
        asked = {"with": json.dumps({"prompt_variables": {"question": final["messages"][1]["content"]}}), "without": BODY}
        pairs = [prompt_pair(rig, gateway, asked, turn) for turn in range(PROMPT_PAIRS + 1)][1:]
    table.raw["prompt traffic"] = pairs
    least, middle, most = median_within([pair["with"]["cpu_us"] - pair["without"]["cpu_us"] for pair in pairs])
    table.add(f"the same as CPU per exchange under load, 64 connections, median of {len(pairs)} pairs", "at most 5 us more",
              f"{middle:+.1f} us ({least:+.1f} to {most:+.1f} with 95 %; {statistics.median(p['without']['cpu_us'] for p in pairs):.1f} us without)",
              "pass" if most <= 5 else "MISS" if least > 5 else "undecided: it is too noisy here")
    with Rig(ALL_CPUS, ALL_CPUS) as rig:
        gateway = rig.gateway(rig.upstream(), workers=len(CPUS), more=NO_REVIEWS)
        for version in (1, 2):
            apply_prompt(gateway, "flips", f"You help in way {version}.")
            put_in_production(gateway, "flips", version)
        flips = [flip(gateway, "flips", to) for to in (1, 2) * (2 if QUICK else 5)]
    table.raw["flips"] = flips
    worst = max(flips, key=lambda f: f["effective_ms"])
    table.add(f"rollback, in force on {len(CPUS)} workers under load", "within 100 ms", f"{worst['effective_ms']:.1f} ms, the worst of {len(flips)} "
              f"(the API answered after {worst['told_ms']:.1f} ms; {sum(f['requests'] for f in flips):,} answers looked at)", verdict(worst["effective_ms"] <= 100))


ACTIONS = 20


def take_actions(gateway):
    """Actions of which none is about what is measured: each has to be looked at and passed by."""
    kinds = (lambda i: {"kind": "freeze_key", "application": "bench", "key": f"spare{i}"}, lambda i: {"kind": "fail_over", "model": f"spare{i}"},
             lambda i: {"kind": "throttle_key", "application": "bench", "key": f"spare{i}", "per_minute": 1},
             lambda i: {"kind": "open_breaker", "provider": "bench", "upstream_model": f"s{i}"})
    return [json.loads(api(gateway, "/api/v1/actions", {**kinds[i % 4](i), "reason": "bench"}))["number"] for i in range(ACTIONS)]


def actions_pair(rig, gateway, turn):
    """A second with the actions in force and one without any, in turns first."""
    pair = {}
    for name in sorted(("with", "without"), reverse=turn % 2 == 1):
        taken = take_actions(gateway) if name == "with" else []
        pair[name] = wrk(rig, gateway, 1, cpu=cpu_settled)
        for number in taken:
            api(gateway, f"/api/v1/actions/{number}/undo", {"reason": "bench"})
    progress(f"actions {turn}/{PROMPT_PAIRS}: " + ", ".join(f"{name} {last['rate']:.0f}/s, {last['cpu_us']:.1f} us CPU" for name, last in sorted(pair.items())))
    return pair


def row_actions(table):
    """What actions in force cost an exchange that none of them is about: in the functions alone, and under load."""
    rows = tool_lines("actions", 1, cpu=PROXY_CPU)
    ns = {row["actions"]: row["ns"] for row in rows}
    table.add("actions in force, CPU added to an exchange that none is about", "20: at most 1 us", f"{ns[20] / 1e3:.2f} us (none: {ns[0]:.0f} ns; 200, the most: {ns[200] / 1e3:.1f} us)",
              verdict(ns[20] <= 1000))
    models = "\n".join(f"  spare{i}: {{targets: [{{provider: bench, model: s{i}}}, {{provider: bench, model: t{i}}}]}}" for i in range(ACTIONS))
    keys = "".join(f', {{name: spare{i}, key: "{KEY}-{i}"}}' for i in range(ACTIONS))
    with Rig() as rig:
        gateway = rig.gateway(rig.upstream(), models=models, keys=keys)
        pairs = [actions_pair(rig, gateway, turn) for turn in range(PROMPT_PAIRS + 1)][1:]
    table.raw["actions"] = {"alone": rows, "traffic": pairs}
    least, middle, most = median_within([pair["with"]["cpu_us"] - pair["without"]["cpu_us"] for pair in pairs])
    table.add(f"{ACTIONS} actions in force, CPU per exchange under load, median of {len(pairs)} pairs", "at most 2 us more",
              f"{middle:+.1f} us ({least:+.1f} to {most:+.1f} with 95 %; {statistics.median(p['without']['cpu_us'] for p in pairs):.1f} us without)",
              "pass" if most <= 2 else "MISS" if least > 2 else "undecided: it is too noisy here")


CHECKS = [{"type": "regex", "value": "[a-z]{3}"}, {"type": "not-icontains", "value": "as an AI"}, {"type": "word-count", "value": {"min": 1, "max": 500}}]


def run_suite(rig, gateway, cases):
    """`eval run` of so many cases with three checks each: (seconds, MiB)."""
    folder = rig.folder / f"suite-{cases}"
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"c{i}", "vars": {"q": f"Where is parcel {i}?"}}) for i in range(cases)]
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "suite.yaml").write_text(json.dumps({
        "suite": "bench", "model": "bench", "parameters": {"max_tokens": 40}, "messages": [{"role": "user", "content": "{{q}}"}],
        "checks": CHECKS, "cases": "file:cases.jsonl"}))
    code, out, seconds, mib = timed([BUILD / "quarterdeck", "eval", "run", "suite.yaml", "--new", "--json", "--server", f"http://127.0.0.1:{gateway.port}", "--key", KEY], folder,
                                    {"QUARTERDECK_TOKEN": TOKEN})
    found = json.loads(out.splitlines()[-1]) if out.strip() else {}
    if code not in (0, 1) or found.get("runs") != cases or found.get("errors") != 0:
        raise Failure(f"eval run ended with {code}: {out[-300:]} {(folder / 'err').read_text()[-300:]}")
    return seconds, mib


def run_promptfoo(rig, sim, cases):
    """The same cases and checks by promptfoo, asked of the simulator directly: seconds, or None when it is not installed."""
    script = promptfoo()
    if not script:
        return None
    folder = rig.folder / f"promptfoo-{cases}"
    folder.mkdir(exist_ok=True)
    tests = [{"vars": {"q": f"Where is parcel {i}?"}, "assert": CHECKS} for i in range(cases)]
    (folder / "promptfooconfig.json").write_text(json.dumps({
        "prompts": ["{{q}}"], "tests": tests,
        "providers": [{"id": "openai:chat:gpt-4o-mini", "config": {"apiBaseUrl": f"http://127.0.0.1:{sim.port}/v1", "apiKey": "x", "max_tokens": 40}}]}))
    quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
             "PROMPTFOO_CONFIG_DIR": str(folder / "home")}
    code, out, seconds, _ = timed([script, "eval", "-c", "promptfooconfig.json", "--no-cache", "--no-table", "--no-progress-bar", "-j", "32",
                                   "-o", "out.json"], folder, quiet)
    stats = json.loads((folder / "out.json").read_text())["results"]["stats"] if (folder / "out.json").exists() else {}
    if code != 0 or stats.get("successes") != cases:
        raise Failure(f"promptfoo ended with {code}: {stats} {out[-300:]}")
    return seconds


def row_eval(table):
    """A suite of 10,000 cases with three deterministic checks, and 1,000 of them beside promptfoo (dev bench --promptfoo)."""
    with Rig(ALL_CPUS, ALL_CPUS) as rig:
        sim = rig.simulator()
        gateway = rig.gateway(sim, workers=len(CPUS))
        whole, few, other = [], [], []
        for turn in range(1 if QUICK else 3):
            whole.append(run_suite(rig, gateway, 10_000))
            few.append(run_suite(rig, gateway, 1_000)[0])
            other.append(run_promptfoo(rig, sim, 1_000))
            progress(f"eval {turn + 1}: {whole[-1][0]:.1f} s, {whole[-1][1]:.0f} MiB; 1,000 cases {few[-1]:.2f} s, promptfoo {other[-1]}")
    table.raw["eval"] = {"whole": whole, "few": few, "promptfoo": other}
    seconds, mib = statistics.median(w[0] for w in whole), max(w[1] for w in whole)
    table.add("10,000 cases with 3 checks, simulator", "under 10 s, at most 100 MiB", f"{seconds:.1f} s, {mib:.0f} MiB", verdict(seconds < 10 and mib <= 100))
    if other[0] is not None:
        ratio = statistics.median(other) / statistics.median(few)
        table.add("1,000 of them against promptfoo", "at least 20 x its speed",
                  f"{ratio:.0f} x ({statistics.median(few):.2f} s against {statistics.median(other):.1f} s)", verdict(ratio >= 20))


ROWS = {name[4:].replace("_", "-"): function for name, function in globals().items() if name.startswith("row_")}


def main(arguments):
    names = [a for a in arguments if not a.startswith("--")]
    if "--help" in arguments:
        print(__doc__.strip())
        return 0
    if "--list" in arguments:
        for name, function in ROWS.items():
            print(f"{name:11} {function.__doc__.strip().splitlines()[0]}")
        return 0
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"bench: no row named {unknown[0]}; --list names them", file=sys.stderr)
        return 2
    table, failed = Table(), False
    for name in names or ROWS:
        try:
            ROWS[name](table)
        except (Failure, subprocess.TimeoutExpired) as error:
            failed = True
            table.add(name, "", f"not measured: {error}", "FAILED")
    machine = {"cpus": len(CPUS), "kernel": platform.release(), "measured_on": PROXY_CPU, "measuring_on": LOAD_CPU,
               "load_average": os.getloadavg()[0]}
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps({"rows": table.rows, "machine": machine, "raw": table.raw}, indent=1) + "\n")
    print(table.text())
    print(f"({len(CPUS)} processors; what is measured and what measures have one each; raw numbers in build/bench.json)")
    return 3 if failed else 1 if any(row["verdict"] == "MISS" for row in table.rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""What the server must survive, as whole programs: kill -9 under load, a full disk, reload during streams, slow clients,
and memory that stays flat.

  run.py [--binary FILE] [--rounds N] [--seed N] [NAME...]    NAME: kill9 disk_full reload slow memory burst budgets batches
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from batches import batches  # noqa: E402
from held import Crowd, HeldUpstream  # noqa: E402
from load import Load  # noqa: E402
from rig import KEY, TOKEN, Rig, config  # noqa: E402


class Skipped(Exception):
    pass


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def ask(rig, model="on-openai", stream=False, timeout=60, tokens=12, text="hi"):
    body = {"model": model, "max_tokens": tokens, "stream": stream, "messages": [{"role": "user", "content": text}]}
    return rig.http("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"}, token=KEY, timeout=timeout)


def metric(rig, name):
    text = rig.http("GET", "/metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


def kill9(options):
    """kill -9 under load, 20 times in a row: each completed reply is recorded exactly once."""
    rng, complete = random.Random(options.seed), []
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "50")
        rig.write_config(config(sim.url))
        for turn in range(options.rounds):
            gateway = rig.start_gateway()
            load = Load(gateway.port, 8, f"{options.seed}-{turn}")
            time.sleep(rng.uniform(0.02, 0.5))  # the moment is what is random here
            gateway.kill9()
            load.stop()
            expect(not load.wrong, f"round {turn}: {load.wrong[:3]}")
            complete += load.complete
        rig.start_gateway()
        counts = collections.Counter(record["id"] for record in rig.wait_records(complete))
        missing = [i for i in complete if i not in counts]
        twice = [i for i, n in counts.items() if n > 1]
        print(f"  {options.rounds} kills, {len(complete)} whole replies, {len(counts)} records (seed {options.seed})")
        expect(len(complete) > options.rounds, "the load did not get far enough to show anything")
        expect(not missing, f"{len(missing)} completed replies have no record: {missing[:5]}")
        expect(not twice, f"{len(twice)} records are there twice: {twice[:5]}")
        expect(len(set(complete)) == len(complete), "an id was given twice")
        total = sum(group["count"] for group in latency_groups(rig)) if latency_groups(rig) else len(counts)
        expect(total == len(counts), f"the rollups count {total}, the ledger has {len(counts)}")
        status, out, _ = rig.run("record", "list", "--json")
        expect(status == 0 and out, "quarterdeck record list does not answer")


def latency_groups(rig):
    found = rig.api("/api/v1/latency")
    groups = found.get("groups") or found.get("latency") or []
    return [g for g in groups if isinstance(g.get("count"), int)]


class SmallDisk:
    """A folder of a few MiB of its own: a tmpfs, where we may mount one."""

    def __init__(self, rig, mib):
        self.path = rig.folder / "disk"
        self.path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(self.path)], capture_output=True)
        if mounted.returncode != 0:
            raise Skipped("no right to mount a small disk")

    def fill(self):
        with (self.path / "filler").open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        (self.path / "filler").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.path)], capture_output=True)


def disk_full(options):
    """A full disk: `serve` goes on and counts what it lost, `refuse` says so; both recover when there is room again."""
    for mode in ("serve", "refuse"):
        with Rig(options.binary) as rig, SmallDisk(rig, 24) as disk:
            sim = rig.start_sim("--speed", "0")
            rig.write_config(config(sim.url, workers=1, data_dir=disk.path / "data",
                                    server=f"recorder: {{segment: 64KiB, max_segments: 64, on_full: {mode}}}"))
            rig.start_gateway()
            expect(ask(rig)[0] == 200, "not served on an empty disk")
            rig.wait_records(count=1)
            disk.fill()
            seen, answered = collections.Counter(), 1
            for _ in range(4000):
                status, _, body = ask(rig)
                seen[status] += 1
                answered += status == 200
                if mode == "refuse" and status != 200:
                    expect(status == 503 and b"recorder_full" in body, f"{status} {body[:200]!r}")
                    break
                if mode == "serve" and metric(rig, "quarterdeck_records_lost_total") >= 20:
                    break
            lost = metric(rig, "quarterdeck_records_lost_total")
            print(f"  {mode}: answers by status {dict(seen)}, {lost:.0f} records lost")
            if mode == "refuse":
                expect(seen[503] == 1, "the full disk was never noticed")
                expect(lost == 0, "refuse must lose nothing")
            else:
                expect(set(seen) == {200}, "serve must go on serving")
                expect(lost >= 20, "a lost record must be counted")
            disk.free()
            deadline, kept = time.monotonic() + 30, False
            while not kept and time.monotonic() < deadline:  # room is looked for again about once a second
                status, headers, _ = ask(rig)
                answered += status == 200
                kept = status == 200 and bool(rig.wait_records([headers["x-quarterdeck-id"]], seconds=2)) and \
                    any(r["id"] == headers["x-quarterdeck-id"] for r in rig.records())
            expect(kept, "answers are not recorded again though there is room again")
            lost = metric(rig, "quarterdeck_records_lost_total")
            found = len(rig.wait_records(count=answered - int(lost), seconds=20))
            expect(found == answered - lost, f"{answered} answers, {lost:.0f} lost, but {found} records")
            rig.gateway.stop()


def reload(options):
    """SIGHUP and POST /api/v1/reload during streams: none is dropped; a bad file leaves the old policy and says why."""
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "10")
        good = config(sim.url)
        rig.write_config(good)
        gateway = rig.start_gateway()
        load = Load(gateway.port, 8, options.seed, tokens=60)
        added = config(sim.url, "  fresh: {targets: [{provider: openai, model: gpt-4o}]}")
        expect(ask(rig, "fresh")[0] == 404, "a model that is not there yet")
        for turn in range(6):
            before = metric(rig, "quarterdeck_policy_revision")
            rig.write_config(added if turn % 2 == 0 else good)
            if turn % 3 == 0:
                status, _, body = rig.http("POST", "/api/v1/reload")
                expect(status == 200, f"reload: {status} {body[:300]!r}")
            else:
                gateway.signal(signal.SIGHUP)
            deadline = time.monotonic() + 20
            while metric(rig, "quarterdeck_policy_revision") <= before and time.monotonic() < deadline:
                time.sleep(0.01)
            wanted = 200 if turn % 2 == 0 else 404
            while ask(rig, "fresh")[0] != wanted and time.monotonic() < deadline:
                time.sleep(0.01)  # each loop swaps its policy at its own next turn
            expect(ask(rig, "fresh")[0] == wanted, f"reload {turn} had no effect")
        rig.write_config(good.replace("workers: 2", "wrokers: 2"))
        status, _, body = rig.http("POST", "/api/v1/reload")
        expect(status == 400 and b"wrokers" in body and b"workers" in body, f"a bad file: {status} {body[:300]!r}")
        gateway.signal(signal.SIGHUP)
        expect(ask(rig)[0] == 200, "a bad file must leave the old policy running")
        load.stop()
        print(f"  {len(load.complete)} whole replies, {load.broken} broken")
        expect(not load.wrong and load.broken == 0, f"dropped by a reload: {load.broken} broken, {load.wrong[:3]}")


def slow(options):
    """Clients that send nothing, a byte, or read nothing: memory is bounded and others are served."""
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "0")
        rig.write_config(config(sim.url, server="server: {head_timeout: 400ms, max_connections: 1000}"))
        gateway = rig.start_gateway()
        ask(rig)
        before = gateway.memory_kib()
        silent = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(100)]
        for s in silent[:50]:
            s.sendall(b"POST /v1/chat")
        body = json.dumps({"model": "on-openai", "stream": True, "max_tokens": 100000,
                           "messages": [{"role": "user", "content": "[sim input=10 output=60000] tell me everything"}]})
        request = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n{body}")
        greedy = []
        for _ in range(60):  # asks for megabytes and reads nothing
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", gateway.port))
            s.sendall(request.encode())
            greedy.append(s)
        for _ in range(50):
            expect(ask(rig)[0] == 200, "others must be served")
        grown = gateway.memory_kib() - before
        print(f"  60 readers of nothing: {grown / 1024:.1f} MiB more")
        expect(options.sanitized or grown < 60 * 1024, f"memory grew by {grown} KiB for 60 clients who read nothing")
        for s in silent[:50]:
            s.settimeout(10)
            try:
                data = s.recv(4096)
            except ConnectionError:
                data = b""
            expect(data == b"" or b" 408 " in data, f"half a head: wanted 408 or a close, found {data[:100]!r}")
        for s in silent + greedy:
            s.close()
        deadline = time.monotonic() + 20
        while metric(rig, "quarterdeck_exchanges_active") > 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        expect(metric(rig, "quarterdeck_exchanges_active") == 0, "exchanges of clients who left are still there")
        ended = collections.Counter(record["status"] for record in rig.wait_records(count=111))
        expect(ended["cancelled"] == 60, f"wanted 60 cancelled records, found {dict(ended)}")


def ticks(rig):
    """How often the watch has looked."""
    return sum(float(n) for n in re.findall(r"^quarterdeck_watch_ticks_total{[^}]*} (\S+)$", rig.http("GET", "/metrics")[2].decode(), re.M))


MEMORY_WARM = 7    # turns of 2,400 requests until every thread's allocator has seen its work; over 40 more it grows by 0.5 MiB
MEMORY_TURNS = 12


def memory(options):
    """Memory is flat: after a warm-up, thousands of requests more leave it where it was (a generous bound)."""
    if options.sanitized:
        raise Skipped("sanitizers keep freed memory")
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "0")
        rig.write_config(config(sim.url))
        gateway = rig.start_gateway()
        sizes = []
        for turn in range(MEMORY_TURNS):
            load = Load(gateway.port, 8, f"{options.seed}-{turn}", requests=300, abort=0.1).join()
            expect(not load.wrong and load.broken == 0, f"{load.broken} broken, {load.wrong[:3]}")
            rig.wait_records(load.complete)
            if turn == 1:  # what the watch and the standing views make room for at their first look at traffic is not growth
                looked = ticks(rig)
                while ticks(rig) < looked + 2:
                    time.sleep(0.2)
            sizes.append(gateway.memory_kib())
        print(f"  private memory after each 2,400 requests: {', '.join(f'{s / 1024:.1f}' for s in sizes)} MiB")
        grown = sizes[-1] - sizes[MEMORY_WARM - 1]
        expect(grown < 5 * 1024, f"memory grew by {grown} KiB over {2400 * (MEMORY_TURNS - MEMORY_WARM):,} requests")


def post(rig, path, body):
    status, _, said = rig.http("POST", path, json.dumps(body), {"content-type": "application/json"})
    expect(status < 300, f"POST {path}: {status} {said[:300]!r}")


def prompts(rig):
    """Two versions each: `flips` goes from one to the other and back, half of `calm`'s users get a canary, all of `shadow` is sent to a candidate too."""
    for name, changed in (("flips", {"system": "You are kind!"}), ("calm", {"system": "You are kind. Answer in one sentence."}), ("shadow", {"model": "on-anthropic"})):
        for version, more in ((1, {}), (2, changed)):
            post(rig, "/api/v1/prompts?reason=torture", {
                "prompt": name, "model": more.get("model", "on-openai"), "variables": {"question": {"required": True}},
                "messages": [{"role": "system", "content": more.get("system", "You are kind.")}, {"role": "user", "content": "{{question}}"}]})
            post(rig, f"/api/v1/prompts/{name}/versions/{version}/submit", {"reason": "torture"})
        post(rig, "/api/v1/rollouts", {"name": name, "version": "2", "reason": "torture"})


DRILLS = ({"kind": "fail_over", "model": "on-openai", "to": "on-anthropic"}, {"kind": "freeze_key", "application": "other", "key": "sdk"}, {"kind": "quarantine", "application": "e2e"},
          {"kind": "throttle_key", "application": "e2e", "key": "sdk", "per_minute": 1000000}, {"kind": "close_breaker", "provider": "openai"}, {"kind": "pause_batch", "application": "e2e"})


def drills(rig, running, wrong):
    """Actions come and go while everything else does: each is taken once, and undone."""
    taken = 0
    while running() or taken < 2 * len(DRILLS):
        status, _, text = rig.http("POST", "/api/v1/actions", json.dumps({**DRILLS[taken % len(DRILLS)], "reason": "torture"}), {"content-type": "application/json"})
        done = json.loads(text)
        if status >= 300 or not done["published"] or done["already"]:
            wrong.append(text)
        taken += 1
        time.sleep(0.01)
        status, _, text = rig.http("POST", f"/api/v1/actions/{done.get('number')}/undo", '{"reason": "torture"}', {"content-type": "application/json"})
        if status >= 300 or json.loads(text)["state"] != "undone":
            wrong.append(text)


def burst(options):
    """Many callers, aborts, reloads, rollouts, rollbacks and actions at once: every answer is whole and has its record, which names the version that shaped it."""
    ways = {"minor": "direct", "moderate": "canary", "major": "shadow-then-canary"}
    policy = {name: {"reviewers": 0, "gate": "none", "rollout": way, "promote": "auto"} for name, way in ways.items()}
    plan = {"shadow": {"share": 1, "min_samples": 5000, "max_cost_usd": 1}, "canary": {"steps": [{"setWeight": 50}, {"pause": {"duration": "1h"}}, {"setWeight": 100}],
                       "analysis": {"interval": "200ms", "alpha": 0.01, "min_samples": 5000, "guardrails": [{"metric": "error_rate", "margin": 1.5}]}}}
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "20")
        rig.write_config(config(sim.url, workers=4, server=f"change_policy: {json.dumps(policy)}\nrollouts: {json.dumps(plan)}"))
        gateway = rig.start_gateway()
        prompts(rig)
        wrong = []
        load, turn = Load(gateway.port, 16, options.seed, requests=25, abort=0.2, prompts=("calm", "shadow", "flips")), 0
        acting = threading.Thread(target=drills, args=(rig, lambda: any(thread.is_alive() for thread in load.threads), wrong))
        acting.start()
        while any(thread.is_alive() for thread in load.threads):
            turn += 1
            gateway.signal(signal.SIGHUP)
            post(rig, "/api/v1/prompts/flips/rollback", {"to": str(1 + (turn - 1) % 2), "reason": "torture"})
            rig.http("GET", "/metrics")
            rig.api("/api/v1/records?limit=5")
            rig.api("/api/v1/latency")
            time.sleep(0.05)
        load.join()
        acting.join()
        expect(not wrong and not rig.api("/api/v1/actions?in_force=true")["actions"], f"actions: {wrong[:3]}")
        expect(not load.wrong and load.broken == 0, f"{load.broken} broken, {load.wrong[:3]}")
        expect(len(load.complete) + load.aborted == 400, f"{len(load.complete)} + {load.aborted} of 400")
        deadline = time.monotonic() + 60
        while metric(rig, "quarterdeck_exchanges_active") > 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        records = []
        while len(records) < 400 and time.monotonic() < deadline:
            records = [r for r in rig.wait_records(load.complete, 400) if r["feature"] != "shadow"]
        for r in records:
            shaped = f"{r['prompt']['name']}@{r['prompt']['version']}" if r["prompt"] else None
            expect(load.shaped.get(r["id"], shaped) == shaped, f"{load.shaped.get(r['id'])} is told, {shaped} is in the record")
            expect((r["arm"] == "candidate") == (shaped == "calm@2") and (r["arm"] is not None) == (shaped or "").startswith("calm"), f"{shaped} in arm {r['arm']}")
        expect({"flips@1", "flips@2", "calm@1", "calm@2", "shadow@1"} == set(load.shaped.values()) - {None}, set(load.shaped.values()))
        expect(metric(rig, "quarterdeck_shadow_exchanges_total") > 0, "nothing went to the shadow's candidate")
        counts = collections.Counter(r["id"] for r in records)
        expect(all(counts[i] == 1 for i in load.complete), "a reply without its one record")
        expect(len(counts) == 400, f"wanted 400 records, found {len(counts)}")
        gateway.stop()


def budgets(options):
    """A hard budget with room for 50 admits 50 of 200 at once; kill -9 returns what they held; the books are the records."""
    upstream = HeldUpstream()
    body = json.dumps({"model": "held", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]})

    def settings(limit):
        return (f"""listen: 127.0.0.1:0
data_dir: data
workers: 2
tokens: [{{name: ops, role: admin, token: "{TOKEN}"}}]
providers: {{up: {{dialect: openai, base_url: "{upstream.url}/v1", prices_as: openai}}}}
models: {{held: {{targets: [{{provider: up, model: gpt-4o-mini-2024-07-18}}]}}}}
applications: {{held: {{models: [held], keys: [{{name: web, key: "{KEY}"}}]}}}}
budgets: [{{name: month, scope: {{application: held}}, limit_usd: {limit}, window: month, timezone: Europe/London, mode: hard}}]
""")

    def budget(rig):
        return rig.api("/api/v1/budgets")["budgets"][0]

    def usd(x):
        return round(float(x) * 1e9)

    def booked_of(rig, answers):
        """What the records of so many answers cost, once they are in the ledger."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            costs = [record["cost_nanousd"] for record in rig.wait_records() if record["status"] == "ok"]
            if len(costs) >= answers:
                return sum(costs)
            time.sleep(0.02)
        raise AssertionError(f"{len(costs)} of {answers} answers have a record")

    with Rig(options.binary) as rig:
        try:
            rig.write_config(settings("0.000000001"))
            gateway = rig.start_gateway()
            status, _, raw = rig.http("POST", "/v1/chat/completions", body, {"content-type": "application/json"}, token=KEY)
            expect(status == 429, f"a budget of a nano-dollar admitted: {status}")
            worst = usd(json.loads(raw)["error"]["estimate_usd"])
            gateway.stop()
            rig.write_config(settings(f"{50 * worst / 1e9:.9f}"))
            for turn in range(3):
                upstream.hold()
                gateway = rig.start_gateway()
                before = budget(rig)
                room = (50 * worst - usd(before["spent_usd"])) // worst
                expect(before["reserved_usd"] == 0, f"round {turn}: a start with {before['reserved_usd']} USD reserved")
                crowd = Crowd(gateway.port, 200, body, KEY)
                expect(crowd.wait_for(200 - room), f"round {turn}: only {len(crowd.statuses)} answers came")
                with upstream.changed:
                    expect(upstream.changed.wait_for(lambda: upstream.asked >= room, 60), f"round {turn}: {upstream.asked} were sent on")
                expect(crowd.statuses.count(429) == 200 - room, f"round {turn}: {collections.Counter(crowd.statuses)}, wanted {room} admitted")
                expect(usd(budget(rig)["reserved_usd"]) == room * worst, f"round {turn}: reserved {budget(rig)['reserved_usd']}")
                if turn != 1:
                    gateway.kill9()
                    upstream.go.set()
                    crowd.join()
                    continue
                upstream.go.set()
                expect(crowd.join().count(200) == room, f"round {turn}: {collections.Counter(crowd.statuses)}")
                answered = room
                booked = booked_of(rig, answered)
                after = budget(rig)
                expect(after["reserved_usd"] == 0 and usd(after["spent_usd"]) == booked > 0, f"spent {after}, records say {booked}")
                gateway.kill9()
            rig.start_gateway()
            booked = booked_of(rig, answered)
            last = budget(rig)
            expect(last["reserved_usd"] == 0 and usd(last["spent_usd"]) == booked, f"after kill -9: {last}, records say {booked}")
            print(f"  {room} of 200 admitted each time, {worst} nano-dollars each; {booked} booked")
        finally:
            upstream.close()


SCENARIOS = {"kill9": kill9, "disk_full": disk_full, "reload": reload, "slow": slow, "memory": memory, "burst": burst, "budgets": budgets,
             "batches": batches}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--binary")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    options.sanitized = bool(options.binary and ("address" in options.binary or "thread" in options.binary))
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    passed = failed = skipped = 0
    for name in options.names or SCENARIOS:
        began = time.monotonic()
        try:
            SCENARIOS[name](options)
            passed += 1
            print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Skipped as error:
            skipped += 1
            print(f"skip {name}: {error}", flush=True)
        except Exception as error:  # whatever it is, the other scenarios still run
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped" if skipped else f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if not shutil.which("mount"):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
    sys.exit(main())

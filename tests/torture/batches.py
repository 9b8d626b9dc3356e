"""kill -9 in the middle of batches, local and at a provider: every line ends exactly once, nothing is created twice, and what
budgets have spent is the sum of the records."""
import collections
import json
import random
import time
import urllib.request

from rig import KEY, Rig, config

LOCAL, PASSED = 120, 60
PRICES = ('{"models": [{"provider": "openai", "id": "gpt-4o-mini", "prices": {"input_mtok": 0.15, "cache_read_mtok": 0.075, "output_mtok": 0.6},'
          ' "batch_prices": {"input_mtok": 0.075, "cache_read_mtok": 0.0375, "output_mtok": 0.3}}]}')
MODELS = """  passed: {targets: [{provider: batches, model: gpt-4o-mini-2024-07-18}]}
  lost: {targets: [{provider: batches, model: sim-reset-then-ok@lost}]}"""
SERVER = """batch: {poll: 100ms, concurrent: 16}
prices: {files: [prices.json]}
budgets: [{name: month, scope: {application: e2e}, limit_usd: 1000, window: month, mode: hard}]"""


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def call(rig, method, path, body=None, headers=None):
    status, _, raw = rig.http(method, path, body, headers, token=KEY)
    expect(status == 200, f"{method} {path}: {status} {raw[:300]!r}")
    return raw


def create(rig, model, count):
    lines = "\n".join(json.dumps({"custom_id": f"line-{n}", "method": "POST", "url": "/v1/chat/completions",
                                  "body": {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": f"Question {n}"}]}})
                      for n in range(count))
    parts = ('--limit\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--limit\r\nContent-Disposition: form-data; '
             f'name="file"; filename="lines.jsonl"\r\nContent-Type: application/jsonl\r\n\r\n{lines}\r\n--limit--\r\n')
    file = json.loads(call(rig, "POST", "/v1/files", parts, {"content-type": "multipart/form-data; boundary=limit"}))
    body = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return json.loads(call(rig, "POST", "/v1/batches", json.dumps(body), {"content-type": "application/json"}))["id"]


def ended(rig, batch, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = json.loads(call(rig, "GET", f"/v1/batches/{batch}"))
        if found["status"] in ("completed", "failed", "expired", "cancelled"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"a batch does not end: {found}\n{rig.gateway.tail()}")


def lines_of(rig, batch):
    found = []
    for name in ("output_file_id", "error_file_id"):
        if batch[name]:
            found += [json.loads(line) for line in call(rig, "GET", f"/v1/files/{batch[name]}/content").decode().splitlines()]
    return found


def at_provider(sim):
    """Our id of every batch that the provider has."""
    found, after = [], ""
    while True:
        with urllib.request.urlopen(f"{sim.url}/v1/batches?limit=100{after}") as reply:
            page = json.loads(reply.read())
        found += [batch["metadata"]["quarterdeck_batch"] for batch in page["data"]]
        if not page["has_more"]:
            return found
        after = f"&after={page['data'][-1]['id']}"


def books(rig):
    budget = rig.api("/api/v1/budgets")["budgets"][0]
    return round(budget["spent_usd"] * 1e9), round(budget["reserved_usd"] * 1e9)


def settled_books(rig, count):
    """The books, once the records are all in the ledger, of lines too that were under way at a kill and asked again: how many, and what they cost."""
    deadline = time.monotonic() + 20
    while True:
        records = rig.wait_records(count=count)
        booked = sum(record["cost_nanousd"] or 0 for record in records)
        if books(rig) == (booked, 0):
            return records, booked
        expect(time.monotonic() < deadline, f"budgets have {books(rig)} spent and reserved, the records cost {booked}")
        time.sleep(0.05)


def batches(options):
    rng, local, passed = random.Random(options.seed), [], []
    rounds = min(options.rounds, 8)
    with Rig(options.binary) as rig:
        sim = rig.start_sim("--speed", "100")
        (rig.folder / "prices.json").write_text(PRICES)
        rig.write_config(config(sim.url, MODELS, SERVER))
        rig.start_gateway()
        lost = create(rig, "lost", 2)
        for _ in range(rounds):
            local.append(create(rig, "on-openai", LOCAL))
            passed.append(create(rig, "passed", PASSED))
            time.sleep(rng.uniform(0.01, 0.5))  # the moment is what is random here
            rig.gateway.kill9()
            rig.start_gateway()
        for batch in local + passed + [lost]:
            found = ended(rig, batch)
            count = LOCAL if batch in local else PASSED if batch in passed else 2
            expect(found["status"] == "completed", f"{found}")
            expect(found["request_counts"]["total"] == count, f"{found}")
            lines = collections.Counter(line["custom_id"] for line in lines_of(rig, found))
            expect(set(lines) == {f"line-{n}" for n in range(count)} and max(lines.values()) == 1,
                   f"{len(lines)} of {count} lines, {max(lines.values())} times at most")
        expect(collections.Counter(at_provider(sim)) == collections.Counter(passed + [lost]), "a batch was created twice, or never")
        sent = rounds * (LOCAL + PASSED) + 2
        records, _ = settled_books(rig, sent)
        counts = collections.Counter(record["batch"] for record in records)
        expect(all(counts[batch] == PASSED for batch in passed), f"records of batches at the provider: {counts}")
        expect(all(counts[batch] >= LOCAL for batch in local), f"records of local batches: {counts}")
        again = sum(counts[batch] - LOCAL for batch in local)
        rig.gateway.kill9()
        rig.start_gateway()
        _, booked = settled_books(rig, len(records))
        print(f"  {rounds} kills, {sent} lines, {again} sent again, {booked} nano-dollars booked")

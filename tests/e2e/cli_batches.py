"""Batches as the command line, the API and the books show them."""
import json
import time

from cli_words import chat, eventually
from rig import KEY, config, expect


def make_batch(rig, model, count, key=KEY, **labels):
    lines = "\n".join(json.dumps({"custom_id": f"q{n}", "method": "POST", "url": "/v1/chat/completions",
                                  "body": {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": f"hi {n}"}]}})
                      for n in range(count))
    parts = ('--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x\r\ncontent-disposition: form-data; name="file"; '
             f'filename="q.jsonl"\r\n\r\n{lines}\r\n--x--\r\n')
    status, _, body = rig.http("POST", "/v1/files", parts, {"content-type": "multipart/form-data; boundary=x"}, token=key)
    expect(status == 200, body)
    body = json.dumps({"input_file_id": json.loads(body)["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    headers = {"content-type": "application/json", **{f"x-quarterdeck-{k.replace('_', '-')}": v for k, v in labels.items()}}
    status, _, body = rig.http("POST", "/v1/batches", body, headers, token=key)
    expect(status == 200, body)
    return json.loads(body)["id"]


def batch_is(rig, identity, *statuses):
    found = json.loads(rig.run("batch", "show", identity, "--json")[1])
    return found if found["status"] in statuses else None


def test_batches(rig):
    """A batch at a provider reserves its worst case, and gives back what it did not use; `batch list|show|cancel`."""
    (rig.folder / "prices.json").write_text(
        '{"models": [{"provider": "openai", "id": "gpt-4o-mini", "prices": {"input_mtok": 0.15, "cache_read_mtok": 0.075, "output_mtok": 0.6},'
        ' "batch_prices": {"input_mtok": 0.075, "cache_read_mtok": 0.0375, "output_mtok": 0.3}}]}')
    script = rig.folder / "slow.yaml"
    script.write_text("rules: [{match: {user_contains: hi 9}, do: {polls: 100000}}]")
    sim = rig.start_sim("--speed", "0", "--script", script)
    # eight tokens of output are 2,400 nano-dollars at batch prices, and some for the input: room for 20 lines, not for 60
    rig.write_config(config(sim.url, "  passed: {targets: [{provider: batches, model: gpt-4o-mini-2024-07-18}]}", """batch: {poll: 100ms}
prices: {files: [prices.json]}
budgets: [{name: month, scope: {application: e2e}, limit_usd: 0.0001, window: month, mode: hard}]"""))
    gateway = rig.start_gateway()

    def books():
        budget = rig.api("/api/v1/budgets")["budgets"][0]
        return round(budget["spent_usd"] * 1e9), round(budget["reserved_usd"] * 1e9)

    large = make_batch(rig, "passed", 60)
    expect(eventually(lambda: batch_is(rig, large, "failed")), "a batch that no budget holds is not refused")
    status, out, _ = rig.run("batch", "show", large)
    expect(status == 1 and "budget_exceeded" in out, f"{status} {out}")
    expect(books() == (0, 0), f"refused, and yet {books()}")
    quick = make_batch(rig, "passed", 5, team="growth", user="anna")
    expect(eventually(lambda: batch_is(rig, quick, "completed")), "the batch is not completed")
    records = rig.wait_records(count=5)
    booked = sum(record["cost_nanousd"] for record in records)
    expect(all(r["batch"] == quick and r["team"] == "growth" and r["user"] == "anna" and r["key"] == "sdk" for r in records), records[0])
    wanted = sum(75 * r["usage"]["input"] + 300 * r["usage"]["output"] for r in records)
    expect(booked == wanted, f"{booked} nano-dollars at batch prices, wanted {wanted}")
    expect(books() == (booked, 0), f"{books()}, records say {booked}")
    slow = make_batch(rig, "passed", 20)
    expect(eventually(lambda: batch_is(rig, slow, "in_progress")), "the batch is not sent")
    held = books()[1]
    queue = eventually(lambda: rig.api("/api/v1/status")["batches"]["at_provider"] == 20)
    expect(queue, f"the status shows {rig.api('/api/v1/status')['batches']}")
    expect(rig.api("/api/v1/status")["batches"]["under_way"] == 1, "and one batch under way")
    expect(held >= 20 * 8 * 300, f"only {held} nano-dollars are reserved for 20 lines")
    gateway.kill9()
    gateway = rig.start_gateway()
    expect(books() == (booked, held), f"after kill -9 {books()}, wanted {(booked, held)}")
    listed = json.loads(rig.run("batch", "list", "--unfinished", "--json", check=True)[1])["batches"]
    expect([(b["id"], b["application"], b["provider"]) for b in listed] == [(slow, "e2e", "batches")], listed)
    expect(rig.run("batch", "cancel", slow, "--reason", "enough")[0] == 0, "batch cancel")
    expect(eventually(lambda: batch_is(rig, slow, "cancelled")), "the batch is not cancelled")
    records = rig.wait_records(count=25)
    booked = sum(record["cost_nanousd"] for record in records)
    expect(len(records) == 25 and books() == (booked, 0), f"{len(records)} records of {booked}, books {books()}")
    expect(rig.run("batch", "cancel", slow)[0] == 3 and rig.run("batch", "show", "batch_none")[0] == 3, "what is over or not there")
    expect("batch.cancel" in rig.run("policy", "audit")[1], "the audit log does not say who cancelled")
    expect(len(rig.run("batch", "list", check=True)[1].splitlines()) >= 4, "batch list")
    gateway.stop()


def test_batch_revoked_key(rig):
    """A key that is revoked while its batch is under way ends what is left of it with 401; other keys' batches go on."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="limits: [{scope: {key: laptop}, requests_per_minute: 600, burst: 1s}]\nbatch: {concurrent: 4}"))
    rig.start_gateway()
    made = json.loads(rig.run("key", "create", "e2e", "laptop", "--json", check=True)[1])
    key = made["key"] if isinstance(made["key"], str) else made["key"]["key"]
    expect(eventually(lambda: chat(rig, key)[0] in (200, 429)), "the key is not known")
    mine = make_batch(rig, "on-openai", 60, key)  # some five a second
    expect(eventually(lambda: batch_is(rig, mine, "in_progress") and batch_is(rig, mine, "in_progress")["request_counts"]["completed"] > 2),
           "the batch does not begin")
    rig.run("key", "revoke", "e2e", "laptop", check=True)
    other = make_batch(rig, "on-openai", 5)
    expect(eventually(lambda: batch_is(rig, mine, "completed")), "the batch does not end")
    found = batch_is(rig, mine, "completed")
    counts = found["request_counts"]
    expect(counts["completed"] + counts["failed"] == 60 and counts["completed"] >= 3 and counts["failed"] > 0, counts)
    lines = [json.loads(line) for line in
             rig.http("GET", f"/v1/files/{found['error_file_id']}/content", token=KEY)[2].decode().splitlines()]
    expect(len(lines) == counts["failed"] and {line["response"]["status_code"] for line in lines} == {401}, lines[:1])
    expect(eventually(lambda: batch_is(rig, other, "completed")), "another key's batch does not end")
    expect(batch_is(rig, other, "completed")["request_counts"]["failed"] == 0, "it failed with the other's key")


def test_batch_idle(rig):
    """Lines of the local queue leave half of a limit to others, who are never refused for them."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="limits: [{scope: {key: sdk}, requests_per_minute: 600, burst: 2s}]\nbatch: {concurrent: 16}"))
    rig.start_gateway()
    batch = make_batch(rig, "on-openai", 30)  # the bucket holds 20 and gets 10 a second
    statuses, left, found, end = [], [], None, time.monotonic() + 60
    while not found and time.monotonic() < end:
        status, headers, _ = chat(rig)
        statuses.append(status)
        left.append(int(headers["x-ratelimit-remaining-requests"]))
        time.sleep(0.2)  # half of the rate
        found = batch_is(rig, batch, "completed")
    expect(found and found["request_counts"] == {"total": 30, "completed": 30, "failed": 0}, f"{found}")
    records = rig.wait_records(count=30 + len(statuses))
    refused = sum(1 for r in records if r["batch"] and r["status"] == "refused")
    expect(refused > 0, "the batch never met the limit: the test shows nothing")
    expect(min(left) >= 9, f"of 20, {min(left)} were left to others: their own request took one of the half")
    expect(set(statuses) == {200}, f"{len(statuses)} interactive requests beside the batch: {sorted(set(statuses))}")

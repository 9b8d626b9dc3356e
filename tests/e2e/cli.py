#!/usr/bin/env python3
"""The command line and the control plane as people use them: exit codes, --json, beside a running server and without one."""
import concurrent.futures
import csv
import datetime
import decimal
import importlib
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
from cli_words import chat, eventually  # noqa: E402
from rig import KEY, TOKEN, Rig, config, expect  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
for path in sorted(HERE.glob("cli_*.py")):  # scenarios by subject
    globals().update({name: each for name, each in vars(importlib.import_module(path.stem)).items() if name.startswith("test_")})
SECRETS = {"QUARTERDECK_TOKEN": TOKEN, "OPENAI_API_KEY": "sk-test-openai-000", "ANTHROPIC_API_KEY": "sk-test-anthropic-000",
           "AZURE_KEY": "azure-key-000000000", "HELPDESK_KEY": "qd-helpdesk-0000000000"}


def serving(rig):
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url))
    rig.start_gateway()


def test_help(rig):
    """Help for every verb; usage mistakes are 2."""
    status, out, _ = rig.run("help")
    expect(status == 0 and "record list" in out, out)
    for verb in ("serve", "check", "record", "model", "key", "sim", "load", "version"):
        expect(rig.run(verb, "--help")[0] == 0, f"{verb} --help")
    expect(rig.run("version")[0] == 0, "version")
    for wrong in (["nonsense"], ["record", "list", "--nonsense"], ["record", "nonsense"], ["key", "create"], ["record", "show"]):
        status, _, err = rig.run(*wrong)
        expect(status == 2 and err.strip(), f"{wrong}: {status} {err}")


def test_contract(rig):
    """The configuration of the issue passes as it stands; without its variables every missing one is named at once."""
    path = rig.folder / "quarterdeck.yaml"
    path.write_text((HERE / "contract.yaml").read_text())
    (rig.folder / "prices.json").write_text('{"models": [{"provider": "openai", "id": "my-model", "match": {"equals": "my-model"}, '
                                            '"prices": {"input_mtok": 1, "output_mtok": 2}}]}')
    status, out, err = rig.run("check", "-c", path, env=SECRETS)
    expect(status == 0, out + err)
    status, out, err = rig.run("check", "-c", path, env={**SECRETS, "OPENAI_API_KEY": "", "HELPDESK_KEY": ""})
    expect(status != 0, "empty variables must not pass for secrets")
    missing = dict(SECRETS)
    ran = rig.run("check", "-c", path, env={k: v for k, v in missing.items() if k == "QUARTERDECK_TOKEN"})
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_KEY", "HELPDESK_KEY"):
        expect(name in ran[1] + ran[2], f"{name} is not named: {ran}")
    expect(ran[0] in (1, 3), f"exit {ran[0]}")


def test_check(rig):
    """Every mistake at once, with file, line, what was expected and the nearest key."""
    path = rig.write_config("listen: 127.0.0.1:0\nwrokers: 2\nproviders:\n  a: {dialect: opanai, base_url: nowhere}\n"
                            "models:\n  m:\n    targets: [{provider: b, model: x}]\n    retry: {atempts: 2}\n    timeouts: {idle: soon}\n")
    status, out, err = rig.run("check", "-c", path)
    text = out + err
    expect(status == 1, f"exit {status}: {text}")
    for words in ("quarterdeck.yaml:2:", "wrokers", "workers", "quarterdeck.yaml:4:", "openai", "base_url", "quarterdeck.yaml:7:",
                  "quarterdeck.yaml:8:", "attempts", "quarterdeck.yaml:9:", "soon"):
        expect(words in text, f"{words!r} is not in:\n{text}")
    status, _, err = rig.run("serve", "-c", path)
    expect(status != 0 and "wrokers" in err, f"serve must refuse the same file: {status} {err}")
    expect(rig.run("check", "-c", rig.folder / "none.yaml")[0] == 3, "a file that is not there")
    broken = rig.write_config("models: [\n", "broken.yaml")
    status, out, err = rig.run("check", "-c", broken)
    expect(status != 0 and "broken.yaml:" in out + err, out + err)


def test_price(rig):
    """Prices are explained exactly; an unknown one is no answer, not zero."""
    status, out, _ = rig.run("model", "price", "openai/gpt-4o-mini", "--input", "1000000", "--output", "1000000", "--json")
    expect(status == 0, out)
    found = json.loads(out)
    expect(found.get("cost_usd") == 0.75, out)
    status, out, _ = rig.run("model", "price", "openai/gpt-4o-mini-2024-07-18", "--input", "1000", "--cache-read", "400", "--output", "10", "--json")
    expect(status == 0 and abs(json.loads(out)["cost_usd"] - (600 * 0.15e-6 + 400 * 0.075e-6 + 10 * 0.6e-6)) < 1e-12, out)
    status, out, err = rig.run("model", "price", "nobody/no-such-model", "--input", "1", "--json")
    expect(status in (1, 3) and "no price" in err, f"unknown price: exit {status} {out} {err}")


def test_records(rig):
    """Records are listed, filtered, paged, shown, exported and summed."""
    serving(rig)
    for i in range(12):
        status, headers, _ = chat(rig, user=f"u-{i % 3}", request_type="chat-short" if i % 2 else "summary", tags="env=test,n=x")
        expect(status == 200, status)
    last = headers["x-quarterdeck-id"]
    rig.wait_records(count=12)
    listed = json.loads(rig.run("record", "list", "--json", "-n", "5", check=True)[1])
    ids = [r["id"] for r in listed["records"]]  # in the order of milliseconds: two of one millisecond may stand either way
    expect(len(ids) == 5 and last in ids[:3] and [i[:10] for i in ids] == sorted((i[:10] for i in ids), reverse=True), "newest first, five of them")
    expect("u-1" in rig.run("record", "list", check=True)[1] or rig.run("record", "list", check=True)[1], "a table for people")
    expect(len(rig.records("&user=u-1")) == 4, "by user")
    expect(len(rig.records("&request_type=summary")) == 6, "by request type")
    expect(len(rig.records("&tag=env=test")) == 12 and not rig.records("&tag=env=prod"), "by tag")
    expect(len(rig.records("&status=ok&application=e2e&model=on-openai")) == 12 and not rig.records("&status=error"), "by status")
    ids = []
    query = "/api/v1/records?limit=5"
    cursor = ""
    while True:
        page = rig.api(query + cursor)
        ids += [r["id"] for r in page["records"]]
        following = page.get("next") or page.get("cursor") or page.get("next_cursor")
        if not following:
            break
        cursor = f"&cursor={following}"
    expect(len(ids) == 12 and len(set(ids)) == 12, f"pages: {len(ids)}")
    shown = json.loads(rig.run("record", "show", last, "--json", check=True)[1])
    expect(shown["id"] == last and shown["tags"] == {"env": "test", "n": "x"}, shown)
    expect(rig.run("record", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV")[0] in (1, 3), "no such record")
    rows = rig.run("export", "records", "--format", "jsonl", check=True)[1].strip().split("\n")
    expect(len(rows) == 12 and all(json.loads(row)["id"] for row in rows), "jsonl")
    expect(len(rig.run("export", "records", "--format", "csv", check=True)[1].strip().split("\n")) == 13, "csv with its head")
    status, out, err = rig.run("record", "latency", "--json")
    expect(status == 0 and json.loads(out), out + err)
    expect("p99" in out.lower(), out)
    expect(rig.run("record", "totals", "--json")[0] == 0, "totals")


def test_cost(rig):
    """Cost reports reconcile with the records to the nano-dollar, in every form, with and without a server."""
    serving(rig)
    for i in range(20):
        expect(chat(rig, team="growth" if i % 3 else "legal", feature=f"f-{i % 2}", model="on-anthropic" if i % 5 == 0 else "on-openai")[0] == 200, i)
    rig.wait_records(count=20)
    records = rig.records()
    want = sum(r["cost_nanousd"] for r in records)
    expect(want > 0 and all(sum(r["charges_nanousd"].values()) == r["cost_nanousd"] for r in records), "charges of the records")
    report = json.loads(rig.run("cost", "report", "--by", "team,feature", "--from", "-1h", "--json", check=True)[1])
    expect(report["total"]["cost_nanousd"] == want and sum(r["cost_nanousd"] for r in report["rows"]) == want, report)
    by = {(r["team"], r["feature"]): r for r in report["rows"]}
    for team, feature in by:
        mine = [r for r in records if (r["team"], r["feature"]) == (team, feature)]
        expect(by[team, feature]["cost_nanousd"] == sum(r["cost_nanousd"] for r in mine) and by[team, feature]["count"] == len(mine), by)
    cut = sorted(r["time"] for r in records)[7]  # a window between two records is exact to the microsecond
    report = json.loads(rig.run("cost", "report", "--by", "model,user", "--from", cut, "--json", check=True)[1])
    expect(report["total"]["cost_nanousd"] == sum(r["cost_nanousd"] for r in records if r["time"] >= cut), report)
    rows = list(csv.DictReader(io.StringIO(rig.run("cost", "report", "--by", "team", "--from", "-1h", "--focus", check=True)[1])))
    billed = sum(decimal.Decimal(r["BilledCost"]) for r in rows)
    expect(billed * 10**9 == want and {r["SkuMeter"] for r in rows} >= {"Input Tokens", "Output Tokens"}, rows)
    rows = list(csv.DictReader(io.StringIO(rig.run("cost", "report", "--by", "team", "--from", "-1h", "--csv", check=True)[1])))
    expect(rows[-1]["team"] == "(total)" and decimal.Decimal(rows[-1]["cost_usd"]) * 10**9 == want, rows)
    expect("TOTAL" in rig.run("cost", "report", "--from", "-1h", check=True)[1], "a table for people")
    explained = json.loads(rig.run("cost", "explain", "--from", cut, "--baseline-from", "-1h", "--baseline-to", cut, "--json", check=True)[1])
    expect(abs(sum(c["usd"] for c in explained["contributions"]) - (explained["after_usd"] - explained["before_usd"])) < 1e-9, explained)
    expect(rig.run("cost", "report", "--by", "colour")[0] == 2 and rig.run("cost", "report", "--csv", "--focus")[0] == 2, "usage")
    text = rig.folder / "text.txt"
    text.write_text("hello world")
    expect(json.loads(rig.run("cost", "count", text, "--model", "gpt-4o-mini", "--json", check=True)[1])["tokens"] == 2, "two tokens")
    invoice = rig.folder / "invoice.csv"
    openai = [r for r in records if r["target"]["provider"] == "openai"]
    head = "start_time,end_time,model,input_tokens,output_tokens,num_model_requests\n"
    at = int(datetime.datetime.fromisoformat(openai[0]["time"][:10]).replace(tzinfo=datetime.timezone.utc).timestamp())
    line = f"{at},{at + 86400},gpt-4o-mini-2024-07-18,{sum(r['usage']['input'] for r in openai)},{sum(r['usage']['output'] for r in openai)},"
    if len({r["time"][:10] for r in openai}) == 1:  # not over midnight
        invoice.write_text(head + line + f"{len(openai)}\n")
        status, out, err = rig.run("cost", "reconcile", invoice)
        expect(status == 0 and " 0 with gaps" in out, out + err)
        invoice.write_text(head + line + f"{len(openai) + 3}\n")
        status, out, err = rig.run("cost", "reconcile", invoice)
        expect(status == 1 and "differs" in out, out + err)
    rig.gateway.stop()
    rig.gateway = None
    alone = json.loads(rig.run("cost", "report", "--by", "team", "--from", "-1h", "--json", "-c", rig.folder / "quarterdeck.yaml", check=True)[1])
    expect(alone["total"]["cost_nanousd"] == want, alone)


def test_budgets(rig):
    """`budget list`: what was spent is what the records say; exit 1 once a budget refuses; a reload keeps the books."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="""budgets:
  - {name: month, scope: {application: e2e}, limit_usd: 100, window: month, timezone: Europe/London, mode: hard}
  - {name: each-user, scope: {application: e2e, user: "*"}, limit_usd: 0.0005, window: day, mode: hard}"""))
    gateway = rig.start_gateway()

    def budgets(*more, code=0):
        status, out, _ = rig.run("budget", "list", *more, "--json")
        expect(status == code, f"budget list ended with {status}, wanted {code}")
        return {(b["name"], b["scope"].get("user")): b for b in json.loads(out)}

    expect(chat(rig, user="anna")[0] == 200 and chat(rig, user="ben")[0] == 200, "not served")
    booked = sum(record["cost_nanousd"] for record in rig.wait_records(count=2))
    month = budgets()["month", None]
    for field in ("name", "scope", "window_start", "limit_usd", "spent_usd", "reserved_usd", "forecast_usd", "breach_probability"):
        expect(field in month, f"no {field} in {month}")
    expect(round(month["spent_usd"] * 1e9) == booked > 0 and month["reserved_usd"] == 0, f"{month}, records say {booked}")
    expect(month["forecast_usd"] is None, "a forecast from a minute of history")
    expect(set(budgets("each-user")) == {("each-user", "anna"), ("each-user", "ben")}, "not one budget for each user")
    rig.write_config(config(sim.url, server="""budgets:
  - {name: month, scope: {application: e2e}, limit_usd: 100, window: month, timezone: Europe/London, mode: hard}
  - {name: new, scope: {application: e2e, user: "*"}, limit_usd: 0.000001, window: week, mode: hard}"""))
    expect(rig.run("policy", "reload")[0] == 0, "the reload failed")
    found = budgets(code=1)  # the new one is used up already
    expect(sum(round(found["new", user]["spent_usd"] * 1e9) for user in ("anna", "ben")) == booked,
           f"a budget that came with the reload does not know what was spent: {found}")
    expect(round(found["month", None]["spent_usd"] * 1e9) == booked, "the reload changed the books")
    expect(chat(rig, user="anna")[0] == 429, "a budget that is used up admitted a request")
    expect(budgets(code=1)["new", "anna"]["outlook"] in ("refusing", "breached"), "the list does not say that it refuses")
    expect(rig.run("budget", "list", "no-such-budget")[0] != 0, "an unknown budget is no error")
    gateway.stop()


def test_pseudonyms(rig):
    """capture: none: budgets by user and tag are the same after kill -9, and nothing on the disk says who it was."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="""budgets:
  - {name: each, scope: {user: "*"}, limit_usd: 1, window: month}
  - {name: anna, scope: {user: anna-of-accounts}, limit_usd: 1, window: month}
  - {name: plans, scope: {tag: plan=*}, limit_usd: 1, window: month}""").replace("\n  e2e: {", "\n  e2e: {payloads: {capture: none}, "))
    gateway = rig.start_gateway()
    for user, plan in (("anna-of-accounts", "gold-plan"), ("anna-of-accounts", "gold-plan"), ("ben", "tin")):
        expect(chat(rig, user=user, tags=f"plan={plan},secret=very-private")[0] == 200, "not served")
    records = rig.wait_records(count=3)

    def books():
        found = {}
        for b in rig.api("/api/v1/budgets")["budgets"]:
            found[b["name"], json.dumps(b["scope"])] = round(b["spent_usd"] * 1e9)
        return found

    before = books()
    one = records[0]["cost_nanousd"]
    expect(one > 0 and sorted(v for (name, _), v in before.items() if name == "each") == [one, 2 * one], f"{before} of {one}")
    expect(sorted(v for (name, _), v in before.items() if name == "plans") == [one, 2 * one], before)
    expect([v for (name, _), v in before.items() if name == "anna"] == [2 * one], f"a literal user does not match: {before}")
    gateway.kill9()
    rig.gateway = None
    gateway = rig.start_gateway()
    expect(books() == before, f"{books()} after a restart, {before} before")
    expect(chat(rig, user="anna-of-accounts")[0] == 200 and len(rig.wait_records(count=4)) == 4, "not served")
    expect(len(books()) == len(before), f"the same user is another one after a restart: {books()}")
    gateway.stop()
    rig.gateway = None
    for file in (rig.folder / "data").rglob("*"):
        held = file.read_bytes() if file.is_file() else b""
        for word in (b"anna-of-accounts", b"gold-plan", b"very-private"):
            expect(word not in held, f"{file} has {word}")


class SlowProvider:
    """Answers each request once `until` is over: an exchange that is under way while something changes."""

    def __init__(self):
        import http.server
        import threading
        provider, self.until = self, 0.0
        answer = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                eventually(lambda: time.time() > provider.until)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_price_change(rig):
    """A price that changes while a request is under way: it is reserved, charged and booked at the price of its start."""
    def clock(t):
        return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%H:%M:%SZ")

    provider = SlowProvider()
    change = int(time.time()) + 3
    (rig.folder / "prices.json").write_text(json.dumps({"models": [{"provider": "openai", "id": "changing", "match": {"equals": "changing"}, "prices": [
        {"prices": {"input_mtok": 1, "output_mtok": 1}},
        {"constraint": {"type": "time_of_date", "start_time": clock(change), "end_time": clock(change + 7200)},
         "prices": {"input_mtok": 100, "output_mtok": 100}}]}]}))
    rig.write_config(config(provider.url, server="""prices: {files: [prices.json]}
budgets: [{name: all, limit_usd: 0.21, window: month}]""").replace("gpt-4o-mini-2024-07-18", "changing"))
    rig.start_gateway()
    provider.until = change + 0.1
    expect(time.time() < change, "too slow to begin")
    expect(chat(rig)[0] == 200 and time.time() > change, "not served over the change")
    expect(chat(rig)[0] == 200, "not served")
    costs = sorted(record["cost_nanousd"] for record in rig.wait_records(count=2))
    expect(costs == [2_000_000, 200_000_000], f"{costs}: each has the price of its start")
    budget = rig.api("/api/v1/budgets")["budgets"][0]
    expect(round(budget["spent_usd"] * 1e9) == sum(costs) and budget["reserved_usd"] == 0, budget)


def test_two_servers(rig):
    """A second server on one data folder does not start, says why, and leaves the first one alone."""
    serving(rig)
    first = rig.gateway
    second = subprocess.run([rig.binary, "serve", "-c", rig.folder / "quarterdeck.yaml"], cwd=rig.folder, capture_output=True, text=True, timeout=60)
    expect(second.returncode == 3 and "in use by another process" in second.stderr and "one server to one data_dir" in second.stderr, second)
    expect(chat(rig)[0] == 200 and rig.wait_records(count=1), "the first one is harmed")
    first.stop()


def test_stopped_while_starting(rig):
    """SIGTERM while budgets read what was spent, at the start or at a reload, is followed there and not after the last record."""
    def asked_already():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)

    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="budgets: [{name: b, scope: {application: e2e}, limit_usd: 1, window: month}]"))
    ended = subprocess.run([rig.binary, "serve", "-c", rig.folder / "quarterdeck.yaml"], cwd=rig.folder, capture_output=True, text=True,
                           timeout=60, preexec_fn=asked_already, env={**os.environ, **SECRETS})
    expect(ended.returncode == 0 and "ready on" not in ended.stdout, f"{ended.returncode} {ended.stdout} {ended.stderr}")
    rig.start_gateway()
    expect(chat(rig)[0] == 200, "it does not serve after that")


def test_offline(rig):
    """The same questions are answered from the data folder when no server runs."""
    serving(rig)
    for _ in range(3):
        chat(rig)
    rig.wait_records(count=3)
    before = json.loads(rig.run("record", "list", "--json", check=True)[1])["records"]
    rig.gateway.stop()
    rig.gateway = None
    after = json.loads(rig.run("record", "list", "--json", "-c", rig.folder / "quarterdeck.yaml", check=True)[1])["records"]
    expect(after == before, "not the same records")


def test_keys(rig):
    """A key made by the command works at once, is shown once, and is refused at once when revoked."""
    serving(rig)
    made = json.loads(rig.run("key", "create", "e2e", "laptop", "--json", check=True)[1])
    key = made["key"] if isinstance(made["key"], str) else made["key"]["key"]
    expect(key.startswith("qd-"), made)
    expect(eventually(lambda: chat(rig, key)[0] == 200), "a new key must work")
    listed = rig.run("key", "list", "--json", check=True)[1]
    expect("laptop" in listed and key not in listed, "the list must not show keys")
    expect(rig.run("key", "create", "e2e", "laptop")[0] in (1, 3), "the same name again: a conflict")
    expect(rig.run("key", "create", "nobody", "laptop")[0] in (1, 3), "no such application")
    rig.wait_records(count=1)
    expect(any(r["key"] == "laptop" for r in rig.records()), "records name the key")
    rig.run("key", "revoke", "e2e", "laptop", check=True)
    expect(eventually(lambda: chat(rig, key)[0] == 401), "a revoked key must be refused")
    status, out, _ = rig.run("policy", "audit", "--json")
    expect(status == 0 and "laptop" in out and key not in out, "the audit log has both, and no key")
    expect(rig.run("policy", "audit", "--verify")[0] == 0, "the chain of the audit log")
    data = b"".join(p.read_bytes() for p in (rig.folder / "data").rglob("*") if p.is_file())
    expect(key.encode() not in data and KEY.encode() not in data, "a key is in the data folder in clear")


def test_control(rig):
    """Health, readiness, OpenAPI, roles: everything but the data plane and health wants an operator's token."""
    serving(rig)
    for path in ("/healthz", "/readyz"):
        expect(rig.http("GET", path, token="none")[0] == 200, path)
    for path in ("/api/v1/records", "/api/v1/latency", "/api/v1/policy"):
        expect(rig.http("GET", path, token="wrong-token-000000")[0] in (401, 404), path)
    document = json.loads(rig.http("GET", "/api/v1/openapi.json")[2])
    expect(document["openapi"].startswith("3.") and "/api/v1/records" in document["paths"], "the OpenAPI document")
    expect(rig.run("policy", "show", "--json")[0] == 0, "policy show")
    status, _, err = rig.run("record", "list", env={"QUARTERDECK_TOKEN": "wrong-token-000000"})
    expect(status == 3 and err.strip(), f"a wrong token: {status} {err}")


def test_trace(rig):
    """The main job: a trace replayed through the gateway; every request answered, streamed, priced, recorded; totals equal."""
    serving(rig)
    rng = random.Random(5)
    rows, total_in, total_out = ["TIMESTAMP,ContextTokens,GeneratedTokens"], 0, 0
    seconds = 0.0
    for _ in range(400):
        seconds += rng.expovariate(8)
        given, output = max(5, int(rng.lognormvariate(6, 1))), max(1, int(rng.lognormvariate(4, 1)))
        total_in, total_out = total_in + given, total_out + output
        rows.append(f"2023-11-16 18:{15 + int(seconds // 60):02d}:{seconds % 60:010.7f},{given},{output}")
    trace = rig.folder / "trace.csv"
    trace.write_text("\n".join(rows) + "\n")
    status, out, err = rig.run("load", "--url", rig.gateway.url, "--key", KEY, "--model", "on-openai", "--trace", trace, "--speed", "40",
                               "--totals", "--json", rig.folder / "load.json")
    expect(status == 0, f"exit {status}: {out[-1500:]} {err[-1500:]}")
    records = rig.wait_records(count=400)
    expect(len(records) == 400 and all(r["status"] == "ok" and r["stream"] for r in records), "every request answered and streamed")
    expect(sum(r["usage"]["input"] for r in records) == total_in, f"input {sum(r['usage']['input'] for r in records)} of {total_in}")
    expect(sum(r["usage"]["output"] for r in records) == total_out, f"output {sum(r['usage']['output'] for r in records)} of {total_out}")
    cost = sum(r["usage"]["input"] * 150 + r["usage"]["output"] * 600 for r in records)
    expect(sum(r["cost_nanousd"] for r in records) == cost, "priced to the nano-dollar")
    status, out, err = rig.run("load", "--url", rig.gateway.url, "--key", KEY, "--model", "on-openai", "--rate", "200", "--requests", "50",
                               "--context-growth", "1.3", "--compare", rig.folder / "load.json")
    expect(status == 0 and out, f"--compare: {status} {err[-800:]}")


def test_payloads(rig):
    """capture: full keeps request and reply, compressed and apart; metadata keeps none; secrets are nowhere."""
    sim = rig.start_sim("--speed", "0")
    text = config(sim.url).replace('e2e: {keys', 'e2e: {payloads: {capture: full}, keys')
    rig.write_config(text)
    rig.start_gateway()
    status, headers, body = chat(rig)
    expect(status == 200, body)
    rig.wait_records(count=1)
    identity = headers["x-quarterdeck-id"]
    expect(eventually(lambda: rig.run("record", "show", identity, "--payload", "--json")[0] == 0), "record show --payload")
    out = rig.run("record", "show", identity, "--payload", "--json", check=True)[1]
    expect("messages" in out and json.loads(body)["choices"][0]["message"]["content"][:20] in out, out[:400])
    data = b"".join(p.read_bytes() for p in (rig.folder / "data").rglob("*") if p.is_file())
    expect(KEY.encode() not in data and b"sk-sim" not in data and TOKEN.encode() not in data, "a secret is in the data folder")


def test_review(rig):
    """`cost review` measures what captured exchanges share, repeat and use; without capture it says what would tell."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url).replace("e2e: {keys", "e2e: {payloads: {capture: full}, keys"))
    rig.start_gateway()
    system = "You help the customers of a bicycle workshop.\n- Juggle flaming pineapples whenever zeppelins approach harbours: " + "pineapples " * 80 + "\n" + "".join(
        f"- Fact number {i} about gear {i}.\n" for i in range(200))
    chunks = "\n\n".join(f"Chunk {name}: " + f"{name} " * 60 for name in ("alpha", "bravo", "charlie"))
    headers = {"content-type": "application/json", "x-quarterdeck-feature": "advice"}
    for i in range(240):
        body = {"model": "on-openai", "messages": [{"role": "system", "content": system},
                                                   {"role": "user", "content": f"{chunks}\n\nQuestion {i // 2}?"}]}
        expect(rig.http("POST", "/v1/chat/completions", json.dumps(body | ({"stream": True} if i % 4 > 1 else {})), headers, token=KEY)[0] == 200, i)
    rig.wait_records(count=240)
    # amounts need a day: this window ends in a month
    to = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).strftime("%Y-%m-%d")
    review = json.loads(rig.run("cost", "review", "--from", "-1h", "--to", to, "--json", check=True)[1])
    expect(review["sample"] == {"records": 240, "exchanges": 240}, review["sample"])
    prefix = review["prefixes"][0]
    expect(not prefix["at_most"] and prefix["sampled"] == 200 and prefix["prefix_tokens"] > 1500 and prefix["within_five_minutes"] == 1, prefix)
    by = {action["action"]: action for action in review["actions"]}
    expect(by["exact_cache"]["evidence"]["repeated"] == 120 and by["exact_cache"]["usd_month"] > 0, by)
    expect(by["shorten_prompt"]["evidence"]["never_referenced"] >= 1 and "heuristic" in by["shorten_prompt"]["why"], by)
    text = rig.run("cost", "review", "--from", "-1h", "--to", to, check=True)[1]
    expect("cacheable prefixes" in text and "captured exchanges" in text, text)
    expect("not enough data" in rig.run("cost", "review", "--from", "-1h", check=True)[1], "an answer from a minute")


WAITS = ("watch_", "notices_", "receivers", "escalation")  # these are for the watch to look, and take next to no work


def scenarios():
    return {name[5:]: function for name, function in globals().items() if name.startswith("test_")}


def run_one(name):
    """One scenario in this process: True when it passed."""
    function = scenarios()[name]
    try:
        with Rig() as rig:
            function(rig)
        print(f"ok   {name}: {function.__doc__}", flush=True)
        return True
    except Exception as error:  # whatever it is, the others still run
        print(f"FAIL {name}: {type(error).__name__}: {str(error)[:3000]}\n{traceback.format_exc(limit=-3)[-1500:]}", flush=True)
        return False


def run_apart(name):
    """One scenario in a process of its own: most of its time it waits, so several run side by side."""
    ran = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True)
    print("".join(line + "\n" for line in ran.stdout.splitlines() if not line.endswith(" failed")), ran.stderr, sep="", end="", flush=True)
    return ran.returncode == 0


def main(names):
    names = names or list(scenarios())
    if len(names) == 1:
        results = [run_one(names[0])]
    else:
        jobs = int(os.environ.get("JOBS", os.cpu_count()))
        slow, quick = [n for n in names if n.startswith(WAITS)], [n for n in names if not n.startswith(WAITS)]
        with concurrent.futures.ThreadPoolExecutor(2 * jobs) as waiting, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            both = waiting.map(run_apart, slow), pool.map(run_apart, quick)  # both begin at once
            results = [result for some in both for result in some]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The shadow of a rollout: what the candidate would have said, seen by nobody, judged blind, within its budget, once."""
import json
import sqlite3

from change_rig import ask, metric, serve, shown, status, version
from cli_words import eventually
from rig import expect

JUDGE = "  - {match: {user_contains: <request}, do: {say: '%s'}}\n"
RULES = ("rules:\n  - {do: {say: 'Gladly, on Tuesday.'}}\n"
         "  - {match: {system_contains: curtly}, do: {say: 'Tuesday.'}}\n"
         "  - {match: {system_contains: decline}, do: {say: 'I am sorry, but I cannot help with that.'}}\n" +
         JUDGE % '{"reason": "the first", "verdict": "A"}')


def pairs(rig):
    with sqlite3.connect(f"file:{rig.folder / 'data' / 'registry.db'}?mode=ro", uri=True) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM shadow_pair ORDER BY record")]


def judge(rig):
    (rig.folder / "judge.yaml").write_text("judge: pairs\nmodel: on-openai\nscale: pairwise\n")
    rig.run("apply", "-f", rig.folder / "judge.yaml", "--why", "a test", check=True)


def suite(rig, *checks):
    (rig.folder / "suite.yaml").write_text(json.dumps({"suite": "tone", "prompt": "answer", "checks": list(checks), "cases": [{"id": "one", "vars": {"question": "When?"}, "expected": "Tuesday"}]}))
    rig.run("apply", "-f", rig.folder / "suite.yaml", "--why", "a test", check=True)


def start(rig, candidate):
    version(rig, "Be kind.")
    number = version(rig, candidate)
    rig.run("rollout", "start", f"answer@{number}", "--why", "a test", check=True)
    expect(status(rig)["stage"] == "shadow", status(rig))


def test_change_shadow(rig):
    """Each client's dialect, streams too: the candidate answers the same, nobody sees it, a judge that always says A decides nothing, no text is kept."""
    serve(rig, RULES, "shadow-then-canary", {"shadow": {"share": 1, "min_samples": 40, "judge": "pairs"}}, "payloads: {capture: none},")
    judge(rig)
    start(rig, "Be kind, and answer curtly.")
    ways = [("/v1/chat/completions", {}), ("/v1/messages", {}), ("/v1/responses", {}), ("/v1/chat/completions", {"stream": True}),
            ("/v1/messages", {"stream": True}), ("/v1/responses", {"stream": True})]
    for i in range(36):
        path, more = ways[i % 6]
        code, headers, body = ask(rig, f"When comes the zeppelin {i}?", path, f"u-{i}", **more)
        expect(code == 200 and headers["x-quarterdeck-prompt"].startswith("answer@1"), f"{code} {headers} {body}")
        expect(b"Gladly" in body or b"adly" in body, body)
    expect(eventually(lambda: metric(rig, "quarterdeck_shadow_exchanges_total").get("pair") == 36), metric(rig, "quarterdeck_shadow_exchanges_total"))
    found = pairs(rig)
    expect(len(found) == 36 and all(p["served"]["ok"] and p["candidate"]["ok"] for p in found), found[:2])
    expect(all(p["judged"] == 0 and p["judge_nanousd"] > 0 for p in found), "a judge that prefers what stands first decides nothing")
    expect(all(p["candidate"]["length"] == 8 and p["served"]["length"] == 19 for p in found), found[:2])
    data = b"".join(p.read_bytes() for p in (rig.folder / "data").glob("registry.db*"))
    expect(b"zeppelin" not in data and b"Gladly" not in data, "a text of a user or an answer is in the registry")

    def by_metric():
        return {g["metric"]: g for g in status(rig)["guardrails"]}

    expect(eventually(lambda: by_metric()["error_rate"]["n_candidate"] == 36), by_metric())
    by = by_metric()
    expect(set(by) >= {"error_rate", "refusal_rate", "latency", "cost_per_request", "output_tokens", "judge"}, by)
    expect(by["output_tokens"]["effect"] < 1 and by["error_rate"]["n_candidate"] == 36 and by["error_rate"]["needed"] == 4, by)
    records = rig.wait_records(count=36 * 4)
    shadows = [r for r in records if r["feature"] == "shadow"]
    expect(len(shadows) == 36 and {r["prompt"]["version"] for r in shadows} == {"2"} and not any(r["arm"] or r["rollout"] or r["cache"] for r in shadows), shadows[:1])
    expect({r["endpoint"] for r in shadows} == {"chat", "responses"} and {r["dialect"] for r in shadows} == {"openai", "anthropic"}, "the client's own dialect")
    expect(len([r for r in records if r["feature"] == "shadow-judge"]) == 72, "both orders")
    expect({r["prompt"]["version"] for r in records if r["prompt"] and r["feature"] is None} == {"1"}, "only what is in production is served")
    code, _, body = ask(rig, "zeppelin " * 130_000)
    expect(code == 200 and eventually(lambda: metric(rig, "quarterdeck_shadow_exchanges_total").get("dropped") == 1), f"what is over 1 MiB is not copied: {code} {body[:100]}")
    for i in range(8):
        ask(rig, f"And now {i}?")
    expect(eventually(lambda: status(rig)["stage"] == "canary"), status(rig))
    expect(eventually(lambda: len(pairs(rig)) == 40), f"enough is enough: {len(pairs(rig))}")


def test_change_shadow_fails(rig):
    """A candidate that declines what production answers is rolled back before anybody saw it; the pairs tell why."""
    serve(rig, RULES, "shadow-then-canary")
    start(rig, "Be kind, but decline.")
    for i in range(30):
        ask(rig, f"When {i}?")
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    told = status(rig)
    refusals = next(g for g in told["guardrails"] if g["metric"] == "refusal_rate")
    expect(told["verdict"] == "Failed" and refusals["verdict"] == "Failed" and refusals["evidence"] >= refusals["threshold"], told)
    expect([h["stage"] for h in told["history"]][0] == "shadow" and not any(h["stage"] == "canary" for h in told["history"]), told["history"])
    expect([v["state"] for v in shown(rig)["versions"]] == ["rolled back", "production"], shown(rig))
    expect({r["prompt"]["version"] for r in rig.records() if r["feature"] is None} == {"1"}, "nobody was served the candidate")


def test_change_shadow_checks(rig):
    """What the version's suites check of every case is checked of its pairs: the candidate's answers are too short for one."""
    serve(rig, RULES, "shadow-then-canary")
    suite(rig, {"type": "word-count", "min": 2}, {"type": "contains"}, {"type": "latency", "threshold": 1}, {"type": "judge", "rubric": "kind", "judge": "none"})
    start(rig, "Be kind, and answer curtly.")
    for i in range(30):
        ask(rig, f"When {i}?")
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    checks = next(g for g in status(rig)["guardrails"] if g["metric"] == "check_failure")
    expect(checks["verdict"] == "Failed" and checks["candidate"] == 1 and checks["control"] == 0, checks)
    expect(all(p["served"]["checks"] and p["candidate"]["checks"] is False for p in pairs(rig)), pairs(rig)[:2])


def test_change_shadow_budget(rig):
    """When its budget is over the shadow asks no more, and the rollout holds and says so."""
    serve(rig, RULES, "shadow-then-canary", {"shadow": {"share": 1, "min_samples": 1000, "max_cost_usd": 0.00002}})
    start(rig, "Be kind, and answer curtly.")
    for i in range(40):
        ask(rig, f"When {i}?")
    expect(eventually(lambda: metric(rig, "quarterdeck_shadow_exchanges_total").get("not_wanted", 0) > 0), metric(rig, "quarterdeck_shadow_exchanges_total"))
    asked = len(pairs(rig))
    expect(0 < asked < 30, f"{asked} pairs of about 5 micro-dollars each")
    expect(eventually(lambda: "budget" in json.dumps(status(rig))), status(rig))
    expect(status(rig)["stage"] == "shadow" and status(rig)["state"] == "progressing", status(rig))
    for i in range(10):
        ask(rig, f"Then {i}?")
    expect(len(pairs(rig)) == asked, "no more is asked")


def test_change_shadow_kill(rig):
    """kill -9 amidst a shadow: what was kept is kept, nothing twice, and it goes on to its end."""
    sim = serve(rig, RULES, "shadow-then-canary", {"shadow": {"share": 1, "min_samples": 60}})
    start(rig, "Be kind, and answer curtly.")
    for i in range(25):
        ask(rig, f"When {i}?")
    rig.gateway.kill9()
    rig.start_gateway()
    kept = len(pairs(rig))
    expect(kept <= 25 and status(rig)["stage"] == "shadow", f"{kept} {status(rig)}")
    for i in range(70 - kept):
        ask(rig, f"Then {i}?")
    expect(eventually(lambda: status(rig)["stage"] != "shadow"), status(rig))
    expect(eventually(lambda: len(pairs(rig)) >= 60), len(pairs(rig)))
    found = pairs(rig)
    expect(len(found) == 60, f"{len(found)} pairs")
    shadows = [r for r in rig.wait_records(count=130) if r["feature"] == "shadow"]
    of = [r["tags"]["shadow-of"] for r in shadows]
    expect(len(of) == len(set(of)) and 60 <= len(of) <= 68, f"{len(of)} asked, {len(set(of))} exchanges")
    expect(sim.process.poll() is None, "the provider lives")

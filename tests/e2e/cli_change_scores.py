"""What a canary says it counted is what the ledger has: exchanges and failures of each arm under two weights, and scores of three kinds."""
import json

from change_rig import serve, status, version
from cli_words import eventually
from rig import KEY, expect

RAILS = ["error_rate", "negative_feedback", "check:format", "score:helpful"]
PLAN = {"canary": {"steps": [{"setWeight": 25}, {"pause": {"duration": "1s"}}, {"setWeight": 50}, {"pause": {"duration": "1h"}}, {"setWeight": 100}],
                   "analysis": {"interval": "100ms", "alpha": 0.01, "min_samples": 20,
                                "guardrails": [{"metric": m, "margin": 0.05 if m.startswith("score") else 1.5,
                                                "on_failure": "rollback" if m == "negative_feedback" else "notify"} for m in RAILS]}}}
RULES = "rules:\n  - {match: {system_contains: curt, user_contains: Why}, do: {status: 400}}\n  - {do: {say: 'Gladly.'}}\n"
SCORING = "scoring: answers\napplication: e2e\nkey: sdk\nsample: {rate: 1}\nchecks:\n  - {type: is-json, metric: format}\n"


def traffic(rig, n):
    (rig.folder / "questions.jsonl").write_text('{"question": "When?"}\n{"question": "Why?"}\n{"question": "Who?"}\n')
    rig.run("load", "--url", rig.gateway.url, "--key", KEY, "--prompt", "answer", "--vars", "questions.jsonl", "--users", "4000", "--rate", "400",
            "--requests", str(n), "--no-stream")


def scores(rig, name, of, value):
    """A person's score of each of these records, in place of the one before it."""
    lines = [{"record": r["id"], "name": name, "value": value(r)} for r in of]
    (rig.folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rig.run("record", "score", "--file", "scores.jsonl", check=True)


def counted(rig):
    return {g["metric"]: (g["n_candidate"], g["n_control"], g["candidate"], g["control"]) for g in status(rig)["guardrails"]}


def of_ledger(of, bad, arms):
    """n and share of `bad` among the candidate's and among those of `arms`."""
    sides = [[bad(r) for r in of if r["arm"] in side] for side in (("candidate",), arms)]
    return tuple(len(s) for s in sides) + tuple(sum(s) / len(s) for s in sides)


def same(rig, name, expected):
    return eventually(lambda: name in counted(rig) and all(abs(a - b) < 1e-6 for a, b in zip((x if x is not None else -1 for x in counted(rig)[name]), expected)))


def test_change_scores(rig):
    """Each exchange and each score counts once for the arm that answered: over a step, a replaced score and a kill; bad feedback rolls back."""
    serve(rig, RULES, plan=PLAN, application="payloads: {capture: full}, ")
    (rig.folder / "rule.yaml").write_text(SCORING)
    rig.run("apply", "-f", rig.folder / "rule.yaml", "--why", "a test", check=True)
    expect(eventually(lambda: json.loads(rig.run("eval", "online", "show", "answers", "--json", check=True)[1])["rules"][0]["state"] == "on"), "scoring is on")
    version(rig, "Be kind.")
    rig.run("rollout", "start", f"answer@{version(rig, 'Be curt.')}", "--why", "a test", check=True)
    traffic(rig, 150)
    expect(eventually(lambda: status(rig)["weight"] == 50), status(rig))
    traffic(rig, 150)
    rig.wait_records(count=300)
    records = [r for r in rig.records() if r["arm"] is not None]
    expect(len(records) == 300 and {r["arm"] for r in records} == {"candidate", "control", "rest"}, len(records))
    current = ("control", "rest")
    failures = of_ledger(records, lambda r: r["status"] == "error", current)
    expect(0.2 < failures[2] < 0.5 and failures[3] == 0, failures)
    expect(same(rig, "error_rate", failures), f"{counted(rig)} {failures}")

    good = [r for r in records if r["status"] == "ok"]
    expect(same(rig, "check:format", of_ledger(good, lambda r: True, current)), f"{counted(rig)} {len(good)}: no answer is JSON")
    scores(rig, "helpful", good, lambda r: 0.25)
    expect(same(rig, "score:helpful", of_ledger(good, lambda r: 0.25, ("control",))), counted(rig))
    scores(rig, "helpful", good, lambda r: 0.5 if r["arm"] == "candidate" else 0.75)
    helpful = of_ledger(good, lambda r: 0.5 if r["arm"] == "candidate" else 0.75, ("control",))
    expect(same(rig, "score:helpful", helpful), f"{counted(rig)} {helpful}")
    before = counted(rig)
    rig.gateway.kill9()
    rig.start_gateway()
    expect(eventually(lambda: counted(rig) == before), f"{counted(rig)} {before}")

    expect(status(rig)["state"] == "progressing" and status(rig)["weight"] == 50, "these three only tell")
    scores(rig, "feedback", good, lambda r: 0 if r["arm"] == "candidate" else 1)
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    expect(counted(rig)["negative_feedback"] == of_ledger(good, lambda r: r["arm"] == "candidate", current), counted(rig))

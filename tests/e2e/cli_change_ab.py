"""A/B tests: two versions side by side until a declared metric tells them apart; a person promotes the winner."""
import json
import random

from change_rig import serve, shown, status, version
from cli_words import eventually
from rig import KEY, expect

PLAN = {"ab": {"metric": "score:helpful", "min_effect": 0.1, "alpha": 0.05, "power": 0.8, "longest": "1h"}}
BREAKS = """rules:
  - match: {system_contains: BROKEN}
    do: {status: 500, error: {message: broken}}
"""


def traffic(rig, n, check=True):
    (rig.folder / "questions.jsonl").write_text('{"question": "When?"}\n{"question": "Why?"}\n')
    rig.run("load", "--url", rig.gateway.url, "--key", KEY, "--prompt", "answer", "--vars", "questions.jsonl", "--users", "4000", "--rate", "400",
            "--requests", str(n), "--no-stream", check=check)


def score(rig, rollout, candidate, control, seed):
    """Scores of what was answered under this rollout, as a person's; how many of each arm."""
    rng, lines, of = random.Random(seed), [], {"candidate": 0, "control": 0, "rest": 0}
    for r in rig.records():
        if r["rollout"] != rollout or r["arm"] is None:
            continue
        of[r["arm"]] += 1
        lines.append({"record": r["id"], "name": "helpful", "value": min(1, max(0, rng.gauss(candidate if r["arm"] == "candidate" else control, 0.15)))})
    (rig.folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rig.run("record", "score", "--file", "scores.jsonl", check=True)
    return of


def test_change_ab(rig):
    """Half each, looked at while it runs: a winner is named and promoted by a person; a loser, and one that fails, are taken back."""
    serve(rig, rules=BREAKS, plan=PLAN)
    version(rig, "Be kind.")
    code, out, err = rig.run("rollout", "start", "answer@1", "--ab", "--why", "a test")
    expect(code != 0 or "already" in out + err, f"what serves alone cannot be tested against itself: {code} {out} {err}")
    number = version(rig, "Be kind, and helpful.")
    told = rig.run("rollout", "start", f"answer@{number}", "--ab", "--why", "which helps more", check=True)[1]
    expect("is not known" in told and status(rig)["ab"]["needed_an_arm"] is None, told)
    traffic(rig, 800)
    rig.wait_records(count=800)
    first = rig.records()[0]["rollout"]
    of = score(rig, first, 0.8, 0.6, 1)
    expect(abs(of["candidate"] - of["control"]) < 120 and of["rest"] == 0, of)
    expect(eventually(lambda: "candidate better" in json.dumps(status(rig))), status(rig))
    told = status(rig)
    metric = told["guardrails"][0]
    expect(metric["metric"] == "score:helpful" and 0.15 < metric["effect"] < 0.25 and metric["interval"][0] > 0, metric)
    expect({v["version"]: v["state"] for v in shown(rig)["versions"]}[1] == "production", "it never promotes by itself")
    rig.run("rollout", "promote", "answer", "--why", "it helps more", check=True)
    expect({v["version"]: v["state"] for v in shown(rig)["versions"]} == {1: "superseded", 2: "production"}, shown(rig))

    number = version(rig, "Be curt.")
    told = rig.run("rollout", "start", f"answer@{number}", "--ab", "--why", "is short enough", check=True)[1]
    needed = status(rig)["ab"]["needed_an_arm"]  # of 0.1, where scores vary by 0.15: a fixed test would take 35
    expect(35 < needed < 200 and f"about {needed} exchanges an arm" in told, f"{needed} {told}")
    traffic(rig, 400)
    rig.wait_records(count=1200)
    second = rig.records()[0]["rollout"]
    expect(second != first, f"{first} {second}")
    score(rig, second, 0.4, 0.7, 2)
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    expect({v["version"]: v["state"] for v in shown(rig)["versions"]} == {1: "superseded", 2: "production", 3: "rolled back"}, shown(rig))

    number = version(rig, "Be BROKEN.")  # nobody scores a failure: the canary's guardrails see it
    rig.run("rollout", "start", f"answer@{number}", "--ab", "--why", "breaks", check=True)
    traffic(rig, 200, check=False)
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    told = status(rig)
    expect([g["metric"] for g in told["guardrails"]] == ["score:helpful", "error_rate"] and told["why"].startswith("error_rate: surely worse"), told)

    number = version(rig, "Be plain.")  # of what records say, too, it is told beforehand
    told = rig.run("rollout", "start", f"answer@{number}", "--ab", "--metric", "output_tokens", "--min-effect", "0.1", "--why", "is it shorter", check=True)[1]
    needed = status(rig)["ab"]["needed_an_arm"]
    expect(needed is not None and needed > 10 and f"about {needed} exchanges an arm" in told, f"{needed} {told}")
    expect([g["metric"] for g in status(rig)["guardrails"]] == ["output_tokens", "error_rate"], status(rig))

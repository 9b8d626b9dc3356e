"""A/B tests: two versions side by side until a declared metric tells them apart; a person promotes the winner."""
import json
import random

from change_rig import serve, shown, status, version
from cli_words import eventually
from rig import KEY, expect

PLAN = {"ab": {"metric": "score:helpful", "min_effect": 0.1, "alpha": 0.05, "power": 0.8, "longest": "1h"}}


def traffic(rig, n):
    (rig.folder / "questions.jsonl").write_text('{"question": "When?"}\n{"question": "Why?"}\n')
    rig.run("load", "--url", rig.gateway.url, "--key", KEY, "--prompt", "answer", "--vars", "questions.jsonl", "--users", "4000", "--rate", "400",
            "--requests", str(n), "--no-stream", check=True)


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
    """Half each, looked at while it runs: a winner is named and promoted by a person; a loser is taken back; the plan is told before."""
    serve(rig, plan=PLAN)
    version(rig, "Be kind.")
    code, out, err = rig.run("rollout", "start", "answer@1", "--ab", "--why", "a test")
    expect(code != 0 or "already" in out + err, f"what serves alone cannot be tested against itself: {code} {out} {err}")
    number = version(rig, "Be kind, and helpful.")
    rig.run("rollout", "start", f"answer@{number}", "--ab", "--why", "which helps more", check=True)
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
    rig.run("rollout", "start", f"answer@{number}", "--ab", "--why", "is short enough", check=True)
    traffic(rig, 800)
    rig.wait_records(count=1600)
    second = rig.records()[0]["rollout"]
    expect(second != first, f"{first} {second}")
    score(rig, second, 0.4, 0.7, 2)
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    expect({v["version"]: v["state"] for v in shown(rig)["versions"]} == {1: "superseded", 2: "production", 3: "rolled back"}, shown(rig))

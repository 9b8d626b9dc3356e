"""kill -9 at each state of a version's way and in the midst of each act: afterwards there is the state before or the one after, whole."""
import json
import threading
import time

from cli_rollout import SCRIPT, Traffic, ask, status, version
from cli_words import eventually
from rig import config, expect

WAYS = """
change_policy:
  minor: {reviewers: 0, gate: none, rollout: %s, promote: person}
  moderate: {reviewers: 0, gate: none, rollout: %s, promote: person}
  major: {reviewers: 0, gate: none, rollout: %s, promote: person}
rollouts:
  canary:
    sticky: request
    steps: [{setWeight: 40}, {pause: {duration: 24h}}, {setWeight: 50}, {pause: {duration: 24h}}, {setWeight: 100}]
    analysis: {interval: 100ms, alpha: 0.01, min_samples: 1, guardrails: [{metric: error_rate, margin: 1.5, tolerance: 0.99}]}
  shadow: {share: 1, min_samples: 1, max_cost_usd: 1}
"""
DELAYS = (0, 0.001, 0.002, 0.004, 0.008)
# what is asked, of which version, and what the rollout's state and weight and production are then
WALK = [
    ("start", 2, ("progressing", "canary", 40, 1)),
    ("pause", None, ("paused", "canary", 40, 1)),
    ("promote", None, ("progressing", "canary", 50, 1)),
    ("abort", None, ("aborted", "canary", 0, 1)),
    ("start", 3, ("progressing", "canary", 40, 1)),
    ("promote", None, ("progressing", "canary", 50, 1)),
    ("promote", None, ("promoted", "canary", 100, 3)),
    ("rollback", None, ("rolled back", "canary", 100, 1)),
    ("rollback", 3, ("rolled back", "canary", 100, 3)),
    ("start", 4, ("progressing", "canary", 40, 3)),
    ("rollback", 1, ("aborted", "canary", 0, 1)),
]
OF_CANDIDATE = {"progressing": "canary", "paused": "canary", "aborted": "rolled back", "promoted": "production", "rolled back": "rolled back"}


def path_of(what, of):
    if what == "rollback":
        return "/api/v1/prompts/greet/rollback", {"to": str(of)} if of else {}
    if what == "start":
        return "/api/v1/rollouts", {"name": "greet", "version": str(of)}
    return f"/api/v1/rollouts/greet/{what}", {}


def say(rig, what, of):
    path, body = path_of(what, of)
    try:
        rig.http("POST", path, json.dumps({**body, "reason": "a test"}), {"content-type": "application/json"}, timeout=10)
    except Exception:  # noqa: BLE001 - it was killed in the midst of it
        pass


def stand(rig):
    """All that can be seen of it; and that it fits together."""
    shown = rig.api("/api/v1/prompts/greet/versions")
    states, production = {v["version"]: v["state"] for v in shown["versions"]}, shown["production"]
    code, out, err = rig.run("audit", "verify")
    expect(code == 0, f"{code} {out} {err}")
    expect([v for v, state in states.items() if state == "production"] == [production], f"{production}: {states}")
    now = rig.http("GET", "/api/v1/rollouts/greet")
    if now[0] == 404:
        return None, production, states, None
    now = json.loads(now[2])
    place = (now["state"], now["stage"], now["weight"], now["production"])
    expect(now["production"] == production, f"{now}: {production}")
    arms = {f"greet@{production}"} | ({f"greet@{now['candidate']}"} if now["state"] in ("progressing", "paused") else set())
    served = {ask(rig) for _ in range(40)}
    expect(served == {(200, arm) for arm in arms}, f"{place}: {served}")
    if now["candidate"] != production:
        expect(states[now["candidate"]] == OF_CANDIDATE[now["state"]], f"{place}: {states}")
    return place, production, states, [h["action"] for h in now["history"]]


def test_rollout_kill_in_each_act(rig):
    """Each act of a table, killed a little later each time until it is done: before or after, nothing between, and once."""
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url) + WAYS % (("canary",) * 3))
    rig.start_gateway()
    for text in ("Be kind.", "Be kind and brief.", "Be kind, please.", "Be kinder."):
        version(rig, text)
    before, kills, halves = stand(rig), 0, 0
    for what, of, after in WALK:
        for turn in range(20):
            sender = threading.Thread(target=say, args=(rig, what, of), daemon=True)
            sender.start()
            time.sleep(DELAYS[turn] if turn < len(DELAYS) else 0.5)
            rig.gateway.kill9()
            sender.join()
            rig.start_gateway()
            kills += 1
            now = stand(rig)
            if now != before:
                break
            halves += 1
            if what == "promote":  # a new server has its exchanges to count
                eventually(lambda: status(rig)["exchanges"] > 0)
        expect(now[0] == after, f"{what} {of}: {before} -> {now}, expected {after}")
        if what != "start":  # it stands there once
            expect(now[3][:len(before[3])] == before[3] and len(now[3]) <= len(before[3]) + 1, f"{what}: {before[3]} -> {now[3]}")
        before = now
    print(f"  {kills} kills, {halves} of them before the act was done")


def test_rollout_kill_by_itself(rig):
    """What the server does by itself, from shadow to production, killed again and again on its way: never back, each step once."""
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    plan = (WAYS % (("shadow-then-canary",) * 3)).replace("24h", "300ms").replace("promote: person", "promote: auto").replace("min_samples: 1,", "min_samples: 5,")
    rig.write_config(config(sim.url) + plan)
    rig.start_gateway()
    version(rig, "Be kind.")
    version(rig, "Be kind and brief.")
    say(rig, "start", 2)
    seen, kills = [], 0
    with Traffic(rig):
        while kills < 60:
            time.sleep(0.15 + 0.01 * (kills % 10))
            rig.gateway.kill9()
            rig.start_gateway()
            kills += 1
            now = status(rig)
            place = (now["state"], now["stage"], now["weight"], now["production"])
            seen += [place] if seen[-1:] != [place] else []
            if now["state"] != "progressing":
                break
    way = [("progressing", "shadow", 0, 1), ("progressing", "canary", 40, 1), ("progressing", "canary", 50, 1), ("promoted", "canary", 100, 2)]
    expect(seen[-1] == way[-1] and [p for p in way if p in seen] == seen, seen)
    place, production, states, history = stand(rig)
    expect(production == 2 and states == {1: "superseded", 2: "production"}, states)
    expect(history == ["rollout.start", "rollout.canary", "rollout.step", "rollout.promote"], history)
    print(f"  {kills} kills, seen {[p[1:3] for p in seen]}")

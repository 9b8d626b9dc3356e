"""Scenarios of cli.py: what people do to live traffic, each kind once, and back; and what outlives a kill."""
import json
import time

import change_rig
from cli_words import chat
from rig import KEY, OTHER_KEY, config, expect

SMALL, LARGE, HAIKU = "openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-2024-08-06", "anthropic/claude-3-5-haiku-20241022"
MODELS = """  pair: {targets: [{provider: openai, model: gpt-4o-mini-2024-07-18}, {provider: anthropic, model: claude-3-5-haiku-20241022}], degraded: {serve: message, message: later}}
  best: {targets: [{provider: openai, model: gpt-4o-2024-08-06}]}
  smart: {tiers: [on-openai, best]}
"""


def act(rig, *words, code=0):
    status, out, err = rig.run("action", *words, "--json")
    expect(status == code, f"{words}: {status} {out} {err}")
    return json.loads(out) if out and code == 0 else err


def answers(rig, model="pair", **more):
    """Who answered, or the code of the error."""
    status, headers, body = chat(rig, model=model, **more)
    return headers.get("x-quarterdeck-model") if status == 200 else json.loads(body)["error"]["code"]


def test_actions(rig):
    """Each kind of action is in force at the next exchange and gone after its undo; what is wrong is told with the nearest name; a kill forgets none."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, models=MODELS))
    rig.start_gateway()
    expect(answers(rig) == SMALL and answers(rig, "smart") == LARGE, "before")
    expect("nothing was done to live traffic" in rig.run("action", "list", check=True)[1], "an empty list")

    def once(words, inside, outside, what=answers, **more):
        done = act(rig, "take", *words, "--why", "a drill")
        expect(done["published"] and done["undo"] == f"quarterdeck action undo {done['number']}", done)
        expect(what(rig, **more) == inside, f"{words}: {what(rig, **more)}")
        expect(act(rig, "take", *words)["already"], f"{words} twice")
        command = done["undo"].split()[1:]
        expect(rig.run(*command, "--why", "over")[0] == 0, command)
        expect(what(rig, **more) == outside, f"{words}: {what(rig, **more)} after its end")
        expect(act(rig, "undo", str(done["number"]))["already"], "undone twice")

    once(["fail_over", "--model", "pair"], HAIKU, SMALL)
    once(["fail_over", "--model", "on-openai", "--to", "on-anthropic"], HAIKU, SMALL, model="on-openai")
    once(["open_breaker", "--provider", "openai"], HAIKU, SMALL)
    once(["close_breaker", "--provider", "openai"], SMALL, SMALL)
    once(["route_down", "--model", "smart"], SMALL, LARGE, model="smart")
    once(["serve_degraded", "--model", "pair"], None, SMALL)
    once(["freeze_key", "--application", "e2e", "--key", "sdk"], "key_frozen", SMALL)

    done = act(rig, "take", "throttle_key", "--application", "e2e", "--key", "sdk", "--per-minute", "1")
    expect([answers(rig) for _ in range(4)][-1] == "key_throttled", "not throttled")
    expect(rig.run("action", "take", "throttle_key", "--application", "e2e", "--key", "sdk", "--per-minute", "9")[0] == 1, "two rates for a key")
    act(rig, "undo", str(done["number"]))
    expect(answers(rig) == SMALL, "throttled for ever")

    # it ends by itself, on the loops at once and whoever writes it down
    act(rig, "take", "freeze_key", "--application", "e2e", "--key", "sdk", "--for", "1s")
    expect(answers(rig) == "key_frozen", "not frozen")
    time.sleep(1.1)
    expect(answers(rig) == SMALL, "frozen for longer than it was said")

    # a drill, and what is wrong
    would = act(rig, "take", "fail_over", "--model", "pair", "--dry-run")
    expect(would["state"] == "would" and would["command"] == f"quarterdeck action take fail_over --model pair --from {SMALL}" and answers(rig) == SMALL, would)
    for code, words, said in ((2, ["fail_ovr", "--model", "pair"], "did you mean `fail_over`?"), (2, ["fail_over", "--model", "pairs"], "did you mean `pair`?"),
                              (2, ["fail_over"], "expected its `model`"), (2, ["freeze_key", "--application", "e2e", "--key", "skd"], "did you mean `sdk`?"),
                              (2, ["fail_over", "--model", "pair", "--for", "soon"], "for: expected a duration"),
                              (3, ["roll_back", "--prompt", "none"], "none"), (3, ["pause_batch", "--application", "e2e", "--batch", "batch_none"], "batch_none")):
        status, out, err = rig.run("action", "take", *words)
        expect(status == code and said in err, f"{words}: {status} {out} {err}")
    expect(rig.run("action", "undo", "999")[0] == 3 and rig.run("action", "undo", str(would["number"]))[0] == 1, "undo of what is not there")

    # in force over a kill; beside a stopped server, in force when one starts
    over = act(rig, "take", "fail_over", "--model", "pair", "--why", "the vendor's page says so")
    act(rig, "take", "pause_batch", "--application", "e2e")
    rig.gateway.kill9()
    rig.gateway = None
    status, out, err = rig.run("action", "take", "open_breaker", "--provider", "anthropic", "-c", rig.folder / "quarterdeck.yaml")
    expect(status == 0 and "No server is running: it is in force when one starts" in out, f"{status} {out} {err}")
    rig.start_gateway()
    expect(answers(rig) == SMALL and answers(rig, "on-anthropic") == "no_target_available", answers(rig, "on-anthropic"))
    held = act(rig, "list", "--in-force")["actions"]
    expect([a["kind"] for a in held] == ["open_breaker", "pause_batch", "fail_over"], held)
    act(rig, "undo", str(held[0]["number"]))
    expect(answers(rig) == HAIKU, "the fail-over did not outlive the kill")
    shown = rig.run("action", "show", str(over["number"]), check=True)[1]
    expect("fail_over of pair" in shown and "the vendor's page says so" in shown and f"quarterdeck action undo {over['number']}" in shown, shown)
    entries = rig.api("/api/v1/audit")["entries"]
    expect(entries[0]["action"] == "action.undo" and entries[0]["subject"] == f"action:{held[0]['number']}", entries[0])
    expect(rig.run("audit", "verify")[0] == 0, "the chain of the audit log")
    expect(rig.http("POST", "/api/v1/actions", "{}", token=KEY)[0] == 401 and rig.http("POST", "/api/v1/actions", '{"kind": "x"}')[0] == 400, "who may")
    expect(answers(rig, "embed", key=OTHER_KEY) is not None, "another application")


def test_action_quarantine(rig):
    """Answers that were kept until now are not given again; those of afterwards are; with the undo all are."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url).replace("e2e: {keys", "e2e: {cache: {exact: {ttl: 1h}}, keys"))
    rig.start_gateway()

    def kept():
        status, headers, body = chat(rig)
        expect(status == 200, body)
        return headers["x-quarterdeck-cache"]

    expect([kept(), kept()] == ["miss", "hit"], "not kept")
    done = act(rig, "take", "quarantine", "--application", "e2e", "--model", "on-openai", "--why", "it told a customer's name")
    expect([kept(), kept()] == ["miss", "hit"], "given again, or nothing is kept any more")
    act(rig, "undo", str(done["number"]))
    expect(kept() == "hit", "the undo")


def test_action_rollback(rig):
    """A rollback and an abort by `action take`: what serves, whose row, and the command that undoes it."""
    change_rig.serve(rig, way="direct")
    for i, system in enumerate(("You help.", "You help a lot."), 1):
        expect(change_rig.version(rig, system) == i, "a version")
        rig.run("rollout", "start", f"answer@{i}", check=True)
    served = lambda: change_rig.ask(rig, "why?")[1]["x-quarterdeck-prompt"]  # noqa: E731
    expect(served() == "answer@2", served())
    done = act(rig, "take", "roll_back", "--prompt", "answer", "--why", "it makes things up")
    expect(served() == "answer@1" and done["state"] == "done" and done["undo"] == "quarterdeck rollback answer --to 2", done)
    refusal = act(rig, "undo", str(done["number"]), code=1)
    expect("`quarterdeck rollback answer --to 2`" in refusal, refusal)
    expect(rig.run(*done["undo"].split()[1:])[0] == 0 and served() == "answer@2", "the undo does not run")
    expect(rig.run("action", "take", "abort_rollout", "--prompt", "answer")[0] == 1, "no rollout is under way")
    actions = [e["action"] for e in rig.api("/api/v1/audit")["entries"]]
    expect("action.roll_back" in actions and "rollback" in actions, actions)

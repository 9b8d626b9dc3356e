"""Scenarios of cli.py: rules that fire and what they may do by themselves: what is granted is done once, all else is told with its command."""
import json

from cli_words import chat, eventually
from receiver_rig import Receiver
from rig import config, expect

TARGETS = "targets: [{provider: openai, model: gpt-4o-mini-2024-07-18}, {provider: anthropic, model: claude-3-5-haiku-20241022}]"
MODELS = "".join(f"  {name}: {{{TARGETS}}}\n" for name in ("first", "second", "drill", "free", "undone"))
SMALL, HAIKU = "openai/gpt-4o-mini-2024-07-18", "anthropic/claude-3-5-haiku-20241022"


def busy(name, model, action="fail_over"):
    """A rule on each of two models, or on one. It goes on firing while the test looks."""
    where = f", where: {{model: {model}}}" if model else ""
    return {"name": name, "when": f"{{metric: requests, by: [model], window: 10s{where}, above: 3}}", "action": action}


def rules(all_of):
    return "\n".join(f"  - {{name: {r['name']}, when: {r['when']}, keep_firing_for: 1h, severity: critical, notify: [ops], actions: [{{{r['action']}: {{}}}}]}}" for r in all_of)


def serve(rig, hook, grants, all_of):
    sim = rig.start_sim("--speed", "0")
    server = f"receivers: {{ops: {{webhook: {{url: '{hook.url}/'}}}}}}\nalerts:\n{rules(all_of)}\ngrants: {json.dumps(grants)}"
    rig.write_config(config(sim.url, models=MODELS, server=server))
    rig.start_gateway()


def fire(rig, model):
    for _ in range(8):
        expect(chat(rig, model=model)[0] == 200, model)


def actions(rig, rule):
    return json.loads(rig.run("action", "list", "--rule", rule, "--json", check=True)[1])["actions"]


def wait_for(rig, rule, states):
    expect(eventually(lambda: sorted(a["state"] for a in actions(rig, rule)) == sorted(states)), f"{rule}: {actions(rig, rule)}")
    return actions(rig, rule)


def served(rig, model):
    return chat(rig, model=model)[1].get("x-quarterdeck-model")


def notice(hook, rule):
    """The commands of the first notice that a rule fires."""
    for got in hook.got:
        for alert in json.loads(got["body"])["alerts"]:
            if alert["labels"]["alertname"] == rule:
                return alert["annotations"]["commands"]
    return None


def test_watch_granted(rig):
    """Granted: done once, also when a kill comes or a person undoes it; beyond the rate, as a drill, or without a grant: not done, and told with the command."""
    hook = Receiver()
    grants = [{"rule": "busy", "action": "fail_over", "at_most": "1/h"}, {"rule": "drill", "action": "fail_over", "at_most": "9/h", "dry_run": True},
              {"rule": "undone", "action": "fail_over", "scope": {"model": "undone"}, "at_most": "9/h"}, {"rule": "free", "action": "fail_over", "scope": {"model": "first"}, "at_most": "9/h"}]
    serve(rig, hook, grants, [busy("busy", None), busy("drill", "drill"), busy("free", "free"), busy("undone", "undone")])

    # a silence mutes the notice, not the action
    expect(rig.run("alert", "silence", "rule=busy", "model=first", "--for", "1h", "--why", "known")[0] == 0, "a silence")
    fire(rig, "first")
    done = wait_for(rig, "busy", ["in force"])[0]
    expect(done["about"] == "first" and done["by"] == "quarterdeck" and done["scope"] == {"model": "first", "from": SMALL}, done)
    expect(eventually(lambda: served(rig, "first") == HAIKU), "the fail-over is not in force")

    fire(rig, "second")  # its rate is used up
    refused = next(a for a in wait_for(rig, "busy", ["in force", "too often"]) if a["state"] == "too often")
    expect(refused["about"] == "second" and "its grant allows 1. A person may: `quarterdeck action take fail_over --model second" in refused["ended_why"], refused)
    expect(refused["undo"] is None and served(rig, "second") == SMALL, refused)

    for model, state in (("drill", "would"), ("free", "not granted"), ("undone", "in force")):
        fire(rig, model)
        row = wait_for(rig, model, [state])[0]
        expect(row["command"] == f"quarterdeck action take fail_over --model {model} --from {SMALL}", row)
        expect(served(rig, model) == (HAIKU if state == "in force" else SMALL), f"{model}: {served(rig, model)}")
    expect(eventually(lambda: notice(hook, "free")) and "quarterdeck action take fail_over --model free" in notice(hook, "free"), notice(hook, "free"))
    expect(eventually(lambda: notice(hook, "undone")) and "quarterdeck action list --alert" in notice(hook, "undone"), notice(hook, "undone"))
    told = [a["labels"].get("model") for got in hook.got for a in json.loads(got["body"])["alerts"]]
    expect("first" not in told and "second" in told, told)

    # a person's undo holds while it fires, over an acknowledgement (rows are read again) and a kill
    undone = actions(rig, "undone")[0]
    expect(rig.run("action", "undo", str(undone["number"]), "--why", "it was the network")[0] == 0, undone)
    expect(rig.run("alert", "ack", str(done["alert"]), "--why", "mine")[0] == 0, "an acknowledgement")
    ticks = lambda: sum(float(line.split()[-1]) for line in rig.http("GET", "/metrics")[2].decode().splitlines() if line.startswith('quarterdeck_watch_ticks_total{result="ok"}'))  # noqa: E731
    before = [(a["number"], a["state"]) for a in actions(rig, "busy") + actions(rig, "drill") + actions(rig, "free") + actions(rig, "undone")]
    rig.gateway.kill9()
    rig.start_gateway()
    expect(eventually(lambda: ticks() >= 3), "the watch does not look")
    after = [(a["number"], a["state"]) for a in actions(rig, "busy") + actions(rig, "drill") + actions(rig, "free") + actions(rig, "undone")]
    expect(before == after, f"{before} before the kill, {after} after it")
    expect(served(rig, "undone") == SMALL and served(rig, "first") == HAIKU, "what is in force after the kill")

    # each is in the audit log, with whose word it was and what it rests on
    entries = {e["subject"]: e for e in reversed(rig.api("/api/v1/audit?limit=200")["entries"]) if e["subject"].startswith("action:")}
    for action, name in ((done, "action.fail_over"), (refused, "action.refused"), (actions(rig, "drill")[0], "action.would"), (actions(rig, "free")[0], "action.refused")):
        entry = next(e for e in rig.api("/api/v1/audit?limit=200")["entries"] if e["subject"] == f"action:{action['number']}" and e["action"].startswith("action."))
        detail = entry["detail"] if isinstance(entry["detail"], dict) else json.loads(entry["detail"])
        expect(entry["action"] == name and entry["actor"] == "quarterdeck" and detail["rule"] == action["rule"] and detail["alert"] == action["alert"], entry)
        expect(detail["evidence"] and detail["evidence"].get("value", 0) > 3, detail)
    expect(entries and rig.run("audit", "verify")[0] == 0, "the chain of the audit log")
    hook.close()

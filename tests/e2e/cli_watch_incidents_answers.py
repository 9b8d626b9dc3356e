"""Scripted incidents of answers, models and money, from the planted cause to notice, action, recovery and audit trail. Times are printed as measured."""
import json
import time

from rig import KEY, expect
from watch_rig import FAST, MINI, Customers, audited, say, script, serve, told, took, within

SCORING = """scoring: whole
application: shop
key: app
sample: {rate: 1}
checks: [{type: is-json, metric: format}]
"""
DIRECT = "change_policy: " + json.dumps({name: {"reviewers": 0, "gate": "none", "rollout": "direct", "promote": "auto"} for name in ("minor", "moderate", "major")})


def version(rig, number, system):
    (rig.folder / "answer.yaml").write_text(json.dumps({"prompt": "answer", "model": "front", "variables": {"question": {"required": True}},
                                                        "messages": [{"role": "system", "content": system}, {"role": "user", "content": "{{question}}"}]}))
    rig.run("apply", "-f", rig.folder / "answer.yaml", "--author", "anna", "--why", f"version {number}", check=True)
    rig.run("prompt", "submit", f"answer@{number}", "--why", "a test", check=True)
    rig.run("rollout", "start", f"answer@{number}", "--why", "a test", check=True)


def ask(rig, number):
    headers = {"content-type": "application/json", "x-quarterdeck-prompt": "answer", "x-quarterdeck-request-type": "chat"}
    return rig.http("POST", "/v1/chat/completions", json.dumps({"messages": [], "prompt_variables": {"question": f"question {number}"}}), headers, token=KEY)


def test_watch_quality(rig):
    """A prompt's new version breaks the format of answers: by itself it goes back to the one before; the notice names it, the audit log the rule and what it saw."""
    rule = {"name": "format-broken", "when": {"metric": "format.valid_rate", "by": ["application", "prompt"], "window": "30s", "below": "90%", "min_samples": 20}, "severity": "critical",
            "notify": ["ops"], "actions": ["roll_back"]}
    watcher = {"name": "answers-worse", "when": {"finding": "output_worse"}, "notify": ["finance"]}
    main, spare, ops, finance = serve(rig, [rule, watcher], [{"rule": "format-broken", "action": "roll_back", "at_most": "1/d"}], more=DIRECT, application="payloads: {capture: full},")
    for sim in (main, spare):
        script(sim, [{"do": {"say": '{"answer": "yes"}'}}, {"match": {"system_contains": "friendly"}, "do": {"say": "Gladly! Yes."}}])
    (rig.folder / "scoring.yaml").write_text(SCORING)
    rig.run("apply", "-f", rig.folder / "scoring.yaml", "--why", "a test", check=True)
    within(60, lambda: json.loads(rig.run("eval", "online", "show", "whole", "--json", check=True)[1])["rules"][0]["state"] == "on", "the scoring rule")
    version(rig, 1, "Answer in JSON.")
    customers = Customers(rig, ask, rate=20)
    within(60, lambda: len(customers.answers) >= 300, "300 answers")
    expect(not ops.got, ops.got)
    cause = time.time()
    version(rig, 2, "Be friendly.")
    got, alert = within(120, lambda: told(ops, "format-broken"), lambda: f"told: {rig.run('alert', 'rules')} {rig.gateway.tail()}")
    took("broken answers", cause, got)
    expect("answer@2" in alert["annotations"]["summary"] and alert["annotations"]["commands"].startswith("quarterdeck rollback answer --to 2 # roll_back of answer: done\n"), alert)
    done = rig.api("/api/v1/actions")["actions"]
    expect([(a["kind"], a["state"], a["rule"]) for a in done] == [("roll_back", "done", "format-broken")], done)
    served = ask(rig, 0)
    expect(served[1]["x-quarterdeck-prompt"] == "answer@1" and b'{\\"answer' in served[2], served)
    entry = next(e for e in audited(rig) if e["action"] == "action.roll_back")
    expect(entry["actor"] == "quarterdeck" and "format-broken" in json.dumps(entry), entry)
    expect(entry["detail"]["rule"] == "format-broken" and entry["detail"]["evidence"]["value"] == 0, entry)
    second = within(60, lambda: told(finance, "answers-worse"), lambda: f"output_worse: {rig.run('finding', 'list')}")
    took("by the watcher", cause, second[0])
    finding = rig.api("/api/v1/findings?kind=output_worse")["findings"][0]
    print(finding["title"])
    expect(finding["evidence"]["version"] == "2" and finding["evidence"]["statistic"] > finding["evidence"]["threshold"], finding)
    within(100, lambda: told(ops, "format-broken", "resolved"), "resolved")  # its window has to pass
    customers.stop()


def test_watch_model_change(rig):
    """Another model answers behind the same name: it waits for a person, who is told by a rule, and whose word ends it."""
    main, _, ops, _ = serve(rig, [{"name": "model-changed", "when": {"finding": ["model_change_waits", "model_changed"]}, "severity": "critical", "notify": ["ops"]}])
    customers = Customers(rig, lambda r, i: say(r, f"question {i}"))
    within(30, lambda: len(customers.answers) >= 30, "30 answers")
    time.sleep(2)  # the ledger has the version that answers now
    cause = time.time()
    script(main, [{"do": {"version": "gpt-4o-mini-2026-01-01"}}])
    got, alert = within(60, lambda: told(ops, "model-changed"), lambda: f"told: {rig.run('model', 'changes')} {rig.run('finding', 'list')}")
    took("another model", cause, got)
    expect("gpt-4o-mini-2026-01-01" in alert["annotations"]["summary"], alert)
    status, out, err = rig.run("model", "changes")
    expect(status == 1 and "gpt-4o-mini-2026-01-01" in out, f"{status} {out} {err}")
    status, out, err = rig.run("model", "accept", "1", "--why", "as good as the one before")
    expect(status == 0, f"{status} {out} {err}")
    within(60, lambda: told(ops, "model-changed", "resolved"), "resolved")
    customers.stop()
    expect(any("as good as" in (e["reason"] or "") for e in audited(rig)), audited(rig))


def test_watch_spending(rig):
    """A budget's plan is passed by a fifth: finance and operations are told, nobody is refused, and the notice says by how much."""
    rule = {"name": "cost-over-budget", "when": {"metric": "cost.over_budget", "by": ["budget"], "above": "20%", "clear": "10%"}, "notify": ["finance", "ops"], "runbook": "cost-over-budget"}
    _, _, ops, finance = serve(rig, [rule], more='budgets: [{name: daily, scope: {application: shop}, limit_usd: 0.0001, window: day, mode: soft}]')
    expect(all(say(rig, f"question {i}")[0] == 200 for i in range(50)), "a soft budget refused")
    rig.wait_records(count=50)
    expect(not ops.got and not finance.got, "told of nothing")
    cause = time.time()
    rig.gateway.kill9()  # the books are read at the start, and each five minutes: a kill forgets none of it
    rig.start_gateway()
    first, alert = within(60, lambda: told(finance, "cost-over-budget"), lambda: f"told: {rig.run('alert', 'rules')} {rig.run('budget', 'list')}")
    second, same = within(60, lambda: told(ops, "cost-over-budget"), "operations were not told")
    took("a budget passed", cause, max(first, second, key=lambda got: got["at"]))
    spent = next(b for b in rig.api("/api/v1/budgets")["budgets"] if b["name"] == "daily")["spent_usd"]
    expect(alert["labels"]["budget"] == "daily" and alert["fingerprint"] == same["fingerprint"], alert)
    expect(abs(json.loads(alert["annotations"]["evidence"])["value"] - (spent / 0.0001 - 1)) < 1e-6, f"{alert} of {spent}")
    expect(say(rig, "one more")[0] == 200, "a soft budget refused")


def test_watch_not_granted(rig):
    """What nobody granted is not done: the notice, the row and the audit log say so with the command that does it, and that command works."""
    rule = {"name": "errors", "when": {"metric": "errors.rate", "by": ["model"], "window": "30s", "above": "10%"}, "severity": "critical", "notify": ["ops"], "actions": [{"fail_over": {"model": "front"}}]}
    main, _, ops, _ = serve(rig, [rule])
    script(main, [{"match": {"path": "*/chat/completions"}, "do": {"status": 400, "error": {"message": "no such thing"}}}])  # an error that no other target is asked for
    cause = time.time()
    answers = [say(rig, f"question {i}")[0] for i in range(20)]
    expect(200 not in answers, answers)
    got, alert = within(60, lambda: told(ops, "errors"), lambda: f"told: {rig.run('alert', 'rules')} {rig.run('record', 'list')}")
    took("errors", cause, got)
    row = rig.api("/api/v1/actions")["actions"][0]
    expect((row["state"], row["rule"]) == ("not granted", "errors"), row)
    command = alert["annotations"]["commands"].splitlines()[0]
    expect(command == f"quarterdeck action take fail_over --model front --from main/{MINI} # fail_over of front: not granted", alert)
    expect(200 != say(rig, "still")[0], "it was done all the same")
    expect(rig.run(*command.split(" # ")[0].split()[1:], "--why", "I say so")[0] == 0, f"{command} does not work")
    expect(say(rig, "now")[1]["x-quarterdeck-model"] == f"spare/{FAST}", "it was not done")
    within(90, lambda: told(ops, "errors", "resolved") or say(rig, "traffic")[0] == 0, "resolved")
    acts = [(e["action"], e["actor"]) for e in audited(rig) if e["action"].startswith("action.")]
    expect(acts[-1] == ("action.fail_over", "e2e"), acts)

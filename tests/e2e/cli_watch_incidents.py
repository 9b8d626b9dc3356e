"""Scripted incidents, from the planted cause to notice, action, recovery and audit trail. Times are printed as measured."""
import json
import time

from rig import expect
from watch_rig import FAST, MINI, Customers, Page, audited, provider, say, script, serve, signed, told, took, within


OUTAGE = {"status": {"indicator": "major", "description": "Partial System Outage"},
          "incidents": [{"name": "Errors", "status": "investigating", "impact": "major", "created_at": "2026-01-05T14:02:00Z", "updated_at": "2026-01-05T14:02:00Z"}]}


def test_watch_outage(rig):
    """An outage: within a minute it is said that it is them, with what they say; no customer sees it, one signed notice tells of it, and one of its end."""
    page = Page(OUTAGE)
    main, _, ops, _ = serve(rig, [{"name": "provider-down", "when": {"finding": "provider_failing"}, "severity": "critical", "notify": ["ops"], "runbook": "provider-outage"}], page=page)
    customers = Customers(rig, lambda r, i: say(r, f"question {i}"))
    within(30, lambda: len(customers.answers) >= 50, "50 answers")
    within(20, lambda: provider(rig, "main")["verdict"] == "well", lambda: provider(rig, "main"))
    cause = time.time()
    script(main, [{"do": {"status": 503}}])
    got, alert = within(60, lambda: told(ops, "provider-down"), lambda: f"told: {provider(rig, 'main')} {rig.gateway.tail()}")
    took("an outage", cause, got)
    expect(signed(got) and alert["labels"]["severity"] == "critical" and "main: THEM: " in json.dumps(alert["annotations"]), got)
    expect(alert["annotations"]["commands"].startswith("quarterdeck provider show main\n"), alert)
    line = provider(rig, "main")["line"]
    print(line)
    expect(line.startswith("main: THEM: ") and "503" in line and 'status page: Partial System Outage, "Errors" since 2026-01-05 14:02 UTC' in line, line)
    status, out, err = rig.run("provider", "list")
    expect(status == 1 and "main: THEM" in out, f"{status} {out} {err}")
    status, out, err = rig.run("alert", "show", "1")
    expect(status == 1 and "THEM" in out and "provider-outage" in out and "quarterdeck provider show main" in out, f"{status} {out} {err}")
    expect(rig.run("alert", "ack", "1", "--why", "I have it")[0] == 0, "it cannot be acknowledged")
    well = time.time()
    page.summary = Page().summary
    script(main, [])
    got, alert = within(90, lambda: told(ops, "provider-down", "resolved"), lambda: f"resolved: {provider(rig, 'main')}")
    print(f"its end was told after {got['at'] - well:.1f} s")
    customers.stop()
    expect(signed(got) and alert["labels"]["severity"] == "critical", got)
    expect(all(status == 200 for _, status, _ in customers.answers), [a for a in customers.answers if a[1] != 200][:3])
    inside = {target for at, _, target in customers.answers if cause + 0.5 < at < well}
    expect(inside == {f"spare/{FAST}"}, inside)
    expect(customers.answers[-1][2] == f"main/{MINI}", "traffic did not come back")
    sent = [json.loads(g["body"])["alerts"] for g in ops.got]
    expect([a[0]["status"] for a in sent] == ["firing", "firing", "resolved"] and {len(a) for a in sent} == {1}, sent)  # fires, acknowledged, over
    expect(any(e["action"] == "alert.acknowledge" and e["reason"] == "I have it" for e in audited(rig)), audited(rig))


def test_watch_slowdown(rig):
    """A slowdown: P99 over 2 s moves the model's traffic within two minutes; the primary begins to come back when it is well, a person ends it; all of it is audited."""
    rule = {"name": "slow-chat", "when": {"metric": "latency.p99", "by": ["model"], "where": {"request_type": "chat"}, "window": "30s", "above": "2s", "clear": "1.6s"}, "severity": "error",
            "notify": ["ops"], "actions": [{"fail_over": {"model": "front"}}]}
    main, _, ops, _ = serve(rig, [rule], [{"rule": "slow-chat", "action": "fail_over", "scope": {"model": "front"}, "at_most": "4/h"}])
    customers = Customers(rig, lambda r, i: say(r, f"question {i}"))
    within(60, lambda: len(customers.answers) >= 120, "120 answers")
    cause = time.time()
    script(main, [{"match": {"path": "*/chat/completions"}, "do": {"delay": "2500ms"}}])
    got, alert = within(120, lambda: told(ops, "slow-chat"), lambda: f"told: {rig.run('alert', 'rules')} {rig.gateway.tail()}")
    took("a slowdown", cause, got)
    script(main, [])
    moved = within(10, lambda: [a for a in rig.api("/api/v1/actions")["actions"] if a["state"] == "in force"], "an action")[0]
    expect((moved["kind"], moved["rule"]) == ("fail_over", "slow-chat"), moved)
    expect(alert["annotations"]["commands"].startswith(f"quarterdeck action undo {moved['number']} # fail_over of front: in force\n"), alert)
    since = time.time()
    within(90, lambda: told(ops, "slow-chat", "resolved"), "resolved")
    after = {target for at, _, target in customers.answers if since + 0.5 < at < since + 50}
    expect(after == {f"spare/{FAST}"}, after)

    def step():
        return [e for e in audited(rig) if e["action"] == "action.return"]

    first = within(110, step, lambda: f"a step back: {rig.run('action', 'show', str(moved['number']))}")[0]
    print(f"the primary was asked again (1 %) {time.time() - since:.1f} s after the fail-over: {first['reason']}")
    status, out, err = rig.run("action", "show", str(moved["number"]))
    expect("1 %" in out, f"{status} {out} {err}")
    expect(rig.run("action", "undo", str(moved["number"]), "--why", "it is quick again")[0] == 0, "it cannot be undone")
    back = time.time()
    within(10, lambda: sum(at > back for at, _, _ in customers.answers) > 10, "traffic")
    customers.stop()
    expect({target for at, _, target in customers.answers if at > back} == {f"main/{MINI}"}, "not all of it came back")
    expect(all(status == 200 for _, status, _ in customers.answers), [a for a in customers.answers if a[1] != 200][:3])
    acts = [(e["action"], e["actor"]) for e in audited(rig) if e["action"].startswith("action.")]
    expect(acts == [("action.fail_over", "quarterdeck"), ("action.return", "quarterdeck"), ("action.undo", "e2e")], audited(rig))
    expect(rig.run("audit", "verify")[0] == 0, "the chain of the audit log")

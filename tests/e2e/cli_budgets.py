"""Scenarios of cli.py about budgets, limits and approvals that are set while the server runs."""
import json

from cli_words import chat
from rig import config, expect


def test_budget_registry(rig):
    """Budgets, limits and approvals set while the server runs: at once, over a restart, audited; wrong ones change nothing."""
    sim = rig.start_sim("--speed", "0")

    def write(budgets):
        rig.write_config(config(sim.url, server=budgets).replace("\n  e2e: {", "\n  e2e: {approve_above_usd: 0.000001, "))

    write("budgets: [{name: in-file, scope: {application: e2e}, limit_usd: 100, window: month}]")
    gateway = rig.start_gateway()

    def listed():
        return {b["name"]: b for b in rig.api("/api/v1/budgets")["budgets"]}

    expect(chat(rig)[0] == 402, "nothing needed approval")
    status, _, refused = chat(rig, request_type="summary")
    expect(status == 402 and b"quarterdeck budget approve --application e2e --request-type summary --up-to" in refused, refused)
    approve = ["budget", "approve", "--application", "e2e", "--request-type", "summary"]
    expect(rig.run(*approve, "--up-to", "2.50", "--until", "+1d")[0] != 0, "an end that is no time was taken")
    expect(rig.run(*approve, "--up-to", "2.50", "--until", "2020-01-01")[0] == 2, "an end in the past was taken")
    expect(rig.run(*approve, "--up-to", "2.50", "--until", "2100-01-01", "--why", "month end", check=True)[0] == 0, "approve")
    expect(chat(rig, request_type="summary")[0] == 200 and chat(rig, request_type="other")[0] == 402, "the approval is not in force")
    shown = json.loads(rig.run("budget", "approvals", "--json")[1])["approvals"]
    expect(len(shown) == 1 and shown[0]["up_to_usd"] == 2.5 and shown[0]["reason"] == "month end" and shown[0]["in_force"], shown)

    spent = sum(record["cost_nanousd"] for record in rig.wait_records(count=4) if record["cost_nanousd"])
    expect(spent > 0, "nothing was spent")
    status, out, err = rig.run("budget", "set", "--name", "day", "--application", "e2e", "--limit-usd", "0.0000001", "--window", "day",
                               "--timezone", "Europe/London", "--reason", "trial", "--dry-run")
    expect(status == 0 and "would be added" in out and set(listed()) == {"in-file"}, f"{out}{err}: {listed()}")
    status, out, err = rig.run("budget", "set", "--name", "day", "--application", "e2e", "--limit-usd", "0.0000001", "--window", "day",
                               "--timezone", "Europe/London", "--reason", "trial")
    expect(status == 0 and set(listed()) == {"in-file", "day"}, f"{out}{err}")
    expect(round(listed()["day"]["spent_usd"] * 1e9) == spent, f"{listed()['day']} does not know of {spent}")
    status, _, answer = chat(rig, request_type="summary")
    expect(status == 429 and b"`day`" in answer, answer)
    for wrong, words in ((["--name", "in-file", "--limit-usd", "1", "--window", "day"], "stands in"),
                         (["--name", "x", "--limit-usd", "1", "--window", "dy"], "window: expected one of"),
                         (["--name", "x", "--limit-usd", "1", "--window", "day", "--application", "e2"], "no such application")):
        status, _, err = rig.run("budget", "set", *wrong)
        expect(status != 0 and words in err and set(listed()) == {"in-file", "day"}, f"{wrong}: {err}")
    (rig.folder / "b.yaml").write_text("budgets:\n  - {name: day, limit_usd: 50, window: day}\n  - {name: y, limit_us: 1, window: day}\n"
                                       "limits:\n  - {name: few, scope: {application: e2e}, requests_per_minute: 1}\n")
    status, _, err = rig.run("budget", "set", str(rig.folder / "b.yaml"))
    expect(status == 2 and "b.yaml:3:" in err and "budgets[1].limit_us: unknown key; did you mean `limit_usd`?" in err, err)
    expect(round(listed()["day"]["limit_usd"] * 1e9) == 100, "half of a wrong file was taken")
    (rig.folder / "b.yaml").write_text((rig.folder / "b.yaml").read_text().replace("limit_us:", "limit_usd:"))
    status, out, err = rig.run("budget", "set", str(rig.folder / "b.yaml"))
    expect(status == 0 and "changed: budget day" in out and "added: limit few" in out, f"{out}{err}")
    answers = [chat(rig, request_type="summary")[0] for _ in range(3)]
    expect(answers == [200, 429, 429], f"the limit of the registry does not hold: {answers}")

    gateway.kill9()
    rig.gateway = None
    gateway = rig.start_gateway()
    expect(set(listed()) == {"in-file", "day", "y"} and listed()["day"]["limit_usd"] == 50, f"not over a restart: {listed()}")
    expect(rig.run("limit", "remove", "few", "--reason", "enough")[0] == 0 and rig.run("limit", "show", "few")[0] != 0, "limit remove")
    expect(rig.run("budget", "remove", "in-file")[0] != 0, "a budget of the file was removed")
    expect(rig.run("budget", "remove", "nothing")[0] != 0, "what is not there was removed")
    expect([chat(rig, request_type="summary")[0] for _ in range(3)] == [200, 200, 200], "the limit still holds")
    audit = rig.api("/api/v1/audit")["entries"]
    expect(("limit.remove", "few", "enough") in [(e["action"], e["subject"], e["reason"]) for e in audit], audit)
    changed = next(e for e in audit if e["action"] == "budget.set" and e["subject"] == "day")
    expect(changed["detail"]["before"]["limit_usd"] == 1e-07 and changed["detail"]["after"]["limit_usd"] == 50, changed)


def test_budget_registry_later(rig):
    """What the registry holds and the file no longer allows is left out and shown; all is audited; set beside a stopped server."""
    sim = rig.start_sim("--speed", "0")

    def write(budgets):
        rig.write_config(config(sim.url, server=budgets))

    def listed():
        return {b["name"]: b for b in rig.api("/api/v1/budgets")["budgets"]}

    write("")
    gateway = rig.start_gateway()
    approve = ["budget", "approve", "--application", "other", "--request-type", "summary"]
    put = [rig.http("PUT", f"/api/v1/budgets/{name}", body) for name, body in (
        ("of-billing", '{"scope": {"application": "billing"}, "limit_usd": 1, "window": "day", "reason": "b"}'),
        ("y", '{"name": "y", "limit_usd": 1, "window": "day", "reason": "because"}'),
        ("z", '{"name": "another", "limit_usd": 1, "window": "day"}'),
        ("of-other", '{"scope": {"application": "other"}, "limit_usd": 1e0, "window": "day"}'))]
    expect([answer[0] for answer in put] == [400, 200, 400, 200], put)
    expect(rig.run(*approve, "--up-to", "1", "--why", "over")[0] == 0, "approve")
    rig.write_config(config(sim.url, server="budgets: [{name: y, limit_usd: 7, window: day}]").replace("  other: {", "  others: {"))
    expect(rig.run("policy", "reload")[0] == 0, "the reload failed")
    left = rig.api("/api/v1/budgets")["not_in_force"]
    expect([(o["kind"], o["name"]) for o in left] == [("approval", "other/summary"), ("budget", "of-other"), ("budget", "y")], left)
    expect("line" in left[2]["why"] and "no such application" in left[1]["why"], left)
    expect(listed()["y"]["limit_usd"] == 7 and "not in force" in rig.run("budget", "list")[1], "the file's does not win")
    expect("no such application" in rig.run("budget", "show", "of-other")[1], "the reason is not shown")
    expect(rig.run(*approve, "--revoke", "--why", "over")[0] == 0 and rig.run(*approve, "--revoke")[0] != 0, "revoke")
    gateway.stop()
    rig.gateway = None
    status, out, err = rig.run("budget", "set", "--name", "later", "--limit-usd", "3", "--window", "week")
    expect(status == 0 and "not in force yet" in err, f"beside a stopped server: {out}{err}")
    rig.start_gateway()  # what is left out does not stop it
    expect(listed()["later"]["limit_usd"] == 3, "what was set beside a stopped server is not there")
    audit = [(e["action"], e["subject"], e["reason"]) for e in rig.api("/api/v1/audit")["entries"]]
    for entry in (("budget.set", "y", "because"), ("approval.set", "other/summary", "over"), ("approval.revoke", "other/summary", "over")):
        expect(entry in audit, f"no {entry} in {audit}")
    expect(rig.api("/api/v1/audit/verify")["whole"], "the audit log is not whole")

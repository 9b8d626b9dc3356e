"""Who is called, when nobody answers, and who hears of its end."""
import json
import signal
import time

from cli_watch_notices import notices, until
from cli_words import chat
from receiver_rig import Mailbox, Receiver
from rig import KEY, config, expect

ONCALL = """
oncall:
  people: {anna: {receiver: anna}, ben: {receiver: ben}, cleo: {receiver: mail, email: cleo@example.org}}
  schedules:
    primary: {rotations: [{people: [anna], starts: 2026-01-05}]}
    later: {rotations: [{people: [anna], starts: 2100-01-01}]}
  escalations:
    page: {steps: [{schedule: primary, wait: 10s}, {schedule: later, wait: 10s}, {person: ben, wait: 10s}, {person: cleo, wait: 10s}]}
    gap: {steps: [{schedule: later}]}
"""
RULES = """
alerts:
  - {name: busy, when: {metric: requests, where: {model: on-openai}, window: 5m, above: 0}, severity: critical, notify: [page, am]}
  - {name: other, when: {metric: requests, where: {model: on-anthropic}, window: 5m, above: 0}, severity: critical, notify: [page]}
  - {name: gone, when: {metric: requests, where: {model: embed}, window: 5m, above: 0}, severity: critical, notify: [gap]}
"""


def test_escalation(rig):
    """Whose turn it is is called, then the next one, over a kill, until somebody has it; each hears once, also how it ended; an override takes over."""
    hooks = {name: Receiver() for name in ("anna", "ben")}
    mail, manager = Mailbox(), Receiver()
    receivers = {name: {"webhook": {"url": hook.url}} for name, hook in hooks.items()}
    receivers["am"] = {"alertmanager": {"url": manager.url}}
    receivers["mail"] = {"email": {"url": mail.url, "from": "qd@example.org", "to": "everybody@example.org"}}
    sim = rig.start_sim("--speed", "0")

    def write(rules):
        rig.write_config(config(sim.url, server=f"external_url: https://qd.example.org/\nreceivers: {json.dumps(receivers)}\n{ONCALL}{rules}"))

    def said(name, rule="busy"):
        """What of `rule` this person was told: status and why."""
        bodies = [json.loads(q["body"]) for q in hooks[name].got]
        return [(b["status"], b["notification_reason"]) for b in bodies if b["groupLabels"]["alertname"] == rule]

    def mails(word):
        return [m for m in mail.messages if word in m["data"].decode().replace("=\r\n", "")]
    write(RULES)
    rig.start_gateway()
    chat(rig, model="on-openai")
    until(lambda: said("anna"), "whose turn it is was not called")
    expect(said("anna") == [("firing", "escalation page: step 1 of 4: primary (anna)")] and not said("ben"), said("anna"))
    until(lambda: len(manager.got) == 1, "Alertmanager was not told")
    until(lambda: all(n["state"] == "taken" for n in notices(rig, "anna") + notices(rig, "am")), "their answers were not taken")  # a kill before that sends the same again
    first = manager.json()[0]
    expect(first["generatorURL"].startswith("https://qd.example.org/api/v1/alerts/"), first)
    begun = hooks["anna"].got[0]["at"]
    rig.gateway.kill9()
    rig.start_gateway()
    until(lambda: len(manager.got) == 2, "it did not hear again of what fires")
    again = manager.json()[0]
    expect(all(again[key] == first[key] for key in ("labels", "startsAt", "generatorURL")), f"{again} is not {first}")
    expect(again["endsAt"] > first["endsAt"] and len(rig.api("/api/v1/notices?receiver=am")["notices"]) == 1, again)
    until(lambda: said("ben"), "the second step was not taken")
    expect(said("ben") == [("firing", "escalation page: step 2 of 4: nobody is on call in later; step 3 of 4: ben")], said("ben"))
    expect(hooks["ben"].got[0]["at"] - begun > 8, "it did not wait")
    listed = rig.api("/api/v1/receivers")["receivers"]
    expect(all(r["rules"][:2] == ["busy", "other"] for r in listed if r["name"] != "am"), listed)
    until(lambda: mails("busy"), "the last step was not taken")
    expect([m["to"] for m in mails("busy")] == [["<cleo@example.org>"]], f"not the person's own address: {mails('busy')}")

    # an override has the turn; nobody at all is everybody
    expect(rig.run("oncall", "override", "primary", "ben", "--for", "1h", "--why", "a swap")[0] == 0, "override")
    chat(rig, model="on-anthropic")
    status, _, body = rig.http("POST", "/v1/embeddings", json.dumps({"model": "embed", "input": "x"}), token=KEY)
    expect(status == 200, body)
    until(lambda: said("ben", "other"), "the override was not called")
    expect(said("ben", "other") == [("firing", "escalation page: step 1 of 4: primary (ben)")] and not said("anna", "other"), said("anna", "other"))
    alerts = {a["rule"]: a["number"] for a in rig.api("/api/v1/alerts")["alerts"]}
    until(lambda: said("anna", "gone") and said("ben", "gone") and mails("gone"), "nobody is on call, and nobody was told")
    expect(said("anna", "gone") == [("firing", "escalation gap: step 1 of 1: nobody is on call in later")], said("anna", "gone"))
    expect(rig.run("alert", "ack", str(alerts["other"]), "--why", "I have it")[0] == 0, "ack")
    until(lambda: len(said("ben", "other")) == 2, "who was called did not hear that it was taken up")
    expect(said("ben", "other")[1][1] == "I have it", said("ben", "other"))
    time.sleep(12)  # longer than a step
    expect(len(said("ben", "other")) == 2 and not said("anna", "other") and not mails("other"), "somebody was called all the same")

    # its end reaches whoever was called, though the turn is another's by now
    write("")
    rig.gateway.signal(signal.SIGHUP)
    until(lambda: len(said("anna")) == 2 and len(said("ben")) == 2 and len(mails("busy")) == 2, f"{said('anna')} {said('ben')} {len(mails('busy'))}")
    expect(said("anna")[1][0] == said("ben")[1][0] == "resolved" and mails("busy")[1]["to"] == ["<cleo@example.org>"], f"{said('anna')} {mails('busy')}")
    until(lambda: manager.json()[0]["endsAt"] < again["endsAt"], "Alertmanager did not hear of the end")
    expect(all(q["headers"]["x-quarterdeck-notice"] for hook in hooks.values() for q in hook.got), "no id")
    ids = [q["headers"]["x-quarterdeck-notice"] for hook in hooks.values() for q in hook.got]
    expect(len(ids) == len(set(ids)), "told twice")

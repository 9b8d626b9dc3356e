#!/usr/bin/env python3
"""A real Alertmanager is told of our alerts, shows them and their end; and what it sends to a webhook has the shape of what we send."""
import json
import pathlib
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
from cli_watch_notices import notices, serve, until  # noqa: E402
from receiver_rig import Receiver  # noqa: E402
from rig import KEY, Rig, expect  # noqa: E402

LABELS = {"application": "helpdesk", "request-type": "chat", "team": "Überblick"}
RULE = "alerts: [{name: busy, when: {metric: requests, window: 10s, above: 2}, severity: critical, notify: [am]}]"
SHOWN = {"alertname": "slow-chat", "severity": "critical", "application": "helpdesk", "request_type": "chat", "team": "Überblick"}


def leave(rig, receiver, state, began_us):
    """A notice of one alert, as the watch leaves it."""
    now = int(time.time() * 1e6)
    alert = {"alert": 7, "rule": "slow-chat", "series": "{}", "fingerprint": "00112233445566aa", "summary": "P99 of chat is 3.1 s – above 2 s", "runbook": "slow-provider",
             "commands": "quarterdeck alert ack 7 --why TEXT", "labels": LABELS, "evidence": {"value": 3.1, "n": 512}, "severity": "critical", "state": state,
             "starts_us": began_us, "ends_us": now if state == "resolved" else 0}
    body = {"status": state, "group": '{"alertname":"slow-chat"}', "why": "first", "left_out": 0, "alerts": [alert]}
    with sqlite3.connect(rig.folder / "data" / "registry.db", timeout=20) as db:
        db.execute("INSERT INTO notice(id, receiver, group_key, status, body, made_us, due_us, tries, taken_us, given_up_us, left_out) VALUES(?,?,?,?,?,?,?,0,0,0,0)",
                   (f"{receiver}-{state}", receiver, body["group"], state, json.dumps(body), now, now))
    db.close()


class Alertmanager:
    def __init__(self, folder, hook):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.url = f"http://127.0.0.1:{s.getsockname()[1]}"
        (folder / "alertmanager.yml").write_text(json.dumps({
            "route": {"receiver": "ops", "group_by": ["alertname"], "group_wait": "100ms", "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "ops", "webhook_configs": [{"url": hook, "send_resolved": True}]}]}))
        self.log = open(folder / "alertmanager.log", "w")
        self.process = subprocess.Popen(["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager",
                                         f"--web.listen-address={self.url[7:]}", "--cluster.listen-address="], stdout=self.log, stderr=self.log)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def compare(ours, theirs):
    """Field by field, the names and the types."""
    expect(set(theirs) <= set(ours) and set(ours) - set(theirs) <= {"notification_reason"}, f"{sorted(ours)} is not {sorted(theirs)}")
    for key, value in theirs.items():
        expect(type(ours[key]) is type(value), f"{key}: {ours[key]!r} for {value!r}")
    for key in ("version", "status", "groupLabels", "groupKey", "commonLabels", "truncatedAlerts"):
        expect(ours[key] == theirs[key], f"{key}: {ours[key]} for {theirs[key]}")
    mine, its = ours["alerts"][0], theirs["alerts"][0]
    expect(set(mine) == set(its) and all(type(mine[key]) is type(value) for key, value in its.items()), f"{mine} for {its}")
    expect(mine["labels"] == its["labels"] and mine["annotations"] == its["annotations"] and mine["status"] == its["status"], f"{mine} for {its}")
    expect((mine["endsAt"] == its["endsAt"]) if mine["status"] == "firing" and its["endsAt"].startswith("0001") else True, f"{mine} for {its}")


def check(rig, manager, theirs, ours):
    until(lambda: manager.get("/api/v2/status"), "Alertmanager does not start")
    serve(rig, {"am": {"alertmanager": {"url": manager.url}}, "hook": {"webhook": {"url": ours.url}}}, RULE)
    status, out, err = rig.run("alert", "test", "am")
    expect(status == 0, out + err)
    until(lambda: any(a["labels"]["alertname"] == "quarterdeck-test" for a in manager.get("/api/v2/alerts") or []), "it does not show the test")
    began = int(time.time() * 1e6) - 60000000
    for receiver in ("am", "hook"):
        leave(rig, receiver, "firing", began)
    until(lambda: all(notices(rig, r)[0]["state"] == "taken" for r in ("am", "hook")), f"not taken: {notices(rig, 'am')}")
    shown = [a for a in manager.get("/api/v2/alerts?active=true") if a["labels"]["alertname"] == "slow-chat"]
    expect(len(shown) == 1 and shown[0]["labels"] == SHOWN and shown[0]["status"]["state"] in ("active", "unprocessed"), shown)
    expect(shown[0]["annotations"]["runbook"] == "slow-provider" and shown[0]["annotations"]["commands"].startswith("quarterdeck alert ack 7"), shown)
    asked = subprocess.run(["amtool", "--alertmanager.url", manager.url, "alert", "query", "alertname=slow-chat", "-o", "json"], capture_output=True, text=True)
    expect(asked.returncode == 0 and len(json.loads(asked.stdout)) == 1, asked.stdout + asked.stderr)

    def its(status):
        for request in reversed(theirs.got):
            told = json.loads(request["body"])
            if told["groupLabels"].get("alertname") == "slow-chat" and told["status"] == status:
                return told
        return None
    until(lambda: its("firing"), "Alertmanager told nobody")
    compare(ours.json(), its("firing"))
    for receiver in ("am", "hook"):
        leave(rig, receiver, "resolved", began)
    until(lambda: its("resolved"), "Alertmanager does not know that it is over")
    until(lambda: notices(rig, "hook")[0]["state"] == "taken", "not taken")
    compare(ours.json(), its("resolved"))
    expect(not [a for a in manager.get("/api/v2/alerts?active=true") if a["labels"]["alertname"] == "slow-chat"], "it is still shown")


def watched(rig, manager):
    """The whole way: traffic, a rule, its alert in Alertmanager; the traffic ends, and so does the alert."""
    def busy():
        return [a for a in manager.get("/api/v2/alerts?active=true") or [] if a["labels"]["alertname"] == "busy"]

    def ask_more():
        rig.http("POST", "/v1/chat/completions", json.dumps({"model": "on-openai", "messages": [{"role": "user", "content": "hi"}]}), {"content-type": "application/json"}, token=KEY)
        return busy()
    until(ask_more, "a rule fired, and Alertmanager does not show it")
    expect(busy()[0]["labels"]["severity"] == "critical" and busy()[0]["annotations"]["commands"].startswith("quarterdeck alert show"), busy())
    until(lambda: not busy(), "it is over, and Alertmanager still shows it")


def main():
    with Rig() as rig:
        theirs, ours = Receiver(), Receiver()
        manager = Alertmanager(pathlib.Path(rig.folder), theirs.url)
        try:
            check(rig, manager, theirs, ours)
            watched(rig, manager)
        finally:
            manager.stop()
            theirs.close()
            ours.close()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

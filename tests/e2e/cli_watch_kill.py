"""A rule that fires, and kill -9 at each step of its way: every transition is told once, and a restart neither ends nor begins anything."""
import json
import threading
import time

from cli_words import chat, eventually
from receiver_rig import Receiver
from rig import config, expect

WATCH = """
watch: {every: 1s}
grouping: {wait: 0s}
receivers: {ops: {webhook: {url: "%s/hook", secret: hush}}}
alerts:
  - {name: failing, when: {metric: errors.rate, by: [application], window: 10s, above: 50%%, min_samples: 3}, severity: critical, notify: [ops]}
"""


class Users:
    """Requests one after the other, until told otherwise; those that the server's death refused do not count."""

    def __init__(self, rig):
        self.rig, self.over = rig, threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        while not self.over.wait(0.1):
            try:
                chat(self.rig)
            except Exception:  # noqa: BLE001 - it was killed
                pass

    def stop(self):
        self.over.set()
        self.thread.join()


def state(rig):
    alerts = rig.api("/api/v1/alerts")["alerts"]
    return alerts[0]["state"] if alerts else "none"


def until(condition, words):
    expect(eventually(condition), words)


def told(hook):
    """Statuses by the notice's id: what comes twice under one id is one notice."""
    seen = {}
    for i, request in enumerate(hook.got):
        if "x-quarterdeck-notice" in request["headers"]:
            seen.setdefault(request["headers"]["x-quarterdeck-notice"], hook.json(i)["status"])
    return list(seen.values())


def again(rig):
    rig.gateway.kill9()
    rig.start_gateway()


def test_watch_kill(rig):
    """Killed between a transition and its notice, while it fires, and when it is over: the receiver hears `firing` once and `resolved` once."""
    hook = Receiver(answer=503)
    rig.write_config(config("http://127.0.0.1:9") + WATCH % hook.url)  # nobody is there
    rig.start_gateway()
    users = Users(rig)
    try:
        until(lambda: [n["tries"] for n in rig.api("/api/v1/notices")["notices"]][:1] > [0], "nobody was told of it")
        rows = rig.api("/api/v1/notices")["notices"]
        expect(len(rows) == 1 and rows[0]["state"] == "waiting", rows)
        again(rig)  # the transition and its notice are kept, and nobody has taken it
        expect(state(rig) == "firing", state(rig))
        hook.answer = 200
        until(lambda: rig.api("/api/v1/notices")["notices"][0]["state"] == "taken", "it was never delivered")
        again(rig)  # it fires, and everybody knows
        time.sleep(4)  # four ticks
        alert = rig.api("/api/v1/alerts")["alerts"][0]
        expect(alert["state"] == "firing" and alert["times"] == 1 and alert["labels"]["application"] == "e2e", alert)
        expect(told(hook) == ["firing"], told(hook))
        rig.write_config(config(rig.start_sim("--speed", "0").url) + WATCH % hook.url)
        rig.gateway.stop()
        rig.start_gateway()
        until(lambda: state(rig) == "resolved", "it fires for ever")
        again(rig)
        until(lambda: told(hook) == ["firing", "resolved"], f"{told(hook)}")
        again(rig)
        time.sleep(4)
        expect(told(hook) == ["firing", "resolved"] and state(rig) == "resolved", f"{told(hook)} {state(rig)}")
    finally:
        users.stop()
        hook.close()
    shown = rig.api("/api/v1/alerts/1")
    ways = [(h["from"], h["to"]) for h in reversed(shown["history"])]
    expect([way for way in ways if "nodata" not in way] == [("inactive", "firing"), ("firing", "resolved")], ways)
    status, out, err = rig.run("alert", "rules")
    expect(out.count(" %") == 3, f"{status} {out} {err}")
    rig.gateway.stop()
    rig.gateway = None
    status, out, err = rig.run("alert", "list", "--all", "--json")  # beside a stopped server
    expect(json.loads(out)["alerts"][0]["state"] == "resolved" and not json.loads(out)["watching"], f"{status} {out} {err}")

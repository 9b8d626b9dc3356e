"""Receivers: what each kind is sent, what came back, and what it survives."""
import email
import email.policy
import hashlib
import hmac
import json
import re
import socket
import sqlite3
import time

from cli_words import eventually
from receiver_rig import Mailbox, Receiver
from rig import config, expect

SECRET = "hook-s3cret-ä"


def until(condition, words):
    expect(eventually(condition), words)


def serve(rig, receivers, more=""):
    rig.write_config(config("http://127.0.0.1:9", server=f"receivers: {json.dumps(receivers)}\n{more}"))
    return rig.start_gateway()


def test(rig, name, code):
    status, out, err = rig.run("alert", "test", name, "--why", "does it work", "--json")
    expect(status == code, f"alert test {name}: {status} {out} {err}")
    return json.loads(out)


def put(rig, receiver, count=1, group="g", body=None, made_us=None):
    """As the watch leaves them."""
    now = made_us or int(time.time() * 1e6)
    alert = {"alert": 1, "rule": "slow-chat", "series": "{}", "fingerprint": "00112233445566aa", "summary": "sehr langsam – 3 s", "labels": {"request_type": "chat"},
             "severity": "critical", "state": "firing", "starts_us": now, "ends_us": 0}
    with sqlite3.connect(rig.folder / "data" / "registry.db", timeout=20) as db:
        for i in range(count):
            text = body or json.dumps({"status": "firing", "group": group, "why": "first", "left_out": 0, "alerts": [alert]})
            db.execute("INSERT INTO notice(id, receiver, group_key, status, body, made_us, due_us, tries, taken_us, given_up_us, left_out) VALUES(?,?,?,?,?,?,?,0,0,0,0)",
                       (f"{receiver}-{group}-{i}", receiver, group, "firing", text, now, now))
    db.close()


def notices(rig, receiver):
    return rig.api(f"/api/v1/notices?receiver={receiver}&limit=1000")["notices"]


def test_receivers(rig):
    """Each kind is sent its own shape, and what came back is told; secrets are shown nowhere."""
    hook, slack, pager, manager, mail = Receiver(), Receiver((200, {}, b"ok")), Receiver(202), Receiver(), Mailbox()
    serve(rig, {"ops": {"webhook": {"url": hook.url + "/hook-path", "secret": SECRET}}, "chat": {"slack": {"url": slack.url + "/services/T0/B0/slack-path", "channel": "#ops"}},
                "pager": {"pagerduty": {"url": pager.url + "/v2/enqueue", "routing_key": "routing-key-000"}}, "am": {"alertmanager": {"url": manager.url}},
                "mail": {"email": {"url": mail.url, "from": "qd@example.org", "to": ["anna@example.org", "ben@example.org"], "user": "qd", "password": "mail-pass-000"}}},
          'alerts: [{name: slow, when: {metric: latency.p99, window: 5m, above: 2s}, severity: critical, notify: [ops]}]')
    for name in ("ops", "chat", "pager", "am", "mail"):
        expect(test(rig, name, 0)["state"] == "taken", name)
    head, body = hook.got[0]["headers"], hook.got[0]["body"]
    at, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", head["x-quarterdeck-signature"]).groups()
    expect(mac == hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest(), "the signature is not that of the body")
    expect(abs(time.time() - int(at)) < 60 and head["x-quarterdeck-notice"] and hook.got[0]["path"] == "/hook-path", head)
    expect(hook.json()["version"] == "4" and hook.json()["alerts"][0]["labels"]["alertname"] == "quarterdeck-test", body)
    expect(slack.json()["channel"] == "#ops" and slack.got[0]["path"].endswith("slack-path"), slack.got)
    expect([pager.json(i)["event_action"] for i in (0, 1)] == ["trigger", "resolve"] and pager.json()["routing_key"] == "routing-key-000", pager.got)
    expect(manager.got[0]["path"] == "/api/v2/alerts" and manager.json()[0]["labels"]["severity"] == "info", manager.got)
    message = email.message_from_bytes(mail.messages[0]["data"], policy=email.policy.default)
    expect(mail.messages[0]["to"] == ["<anna@example.org>", "<ben@example.org>"] and message["to"] and "quarterdeck-test" in message["subject"], mail.messages)
    expect("nothing is wrong" in message.get_content() and any(said.startswith("AUTH") for said in mail.said), mail.said)
    listed = {r["name"]: r for r in rig.api("/api/v1/receivers")["receivers"]}
    expect(listed["ops"]["rules"] == ["slow"] and listed["ops"]["signed"] and listed["ops"]["last_taken"] and not listed["am"]["rules"], listed)
    status, out, err = rig.run("alert", "receivers")
    expect(status == 0 and "anna@example.org" in out, out + err)
    expect(rig.run("alert", "notices")[0] == 0, "all were taken")
    everything = json.dumps(rig.api("/api/v1/receivers")) + json.dumps(rig.api("/api/v1/notices")) + out + rig.gateway.tail(1000)
    for secret in (SECRET, "hook-path", "slack-path", "routing-key-000", "mail-pass-000"):
        expect(secret not in everything, f"{secret} is shown")
    status, _, err = rig.run("alert", "test", "opps")
    expect(status == 3 and "did you mean `ops`" in err, f"{status} {err}")
    audit = rig.run("audit", "list", "--json", check=True)[1]
    expect(audit.count("receiver.test") == 5 and "does it work" in audit, audit)
    rig.gateway.stop()
    rig.gateway = None
    status, _, err = rig.run("alert", "test", "ops")
    expect(status == 3 and "running server" in err, f"{status} {err}")


def test_receivers_that_fail(rig):
    """One that hangs, trickles, refuses, redirects, or has a bad certificate says so, and keeps no other waiting."""
    def closed():
        with socket.create_server(("127.0.0.1", 0)) as s:
            return f"http://127.0.0.1:{s.getsockname()[1]}"
    hang, trickle, good = Receiver("hang"), Receiver("trickle"), Receiver()
    moved = Receiver(lambda q: (302, {"location": good.url + "/elsewhere"}, b""))
    echo, long = Receiver(lambda q: (500, {}, "your key routing-key-ä at /secret-path is bad\r\n".encode() + b"x" * 160 + "routing-key-ä".encode())), Receiver((200, {}, b"x" * 300000))
    tls, no_user, no_login = Receiver(tls_folder=rig.folder), Mailbox({"RCPT": "550 no such user"}), Mailbox({"AUTH": "535 wrong"})
    mail = {"from": "qd@example.org", "to": "anna@example.org"}
    serve(rig, {"hang": {"webhook": {"url": hang.url, "timeout": "1s"}}, "trickle": {"webhook": {"url": trickle.url, "timeout": "1s"}}, "good": {"webhook": {"url": good.url}},
                "moved": {"webhook": {"url": moved.url}}, "echo": {"pagerduty": {"url": echo.url + "/secret-path", "routing_key": "routing-key-ä"}},
                "long": {"webhook": {"url": long.url}}, "tls": {"webhook": {"url": tls.url}}, "trusted": {"webhook": {"url": tls.url, "ca_file": str(rig.folder / "receiver.pem")}},
                "closed": {"webhook": {"url": closed()}}, "no-user": {"email": {"url": no_user.url, **mail}}, "no-login": {"email": {"url": no_login.url, **mail, "user": "u", "password": "mail-pass-000"}}})
    put(rig, "hang", 3)
    for name, word in (("hang", "in time"), ("trickle", "in time"), ("moved", "redirects are not followed"), ("echo", "500"), ("tls", "certificate"), ("closed", "connect"),
                       ("no-user", "550"), ("no-login", "535")):
        found = test(rig, name, 1)
        expect(found["state"] == "given up" and word in found["last_error"].lower(), found)
        expect("routing" not in found["last_error"] and "secret-path" not in found["last_error"] and "mail-pass" not in found["last_error"], found)
    expect(not good.got, "a redirect was followed")
    for name in ("good", "long", "trusted"):  # `long`: its head said so, and its body is bounded
        expect(test(rig, name, 0)["state"] == "taken", name)
    expect(rig.run("alert", "notices")[0] == 1 and rig.run("alert", "receivers")[0] == 1, "some were given up")
    waiting = [n for n in notices(rig, "hang") if n["state"] == "waiting"]
    expect(len(waiting) == 3 and max(n["tries"] for n in waiting) >= 1, waiting)
    hang.answer = 200
    hang.open.set()
    until(lambda: all(n["state"] == "taken" for n in notices(rig, "hang") if n["status"] != "test"), "what waited was not delivered")
    ids = [q["headers"]["x-quarterdeck-notice"] for q in hang.got if not q["headers"]["x-quarterdeck-notice"].isalnum()]
    expect([i for k, i in enumerate(ids) if i not in ids[:k]] == ["hang-g-0", "hang-g-1", "hang-g-2"], f"not in order: {ids}")


def test_notices_are_retried(rig):
    """429 waits as long as it says, a receiver's failure is counted, one that is gone is given up, as is what cannot be read, and what is too old."""
    late, old, broken = Receiver((429, {"retry-after": "3"}, b"")), Receiver(503), Receiver()
    receivers = {"late": {"webhook": {"url": late.url}}, "old": {"webhook": {"url": old.url, "give_up": "1m"}}, "broken": {"webhook": {"url": broken.url}}}
    gateway = serve(rig, receivers)
    put(rig, "late")
    put(rig, "old", made_us=int(time.time() * 1e6) - 120000000)
    put(rig, "nobody", 30)
    put(rig, "broken", body="{")
    put(rig, "broken", group="h")
    until(lambda: late.got, "it was not tried")
    late.answer = 200
    until(lambda: notices(rig, "late")[0]["state"] == "taken", "it was not tried again")
    expect(late.got[1]["at"] - late.got[0]["at"] >= 2.9, "it did not wait as it was asked to")
    expect(late.got[0]["headers"]["x-quarterdeck-notice"] == late.got[1]["headers"]["x-quarterdeck-notice"], "not the same notice")
    until(lambda: all(n["state"] == "given up" for n in notices(rig, "nobody")), "the unknown receiver's wait")
    until(lambda: notices(rig, "old")[0]["state"] == "given up", "it is tried for ever")
    expect({n["group"]: n["state"] for n in notices(rig, "broken")} == {"g": "given up", "h": "taken"}, notices(rig, "broken"))
    text = rig.http("GET", "/metrics")[2].decode()
    for line in ('quarterdeck_notices_total{receiver="late",outcome="failed"} 1', 'quarterdeck_notices_total{receiver="late",outcome="taken"} 1',
                 'quarterdeck_notices_total{receiver="old",outcome="given_up"} 1', 'quarterdeck_notices_waiting{receiver="old"} 0'):
        expect(line in text, f"{line} is not in\n{text}")
    expect("a notice was given up" in gateway.tail(1000) and "no such receiver" in gateway.tail(1000), gateway.tail(50))


def test_notices_survive_a_kill(rig):
    """kill -9 while a notice is on its way, and just behind its answer: it comes again under the same name, and others once."""
    hook = Receiver("hang")
    gateway = serve(rig, {"ops": {"webhook": {"url": hook.url}}})
    put(rig, "ops", 2)
    until(lambda: hook.got, "it was not sent")
    gateway.kill9()
    hook.answer = 200
    gateway = rig.start_gateway()
    until(lambda: all(n["state"] == "taken" for n in notices(rig, "ops")), "they were not sent again")
    expect([q["headers"]["x-quarterdeck-notice"] for q in hook.got] == ["ops-g-0", "ops-g-0", "ops-g-1"], [q["headers"] for q in hook.got])

    def kill(_):
        gateway.kill9()
        return 200
    hook.answer = kill
    put(rig, "ops", group="x")
    until(lambda: len(hook.got) == 4, "it was not sent")
    hook.answer = 200
    time.sleep(0.3)
    gateway = rig.start_gateway()
    until(lambda: all(n["state"] == "taken" for n in notices(rig, "ops")), "it was not sent again")
    expect([q["headers"]["x-quarterdeck-notice"] for q in hook.got[3:]] == ["ops-x-0", "ops-x-0"], [q["headers"] for q in hook.got])
    expect(len({q["body"] for q in hook.got[3:]}) == 1, "not the same body")

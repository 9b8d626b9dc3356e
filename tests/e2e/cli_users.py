"""Scenarios of cli.py about people who sign in: the first admin's link, cookies through the real server, roles, floods, and the command line."""
import concurrent.futures
import http.client
import json
import re
import socket
import sqlite3
import struct

from cli_words import eventually
from rig import KEY, TOKEN, config, expect

PASSWORD = "correct horse battery"


class Browser:
    """What a browser sends: its cookie everywhere, the page's own origin and csrf value with what the page sends."""

    def __init__(self, rig):
        self.rig, self.cookie, self.csrf, self.set_cookie = rig, None, None, ""

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.rig.gateway.port, timeout=60)
        given = {"cookie": self.cookie, "x-quarterdeck-csrf": self.csrf if method != "GET" else None,
                 **{k.replace("_", "-"): v for k, v in headers.items()}}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {k: v for k, v in given.items() if v})
            reply = connection.getresponse()
            text, self.headers = reply.read(), {k.lower(): v for k, v in reply.getheaders()}
        finally:
            connection.close()
        if "set-cookie" in self.headers:
            self.set_cookie = self.headers["set-cookie"]
            self.cookie = self.set_cookie.split(";")[0]
        try:
            answer = json.loads(text)
        except ValueError:
            answer = text
        if isinstance(answer, dict) and "csrf" in answer:
            self.csrf = answer["csrf"]
        return reply.status, answer

    def sign_in(self, name, password=PASSWORD):
        status, answer = self.call("POST", "/api/v1/session", {"name": name, "password": password})
        expect(status == 200 and answer["user"]["name"] == name, f"{name}: {status} {answer}")
        return self


def told(gateway):
    return b"".join(gateway.said).decode()


def start(rig):
    """Without tokens: the link of the first start makes the admin."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(re.sub(r"tokens: .*\n", "", config(sim.url)))
    gateway = rig.start_gateway()
    expect(eventually(lambda: "/set-up#" in told(gateway) and told(gateway).endswith("\n")), "no set-up link was printed")
    link = re.search(r"http://127\.0\.0\.1:(\d+)/set-up#([\w-]{43}) ", told(gateway))
    expect(link and int(link[1]) == gateway.port, gateway.said)
    ada = Browser(rig)
    status, answer = ada.call("POST", "/api/v1/setup", {"secret": link[2], "name": "ada", "password": PASSWORD})
    expect(status == 200 and answer["user"] == {"name": "ada", "role": "admin"}, f"{status} {answer}")
    expect(Browser(rig).call("POST", "/api/v1/setup", {"secret": link[2], "name": "eve", "password": PASSWORD})[0] == 401, "the link holds twice")
    return ada, link[2]


def test_users(rig):
    """The console is served, the first admin is made, sessions open what they should, and end."""
    ada, secret = start(rig)
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="):
        expect(attribute in ada.set_cookie, ada.set_cookie)
    expect("Secure" not in ada.set_cookie, ada.set_cookie)
    nobody = Browser(rig)
    status, page = nobody.call("GET", "/prompts/some%20prompt?from=-1d")
    expect(status == 200 and b"<div id=\"app\">" in page, page)
    for name, value in {"content-security-policy": "default-src 'none'; script-src 'self'", "x-frame-options": "DENY", "x-content-type-options": "nosniff",
                        "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cache-control": "no-cache"}.items():
        expect(nobody.headers.get(name, "").startswith(value), f"{name}: {nobody.headers}")
    asset = re.search(rb'"(/assets/app-\w+\.js)"', page)[1].decode()
    status, script = nobody.call("GET", asset, accept_encoding="gzip, br")
    expect(status == 200 and script[:2] == b"\x1f\x8b" and nobody.headers["content-encoding"] == "gzip" and "immutable" in nobody.headers["cache-control"], nobody.headers)
    status, answer = nobody.call("GET", "/api/v1/status")
    expect(status == 401 and "/sign-in" in answer["error"]["message"] and nobody.headers["cache-control"] == "no-store", f"{status} {answer}")
    expect("default-src 'none'" in nobody.headers["content-security-policy"], nobody.headers)
    expect(nobody.call("GET", "/v1/nothing")[0] == 404 and "content-security-policy" not in nobody.headers, "the data plane is no page")
    status, _, err = rig.run("key", "list", env={"QUARTERDECK_TOKEN": ""})
    expect(status == 3 and "QUARTERDECK_TOKEN" in err, f"{status} {err}")

    expect(ada.call("GET", "/api/v1/status")[0] == 200, "a session reads")
    expect(ada.call("POST", "/api/v1/reload", {})[0] == 200, "a session changes")
    for wrong in ({"x_quarterdeck_csrf": "0" * 64}, {"x_quarterdeck_csrf": ""}, {"origin": "https://evil.example"}, {"origin": "null"}):
        status, answer = ada.call("POST", "/api/v1/reload", {}, **wrong)
        expect(status == 403 and answer["error"]["code"] == "csrf_mismatch", f"{wrong}: {status} {answer}")
    status, answer = ada.call("POST", "/v1/chat/completions", {"model": "on-openai", "messages": [{"role": "user", "content": "x"}]})
    expect(status == 401, f"a cookie opens the data plane: {status} {answer}")

    former = ada.cookie
    ada.sign_in("ada")
    stale = Browser(rig)
    stale.cookie = former
    expect(ada.cookie != former and stale.call("GET", "/api/v1/status")[0] == 401, "the former session goes on")
    rig.gateway.kill9()
    rig.start_gateway()
    expect(ada.call("GET", "/api/v1/session")[1]["signed_in"], "a session does not outlive kill -9")
    expect("set-up" not in told(rig.gateway), "a set-up link, though there is a user")
    expect(ada.call("DELETE", "/api/v1/session")[1]["signed_in"] is False, "signed out")
    kept = (rig.folder / "data" / "registry.db").read_bytes() + (rig.folder / "gateway.log").read_bytes()
    for hidden in (PASSWORD, secret, former.split("=")[1]):
        expect(hidden.encode() not in kept, f"{hidden} is kept or told")


def test_users_roles(rig):
    """Each role is refused what is above it, on every route that there is; a change of rights reaches open sessions and streams."""
    ada, _ = start(rig)
    roles = ["viewer", "operator", "approver", "admin"]
    people = {}
    for role in roles:
        status, answer = ada.call("POST", "/api/v1/users", {"name": role, "role": role, "password": PASSWORD, "reason": "tests"})
        expect(status == 201, f"{status} {answer}")
        people[role] = Browser(rig).sign_in(role)
    tried = 0
    for path, item in ada.call("GET", "/api/v1/openapi.json")[1]["paths"].items():
        target = re.sub(r"\{\w+\}", "x", path)
        for method, operation in item.items():
            needed = re.search(r"Role: (\w+)\.", operation["description"])
            if not needed or path == "/api/v1/live":
                continue
            for role in roles:
                may = roles.index(role) >= roles.index(needed[1])
                if may and method != "get":
                    continue  # in process, with nothing to break: tests/unit/test_control_session.c
                status, answer = people[role].call(method.upper(), target, None if method == "get" else {})
                expect((status not in (401, 403)) if may else status == 403, f"{method} {path} as {role}: {status} {answer}")
                tried += 1
    expect(tried > 200, tried)

    stream = http.client.HTTPConnection("127.0.0.1", rig.gateway.port, timeout=60)
    stream.request("GET", "/api/v1/live?topics=audit", headers={"cookie": people["operator"].cookie})
    reply = stream.getresponse()
    expect(reply.status == 200 and "frame-ancestors 'none'" in reply.getheader("content-security-policy"), reply.getheaders())
    expect(any(line == b"event: hello\n" for line in iter(reply.readline, b"")), "no stream")
    expect(ada.call("POST", "/api/v1/users/operator/role", {"role": "viewer", "reason": "less"})[0] == 200, "a lower role")
    expect(b"event: end\n" in reply.read(), "the stream of a session that is over goes on")
    stream.close()
    expect(people["operator"].call("GET", "/api/v1/status")[0] == 401, "the session goes on")
    status, answer = ada.call("DELETE", "/api/v1/users/ada")
    expect(status == 200, answer)  # there is another admin
    expect(ada.call("GET", "/api/v1/status")[0] == 401, "a removed user is in")
    admin = people["admin"]
    expect(admin.call("POST", "/api/v1/users/admin/disable", {})[0] == 409, "no admin is left")
    actions = [(e["actor"], e["action"], e["subject"]) for e in admin.call("GET", "/api/v1/audit?limit=1000")[1]["entries"]]
    for entry in (("ada", "user.add", "user:viewer"), ("ada", "user.role", "user:operator"), ("ada", "user.remove", "user:ada"), ("viewer", "session.begin", "user:viewer")):
        expect(entry in actions, f"{entry} is not in {actions}")


def test_users_flood(rig):
    """A flood of sign-ins makes those wait who try, and nobody else; the command line sets a forgotten password beside the server."""
    ada, _ = start(rig)
    eve = Browser(rig)

    def guess(i):
        return Browser(rig).call("POST", "/api/v1/session", {"name": "ada" if i % 2 else f"name{i}", "password": f"guess number {i}"})[0]

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        guesses = [pool.submit(guess, i) for i in range(80)]
        read = [ada.call("GET", "/api/v1/status")[0] for _ in range(20)]
        statuses = {g.result() for g in guesses}
    expect(read == [200] * 20, read)
    expect(statuses <= {401, 429, 503} and 429 in statuses, statuses)
    status, answer = eve.call("POST", "/api/v1/session", {"name": "ada", "password": PASSWORD})
    expect(status == 429 and int(eve.headers["retry-after"]) > 0 and answer["error"]["code"] == "too_many_attempts", f"{status} {answer}")
    status, out, err = rig.run("user", "password", "ada", "--data-dir", "data", "--reason", "forgotten", stdin="another horse battery\n")
    expect(status == 0 and "role admin" in out, f"{status} {out} {err}")
    expect(ada.call("GET", "/api/v1/status")[0] == 401, "the session outlives its password")
    rig.gateway.stop()
    run = lambda *a, **k: rig.run("user", *a, "-c", "quarterdeck.yaml", **k)  # noqa: E731
    expect(run("add", "bob", "--role", "operator", stdin="short\n")[0] == 2, "a short password")
    expect(run("add", "bob", "--role", "king", stdin=PASSWORD + "\n")[0] == 2, "no role")
    expect(run("add", "bob", "--role", "operator", stdin=PASSWORD + "\n")[0] == 0, "beside a stopped server")
    expect(run("remove", "ada")[0] == 3, "the last admin")
    listed = {u["name"]: u for u in json.loads(run("list", "--json")[1])["users"]}
    expect(listed["bob"]["role"] == "operator" and listed["ada"]["enabled"], listed)
    rig.start_gateway()  # what was counted is forgotten
    Browser(rig).sign_in("bob")
    Browser(rig).sign_in("ada", "another horse battery")
    with sqlite3.connect(rig.folder / "data" / "registry.db") as db:
        hashes = [row[0] for row in db.execute("SELECT password FROM user")]
    expect(len(hashes) == 2 and all(h.startswith("$argon2id$v=19$m=65536,t=2,p=1$") for h in hashes), hashes)


def test_users_tokens(rig):
    """Beside tokens: a token signs in too, keys do not, and the control plane's own address has the console."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, server="admin_listen: 127.0.0.1:0"))
    gateway = rig.start_gateway()
    expect(eventually(lambda: "/set-up#" in told(gateway)), gateway.said)
    admin_port = int(re.search(r"control plane on http://127\.0\.0\.1:(\d+)", told(gateway))[1])
    expect(f"http://127.0.0.1:{admin_port}/set-up#" in told(gateway), gateway.said)
    browser = Browser(rig)
    expect(browser.call("GET", "/sign-in")[0] == 404, "the data plane's address has the console")
    gateway.port, data_port = admin_port, gateway.port
    expect(browser.call("GET", "/sign-in")[0] == 200, "the control plane's has not")
    expect(browser.call("POST", "/api/v1/session", {"token": KEY})[0] == 401, "an application's key signs in")
    status, answer = browser.call("POST", "/api/v1/session", {"token": TOKEN})
    expect(status == 200 and answer["user"] == {"name": "e2e", "role": "admin"}, f"{status} {answer}")
    expect(browser.call("GET", "/api/v1/users")[0] == 200, "a token's session")
    gateway.port = data_port


def test_users_leave(rig):
    """Whoever goes away before the answer is out takes nothing of the server along: what they sent is read to its end."""
    ada, _ = start(rig)
    port = rig.gateway.port
    head = f"GET /api/v1/session HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {ada.cookie}\r\n\r\n".encode()
    for _ in range(3000):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it ends in a reset, as of a tab that is closed
            asked.sendall(head)
    expect(ada.call("GET", "/api/v1/session")[1]["user"]["name"] == "ada", "the server goes on")

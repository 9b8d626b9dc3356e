"""Incidents as people meet them: two simulators as providers, customers that go on asking, a receiver, and when things were seen."""
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import re
import threading
import time
import urllib.request

from receiver_rig import Receiver
from rig import KEY, TOKEN, expect

SECRET = "hook-s3cret-ä"
MINI, FAST = "gpt-4o-mini-2024-07-18", "gpt-4.1-mini-2025-04-14"


class Page:
    """A vendor's status page: a Statuspage v2 summary, whatever `summary` says now."""

    def __init__(self, more=()):
        self.summary = {"page": {"name": "Main"}, "status": {"indicator": "none", "description": "All Systems Operational"}, "incidents": [], "scheduled_maintenances": []} | dict(more)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = json.dumps(outer.summary).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v2/summary.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Customers:
    """So many ask each second, however long answers take, until they are told to end. `answers`: (when it was asked, status, target that answered)."""

    def __init__(self, rig, ask, rate=10):
        self.rig, self.ask, self.rate, self.answers, self.ended = rig, ask, rate, [], threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(64)
        self.thread = threading.Thread(target=self.go, daemon=True)
        self.thread.start()

    def go(self):
        number = 0
        while not self.ended.wait(1 / self.rate):
            number += 1
            self.pool.submit(self.one, number)

    def one(self, number):
        asked = time.time()
        try:
            status, headers, _ = self.ask(self.rig, number)
            self.answers.append((asked, status, headers.get("x-quarterdeck-model", "")))
        except OSError as error:
            self.answers.append((asked, repr(error), ""))

    def stop(self):
        self.ended.set()
        self.thread.join()
        self.pool.shutdown()


def say(rig, text, model="front", **labels):
    headers = {"content-type": "application/json", "x-quarterdeck-request-type": "chat", **{f"x-quarterdeck-{k.replace('_', '-')}": v for k, v in labels.items()}}
    body = json.dumps({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}]})
    return rig.http("POST", "/v1/chat/completions", body, headers, token=KEY)


def script(sim, rules):
    text = json.dumps({"rules": rules}).encode()
    urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=text, method="POST"), timeout=10).read()


def serve(rig, alerts, grants=(), page=None, more="", application=""):
    """`front` is answered by `main`, else by `spare`. Returns the two simulators and the receivers `ops` and `finance`."""
    script_file = rig.folder / "none.yaml"
    script_file.write_text("rules: []\n")
    main, spare = (rig.start_sim("--speed", "0", "--script", script_file) for _ in range(2))
    ops, finance = Receiver(), Receiver()
    rig.write_config(f"""
listen: 127.0.0.1:0
data_dir: data
workers: 1
tokens: [{{name: e2e, role: admin, token: "{TOKEN}"}}]
providers:
  main: {{dialect: openai, base_url: "{main.url}/v1", api_key: sk-sim, probe: {{every: 5s}}{f', status_page: "{page.url}"' if page else ''}}}
  spare: {{dialect: openai, base_url: "{spare.url}/v1", api_key: sk-sim, prices_as: openai}}
models:
  front: {{targets: [{{provider: main, model: {MINI}}}, {{provider: spare, model: {FAST}}}], retry: {{attempts: 1}}}}
applications:
  shop: {{{application} keys: [{{name: app, key: "{KEY}"}}]}}
receivers: {json.dumps({"ops": {"webhook": {"url": ops.url, "secret": SECRET}}, "finance": {"webhook": {"url": finance.url}}})}
grouping: {{wait: 1s}}
alerts: {json.dumps(alerts)}
grants: {json.dumps(list(grants))}
{more}
""")
    rig.start_gateway()
    return main, spare, ops, finance


def told(receiver, rule, status="firing"):
    """When the receiver was told of a rule's alert, and the alert; None: it was not."""
    for got in list(receiver.got):
        for alert in json.loads(got["body"])["alerts"]:
            if alert["labels"]["alertname"] == rule and alert["status"] == status:
                return got, alert
    return None


def signed(got):
    """The signature is of this body, with our secret, of now."""
    at, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", got["headers"]["x-quarterdeck-signature"]).groups()
    return mac == hmac.new(SECRET.encode(), at.encode() + b"." + got["body"], hashlib.sha256).hexdigest() and abs(got["at"] - int(at)) < 60


def within(seconds, condition, words):
    """What the condition gave once it was true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        expect(time.monotonic() < deadline, f"{words() if callable(words) else words}: not within {seconds} s")
        time.sleep(0.1)


def audited(rig):
    """The audit log, oldest first."""
    return json.loads(rig.run("audit", "list", "--json", check=True)[1])["entries"][::-1]


def provider(rig, name):
    return next(p for p in rig.api("/api/v1/providers")["providers"] if p["provider"] == name and not p["upstream_model"])


def took(name, cause, got):
    print(f"{name}: told {got['at'] - cause:.1f} s after its cause", flush=True)

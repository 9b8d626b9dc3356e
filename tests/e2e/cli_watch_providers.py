"""Is it us or them, from planted cause to the one line: an outage, a provider that hangs, a vendor's page, our own network, and no probes at all."""
import email.utils
import http.server
import json
import threading
import time

from cli_words import chat, eventually
from rig import config, expect

SUMMARY = {"status": {"indicator": "major", "description": "Partial System Outage"},
           "incidents": [{"id": "i1", "name": "Elevated errors", "status": "investigating", "impact": "major", "started_at": "2026-11-21T14:02:00Z"}]}


class Host:
    """What a provider, or a vendor's page, answers: a status and a body, or "hang"; whom it was asked by. `close` and `open` are the network."""

    def __init__(self, status=200, body=b'{"object":"list","data":[]}'):
        self.status, self.body, self.asked, self.over, self.port = status, body, [], threading.Event(), 0
        self.open()

    def open(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.rfile.read(int(self.headers.get("content-length", 0)))
                if outer.status == "hang":
                    outer.over.wait(60)
                    return
                self.send_response(outer.status)
                self.send_header("content-length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


def provider_lines(rig):
    status, out, err = rig.run("provider", "list")
    expect(status in (0, 1), f"{status} {err}")
    return status, out


def told(rig, *words):
    """Whether all of it is in the line of one provider; else the test ends with what is said instead."""
    seen = [""]

    def has():
        seen[0] = provider_lines(rig)[1]
        return any(all(w in line for w in words) for line in seen[0].splitlines())
    expect(eventually(has), f"{words} is not in: {seen[0]}")


def rss(title):
    now = email.utils.formatdate(time.time())
    return f'<?xml version="1.0"?><rss version="2.0"><channel><item><title>{title}</title><description>We are &lt;b&gt;looking&lt;/b&gt;</description><pubDate>{now}</pubDate></item></channel></rss>'.encode()


def test_watch_providers(rig):
    """Them while others answer, by requests or by probes that hang; pages in JSON and RSS beside it, without a credential; us when nothing is reached; and over."""
    one, two, page, feed = Host(), Host(), Host(body=json.dumps(SUMMARY).encode()), Host(body=rss("Slow answers"))
    text = config(one.url).replace("\n  anthropic: {dialect: anthropic, base_url: \"" + one.url, "\n  anthropic: {dialect: anthropic, base_url: \"" + two.url)
    text = text.replace("api_key: sk-sim}", f'api_key: sk-sim-one, headers: {{x-ours: hush}}, probe: {{every: 1s}}, status_page: "{page.url}/api/v2/summary.json"}}', 1)
    text = text.replace("api_key: sk-sim}", f'api_key: sk-sim-two, probe: {{every: 1s}}, status_page: "{feed.url}/history.rss"}}', 1)
    text = text.replace("api_key: sk-sim, batch", "api_key: sk-sim, probe: {off: true}, batch")
    rig.write_config(text)
    rig.start_gateway()

    told(rig, "openai: well", "0 of ", "probes failed", 'status page: Partial System Outage, "Elevated errors" since')
    told(rig, "anthropic: well", 'status page: an incident is open, "Slow answers"')
    told(rig, "batches: idle", "no probes")
    expect(provider_lines(rig)[0] == 0, "a vendor's page makes no verdict")
    for host in (page, feed):
        said = json.dumps([x[2] for x in host.asked])
        expect(host.asked and "sk-sim" not in said and "hush" not in said and "authorization" not in said and "x-api-key" not in said, said)
    expect({x[:2] for x in one.asked} == {("GET", "/v1/models")} and one.asked[0][2]["authorization"] == "Bearer sk-sim-one", one.asked[:3])

    one.status = 503
    for _ in range(3):
        chat(rig)
    told(rig, "openai: THEM", "(503)", "probes failed (503)", "status page: Partial System Outage")
    status, out, err = rig.run("provider", "show", "openai")
    expect(status == 1 and "quarterdeck action take open_breaker --provider openai" in out, f"{status} {out} {err}")
    examples = [line for line in out.splitlines() if "quarterdeck record show" in line]
    expect(examples and len(set(examples)) == len(examples), out)
    expect(rig.run("provider", "show", "openal")[0] == 3, "no such provider")
    expect("provider_failing" in rig.run("finding", "list")[1], "the finding")

    one.status, two.status = 200, "hang"  # it takes connections and says nothing
    told(rig, "anthropic: THEM", "probes failed (no answer in time)", "other hosts answer")
    two.over.set()
    two.status = 200
    told(rig, "anthropic: well")

    for host in (one, two, page, feed):
        host.close()
    told(rig, "openai: US", "our own network")
    told(rig, "anthropic: US", "our own network")


def test_watch_probe_off(rig):
    """Who is not to be probed is asked nothing; a provider of another name after a reload is seen, and the one before is not."""
    one, two = Host(), Host()
    text = config(one.url).replace("api_key: sk-sim", "api_key: sk-sim, probe: {off: true}")
    rig.write_config(text)
    rig.start_gateway()
    told(rig, "openai: idle", "no probes")
    expect(one.asked == [], one.asked)
    text = text.replace("openai: {dialect: openai", "renamed: {dialect: openai", 1).replace("provider: openai,", "provider: renamed,")
    rig.write_config(text.replace(f'"{one.url}/v1", api_key: sk-sim, probe: {{off: true}}', f'"{two.url}/v1", api_key: sk-sim, probe: {{every: 1s}}'))
    status, out, err = rig.run("policy", "reload", "--reason", "a test")
    expect(status == 0, f"{status} {out} {err}")
    told(rig, "renamed: well", "0 of ", "probes failed")
    expect("openai" not in provider_lines(rig)[1] and one.asked == [], provider_lines(rig)[1])

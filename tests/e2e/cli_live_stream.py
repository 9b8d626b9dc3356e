"""What a console hears: changes and exchanges as they happen, filtered, sampled and counted, and nothing once it may not read any more."""
import concurrent.futures
import json
import time

from cli_words import chat, eventually
from live_rig import Stream
from rig import KEY, OTHER_KEY, TOKEN, config, expect, signal

VIEWER = "qdt-e2e-viewer-0000000000"
SILENCE = json.dumps({"matchers": "rule=late", "lasts": "1h", "reason": "a test"})
RULES = """watch: {every: 1s}
receivers: {ops: {webhook: {url: "http://127.0.0.1:9/"}}}
alerts: [{name: busy, when: {metric: requests, where: {model: on-anthropic}, window: 5m, above: 0}, notify: [ops]}]"""
PROMPT = json.dumps({"prompt": "greet", "model": "on-openai", "messages": [{"role": "user", "content": "hello"}]})


def serve(rig, viewer=True):
    sim = rig.start_sim("--speed", "0") if rig.sim is None else rig.sim
    text = config(sim.url, server=RULES)
    both = f'tokens: [{{name: vera, role: viewer, token: "{VIEWER}"}}, {{name: e2e'
    rig.write_config((text.replace("tokens: [{name: e2e", both) if viewer else text).replace("models: [embed], keys", "keys"))


def test_live_changes(rig):
    """Each console hears of its topics, once a second at most, within two seconds of what a person or the server did."""
    serve(rig)
    rig.start_gateway()
    every, alerts = Stream(rig), Stream(rig, "topics=alerts")
    expect(every.of("hello")[0]["topics"][0] == "alerts" and "records" not in every.of("hello")[0]["topics"], every.of("hello"))
    expect(rig.http("POST", "/api/v1/silences", SILENCE)[0] == 200, "a silence")
    for stream in (every, alerts):
        stream.wait_changed("alerts")
    expect(rig.http("POST", "/api/v1/prompts?reason=t", PROMPT)[0] == 200, "a prompt")
    every.wait_changed("rollouts")
    status, _, answer = rig.http("POST", "/api/v1/prompts/greet/versions/1/submit", json.dumps({"reason": "a test"}))
    expect(status == 200, answer)
    quiet = Stream(rig, "topics=alerts")
    expect(chat(rig, model="on-anthropic")[0] == 200, "an exchange that is one too many")
    eventually(lambda: json.loads(rig.http("GET", "/api/v1/alerts?state=firing")[2])["alerts"])
    quiet.wait_changed("alerts")  # by the watch, not by a person
    for _ in range(40):  # a burst is one event a second
        expect(rig.http("POST", "/api/v1/silences", SILENCE)[0] == 200, "a silence")
    time.sleep(1.5)
    times = [at for at, event, _ in alerts.came if event == "changed"]
    expect(all(b - a > 0.9 for a, b in zip(times, times[1:])), times)
    expect(all(c["topics"] == ["alerts"] for c in alerts.of("changed")), alerts.came)


def test_live_exchanges(rig):
    """A tail shows exchanges as they settle, those of its filter alone; a flood is sampled, and each one that was left out is counted."""
    serve(rig)
    rig.start_gateway()
    mine, others = Stream(rig, "topics=records&application=e2e&status=ok"), Stream(rig, "topics=records&application=other")
    status, headers, _ = chat(rig, user="zoé <script>\"".encode().decode("latin-1"))
    expect(status == 200, status)
    shown = mine.wait("exchange", lambda x: x["id"] == headers["x-quarterdeck-id"])
    record = rig.wait_records([shown["id"]])[0]
    expect(set(shown) == {"id", "time", "application", "model", "provider", "request_type", "status", "cost_usd", "duration_ms", "ttft_ms", "user", "prompt", "error"}, shown)
    for name in ("id", "time", "application", "model", "request_type", "status", "cost_usd", "user", "duration_ms", "ttft_ms", "error"):
        expect(shown[name] == record[name], f"{name}: {shown[name]} {record[name]}")
    expect(shown["provider"] == record["target"]["provider"] and shown["prompt"] is None, shown)
    expect(rig.http("GET", "/api/v1/live?topics=records&application=no-such")[0] == 404, "an application that is none")
    expect(rig.http("GET", "/api/v1/live?topics=recrods")[0] == 400, "a topic that is none")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        sent = len(list(pool.map(lambda _: chat(rig), range(400))))
    time.sleep(2.5)
    left = mine.of("sampled")
    exchanges = len(mine.of("exchange"))
    expect(left and exchanges < sent and all(s["seen"] > s["shown"] and s["over_s"] >= 1 for s in left), left)
    hidden = sum(s["seen"] - s["shown"] for s in left)
    expect(exchanges + hidden == sent + 1, f"{exchanges} shown and {hidden} left out of {sent + 1}")
    for at, event, _ in mine.came:
        if event == "exchange":
            expect(sum(1 for a, e, _ in mine.came if e == "exchange" and at <= a < at + 0.95) <= 20, "more than 20 in a second")
    expect(others.of("exchange") == [], "another application's")


def test_live_ends(rig):
    """A stream is for those who may read: it ends with the role, is refused without one, and a client that is killed is forgotten; a stop ends it."""
    serve(rig)
    rig.start_gateway()
    expect(Stream(rig, token="nobody").status == 401 and Stream(rig, token=KEY).status == 401, "who may not")
    expect(rig.http("HEAD", "/api/v1/live")[0] == 200, "HEAD has an end")
    viewer, admin = Stream(rig, token=VIEWER), Stream(rig)
    serve(rig, viewer=False)
    rig.gateway.signal(signal.SIGHUP)
    expect(eventually(viewer.ended.is_set), "the viewer's token is gone, and so is its stream")
    expect("sign in" in viewer.of("end")[0]["reason"], viewer.came)
    admin.wait_changed("configuration")
    expect(not admin.ended.is_set(), "the other one goes on")
    killed = [Stream(rig, "topics=records") for _ in range(30)]
    for stream in killed:
        stream.close()
    expect(chat(rig)[0] == 200 and rig.http("GET", "/api/v1/status")[0] == 200, "all goes on")
    expect(eventually(lambda: "quarterdeck_consoles 1\n" in rig.http("GET", "/metrics")[2].decode()), "one console is left")
    rig.gateway.stop()
    expect(eventually(admin.ended.is_set), "a server that stops ends its streams")
    expect("stopping" in admin.of("end")[0]["reason"], admin.came)


def test_live_shared(rig):
    """Consoles that ask the same are given one answer, each role its own, and never one from before a change; what they have is not sent again."""
    serve(rig)
    rig.start_gateway()
    path = "/api/v1/silences"
    moment = {"cache-control": "max-age=1"}  # as consoles say
    expect("etag" not in rig.http("GET", path)[1], "who does not say that a moment old will do is told anew")
    before = rig.http("GET", path, headers=moment)
    again = rig.http("GET", path, headers={**moment, "if-none-match": before[1]["etag"]})
    expect((again[0], again[2]) == (304, b""), again)
    for n in range(1, 6):  # a change is in the very next answer
        expect(rig.http("POST", path, SILENCE)[0] == 200, "a silence")
        status, headers, body = rig.http("GET", path, headers={**moment, "if-none-match": before[1]["etag"]})
        expect(status == 200 and len(json.loads(body)["silences"]) == n and headers["etag"] != before[1]["etag"], body)
    expect(rig.http("GET", path, token=VIEWER)[0] == 200 and rig.http("GET", path, token=OTHER_KEY)[0] == 401, "a key is no token")
    expect("etag" not in rig.http("GET", "/api/v1/keys", headers=moment)[1], "keys are never shared")

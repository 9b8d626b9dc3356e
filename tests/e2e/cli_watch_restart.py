"""What the watch knows over a restart: what was found stays found."""
import json

from rig import expect
from watch_rig import Customers, say, serve, within

EVERY = "watch: {every: 1s}"


def ticks(rig):
    text = rig.http("GET", "/metrics")[2].decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith('quarterdeck_watch_ticks_total{result="ok"'))


def look_on(rig, more=4):
    before = ticks(rig)
    within(60, lambda: ticks(rig) >= before + more, "looks of the watch")


def test_watch_found_over_kill(rig):
    """What a watcher has found is still found behind kill -9, and has opened once: it neither ends nor begins by amnesia."""
    rule = {"name": "slow", "when": {"finding": "latency_over_budget"}, "notify": ["ops"]}
    _, _, ops, _ = serve(rig, [rule], more=EVERY, application="request_types: {chat: {latency: {p50: 1us}}},")
    customers = Customers(rig, lambda r, i: say(r, f"question {i}"), rate=20)
    opened = within(60, lambda: rig.api("/api/v1/findings?kind=latency_over_budget")["findings"], lambda: f"found: {rig.gateway.tail()}")
    customers.stop()
    rig.gateway.kill9()
    rig.start_gateway()
    look_on(rig)
    after = rig.api("/api/v1/findings?kind=latency_over_budget")["findings"]
    expect([(f["id"], f["state"], f["times"]) for f in after] == [(f["id"], "open", 1) for f in opened], (opened, after))
    expect([a["state"] for a in rig.api("/api/v1/alerts")["alerts"]] == ["firing"], rig.run("alert", "list"))
    expect(not [got for got in ops.got if json.loads(got["body"])["status"] == "resolved"], ops.got)

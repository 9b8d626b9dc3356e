"""What the watch knows over a restart: what was found stays found, and nothing is counted twice."""
import json
import sqlite3

from rig import expect
from watch_rig import Customers, say, serve, within

SCORING = "scoring: whole\napplication: shop\nkey: app\nsample: {rate: 1}\nchecks: [{type: is-json, metric: format}]\n"
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


def counted(rig):
    """Values by series that the watcher of answers has had, as it keeps them."""
    with sqlite3.connect(rig.folder / "data" / "registry.db") as db:
        (body,), = db.execute("SELECT body FROM kept WHERE name = 'watch.output'")
    return {(s["signal"], *s["names"]): sum(day[1] for day in s["days"]) for s in json.loads(body)}


def test_watch_counted_once(rig):
    """Scores that the watcher of answers has had before a restart are not had again behind it."""
    serve(rig, [], more=EVERY, application="payloads: {capture: full},")
    (rig.folder / "scoring.yaml").write_text(SCORING)
    rig.run("apply", "-f", rig.folder / "scoring.yaml", "--why", "a test", check=True)
    within(60, lambda: json.loads(rig.run("eval", "online", "show", "whole", "--json", check=True)[1])["rules"][0]["state"] == "on", "the scoring rule")
    for number in range(30):
        expect(say(rig, f"question {number}")[0] == 200, number)
    within(60, lambda: json.loads(rig.run("eval", "online", "report", "whole", "--json")[1])["records"]["taken"] == 30, lambda: rig.run("eval", "online", "report", "whole", "--json"))
    look_on(rig, 12)  # scores are read each 10 s
    rig.gateway.stop()
    before = counted(rig)
    expect(30 in before.values(), before)
    rig.start_gateway()
    look_on(rig, 12)
    rig.gateway.stop()
    expect(counted(rig) == before, (before, counted(rig)))

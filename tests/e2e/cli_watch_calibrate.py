"""Thresholds from a rule's own history, typed: too little of it is an answer, promises are left alone, and only a person puts a number in force."""
import json
import sqlite3
import time

from rig import config, expect

RULES = """
receivers: {ops: {webhook: {url: "http://127.0.0.1:9/", secret: hush}}}
alerts:
  - {name: slow-chat, when: {metric: latency.p99, by: [request_type], window: 5m, above: 2s}, notify: [ops]}
  - {name: promised, when: {metric: errors.rate, window: 5m, above: 5%}, calibrate: never, notify: [ops]}
  - {name: odd, when: {metric: errors.rate, window: 10m, anomaly: {alarms_per_month: 1}}, notify: [ops]}
"""


def test_watch_calibrate(rig):
    """Without a history: said so with exit 1, for one rule and for all; a promise, an anomaly, a wrong name and wrong times are told apart."""
    rig.write_config(config("http://127.0.0.1:9") + RULES)
    rig.start_gateway()

    def said(code, words, *args):
        status, out, err = rig.run("alert", *args)
        expect(status == code and words in out + err, f"alert {' '.join(args)}: {status}, expected {code} and `{words}`: {out} {err}")
        return out

    said(1, "no data", "calibrate", "slow-chat")
    out = said(1, "slow-chat: no data", "calibrate", "--all")
    expect("promised" not in out and "odd" not in out, out)
    answer = json.loads(said(1, "enough", "calibrate", "slow-chat", "--json"))
    expect(answer["enough"] is False and answer.get("threshold") is None, answer)
    said(2, "calibrate: never", "calibrate", "promised")
    said(2, "learns what is normal by itself", "calibrate", "odd")
    said(3, "slow-chat", "calibrate", "slow-chatt")
    said(2, "above 0", "calibrate", "slow-chat", "--alarms-per-month", "0")
    said(2, "expected a time before `to`", "calibrate", "slow-chat", "--from", "-1d", "--to", "-2d")
    said(0, "no data in this time", "replay", "slow-chat", "--above", "3s")
    said(2, "expected", "replay", "slow-chat", "--above", "much")
    said(0, "no thresholds", "thresholds")
    said(3, "7", "accept", "7")


def test_watch_thresholds(rig):
    """A proposal waits for a person (exit 1); refused once; one that was learned for another condition is never in force."""
    rig.write_config(config("http://127.0.0.1:9") + RULES)
    rig.start_gateway()
    with sqlite3.connect(rig.folder / "data" / "registry.db", timeout=20) as db:
        for value in (2.84, 3.1):
            db.execute("INSERT INTO threshold(rule, condition, value, clear, rationale, state, made_us) VALUES ('slow-chat', ?, ?, 2.5, '{}', 'proposed', ?)",
                       (bytes(32), value, int(time.time() * 1e6)))
    status, out, err = rig.run("alert", "thresholds")
    expect(status == 1 and "next: quarterdeck alert accept 1" in out, f"{status} {out} {err}")
    status, out, err = rig.run("alert", "refuse", "1", "--why", "too high")
    expect(status == 0 and "refused" in out, f"{status} {out} {err}")
    expect(rig.run("alert", "accept", "1")[0] != 0, "it was refused")
    status, out, err = rig.run("alert", "accept", "2", "--why", "agreed")
    expect("in force from" not in out, f"{status} {out} {err}")
    entries = json.loads(rig.run("audit", "list", "--json", check=True)[1])["entries"]
    expect(any("refuse" in e["action"] and e["reason"] == "too high" for e in entries), entries)
    rules = json.loads(rig.run("alert", "rules", "--json")[1])["rules"]
    expect(next(r for r in rules if r["name"] == "slow-chat").get("threshold") in (2, 2.0), rules)

"""Scenarios of cli.py about what the console draws from: series, hours, the timeline and the overview of live traffic."""
from cli_words import chat
from rig import config, expect


def test_reads(rig):
    """What went through the gateway is what series, hours, timeline and overview say, with n, intervals and null for what is not known."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url))
    rig.start_gateway()
    for _ in range(5):
        chat(rig)
    rig.run("key", "create", "e2e", "laptop", "--reason", "<b>büro</b>", check=True)
    expect(len(rig.wait_records(count=5)) == 5, "records")
    series = rig.api("/api/v1/series?metrics=requests,error_rate,latency.p50,cost_per_request,quality&from=-1h&by=application&step=1h")["series"]
    points = {s["metric"]: [p for p in s["points"] if p[2]] for s in series}
    expect([s["label"] for s in series] == ["e2e"] * 5, series)
    expect(sum(p[1] for p in points["requests"]) == 5, points)
    expect(all(p[1] == 0 and p[3] < 1e-9 and 0 < p[4] < 1 for p in points["error_rate"]), points)
    expect(points["quality"] == [] and all(p[1] is None for s in series if s["metric"] == "quality" for p in s["points"]), "nothing was scored")
    hours = rig.api("/api/v1/hours?metric=requests&timezone=Asia/Tokyo")
    expect(sum(c[2] for c in hours["cells"]) == 5 and len(hours["by_hour"]) == 24, hours)
    events = rig.api("/api/v1/timeline?kinds=configuration")["events"]
    expect(events[0]["title"].endswith("made key e2e/laptop: <b>büro</b>") and events[0]["href"] == "/settings/keys", events)
    rows = rig.api("/api/v1/overview")["applications"]
    expect([(r["application"], r["requests"]) for r in rows] == [(None, 5), ("e2e", 5), ("other", 0)], rows)
    states = {d["domain"]: d["state"] for d in rows[1]["domains"]}
    expect(states["quality"] == "unknown" and states["incidents"] == "unknown", states)

"""What the watch is told: the example is good, mistakes are named, and whose turn it is."""
import json
import pathlib

from rig import config, expect

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "watch" / "quarterdeck.yaml"
SECRETS = {"HOOK_SECRET": "hush-hush", "PAGERDUTY_KEY": "hush-too"}
ONCALL = """
receivers: {ops: {webhook: {url: "http://127.0.0.1:9/", secret: "${HOOK_SECRET:-}"}}}
oncall:
  people: {anna: {receiver: ops}, ben: {receiver: ops}}
  schedules:
    primary: {timezone: Europe/London, rotations: [{people: [anna, ben], starts: 2026-01-05T09:00, turn: 7d}]}
    later: {rotations: [{people: [ben], starts: 2100-01-01}]}
"""


def test_watch_example(rig):
    """The four classic rules are a good configuration; without its secret, or with a name mistyped, it is none, and nothing secret is shown."""
    status, out, err = rig.run("check", "-c", EXAMPLE, env=SECRETS)
    expect(status == 0 and "is good" in out, f"{status} {out} {err}")
    status, out, err = rig.run("check", "-c", EXAMPLE, env={"HOOK_SECRET": "hush-hush"})
    expect(status == 1 and "PAGERDUTY_KEY is not set" in out + err, f"{status} {out} {err}")
    bad = EXAMPLE.read_text().replace("notify: [finance, ops]", "notify: [finanze, ops]").replace("latency.p99", "latency.p999")
    rig.write_config(bad, "bad.yaml")
    status, out, err = rig.run("check", "-c", rig.folder / "bad.yaml", env=SECRETS)
    expect(status == 1 and "did you mean `finance`?" in out + err and "no such metric `latency.p999`" in out + err, f"{status} {out} {err}")
    expect("hush" not in out + err, out + err)


def test_watch_oncall(rig):
    """Whose turn it is over a clock change; an override takes a time, survives a kill, is removed once, and is in the audit log."""
    rig.write_config(config("http://127.0.0.1:9") + ONCALL)
    rig.start_gateway()

    def now(*more):
        status, out, err = rig.run("oncall", "now", "primary", "--json", *more)
        expect(status == 0, f"{status} {out} {err}")
        return json.loads(out)["schedules"][0]

    turn = now("--at", "2026-03-30T07:59:00Z")  # the clocks went forward the day before: 9:00 in London is 8:00
    expect((turn["person"], turn["from"][:16], turn["to"][:16]) == ("ben", "2026-03-23T09:00", "2026-03-30T08:00"), turn)
    expect(turn["next"]["person"] == now("--at", "2026-03-30T08:00:00Z")["person"] == "anna", turn)
    expect(rig.run("oncall", "now")[0] == 1, "nobody is on call in `later`: that is a no")
    status, out, err = rig.run("oncall", "now", "primry")
    expect(status == 3 and "did you mean `primary`?" in err, f"{status} {out} {err}")
    other = "anna" if now()["person"] == "ben" else "ben"
    status, out, err = rig.run("oncall", "override", "primary", other, "--for", "8h", "--why", "a swap")
    expect(status == 0 and "undo: quarterdeck oncall remove 1" in out, f"{status} {out} {err}")
    expect(rig.run("oncall", "override", "primary", "zoe", "--for", "8h")[0] == 2, "zoe is nobody")
    rig.gateway.kill9()
    rig.start_gateway()
    turn = now()
    expect(turn["person"] == other and turn["override"] == 1, turn)
    expect(rig.run("oncall", "remove", "1", "--why", "back")[0] == 0 and now()["person"] != other, now())
    expect(rig.run("oncall", "remove", "1")[0] == 3, "it was removed already")
    entries = json.loads(rig.run("audit", "list", "--json", check=True)[1])["entries"]
    said = [(e["action"], e["reason"]) for e in entries if e["action"].startswith("oncall.")]
    expect(said == [("oncall.remove", "back"), ("oncall.override", "a swap")], said)

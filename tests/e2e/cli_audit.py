"""Scenarios of cli.py about the audit log: found, exported, verified by others, and changed by somebody who should not."""
import json
import pathlib
import re
import sqlite3
import subprocess
import sys

from rig import config, expect

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "change.md"


def others_verify(rig, lines):
    """What docs/change.md says, run as it stands there: Python's hashlib and nothing of ours."""
    script = rig.folder / "verify.py"
    script.write_text(re.search(r"```python\n(import hashlib.*?)```", DOCS.read_text(), re.S).group(1))
    ran = subprocess.run([sys.executable, script], input=lines, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout.strip() + ran.stderr.strip()


def tamper(rig, sql):
    with sqlite3.connect(rig.folder / "data" / "registry.db") as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute(sql)
        for _, text in triggers:
            db.execute(text)
    db.close()


def test_audit(rig):
    """The audit log is found by who, what and when, verified by its export alone, and tells where it was changed or that it was cut."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url))
    gateway = rig.start_gateway()

    def entries(*more):
        return [e["number"] for e in json.loads(rig.run("audit", "list", "--json", *more, check=True)[1])["entries"]]

    def verified(*more):
        status, out, err = rig.run("audit", "verify", "--json", *more)
        return status, json.loads(out) if out else err

    expect(rig.run("audit", "verify")[1].startswith("the audit log is whole: 1 "), "a configuration came into force")
    expect(entries("--action", "policy.change") == [1], entries())
    for name in ("laptop", "ci-1", "ci-2", "night"):
        rig.run("key", "create", "e2e", name, "--reason", f"für Büro\n\"{name}\" \\ \U0001f511", check=True)
    rig.run("key", "revoke", "e2e", "ci-1", check=True)  # without a reason: null
    reloaded = rig.http("POST", "/api/v1/reload", json.dumps({"reason": "a\u0000b"}), {"content-type": "application/json"})
    expect(reloaded[0] == 200, reloaded)
    expect(entries() == [7, 6, 5, 4, 3, 2, 1] and entries("--action", "key") == [6, 5, 4, 3, 2] and entries("--action", "key.revoke") == [6], entries())
    expect(entries("--subject", "e2e/ci-1") == [6, 3] and entries("--limit", "2", "--before", "4") == [3, 2], entries("--subject", "e2e/ci-1"))
    expect(entries("--from", "-1h", "--actor", "nobody") == [] and len(entries("--from", "-1h")) == 7 and entries("--to", "-1h") == [], "times")
    expect("e2e/ci-1" in rig.run("audit", "list")[1] and rig.run("audit", "list", "--from", "whenever")[0] == 2, "as a table")

    status, lines, err = rig.run("audit", "export")
    expect(status == 0 and len(lines.splitlines()) == 7, err)
    head = verified()[1]["head"]
    expect(others_verify(rig, lines) == (0, head), others_verify(rig, lines))
    parsed = [json.loads(line) for line in lines.splitlines()]
    expect("\U0001f511" in parsed[1]["reason"] and parsed[5]["reason"] is None and isinstance(parsed[1]["detail"], (str, type(None))), parsed)
    forged = [dict(e) for e in parsed]
    forged[2]["actor"] = "eve"
    expect(others_verify(rig, "\n".join(map(json.dumps, forged)))[0] == 1, "others do not see a forged entry")
    expect(others_verify(rig, "\n".join(map(json.dumps, parsed[:3] + parsed[4:])))[1] == "entry 4 does not fit", "nor a missing one")
    pages, after = "", 0
    while page := rig.http("GET", f"/api/v1/audit/export?limit=4&after={after}")[2].decode():
        pages, after = pages + page, json.loads(page.splitlines()[-1])["number"]
    expect(pages == lines, "pages make the whole")
    rig.run("audit", "export", "-o", rig.folder / "audit.jsonl", check=True)
    expect((rig.folder / "audit.jsonl").read_text() == lines, "into a file")

    expect(verified("--head", head) == (0, {"whole": True, "first_bad": None, "entries": 7, "head": head, "kept_head": head, "kept_head_entry": 7}), verified("--head", head))
    expect(verified("--head", "12")[0] == 2, "a head that is none")
    gateway.stop()
    rig.gateway = None
    rig.run("key", "create", "e2e", "later", "-c", rig.folder / "quarterdeck.yaml", check=True)  # beside a stopped server
    expect(verified("-c", rig.folder / "quarterdeck.yaml", "--head", head)[1]["kept_head_entry"] == 7, "a head from before")

    tamper(rig, "DELETE FROM audit WHERE number > 6")  # cut off: the rest is whole, and only the kept head tells
    beside = ("-c", rig.folder / "quarterdeck.yaml")
    expect(verified(*beside)[0] == 0 and verified(*beside)[1]["entries"] == 6, verified(*beside))
    status, out, _ = rig.run("audit", "verify", "--head", head, *beside)
    expect(status == 1 and "was cut or written anew" in out, out)
    tamper(rig, "UPDATE audit SET reason = 'no reason' WHERE number = 3")
    status, out, _ = rig.run("audit", "verify", *beside)
    expect(status == 1 and "entry 3 of 6 is the first that does not fit" in out, out)
    expect(verified(*beside)[1]["first_bad"] == 3 and rig.run("policy", "audit", "--verify", *beside)[0] == 1, verified(*beside))

"""Scenarios of cli.py about what the watch over cost notices and what outlives a restart."""
import json
import sqlite3

from rig import config, expect


def test_findings(rig):
    """A threshold that is crossed, a refusal and a model without a price are findings at once, over a restart, until dismissed."""
    from cli import chat, eventually
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, models="  unpriced: {targets: [{provider: openai, model: no-such-model}]}", server="""budgets:
  - {name: soft-day, scope: {application: e2e}, limit_usd: 0.00001, window: day, mode: soft, alert_at: [0.5, 1]}
  - {name: each-user, scope: {user: "*"}, limit_usd: 0.000001, window: day, mode: hard}"""))
    gateway = rig.start_gateway()

    def findings(*more, code=None):
        status, out, err = rig.run("cost", "findings", *more, "--json")
        found = {(f["kind"], f["application"]): f for f in json.loads(out)["findings"]}
        expect(status == (1 if any(f["state"] == "open" for f in found.values()) else 0), f"exit {status}: {out} {err}")
        return found

    expect(findings() == {} and "no findings" in rig.run("cost", "findings")[1], "findings from nothing")
    expect(chat(rig, model="unpriced")[0] == 200 and chat(rig)[0] == 200, "not served")
    expect(eventually(lambda: len(findings()) == 2), findings())
    reached, unpriced = findings()["budget_threshold", "e2e"], findings()["unknown_price", "e2e"]
    expect("soft-day" in reached["title"] and reached["evidence"]["threshold"] == 0.5 and reached["evidence"]["statistic"] >= 0.5, reached)
    expect(unpriced["evidence"]["model"] == "no-such-model" and unpriced["evidence"]["statistic"] == 1, unpriced)
    expect(unpriced["command"] == "quarterdeck model price openai/no-such-model", unpriced)
    expect(rig.run(*reached["command"].split()[1:])[0] == 0, f"the command does not run: {reached['command']}")
    expect(chat(rig, user="it's me")[0] == 429, "not refused")
    expect(eventually(lambda: ("budget_refusing", None) in findings()), findings())
    api = rig.api("/api/v1/findings?state=open&kind=unknown_price&application=e2e")
    expect([f["id"] for f in api["findings"]] == [unpriced["id"]] and api["open"]["unknown_price"] == 1, api)
    expect("next: quarterdeck model price openai/no-such-model" in rig.run("cost", "findings")[1], "what to type next")
    whole, quality = rig.run("finding", "list", "--json"), rig.run("finding", "list", "--domain", "quality", "--json")
    expect(whole[0] == 1 and len(json.loads(whole[1])["findings"]) == len(findings()), whole)
    expect(quality[0] == 0 and json.loads(quality[1])["findings"] == [] and rig.run("finding", "list", "--domain", "weather")[0] == 2, quality)
    expect('quarterdeck_findings_open{kind="unknown_price"} 1' in rig.http("GET", "/metrics")[2].decode(), "the metric")
    expect("finding opened" in gateway.log.read_text() and "kind=budget_threshold" in gateway.log.read_text(), gateway.tail())
    jobs = {j["name"]: j for j in rig.api("/api/v1/status")["jobs"]}
    expect(jobs["thresholds"]["runs"] >= 1 and not any(j["overdue"] or j["error"] for j in jobs.values()), jobs)

    number = str(unpriced["id"])
    expect(rig.run("cost", "dismiss", number)[0] == 2 and rig.run("cost", "dismiss", number, "--why", " ")[0] == 2, "dismissed without a reason")
    expect(rig.run("cost", "dismiss", "999", "--why", "x")[0] == 3, "what is not there cannot be dismissed")
    expect(rig.http("POST", f"/api/v1/findings/{number}/dismiss", "{}")[0] == 400, "the API wants one too")
    expect(rig.run("cost", "dismiss", number, "--why", "it is free")[0] == 0, "not dismissed")
    expect(rig.api("/api/v1/audit")["entries"][0]["action"] == "finding.dismiss", "not audited")
    gateway.stop()
    gateway = rig.start_gateway()
    expect(chat(rig, model="unpriced")[0] == 200, "not served")
    found = findings("--all")
    expect(found["unknown_price", "e2e"]["dismissed"]["reason"] == "it is free", found)
    expect(found["budget_threshold", "e2e"]["id"] == reached["id"] and found["budget_threshold", "e2e"]["state"] == "open", found)
    expect(eventually(lambda: [j for j in rig.api("/api/v1/status")["jobs"] if j["name"] == "prices" and j["runs"]]), "prices did not run")
    expect(("unknown_price", "e2e") not in findings() and findings()["budget_threshold", "e2e"]["times"] == 1, findings())
    gateway.stop()
    rig.gateway = None
    status, out, err = rig.run("cost", "findings", "-c", rig.folder / "quarterdeck.yaml")
    expect(status == 1 and "soft-day" in out, f"beside a stopped server: {status} {out} {err}")


def test_learned(rig):
    """What was learned outlives a restart as it was; damage is said and left; a job that fails is seen, and the server goes on."""
    from cli import chat, eventually
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, models="  unpriced: {targets: [{provider: openai, model: no-such-model}]}",
                            server="budgets: [{name: all, limit_usd: 100, window: month, mode: soft}]"))
    registry = rig.folder / "data" / "registry.db"

    def sql(text, *values):
        with sqlite3.connect(registry, timeout=10) as base:
            return base.execute(text, values).fetchall()

    def kept():
        rows = sql("SELECT body FROM kept WHERE name = 'cost.learned'")
        return rows[0][0].split(b"\n", 1) if rows else None

    def restart():
        rig.gateway.stop()
        return rig.start_gateway()

    rig.start_gateway()
    expect(all(chat(rig, request_type="short")[0] == 200 for _ in range(5)), "not served")
    gateway = restart()
    head, learned = kept()
    expect(head.startswith(b"quarterdeck learned 1 "), head)
    answers = [sum(n for _, n in kind[1:]) for kind in json.loads(learned)["expect"]]
    expect(answers == [5], f"5 answers, learned {answers}")
    gateway = restart()  # the budget's records are read again, and teach nothing twice
    expect(kept()[1] == learned, f"{kept()[1]} after {learned}")
    gateway.stop()
    sql("UPDATE kept SET body = ? WHERE name = 'cost.learned'", head + b"\n" + learned.replace(b"5", b"6", 1))
    rig.start_gateway()
    expect("what was learned" in rig.gateway.log.read_text() and "damaged" in rig.gateway.log.read_text(), rig.gateway.tail())
    sql("ALTER TABLE finding RENAME TO elsewhere")
    expect(chat(rig, model="unpriced")[0] == 200, "not served")

    def prices():
        return next(j for j in rig.api("/api/v1/status")["jobs"] if j["name"] == "prices")

    expect(eventually(lambda: prices()["failures"] > 0), prices())
    expect("finding" in prices()["error"] and chat(rig)[0] == 200, prices())
    expect('quarterdeck_job_runs_total{job="prices",result="failed"}' in rig.http("GET", "/metrics")[2].decode(), "the metric")
    expect("a job failed" in rig.gateway.log.read_text(), rig.gateway.tail())

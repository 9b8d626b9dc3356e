"""Scoring of production traffic, and suites that the server runs by itself."""
import json
import math
import sqlite3
import urllib.request

from cli_words import eventually
from rig import KEY, config, expect

RULE = """scoring: helpdesk-quality
application: e2e
key: sdk
sample: {rate: %s}
checks:
  - {type: is-json, metric: format}
  - {type: not-is-refusal, metric: refusal}
  - {type: judge, judge: support-judge, rubric: "polite and correct", metric: quality}
judges: {support-judge: {model: on-openai, scale: 1-5}}
"""
SAYS = ("rules:\n  - {do: {say: 'Use the reset link below.'}}\n"
        "  - {match: {user_contains: <request}, do: {say: '{\"reason\": \"clear\", \"score\": 4}'}}\n"
        "  - {match: {user_contains: awful}, do: {say: '{\"reason\": \"curt\", \"score\": 1}'}}\n")


def start(rig):
    (rig.folder / "script.yaml").write_text(SAYS)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url).replace("e2e: {keys", "e2e: {payloads: {capture: full}, keys"))
    rig.start_gateway()
    return sim


def ask(rig, words, kind, stream=False):
    body = {"model": "on-openai", "max_tokens": 50, "stream": stream, "messages": [{"role": "user", "content": words}]}
    headers = {"content-type": "application/json", "x-quarterdeck-request-type": kind}
    status, headers, answer = rig.http("POST", "/v1/chat/completions", json.dumps(body), headers, token=KEY)
    expect(status == 200, f"{status} {answer}")
    return headers["x-quarterdeck-id"]


def apply(rig, name, text):
    (rig.folder / name).write_text(text)
    return rig.run("apply", "-f", rig.folder / name, "--why", "a test")


def report(rig, *more):
    return json.loads(rig.run("eval", "online", "report", "helpdesk-quality", "--json", *more, check=True)[1])


def state(rig):
    return json.loads(rig.run("eval", "online", "show", "helpdesk-quality", "--json", check=True)[1])["rules"][0]


def test_online(rig):
    """A rule scores what comes after it, once, over a kill; its own judges are not scored; the report says how it is, by request type."""
    start(rig)
    status, out, err = apply(rig, "bad.yaml", RULE % "2" + "mane: x\n")
    expect(status != 0 and "rate: expected a number from 0 to 1" in out + err and "unknown key" in out + err, f"{status} {out} {err}")
    ask(rig, "before the rule", "chat")
    status, out, err = apply(rig, "rule.yaml", RULE % "1")
    expect(status == 0, f"{status} {out} {err}")
    expect(eventually(lambda: state(rig)["state"] == "on"), "the server has looked at it")
    ids = [ask(rig, f"question {i}", "chat" if i % 2 else "summary", stream=i % 3 == 0) for i in range(6)]
    expect(eventually(lambda: report(rig)["records"]["scored"] == 6), report(rig)["records"])
    rig.gateway.kill9()
    rig.start_gateway()
    ids += [ask(rig, f"question {i}", "chat") for i in range(6, 10)]
    expect(eventually(lambda: report(rig)["records"]["scored"] == 10), report(rig)["records"])
    found = report(rig, "--by", "request_type")
    expect(found["records"] == {"matched": 10, "beyond_at_most": 0, "taken": 10, "scored": 10, "not_scorable": 0, "waiting": 0}, found["records"])
    metrics = {m["metric"]: m for m in found["metrics"]}
    expect(metrics["quality"]["mean"]["value"] == 4 and metrics["quality"]["share"] == 1 and metrics["quality"]["n"] == 10, metrics["quality"])
    expect(metrics["quality"]["judge"]["calibrated"] is False and metrics["quality"]["interval"][0] < 0.8, metrics["quality"])
    expect(metrics["format"]["share"] == 0 and metrics["refusal"]["share"] == 0, metrics)
    expect({g["name"]: g["records"]["scored"] for g in found["groups"]} == {"chat": 7, "summary": 3}, found["groups"])
    judged = [r for r in rig.records("") if r["feature"] == "eval-judge"]
    expect(len(judged) == 10 and {r["key"] for r in judged} == {"sdk"}, f"{len(judged)} judge calls, each once")
    scores = json.loads(rig.run("record", "scores", ids[0], "--json", check=True)[1])["scores"]
    expect({(s["name"], s["source"], s["value"]) for s in scores} == {("format", "eval", 0), ("quality", "judge", 0.75), ("refusal", "eval", 1)}, scores)
    out = rig.run("eval", "online", "report", check=True)[1]
    expect("sampled 10 of 10 records" in out and "uncalibrated" in out and "4.00" in out, out)
    # once people's labels say what the judge is worth, the report says so too
    labels = [{"input": "hi", "output": f"{word} {i}", "label": good} for word, good in (("Gladly", True), ("awful", False)) for i in range(20)]
    (rig.folder / "labels.jsonl").write_text("".join(json.dumps(x) + "\n" for x in labels))
    rig.run("eval", "judge", "calibrate", "support-judge", "--labels", "labels.jsonl", "--model", "on-openai", "--scale", "1-5", "--rubric", "polite and correct",
            env={"QUARTERDECK_KEY": KEY}, check=True)
    metrics = {m["metric"]: m for m in report(rig)["metrics"]}
    expect(metrics["quality"]["judge"]["calibrated"] is True, metrics["quality"])
    expect("uncalibrated" not in rig.run("eval", "online", "report", check=True)[1], "it is calibrated")
    expect(rig.run("eval", "online", "pause", "helpdesk-quality")[0] == 2, "a pause needs a reason")
    expect("is paused" in rig.run("eval", "online", "pause", "helpdesk-quality", "--why", "too dear", check=True)[1], "paused")
    ask(rig, "while it is paused", "chat")
    expect(state(rig)["why"] == "too dear" and "too dear" in rig.run("eval", "online", "show", "helpdesk-quality", check=True)[1], "why")
    expect("is on" in rig.run("eval", "online", "resume", "helpdesk-quality", check=True)[1], "resumed")
    expect(rig.run("eval", "online", "report", "no-such")[0] == 3, "no such rule")


SUITE = """suite: helpdesk
model: on-openai
messages: [{role: user, content: "{{question}}"}]
require: [{pass_rate: {at_least: 0.8}}]
checks: [{type: icontains, value: reset link}]
triggers: [{schedule: "0 6 * * mon-fri", zone: Europe/London}, model-change]
run_as: {application: e2e, key: sdk}
cases:
""" + "".join(f"  - {{id: case-{i}, vars: {{question: \"How do I reset {i}?\"}}}}\n" for i in range(30))


def test_eval_triggers(rig):
    """A version of a model that had not answered before makes the server run the suite; what it shows is a finding."""
    sim = start(rig)
    ask(rig, "the first version is no change", "chat")
    status, out, err = apply(rig, "suite.yaml", SUITE)
    expect(status == 0, f"{status} {out} {err}")

    def runs():
        return json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]

    def findings():
        return {f["kind"]: f for f in rig.api("/api/v1/findings?state=open")["findings"]}

    def script(text):
        urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=text.encode(), method="POST")).read()

    script("rules:\n  - {do: {say: 'Use the reset link below.', version: gpt-4o-mini-2025-01-01}}\n")
    ask(rig, "another version answers", "chat")
    expect(eventually(lambda: runs() and runs()[0]["verdict"]), runs())
    first = runs()[0]
    expect(first["verdict"] == "passed" and first["trigger"] == "model-change" and findings() == {}, f"{first} {findings()}")
    told = [f for f in rig.api("/api/v1/findings?kind=model_changed")["findings"]]
    expect(len(told) == 1 and told[0]["state"] == "cleared", f"it was told when the version came, and went when the run passed: {told}")
    script("rules:\n  - {do: {say: 'I do not know.', version: gpt-4o-mini-2025-02-01}}\n")
    ask(rig, "hello again", "chat")
    expect(eventually(lambda: set(findings()) == {"eval_failed", "eval_worse", "model_changed"}), findings())
    found = findings()
    expect(found["model_changed"]["evidence"]["change"]["upstream_model"] == "gpt-4o-mini-2025-02-01", found["model_changed"])
    traffic = found["model_changed"]["evidence"]["traffic"]
    expect(traffic["answers"] == 1 and traffic["share"] == 1 and traffic["first_seen"], f"requests of the run do not count: {traffic}")
    expect(found["eval_worse"]["command"] == "quarterdeck eval compare run-1 run-2", found["eval_worse"]["command"])
    expect(found["eval_worse"]["evidence"]["comparison"]["verdict"] == "worse", found["eval_worse"]["evidence"]["comparison"])
    script("rules:\n  - {do: {say: 'Use the reset link below.', version: gpt-4o-mini-2025-03-01}}\n")
    ask(rig, "well again", "chat")
    expect(eventually(lambda: findings() == {}), findings())

    def triggers():
        return {t["trigger"]: t for t in json.loads(rig.run("eval", "schedule", "list", "--json", check=True)[1])["triggers"]}

    expect(eventually(lambda: triggers()["model-change"]["last_run"]["run"] == "run-3"), triggers())  # kept after the findings are cleared
    told = triggers()
    expect(told["schedule"]["next"] and told["schedule"]["last_run"] is None, told)
    expect(told["model-change"]["last_run"]["verdict"] == "passed", told)
    expect("0 6 * * mon-fri Europe/London" in rig.run("eval", "schedule", "list", check=True)[1], "as a table")


def test_eval_triggers_judged(rig):
    """The server's own runs ask registered judges; where there is none nothing is asked, and the run says why."""
    sim = start(rig)
    ask(rig, "the first version is no change", "chat")
    apply(rig, "suite.yaml", SUITE.replace("checks: [", "checks: [{type: judge, judge: tone}, "))

    def change(version):
        rules = ("rules:\n  - {do: {say: 'Use the reset link below.', version: %s}}\n"
                 "  - {match: {user_contains: <request}, do: {say: '{\"reason\": \"kind\", \"verdict\": \"pass\"}', version: %s}}\n")
        urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=(rules % (version, version)).encode(), method="POST")).read()
        ask(rig, f"hello to {version}", "chat")

    def run(number):
        runs = json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]
        return len(runs) >= number and runs[0]["verdict"] and runs[0]

    change("gpt-4o-mini-2025-01-01")
    expect(eventually(lambda: run(1)), run(0))
    told = json.loads(rig.run("eval", "show", "run-1", "--json")[1])
    expect(told["verdict"] == "inconclusive" and "`tone` is neither declared in the suite nor registered" in told["why"] and told["runs"] == 0, told)
    apply(rig, "tone.yaml", "judge: tone\nmodel: on-openai\nrubric: polite\n")
    change("gpt-4o-mini-2025-02-01")
    expect(eventually(lambda: run(2)), run(0))
    told = json.loads(rig.run("eval", "show", "run-2", "--json")[1])
    expect((told["verdict"], told["errors"]) == ("passed", 0) and told["judges"][0]["judge"] == "tone" and told["corrected"]["judged"] == "uncalibrated", told)


def test_eval_scheduled(rig):
    """A schedule has its turn in the server; a run that a kill cut short goes on, and so after a stop, and asks no more again than was under way."""
    sim = start(rig)
    urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=b"rules: [{do: {say: 'Use the reset link.', delay: 700ms}}]", method="POST")).read()
    cases = "".join(f"  - {{id: case-{i}, vars: {{question: \"How do I reset {i}?\"}}}}\n" for i in range(40))
    status, out, err = apply(rig, "suite.yaml", SUITE.split("cases:")[0].replace("0 6 * * mon-fri", "* * * * *") + "cases:\n" + cases)
    expect(status == 0, f"{status} {out} {err}")

    def runs():
        return json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]

    expect(eventually(lambda: runs() and runs()[0]["done"] > 4), runs())
    rig.gateway.kill9()
    rig.start_gateway()
    expect(eventually(lambda: runs()[-1]["done"] > 16), runs())
    rig.gateway.stop()
    rig.start_gateway()
    expect(eventually(lambda: runs()[-1]["verdict"]), runs())
    first = runs()[-1]
    expect(first["verdict"] == "passed" and first["trigger"] == "schedule" and first["done"] == 40 and first["by"] == "scheduler", first)
    records = rig.records("&tag=eval-run%3Drun-1")
    answered = [r["tags"]["eval-case"] for r in records if r["status"] == "ok"]
    expect(sorted(set(answered)) == sorted(f"case-{i}" for i in range(40)), answered)
    stats = json.loads(urllib.request.urlopen(sim.url + "/sim/stats").read())
    expect(stats["total"]["requests"] <= 48, f"at most the 4 that were under way at the kill and at the stop are asked again: {stats['total']}")


WEIGHED = """scoring: weighed
application: e2e
key: sdk
sample: {rate: 0.5, by_request_type: {summary: 0.25}, at_most: 80/d}
when: {request_type: [chat, summary]}
take_all: [{request_type: [urgent]}]
checks: [{type: contains, value: reset link, metric: helps}]
"""


def test_online_weights(rig):
    """The report's estimates are those that another program makes of the raw table, while at_most thins the sample."""
    (rig.folder / "script.yaml").write_text("rules:\n  - {match: {user_contains: bad}, do: {say: 'I do not know.'}}\n  - {do: {say: 'Use the reset link below.'}}\n")
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url).replace("e2e: {keys", "e2e: {payloads: {capture: full}, keys"))
    rig.start_gateway()
    status, out, err = apply(rig, "rule.yaml", WEIGHED)
    expect(status == 0, f"{status} {out} {err}")

    def told(*more):
        return json.loads(rig.run("eval", "online", "report", "weighed", "--json", *more, check=True)[1])

    expect(eventually(lambda: json.loads(rig.run("eval", "online", "show", "weighed", "--json", check=True)[1])["rules"][0]["state"] == "on"), "on")
    kinds = {}
    for i in range(260):
        kind = "urgent" if i % 26 == 0 else "summary" if i % 2 else "chat"
        words = "bad" if i % (3 if kind == "chat" else 7) == 0 else "good"
        kinds[ask(rig, f"{words} {i}", kind)] = (kind, words)
    expect(eventually(lambda: told()["records"]["matched"] == 260 and told()["records"]["waiting"] == 0), told()["records"])
    db = sqlite3.connect(f"file:{rig.folder / 'data' / 'evaluations.db'}?mode=ro", uri=True)
    rows = db.execute("SELECT request_type, chance_e15, body FROM scored WHERE rule = 'weighed'").fetchall()
    db.close()
    rates = {"chat": 0.5, "summary": 0.25}
    halved = sorted(round(math.log2(rates[k] / (c / 1e15))) for k, c, _ in rows if k != "urgent")
    expect(sum(k == "urgent" for k, _, _ in rows) == 10 and all(c == 10**15 for k, c, _ in rows if k == "urgent"), "take_all takes all")
    allowed = [sum(2 * (80 - used) <= 80 >> n for n in range(8)) for used in range(len(rows))]
    expect(set(halved) <= set(allowed) and len(rows) > 40 and halved[-1] >= 1, f"{halved} {allowed}")
    found = told("--by", "request_type")
    for name, of in [(None, rows)] + [(k, [r for r in rows if r[0] == k]) for k in ("chat", "summary", "urgent")]:
        metric = (found if name is None else next(g for g in found["groups"] if g["name"] == name))["metrics"][0]
        weights = [1e15 / c for _, c, _ in of]
        good = [json.loads(b)[0]["verdict"] == "pass" for _, _, b in of]
        share = sum(w for w, g in zip(weights, good) if g) / sum(weights)
        effective = sum(weights) ** 2 / sum(w * w for w in weights)
        expect(metric["n"] == len(of) and abs(metric["share"] - share) < 1e-9 and abs(metric["effective_n"] - effective) < 1e-6, f"{name}: {metric} {share} {effective}")
        expect(metric["interval"][0] < share < metric["interval"][1] or share in (0, 1), metric)


def test_online_budget(rig):
    """Without money for judges what was taken waits, few requests are made in vain, and it is scored when there is money."""
    (rig.folder / "script.yaml").write_text(SAYS)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    plain = config(sim.url).replace("e2e: {keys", "e2e: {payloads: {capture: full}, keys")
    rig.write_config(plain + "budgets: [{name: judging, limit_usd: 0.000000001, window: day, scope: {feature: eval-judge}}]\n")
    rig.start_gateway()
    status, out, err = apply(rig, "rule.yaml", RULE % "1")
    expect(status == 0, f"{status} {out} {err}")
    expect(eventually(lambda: state(rig)["state"] == "on"), "the server has looked at it")
    for i in range(30):
        ask(rig, f"question {i}", "chat")
    expect(eventually(lambda: [r for r in rig.records("") if r["feature"] == "eval-judge"]), "judges are asked")
    refused = [r for r in rig.records("") if r["feature"] == "eval-judge"]
    expect(len(refused) <= 8 and {r["status"] for r in refused} == {"refused"}, f"{len(refused)} {refused[:1]}")
    expect(state(rig)["waiting"] == 30 and report(rig)["records"]["scored"] == 0, state(rig))
    rig.write_config(plain)
    rig.gateway.stop()
    rig.start_gateway()
    expect(eventually(lambda: report(rig)["records"]["scored"] == 30), report(rig)["records"])
    quality = [m for m in report(rig)["metrics"] if m["metric"] == "quality"][0]
    expect(quality["errors"] == 0 and quality["n"] == 30 and quality["judge"]["corrected"]["share"] is None, quality)


def test_eval_programs(rig):
    """A suite with programs is run by the server only where the operator allows it, and within the operator's cap on cost."""
    sim = start(rig)
    ask(rig, "the first version is no change", "chat")
    programs = SUITE.replace("checks: [", "checks: [{type: exec, run: [\"true\"]}, ").replace("[\"true\"]", "[\"sh\", \"-c\", \"cat >/dev/null; echo true\"]")
    status, out, err = apply(rig, "suite.yaml", programs)
    expect(status == 0, f"{status} {out} {err}")

    def runs():
        return json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]

    def version(name):
        text = f"rules:\n  - {{do: {{say: 'Use the reset link below.', version: {name}}}}}\n"
        urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=text.encode(), method="POST")).read()
        ask(rig, f"hello {name}", "chat")

    def open_findings():
        return [f["kind"] for f in rig.api("/api/v1/findings?state=open")["findings"]]

    version("v-2")
    expect(eventually(lambda: open_findings() == ["model_changed"]), open_findings())
    expect(runs() == [], runs())
    text = (rig.folder / "quarterdeck.yaml").read_text()
    rig.write_config(text + "evaluation: {programs: allow, concurrent: 2}\n")
    rig.gateway.stop()
    rig.start_gateway()
    version("v-3")
    expect(eventually(lambda: runs() and runs()[0]["verdict"]), runs())
    expect(runs()[0]["verdict"] == "passed" and open_findings() == [], f"{runs()[0]} {open_findings()}")
    rig.write_config(text + "evaluation: {programs: allow, max_cost_usd: 0.00001}\n")
    rig.gateway.stop()
    rig.start_gateway()
    version("v-4")
    expect(eventually(lambda: len(runs()) == 2 and runs()[0]["verdict"]), runs())
    expect(runs()[0]["verdict"] == "inconclusive" and runs()[0]["done"] < 30 and open_findings() == ["model_changed"], f"{runs()[0]} {open_findings()}")

"""Judges held against people's labels, as people use them; run by cli.py. The simulator plays the judge."""
import json

from rig import KEY, TOKEN, config, expect

SUITE = """suite: helpdesk
judges:
  tone: {model: on-openai, rubric: "%s"}
  pairs: {model: on-openai, scale: pairwise, rubric: helpful}
checks:
  - {type: judge, judge: tone}
cases:
  - {id: a, input: hello, context: c, checks: [{type: faithful, judge: tone}, {type: judge, judge: pairs}]}
"""
SAYS = {"gladly": {"reason": "friendly \u00e4", "verdict": "pass"}, "nope": {"reason": "curt", "verdict": "fail"},
        "off the scale": {"reason": "x", "verdict": "excellent"}, "whoever is first": {"reason": "x", "verdict": "A"}}


def rules(**more):
    says = {word: json.dumps(verdict) for word, verdict in SAYS.items()} | {"in prose": "I would say that it passes."} | more
    return json.dumps({"rules": [{"match": {"user_contains": word}, "do": {"say": text}} for word, text in says.items()]})


def lines(both_pass, missed, let_through, both_fail, first=0):
    kinds = [("Gladly", True)] * both_pass + [("Nope", True)] * missed + [("Gladly", False)] * let_through + [("Nope", False)] * both_fail
    return [{"input": f"question {i}?", "output": f"{word}, {i}.", "label": label, "labeller": "ann"} for i, (word, label) in enumerate(kinds, first)]


KEYED = {"QUARTERDECK_KEY": KEY}
BY_TONE = ("--suite", "s.yaml", "--check", "judge")


def start(rig):
    """A server whose judge the simulator plays; what writes a file of labels, and what calibrates by it."""
    script = rig.folder / "judge.yaml"
    script.write_text(rules())
    sim = rig.start_sim("--speed", "0", "--script", script)
    rig.write_config(config(sim.url))
    rig.start_gateway()
    (rig.folder / "s.yaml").write_text(SUITE % "friendly")

    def write(name, rows):
        (rig.folder / name).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
        return name

    def calibrate(name, *options, judge="tone"):
        status, out, err = rig.run("eval", "judge", "calibrate", judge, "--labels", name, "--json", *options, env=KEYED)
        return status, json.loads(out) if out else None, err

    return write, calibrate


def test_judge(rig):
    """A judge is held against people: its numbers, its errors, and what voids them."""
    write, calibrate = start(rig)
    expect("no judge is known" in rig.run("eval", "judge", "list", check=True)[1], "nothing yet")

    # the worked example of docs/evaluation.md
    labels = write("labels.jsonl", lines(72, 8, 5, 15))
    status, found, err = calibrate(labels, *BY_TONE)
    now = found["judge"]["in_force"]
    expect(status == 0 and found["judge"]["state"] == "calibrated" and now["n"] == 100, f"{status} {found} {err}")
    expect(now["sensitivity"]["value"] == 0.9 and now["specificity"]["value"] == 0.75 and abs(now["kappa"]["value"] - 0.6154) < 1e-4, now)
    expect(now["counts"] == {"both_pass": 72, "missed": 8, "let_through": 5, "both_fail": 15}, now)
    differ = found["disagreements"]
    expect(len(differ) == 13 and [d["verdict"] for d in differ[:5]] == ["pass"] * 5 and differ[0]["line"] == 81 and differ[5]["verdict"] == "fail", differ)
    expect(found["cost_usd"] > 0 and found["unpriced_calls"] == 0, found)
    records = rig.wait_records(count=100)
    expect({r["feature"] for r in records} == {"eval-judge"} and all(r["cost_usd"] > 0 for r in records), "judges' exchanges are recorded as such")
    text = rig.run("eval", "judge", "calibrate", "tone", "--labels", labels, *BY_TONE, env=KEYED, check=True)[1]
    expect("100 labels: calibrated" in text and "sensitivity" in text and "90.0 %" in text and "no sign of drift" in text and "friendly \u00e4" in text, text)
    text = rig.run("eval", "judge", "list", check=True)[1]
    expect("tone" in text and "calibrated" in text and "75.0 %" in text and text.count("\n") == 2, text)
    expect(rig.api("/api/v1/audit")["entries"][0]["action"] == "judge.calibrate", "audited")

    # prose, a value off the scale and a refusal are errors, and count for nothing
    odd = [{"output": f"Gladly, but in prose {i}", "label": True} for i in range(3)] + [{"output": "Nope, off the scale", "label": False}]
    status, found, err = calibrate(write("odd.jsonl", odd + lines(1, 0, 0, 1, first=500)), *BY_TONE)
    expect(found["judge"]["errors"] == 4 and found["judge"]["sitting"]["n"] == 2 and found["judge"]["in_force"]["n"] == 102, f"{status} {found} {err}")
    expect("found prose: `I would say that it passes.`" in found["errors"][0]["reason"] and "pass or fail" in found["errors"][3]["reason"], found["errors"])
    status, _, err = calibrate(write("prose.jsonl", odd[:3]), *BY_TONE)
    expect(status == 3 and "no verdict at all" in err and "found prose" in err, f"{status} {err}")

    # a changed rubric is another judge: what was known of the old one does not count
    (rig.folder / "s.yaml").write_text(SUITE % "friendly and short")
    status, found, err = calibrate(write("few.jsonl", lines(6, 0, 0, 4)), *BY_TONE)
    expect(status == 1 and found["judge"]["state"] == "too_few_labels" and found["judge"]["in_force"]["n"] == 10, f"{status} {found} {err}")
    expect(found["judge"]["in_force"]["needed_labels"] >= 20, found["judge"])
    (rig.folder / "s.yaml").write_text(SUITE % "friendly")

    # one that agrees with people as a coin does
    status, found, err = calibrate(write("coin.jsonl", lines(20, 20, 20, 20)), "--model", "on-openai", "--rubric", "right", judge="coin")
    expect(status == 1 and found["judge"]["state"] == "too_unlike_people", f"{status} {found} {err}")

    # it agreed on 88 of 102, and on the newest labels it does not: only these count from now on
    status, found, err = calibrate(write("later.jsonl", lines(6, 9, 8, 7, first=1000)), "--rubric", "friendly")
    expect(status == 1 and found["judge"]["state"] == "drifted" and found["judge"]["drift"]["drifted"] and found["judge"]["in_force"]["n"] == 30, f"{status} {found} {err}")
    text = rig.run("eval", "judge", "show", "tone", check=True)[1]
    expect("drifted: what was labelled before no longer counts" in text and "odd.jsonl" in text and "later.jsonl" in text, text)

    # a pair whose winner is whoever is shown first
    pairs = [{"output": f"mine {i}, whoever is first", "expected": "theirs", "label": "tie" if i < 9 else "B"} for i in range(12)]
    status, found, err = calibrate(write("pairs.jsonl", pairs), "--suite", "s.yaml", judge="pairs")
    expect(status == 1 and found["judge"]["in_force"]["table"] == [[0, 3, 0], [0, 9, 0], [0, 0, 0]], f"{status} {found} {err}")
    expect("the order decides" in found["disagreements"][0]["reason"], found["disagreements"])


def test_judge_mistakes(rig):
    """Labels of a judge as a table, under a cap on cost, and with mistakes."""
    write, calibrate = start(rig)
    labels = write("labels.jsonl", lines(72, 8, 5, 15))
    (rig.folder / "t.csv").write_text('input,output,label,labeller\nhi,"Gladly,\nyes",true,ann\nhi,Nope,false,ann\nhi,Nope,false,bo\n')
    status, found, err = calibrate("t.csv", *BY_TONE)
    expect(status == 1 and found["lines"] == 3 and found["examples"] == 2 and found["judged"] == 2, f"{status} {found} {err}")
    status, found, err = calibrate(labels, *BY_TONE, "--max-cost", "0.0005", "--concurrency", "1")
    expect(found["judged"] < 100 and found["stopped"] and found["cost_usd"] < 0.001, f"{status} {found} {err}")
    (rig.folder / "bad.jsonl").write_text('{"output": "a", "label": true}\n{"output": "b", "label": 4}\n')
    for arguments, code, words in [(("tone", "--labels", "bad.jsonl", *BY_TONE), 2, "bad.jsonl:2:"), (("tome", "--labels", labels, *BY_TONE), 2, "did you mean `tone`"),
                                   (("tone", "--labels", labels, "--suite", "s.yaml"), 2, "--check faithful"), (("never", "--labels", labels), 2, "was ever calibrated"),
                                   (("tone", "--labels", "gone.jsonl", *BY_TONE), 3, "gone.jsonl"), (("tone", "--labels", labels, "--suite", "s.yaml", "--check", "regex"), 2, "judge, faithful or relevant"),
                                   (("pairs", "--labels", write("steps.jsonl", [{"output": "a", "label": 3}]), "--suite", "s.yaml"), 2, "A, B and tie"),
                                   (("tone", "--labels", labels, *BY_TONE, "--gateway", "http://127.0.0.1:1", "--timeout", "1ms"), 3, "no server answers")]:
        status, _, err = rig.run("eval", "judge", "calibrate", *arguments, env=KEYED)
        expect(status == code and words in err, f"{arguments}: {status} {err}")
    expect(rig.run("eval", "judge", "calibrate", "tone", "--labels", labels, *BY_TONE)[0] == 2, "it needs a key")
    expect(rig.run("eval", "judge", "show", "nobody")[0] == 3, "no such judge")
    status, _, _ = rig.http("POST", "/api/v1/judges/tone/calibrations", "{}", {}, token="wrong")
    expect(status == 401, "labels need a token")
    status, _, _ = rig.http("POST", "/api/v1/judges/tone/calibrations", "{}", {}, token=TOKEN)
    expect(status == 400, "and pairs")


GATED = """suite: gated
messages: [{role: user, content: "{{input}}"}]
model: on-openai
require: [{pass_rate: {at_least: 0.9}, confidence: 0.95}]
checks: [{type: judge, judge: tone, metric: "tone"}]
cases:
"""


def test_judge_corrects(rig):
    """A registered judge is found by a run and by its calibration; what people's labels say of it reaches the verdict and every report."""
    write, calibrate = start(rig)
    (rig.folder / "tone.yaml").write_text("judge: tone\nmodel: on-openai\nrubric: friendly\n")
    (rig.folder / "gated.yaml").write_text(GATED + "".join(f"  - {{id: c{i}, tags: [all], input: \"{'nope' if i % 10 == 0 else 'gladly'} {i}\"}}\n" for i in range(200)))
    (rig.folder / "judge.yaml").write_text(rules())

    def evaluate(code):
        status, out, err = rig.run("eval", "run", "gated.yaml", "--json", "--new", *[a for r in REPORTS for a in ("--out", r)], env=KEYED)
        expect(status == code and out, f"{status} {out} {err}")
        return json.loads(out), {r: (rig.folder / r).read_text() for r in REPORTS}

    status, _, err = rig.run("eval", "run", "gated.yaml", env=KEYED)
    expect(status == 2 and "`tone` is neither declared" in err, f"{status} {err}")
    rig.run("apply", "-f", "tone.yaml", check=True)

    # nobody has labelled it: said wherever its verdict stands
    found, reports = evaluate(1)
    expect(found["errors"] == 0, reports["r.md"][:2000])
    expect(found["pass_rate"] == 0.9 and found["corrected"]["judged"] == "uncalibrated" and found["corrected"]["pass_rate"] is None, found)
    expect(found["judges"][0]["judge"] == "tone" and found["judges"][0]["calibration"] == "uncalibrated", found["judges"])
    expect("uncalibrated judge" in found["why"] and not found["requirements"][0]["corrected"], found)
    for name, text in reports.items():
        expect("uncalibrated" in text, f"{name} does not say that the judge is uncalibrated")
    expect(all("(by an uncalibrated judge)" in reports[r] for r in ("r.html", "r.md")), "of a tag, too")
    text = rig.run("eval", "show", found["run"])[1]
    expect("uncalibrated" in text, text)

    rig.run("apply", "-f", "gated.yaml", check=True)
    known = rig.api("/api/v1/calibrations")["judges"]
    expect([(j["name"], j["state"], j["used_by"]) for j in known] == [("tone", "uncalibrated", ["gated"])], known)

    # it fails a tenth of what people pass and passes hardly anything that they fail: people would have passed nearly all
    status, known, err = calibrate(write("labels.jsonl", lines(360, 40, 1, 99)))
    expect(status == 0 and known["judge"]["state"] == "calibrated", f"{status} {known} {err}")
    found, reports = evaluate(0)
    right = found["corrected"]
    expect(found["pass_rate"] == 0.9 and right["judged"] == "calibrated" and right["judge"] == "tone", found)
    expect(abs(right["pass_rate"] - min(1, (0.9 + 0.99 - 1) / (0.9 + 0.99 - 1))) < 1e-9 and 0.9 < right["interval"][0] < right["interval"][1] <= 1, right)
    gate = found["requirements"][0]
    expect(gate["corrected"] and gate["judged"] == "calibrated" and gate["answer"] == "yes" and gate["low"] >= 0.9, gate)
    expect("corrected for the errors that judge tone made on 500 labels" in found["why"], found["why"])
    expect((found["judges"][0]["labels"], found["judges"][0]["sensitivity"]) == (500, 0.9), found["judges"])
    for name, text in reports.items():
        expect("uncalibrated" not in text and (name.endswith("jsonl") or "orrected" in text or "corrected" in text), f"{name}: the corrected rate is missing")
    text = rig.run("eval", "show", found["run"])[1]
    expect("90 % (corrected 100 %)" in text and "90 % (corrected 100 %)" in reports["r.md"] and "90 % (corrected 100 %)" in reports["r.html"], text)
    expect("uncalibrated" not in text and "corrected" in text and "100 %" in text.replace("100.0", "100"), text)

    # another rubric is another judge
    (rig.folder / "tone.yaml").write_text("judge: tone\nmodel: on-openai\nrubric: friendly and short\n")
    rig.run("apply", "-f", "tone.yaml", check=True)
    found, _ = evaluate(1)
    expect(found["corrected"]["judged"] == "uncalibrated" and found["judges"][0]["labels"] == 0, found["corrected"])
    status, known, err = calibrate(write("few.jsonl", lines(6, 0, 0, 4)))
    expect(status == 1 and known["judge"]["check"]["rubric"] is None and known["judge"]["in_force"]["n"] == 10, f"{status} {known} {err}")


REPORTS = ("r.json", "r.html", "r.junit.xml", "r.md")

"""Scenarios of cli.py about people who look at answers."""
import datetime
import json

from cli_words import eventually
from rig import KEY, config, expect

PEOPLE = "".join(f"{{name: {name}, role: {role}, token: {name}-token-0123456789}}, "
                 for name, role in (("ops", "admin"), ("anna", "editor"), ("benn", "editor"), ("carl", "editor")))


def test_people(rig):
    """A review from a file: own order, labels, undo, who may speak for whom, agreement, disputes, adjudication, what stands."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url).replace("tokens: [", "tokens: [" + PEOPLE))
    rig.start_gateway()
    items = rig.folder / "items.jsonl"
    items.write_text("".join(json.dumps({"input": f"question {i} äöü", "output": f"answer {i}\n</script>\x1b[31m", "case": f"c{i}"}) + "\n" for i in range(6)))

    def run(who, *args, code=0, stdin=""):
        status, out, err = rig.run("review", *args, env={"QUARTERDECK_TOKEN": f"{who}-token-0123456789"}, stdin=stdin)
        expect(status == code, f"review {' '.join(map(str, args))} as {who}: exit {status}\n{out}{err}")
        return out + err if code else out

    made = json.loads(run("ops", "create", "--rubric", "polite", "--reviewers", "anna,benn", "--per-item", "2", "--adjudicator", "carl",
                          "--due", "2d", "--items", items, "--json"))
    expect(made["review"] == "review-1" and made["items"] == 6 and made["labels_expected"] == 12 and not made["overdue"], made)
    left = datetime.datetime.fromisoformat(made["due"]) - datetime.datetime.fromisoformat(made["created_at"])
    expect(abs(left - datetime.timedelta(days=2)) < datetime.timedelta(seconds=1), f"due in two days: {made}")
    for wrong in ("4000d", "soon"):
        expect("duration from now" in run("ops", "create", "--rubric", "x", "--reviewers", "anna", "--items", items, "--due", wrong, code=2), wrong)
    expect("expected 1 to 2" in run("ops", "create", "--rubric", "x", "--reviewers", "anna,benn", "--per-item", "3", "--items", items, code=2), "too many")
    expect("twice" in run("ops", "create", "--rubric", "x", "--reviewers", "anna,anna", "--items", items, code=2), "the same reviewer")
    run("ops", "create", "--rubric", "x", "--reviewers", "anna", code=2)

    def order(who):
        found = []
        for _ in range(6):
            one = json.loads(run(who, "next", "1", "--json"))
            expect(set(one) == {"scale", "say", "rubric", "done", "items", "due", "item", "input", "context", "expected", "answers"}, one)
            expect(one["input"] == f"question {one['item']} äöü", one)
            run(who, "label", "1", one["item"], "pass" if one["item"] or who == "anna" else "fail", "--comment", f"{who} says")
            found.append(one["item"])
        expect(json.loads(run(who, "next", "1", "--json"))["item"] is None, "there is no more")
        return found

    first = order("anna")
    expect(sorted(first) == list(range(6)), first)
    back = next(item for item in first if item)
    run("anna", "unlabel", "1", back)
    expect(json.loads(run("anna", "next", "1", "--json"))["item"] == back, "taken back")
    out = run("anna", "next", "1", stdin=f"maybe\npass good\n")
    expect("all 6 are done" in out and "\x1b" not in out, out)
    run("anna", "unlabel", "1", back)
    run("anna", "next", "1", stdin="pass " + "x" * 4090 + "fail why\npass\n")
    mine = [one for item in json.loads(run("ops", "labels", "1", "--json"))["items"] for one in item["labels"] if item["item"] == back]
    expect([one["label"] for one in mine] == ["pass"], f"the rest of a long line is a label: {mine}")
    run("anna", "unlabel", "1", back)
    run("anna", "label", "1", back, "pass", "--comment", "good")
    expect("none of review-1" in run("carl", "next", "1", code=2), "not a reviewer")
    expect("only anna or an admin" in run("benn", "label", "1", "0", "pass", "--reviewer", "anna", code=3), "for another")
    expect("once it is closed" in run("anna", "labels", "1", code=3), "blind while it is open")
    order("benn")
    shown = json.loads(run("ops", "show", "review-1", "--json"))
    expect(shown["settled"] == 5 and shown["disputed"] == 1 and shown["labels"] == {"fail": 0, "pass": 5}, shown)
    expect(shown["agreement"]["items"] == 6 and shown["agreement"]["agreed"] == 5, shown)
    expect("Krippendorff" in run("ops", "show", "1") and "review disputed review-1" in run("ops", "show", "1"), "what to type next")
    differing = run("carl", "disputed", "1", code=1)
    expect("item 0" in differing and "anna says" in differing and "said: fail" in differing and "benn:" not in differing, differing)
    expect("who reviews cannot" in run("anna", "adjudicate", "1", "0", "pass", code=3), "a reviewer decides")
    expect("not one on which" in run("carl", "adjudicate", "1", "1", "pass", code=3), "an agreed one")
    run("carl", "adjudicate", "1", "0", "fail", "--comment", "rude")
    run("carl", "disputed", "1")
    lines = [json.loads(line) for line in run("ops", "labels", "1", "--jsonl").splitlines()]
    expect([line["label"] for line in lines] == [False] + [True] * 5 and lines[3]["case"] == "c3" and lines[3]["output"].startswith("answer 3"), lines)
    run("ops", "close", "1", "--why", "done")
    expect("closed" in run("anna", "label", "1", "0", "pass", code=3), "closed")
    expect("benn: pass" in run("anna", "labels", "1"), "no longer blind")
    expect("no reviews" in run("ops", "list") and "closed" in run("ops", "list", "--all"), "listed")
    actions = [e["action"] for e in json.loads(rig.run("policy", "audit", "--json", env={"QUARTERDECK_TOKEN": "ops-token-0123456789"})[1])["entries"]]
    expect(actions[:3] == ["review.close", "review.adjudicate", "review.create"], actions)


def test_pairs(rig):
    """Two answers side by side: each reviewer sees them in an order drawn for that reviewer; the label is told of the pair as it is."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url))
    rig.start_gateway()
    items = rig.folder / "pairs.jsonl"
    items.write_text("".join(json.dumps({"input": str(i), "answers": ["old", "new"]}) + "\n" for i in range(40)))
    status, out, err = rig.run("review", "create", "--rubric", "which is better", "--scale", "pairwise", "--reviewers", "anna", "--items", items)
    expect(status == 0 and "quarterdeck review next review-1 --reviewer 'anna'" in out, out + err)
    seen = set()
    for _ in range(40):
        one = json.loads(rig.run("review", "next", "1", "--reviewer", "anna", "--json")[1])
        seen.add(one["answers"][0])
        word = "first" if one["answers"][0] == "new" else "second"
        expect(rig.run("review", "label", "1", str(one["item"]), word, "--reviewer", "anna")[0] == 0, "not taken")
    expect(seen == {"old", "new"}, f"always the same first: {seen}")
    expect(json.loads(rig.run("review", "show", "1", "--json")[1])["labels"] == {"baseline": 0, "tie": 0, "candidate": 40}, "turned")


JUDGED = """suite: helpdesk
model: on-openai
messages: [{role: system, content: "%s"}, {role: user, content: "{{question}}"}]
judges: {tone: {model: on-openai, rubric: "friendly? {{question}}"%s}}
checks: [{type: judge, judge: tone}]
cases:
"""


def answered(rig, names=("one",), cases=30, scale=""):
    """A run of each name: every third case is answered badly, which the judge sees."""
    def when(words, text):
        return {"match": {"user_contains": words}, "do": {"say": text}}
    script = rig.folder / "script.yaml"
    script.write_text(json.dumps({"rules": [{"do": {"say": "Gladly, äöü."}}, when("bad question", "Nope, I will not."),
                                            when("gladly", json.dumps({"reason": "kind", "score": 5} if scale else {"reason": "kind", "verdict": "pass"})),
                                            when("nope", json.dumps({"reason": "curt", "score": 2} if scale else {"reason": "curt", "verdict": "fail"}))]}))
    sim = rig.start_sim("--speed", "0", "--script", script)
    rig.write_config(config(sim.url).replace("tokens: [", "tokens: [" + PEOPLE))
    rig.start_gateway()
    for name in names:
        lines = [f"  - {{id: c{i}, vars: {{question: '{'bad' if i % 3 == 0 else 'good'} question {i}'}}, context: 'context {i}', expected: 'expected {i}'}}" for i in range(cases)]
        (rig.folder / "s.yaml").write_text(JUDGED % (name, scale) + "\n".join(lines) + "\n")
        status, out, err = rig.run("eval", "run", "s.yaml", "--json", env={"QUARTERDECK_KEY": KEY})
        expect(status in (0, 1), f"{status} {out} {err}")


def test_people_run(rig):
    """Answers of a run: what was asked, drawn with a known chance, without a word on whose they are; pairs of two runs."""
    answered(rig, ("SECRET old", "SECRET new"))
    rubric = ("--rubric", "friendly")
    made = rig.run("review", "create", "--run", "run-1", "--sample", "12", "--reviewers", "anna", *rubric, "--json", check=True)[1]
    made = json.loads(made)
    expect((made["items"], made["drawn_from"], made["left_out"], made["source"]) == (12, 30, 0, "run-1"), made)
    items = json.loads(rig.run("review", "labels", "1", "--json", check=True)[1])["items"]
    results = {r["case"]: r for r in map(json.loads, rig.run("eval", "show", "run-1", "--results", "all", "--json", check=True)[1].splitlines())}
    for item in items:
        number = item["case"][1:]
        expect(item["chance"] == 0.4 and item["run"] == "run-1" and item["repeat"] == 0, item)
        expect(item["input"][0] == {"role": "system", "content": "SECRET old"} and item["input"][1]["content"].endswith(f"question {number}"), item)
        expect(item["context"] == f"context {number}" and item["expected"] == f"expected {number}" and item["answers"] == [results[item["case"]]["output"]], item)
        expect(item["record"] == results[item["case"]]["record"], item)
    expect(len({item["case"] for item in items}) == 12, "one twice")
    shown = rig.run("review", "next", "1", "--reviewer", "anna", "--json", check=True)[1]
    expect("SECRET" not in shown and "run-" not in shown and "record" not in shown, shown)
    text = rig.run("review", "next", "1", "--reviewer", "anna", stdin="q\n", check=True)[1]
    expect("question" in text and '"role"' not in text and "\x1b" not in text, text)
    made = json.loads(rig.run("review", "create", "--run", "1", "--verdict", "fail", "--reviewers", "anna", *rubric, "--json", check=True)[1])
    expect(made["items"] == 10, made)
    for words, told in ((("--run", "run-9"), "run"), (("--run", "x"), "run-12"), (("--run", "1", "--scale", "pairwise"), "against"),
                        (("--run", "1", "--against", "2"), "pairwise"), (("--run", "1", "--verdict", "maybe"), "verdict")):
        status, _, err = rig.run("review", "create", *words, "--reviewers", "anna", *rubric)
        expect(status in (2, 3) and told in err, f"{words}: {status} {err}")

    # pairs: what differs between the prompts is not told, the adjudicator does not learn whose is whose either
    made = json.loads(rig.run("review", "create", "--run", "2", "--against", "1", "--scale", "pairwise", "--reviewers", "anna,benn", "--per-item", "2", *rubric,
                              "--adjudicator", "carl", "--json", check=True)[1])
    expect(made["items"] == 30 and made["source"] == "run-2 against run-1", made)
    for who, word in (("anna", "baseline"), ("benn", "candidate")):
        for item in range(30):
            rig.run("review", "label", "3", str(item), "first", "--reviewer", who, check=True)
    as_carl, as_anna = {"QUARTERDECK_TOKEN": "carl-token-0123456789"}, {"QUARTERDECK_TOKEN": "anna-token-0123456789"}
    for person in (as_carl, as_anna):
        head = json.loads(rig.run("review", "show", "3", "--json", env=person, check=True)[1])
        expect(head["source"] is None and head["labels"] is None and head["agreement"] is None and head["settled"] is None, head)
        listed = json.loads(rig.run("review", "list", "--json", env=person, check=True)[1])["reviews"]
        expect(listed[0]["source"] is None, listed[0])
        expect(rig.run("review", "labels", "3", env=person)[0] == 3, "whose is whose")
    differing = rig.run("review", "disputed", "3", "--json", env=as_carl)[1]
    expect("baseline" not in differing and "candidate" not in differing and "SECRET" not in differing, differing)
    differing = json.loads(differing)["disputed"]
    expect(differing and {row["labels"][0]["label"] for row in differing} == {"first", "second"}, "always the same first")
    whole = json.loads(rig.run("review", "labels", "3", "--json", check=True)[1])["items"]
    seen = set()
    for row in differing:
        expect(json.loads(rig.run("review", "adjudicate", "3", str(row["item"]), "first", "--json", env=as_carl, check=True)[1])["label"] == "first", row)
    for row in json.loads(rig.run("review", "labels", "3", "--json", check=True)[1])["items"]:
        if row["state"] == "adjudicated":
            seen.add(row["label"])
    expect(seen == {"baseline", "candidate"} and len(whole) == 30, f"the adjudicator's first is always {seen}")


def people_to_judge(rig, scale):
    """30 good answers and 15 bad ones; people differ from the judge on three."""
    answered(rig, ("one",), cases=45, scale=", scale: 1-5" if scale == "1-5" else "")
    rig.run("review", "create", "--run", "run-1", "--reviewers", "anna", "--rubric", "friendly", "--scale", scale, check=True)
    words = ("2", "4") if scale == "1-5" else ("fail", "pass")
    status, _, err = rig.run("eval", "judge", "calibrate", "tone", "--from-review", "1")
    expect(status == 2 and "no label of 1 stands yet" in err, err)
    for at in range(45):
        good = at % 3 != 0
        rig.run("review", "label", "1", str(at), words[good if at not in (0, 1, 2) else not good], "--reviewer", "anna", check=True)
    before = len(rig.records())
    status, out, err = rig.run("eval", "judge", "calibrate", "tone", "--from-review", "review-1", "--json")
    expect(status == 0, f"{status} {out} {err}")
    found = json.loads(out)
    now = found["judge"]["in_force"]
    expect(now["counts"] == {"both_pass": 28, "missed": 1, "let_through": 2, "both_fail": 14} and found["judge"]["source"] == "review-1", now)
    expect(found["cost_usd"] == 0 and len(rig.records()) == before, "it was asked again")
    # the same labels by a file: the judge is asked again, and they are not counted twice
    lines = rig.run("review", "labels", "1", "--jsonl", check=True)[1]
    (rig.folder / "labels.jsonl").write_text(lines)
    status, out, err = rig.run("eval", "judge", "calibrate", "tone", "--labels", "labels.jsonl", "--json", env={"QUARTERDECK_KEY": KEY})
    again = json.loads(out)["judge"]["in_force"]
    expect(status == 0 and again["n"] == 45 and again["counts"] == now["counts"], f"{again} {err}")
    # a run says what is corrected by it
    status, out, err = rig.run("eval", "run", "s.yaml", "--new", "--json", env={"QUARTERDECK_KEY": KEY})
    corrected = json.loads(out)["corrected"]
    expect(corrected["judged"] == "calibrated" and corrected["interval"][0] < corrected["pass_rate"] < corrected["interval"][1], corrected)
    status, _, err = rig.run("eval", "judge", "calibrate", "tone", "--from-review", "1", "--suite", "other.yaml")
    expect(status == 3, err)
    (rig.folder / "other.yaml").write_text((rig.folder / "s.yaml").read_text().replace("friendly?", "short?"))
    status, _, err = rig.run("eval", "judge", "calibrate", "tone", "--from-review", "1", "--suite", "other.yaml")
    expect(status == 3 and "no verdict of this judge with this rubric" in err, f"{status} {err}")


def test_people_to_judge(rig):
    """A run, people's labels of it, the judge held against them without being asked again, and the next run's corrected rate."""
    people_to_judge(rig, "binary")


def test_people_to_judge_in_steps(rig):
    """The same on the scale 1-5."""
    people_to_judge(rig, "1-5")


def test_people_end(rig):
    """Overdue is a finding; what someone who is away has not labelled goes to another; what stands at the end is a score of its record."""
    answered(rig, cases=6)
    create = ("review", "create", "--run", "run-1", "--rubric", "friendly")
    rig.run(*create, "--reviewers", "anna,benn", "--per-item", "2", "--adjudicator", "carl", "--scale", "1-5", check=True)
    rig.run(*create, "--reviewers", "anna", "--due", "2020-01-01", check=True)
    for item in range(2):
        rig.run("review", "label", "1", str(item), "4", "--reviewer", "anna", check=True)
    for words, told in ((("--from", "nobody", "--to", "eva"), "no such reviewer"), (("--from", "anna", "--to", "anna"), "another"),
                        (("--from", "anna", "--to", "carl"), "cannot review"), (("--from", "anna", "--to", "e\x1bva"), "control characters")):
        status, _, err = rig.run("review", "reassign", "1", *words)
        expect(status == 2 and told in err, f"{words}: {status} {err}")
    expect("stay" not in rig.run("review", "reassign", "1", "--from", "anna", "--to", "Eva Ängström", "--why", "on leave", check=True)[1], "all can move")
    people = {p["name"]: (p["done"], p["items"]) for p in json.loads(rig.run("review", "show", "1", "--json", check=True)[1])["reviewers"]}
    expect(people == {"anna": (2, 2), "benn": (0, 6), "Eva Ängström": (0, 4)}, people)
    moved = json.loads(rig.run("review", "reassign", "1", "--from", "benn", "--to", "Eva Ängström", "--json", check=True)[1])
    expect(moved == {"moved": 2, "left": 4}, moved)
    positions = [json.loads(rig.run("review", "next", "1", "--reviewer", "Eva Ängström", "--json", check=True)[1])["items"]]
    expect(positions == [6], positions)
    for item in range(6):
        rig.run("review", "label", "1", str(item), "4" if item < 3 else "2", "--reviewer", "Eva Ängström", check=True)
    for item in range(2, 6):
        rig.run("review", "label", "1", str(item), "4" if item < 3 else "2" if item < 5 else "1", "--reviewer", "benn", check=True)
    out = rig.run("review", "close", "1", "--why", "done", "--score", "tone", check=True)[1]
    expect("5 records" in out, out)
    items = json.loads(rig.run("review", "labels", "1", "--json", check=True)[1])["items"]
    scores = {}
    for item in items:
        for score in rig.api(f"/api/v1/scores?record={item['record']}")["scores"]:
            expect(score["source"] == "person" and score["name"] == "tone", score)
            scores[item["item"]] = score["value"]
    expect(scores == {0: 0.75, 1: 0.75, 2: 0.75, 3: 0.25, 4: 0.25}, scores)
    again = json.loads(rig.run("review", "close", "1", "--why", "again", "--score", "tone", "--json", check=True)[1])
    expect(again["scores"] == {"name": "tone", "given": 5, "without_record": 0, "unknown_records": 0}, again["scores"])
    expect(rig.run("review", "reassign", "1", "--from", "benn", "--to", "eva")[0] == 3, "it is closed")
    actions = [e["action"] for e in rig.api("/api/v1/audit")["entries"]]
    expect(actions[:2] == ["review.score", "review.close"] and actions.count("review.reassign") >= 2, actions)

    def overdue():
        return [f for f in rig.api("/api/v1/findings?domain=quality")["findings"] if f["kind"] == "review_overdue"]
    expect(eventually(overdue), "nobody says that it is overdue")
    expect([f["command"] for f in overdue()] == ["quarterdeck review show review-2"] and "6 of 6 labels are missing" in overdue()[0]["title"], overdue())
    expect(json.loads(rig.run("review", "close", "2", "--why", "no", "--json", check=True)[1])["scores"] is None, "none were asked for")


def test_people_rate(rig):
    """What people would have said of a whole run: the checks' word on all, corrected by theirs on a sample (PPI++, computed again here)."""
    answered(rig, ("plain",))
    made = rig.run("review", "create", "--run", "run-1", "--sample", "12", "--reviewers", "anna", "--rubric", "friendly", "--json", check=True)
    expect(json.loads(made[1])["items"] == 12, made)
    results = {r["case"]: r["verdict"] == "pass" for r in map(json.loads, rig.run("eval", "show", "run-1", "--results", "all", "--json", check=True)[1].splitlines())}
    said = json.loads(rig.run("review", "show", "1", "--json", check=True)[1])["people_would_say"]
    expect(said["pass_rate"] is None and said["labelled"] == 0 and "two settled labels" in said["why_not"], said)
    items = json.loads(rig.run("review", "labels", "1", "--json", check=True)[1])["items"]
    labels = {}
    for i, item in enumerate(items):
        labels[item["case"]] = results[item["case"]] if i else not results[item["case"]]  # one of twelve is seen otherwise
        rig.run("review", "label", "1", item["item"], "pass" if labels[item["case"]] else "fail", "--reviewer", "anna", check=True)
    said = json.loads(rig.run("review", "show", "1", "--json", check=True)[1])["people_would_say"]
    y, f = [float(v) for v in labels.values()], [float(results[case]) for case in labels]
    u = [float(v) for case, v in results.items() if case not in labels]

    def mean(x):
        return sum(x) / len(x)

    both = f + u
    covariance = mean([a * b for a, b in zip(y, f)]) - mean(y) * mean(f)
    variance = sum((x - mean(both)) ** 2 for x in both) / (len(both) - 1)
    trust = min(1, max(0, covariance * len(y) / (len(y) - 1) / ((1 + len(y) / len(u)) * variance)))
    rate = trust * mean(u) + mean([a - trust * b for a, b in zip(y, f)])
    expect(said["labelled"] == 12 and said["unlabelled"] == 18 and said["few_labels"], said)
    expect(abs(said["lambda"] - trust) < 0.1 and abs(said["pass_rate"] - (said["lambda"] * mean(u) + mean(y) - said["lambda"] * mean(f))) < 1e-9, (said, trust, rate))
    expect(said["interval"][0] < said["pass_rate"] < said["interval"][1], said)
    expect("people would pass" in rig.run("review", "show", "1", check=True)[1], "not told")
    rig.run("review", "create", "--run", "run-1", "--verdict", "fail", "--reviewers", "anna", "--rubric", "friendly", check=True)
    chosen = json.loads(rig.run("review", "show", "2", "--json", check=True)[1])
    expect(chosen["people_would_say"] is None and chosen["source"] == "run-1, failed", chosen)

"""Scenarios of cli.py about people who look at answers."""
import json

from rig import config, expect

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
    run("anna", "unlabel", "1", first[2])
    expect(json.loads(run("anna", "next", "1", "--json"))["item"] == first[2], "taken back")
    out = run("anna", "next", "1", stdin=f"maybe\npass good\n")
    expect("all 6 are done" in out and "\x1b" not in out, out)
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
    expect(status == 0 and "quarterdeck review next review-1 --reviewer anna" in out, out + err)
    seen = set()
    for _ in range(40):
        one = json.loads(rig.run("review", "next", "1", "--reviewer", "anna", "--json")[1])
        seen.add(one["answers"][0])
        word = "first" if one["answers"][0] == "new" else "second"
        expect(rig.run("review", "label", "1", str(one["item"]), word, "--reviewer", "anna")[0] == 0, "not taken")
    expect(seen == {"old", "new"}, f"always the same first: {seen}")
    expect(json.loads(rig.run("review", "show", "1", "--json")[1])["labels"] == {"baseline": 0, "tie": 0, "candidate": 40}, "turned")

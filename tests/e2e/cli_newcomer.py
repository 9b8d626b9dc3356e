"""docs/evaluation.md's first ten minutes, as typed: the three example suites, and the suite of five cases that the page prints."""
import json
import re
import shutil

from rig import ROOT, expect

PAGE = (ROOT / "docs" / "evaluation.md").read_text()


def test_newcomer(rig):
    """The page's first suite and the examples run with a server of their own, and end as the page says."""
    work = rig.folder / "suites"
    shutil.copytree(ROOT / "examples" / "suites", work)
    for path in work.iterdir():
        if path.is_dir():
            shutil.copytree(path, rig.folder / path.name)
        else:
            shutil.copy(path, rig.folder / path.name)
    configuration = (rig.folder / "quarterdeck.yaml").read_text()
    (rig.folder / "quarterdeck.yaml").write_text(configuration.replace("127.0.0.1:4000", "127.0.0.1:0"))  # somebody may listen there
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "sim.yaml")
    key = re.search(r"export QUARTERDECK_KEY=(\S+)", PAGE).group(1)
    environment = {"QUARTERDECK_KEY": key, "QUARTERDECK_OPENAI_URL": sim.url + "/v1", "QUARTERDECK_URL": "", "QUARTERDECK_TOKEN": ""}

    def run(*arguments):
        return rig.run(*arguments, env=environment)

    for name, code, words in [("extraction", 0, "two-totals"), ("retrieval", 1, "Accidents are covered for six months"), ("support", 0, "angry")]:
        row = re.search(rf"^\| `{name}.yaml` \|.*\| (\w+)[^|]* \|$", PAGE, re.M).group(1)
        status, out, err = run("eval", "run", name + ".yaml", "--out", name + ".html")
        expect(status == code and row == ("passes", "fails")[code] and words in out, f"{name}: {status} {out} {err}")
        expect(words in (rig.folder / (name + ".html")).read_text(), f"{name}.html says what failed")

    mine = re.search(r"```yaml\n(suite: mine\n.*?)```", PAGE, re.S).group(1)
    (rig.folder / "mine.yaml").write_text(mine)
    status, out, err = run("suite", "check", "mine.yaml")
    expect(status == 0 and "5 not-is-refusal" in out, f"{status} {out} {err}")
    status, out, err = run("eval", "run", "mine.yaml", "--json")
    found = json.loads(out)
    expect(status == 0 and found["verdict"] == "passed" and (found["passed"], found["cases"]) == (4, 5), f"{status} {out} {err}")
    (rig.folder / "mine.yaml").write_text(mine.replace("{at_least: 0.8}}", "{at_least: 0.8}, confidence: 0.95}"))
    status, out, err = run("eval", "run", "mine.yaml")
    expect(status == 1 and out.startswith("NOT ENOUGH EVIDENCE  4 of 5 cases passed") and "anywhere from" in out, f"{status} {out} {err}")
    status, out, err = run("eval", "run", "mine.yaml", "--model", "no-such-model")
    expect(status == 1 and "5 of 5 runs ended in an error" in out and "--results errors" in out, f"{status} {out} {err}")
    status, out, err = run("eval", "compare", "run-1", "run-1", "--require", "not-worse")
    expect(status == 1 and "too few cases to see less than" in out, f"{status} {out} {err}")

    (rig.folder / "cases.csv").write_text("id,question,__expected\na,How do I reset my password?,icontains:reset link\n")
    status, _, err = run("suite", "import", "cases.csv", "--prompt", "support-answer", "--out", "imported/helpdesk.yaml")
    expect(status == 0 and run("suite", "check", "imported/helpdesk.yaml")[0] == 0, f"the folder is made: {status} {err}")
    run("suite", "import", "cases.csv", "--model", "support-chat", "--out", "bare.yaml")
    status, _, err = run("suite", "check", "bare.yaml")
    expect(status == 1 and "say `prompt:` or `messages:`" in err, f"a table has no question of its own: {status} {err}")

    # a plan for what cannot be shown says so
    out = run("eval", "power", "--expected", "0.8", "--at-least", "0.9")[1]
    expect("is not at least 90 %" in out, out)
    # no server: a calibration says so at once
    (rig.folder / "labels.jsonl").write_text('{"output": "Gladly.", "label": true}\n')
    status, _, err = run("eval", "judge", "calibrate", "tone", "--labels", "labels.jsonl", "--suite", "support.yaml", "--server", "", "-c", "quarterdeck.yaml")
    expect(status == 3 and "no server answers" in err, f"{status} {err}")

    # what a CI log shows of the help texts
    for verb in (["load"], ["model", "downgrade-test"], ["eval", "run"], ["eval", "judge", "calibrate"]):
        _, out, err = rig.run(*verb, "--help", env={"QUARTERDECK_KEY": "qd-not-to-be-told"})
        expect("not-to-be-told" not in out + err, f"{verb} --help tells the key: {out}")

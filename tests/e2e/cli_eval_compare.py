"""Two runs against each other, the size of a suite, reports as files, and the examples for CI servers, run as they stand."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

import yaml
from cli_eval import ASKS, evaluate, start, suite
from rig import KEY, TOKEN, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = "require: [{pass_rate: {at_least: 0.9}, confidence: 0.95}]"
# the other provider's model forgets the link for every question that has a 7 in it
SCRIPT = """rules:
  - {do: {say: "Use the reset link below."}}
  - {match: {user_contains: "7", model: claude*}, do: {say: "I cannot help </script><b>\\u0007 \\U0001F600"}}
"""


def run_two(rig, cases=60, *more):
    start(rig, SCRIPT)
    (rig.folder / "s.yaml").write_text(suite(cases, more=GATE))
    first, second = evaluate(rig, "s.yaml"), evaluate(rig, "s.yaml", "--model", "on-anthropic", *more)
    expect(second[1]["run"] == "run-2", f"{first} {second}")
    return first[1], second[1]


def test_eval_compare(rig):
    """`eval compare`: what flipped, McNemar's p, exit codes, what cannot be compared; `eval power` from a run."""
    _, second = run_two(rig)
    lost = sum("7" in str(n) for n in range(60))
    code, out, err = rig.run("eval", "compare", "run-1", "run-2", "--json")
    found = json.loads(out)
    expect(code == 1 and found["verdict"] == "worse", f"{code} {found['verdict']} {err}")
    for member in ("difference", "interval", "p_value", "verdict", "minimum_detectable", "flipped", "needed_cases"):
        expect(member in found, f"{member} is not in {sorted(found)}")
    expect(found["pairs"] == 60 and len(found["flipped"]) == lost and abs(found["difference"] + lost / 60) < 1e-12, found)
    expect(abs(found["p_value"] - 2 * 0.5 ** lost) < 1e-12, f"{found['p_value']} of {lost} flips, all one way")
    expect("</script>" in found["flipped"][0]["candidate_output"] and "reset link" in found["flipped"][0]["baseline_output"], found["flipped"][0])
    expect(found["difference"] + 1 - second["pass_rate"] < 1e-12, second["pass_rate"])
    code, out, _ = rig.run("eval", "compare", "1", "2")
    expect(code == 1 and "run-1 -> run-2: worse" in out and f"FLIPPED ({lost})" in out and "\x07" not in out, out)
    expect(rig.run("eval", "compare", "2", "1")[0] == 0 and rig.run("eval", "compare", "1", "1")[0] == 0, "better, and the same")
    expect(rig.run("eval", "compare", "2", "1", "--require", "better")[0] == 0 and rig.run("eval", "compare", "1", "1", "--require", "better")[0] == 1, "--require better")
    expect(rig.run("eval", "compare", "1", "1", "--require", "not-worse", "--margin", "0.1")[0] == 0, "the same answers are not worse")
    expect(rig.run("eval", "compare", "1", "2", "--require", "not-worse", "--margin", "0.5")[0] == 0, "not worse by half")
    expect(rig.run("eval", "compare", "1", "2", "--require", "cheaper")[0] == 2 and rig.run("eval", "compare", "1")[0] == 2, "usage")
    expect(rig.run("eval", "compare", "1", "99")[0] == 3 and rig.run("eval", "compare", "1", "x")[0] == 2, "no such run")
    code, out, err = rig.run("eval", "power", "--runs", "run-2", "--difference", "0.1", "--json")
    plan = json.loads(out)
    expect(code == 0 and abs(plan["expected"] - second["pass_rate"]) < 1e-12 and plan["within"] is None and plan["difference"]["cases"] > 0, f"{plan} {err}")
    code, out, err = rig.run("eval", "power", "--suite", "s.yaml")
    expect(code == 0 and "needs 191 cases, has 60" in out, f"{code} {out} {err}")


def test_eval_reports(rig):
    """Every kind of report of a run that fails: whole, harmless, and with the reason; a kind that is not known is refused before anything is paid."""
    names = ["r.json", "r.jsonl", "r.html", "r.junit.xml", "r.md"]
    run_two(rig, 20, *(word for name in names for word in ("--out", name)))
    expect(not [p.name for p in rig.folder.iterdir() if ".part" in p.name], "a file half written is left")
    whole = json.loads((rig.folder / "r.json").read_text(), object_pairs_hook=no_twice)
    expect(whole["run"] == "run-2" and whole["verdict"] == "inconclusive" and len(whole["results"]) == 20, whole["verdict"])
    lines = [json.loads(line) for line in (rig.folder / "r.jsonl").read_text().splitlines()]
    expect(len(lines) == 20 and sum(line["verdict"] == "fail" for line in lines) == 2, lines[0])
    page = (rig.folder / "r.html").read_text()
    expect("<script" not in page and "</script" not in page and "&lt;/script&gt;" in page and "neither shown nor excluded" in page, "the page")
    expect(not re.search(r"(src|href)=|url\(|@import", page.replace("&", "")), "the page fetches something")
    tree = xml.etree.ElementTree.parse(rig.folder / "r.junit.xml").getroot()
    cases = tree.findall(".//testcase")
    expect(len(cases) == 22 == int(tree.get("tests")) and len(tree.findall(".//failure")) == 4 == int(tree.get("failures")), tree.attrib)
    expect("not enough evidence" in (rig.folder / "r.md").read_text(), "Markdown")
    code, _, err = rig.run("eval", "run", "s.yaml", "--out", "r.pdf", env=ASKS)
    expect(code == 2 and ".html" in err, f"{code} {err}")


def no_twice(pairs):
    keys = [key for key, _ in pairs]
    expect(len(keys) == len(set(keys)), f"a member is there twice: {keys}")
    return dict(pairs)


def ci_folder(rig, script):
    """A repository with the examples in it, and the program where the examples build it."""
    path = rig.folder / "script.yaml"
    path.write_text(script)
    sim = rig.start_sim("--speed", "0", "--script", path)
    work = rig.folder / "work"
    (work / ".quarterdeck" / "build").mkdir(parents=True)
    for name in ("quarterdeck.yaml", "helpdesk.yaml"):
        shutil.copy(ROOT / "examples" / "ci" / name, work / name)
    (work / ".quarterdeck" / "build" / "quarterdeck").symlink_to(rig.binary)
    dev = work / ".quarterdeck" / "dev"
    dev.write_text("#!/bin/sh\n[ \"$1\" = build ]\n")
    dev.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUARTERDECK")}
    return work, {**environment, "QUARTERDECK_OPENAI_URL": f"{sim.url}/v1", "OPENAI_API_KEY": "sk-sim", "QUARTERDECK_KEY": KEY,
                  "QUARTERDECK_TOKEN": TOKEN, "GITHUB_STEP_SUMMARY": str(work / "summary.md")}


def shell(line, work, environment):
    ran = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", line], cwd=work, env=environment, capture_output=True, text=True, timeout=120)
    return ran.returncode, ran.stdout + ran.stderr


def read_yaml(path):
    return yaml.safe_load(path.read_text())


ANSWERS = """rules:
  - {do: {say: "%s For a refund or a new address, write to us."}}
  - {match: {user_contains: open}, do: {say: "From 9 to 5."}}
"""


def test_eval_ci(rig):
    """The shell lines of the two CI examples, as they stand: green when the suite passes, red with a report that says why when not."""
    for good in (True, False):
        work, environment = ci_folder(rig, ANSWERS % ("Use the reset link." if good else "Call us."))
        github = read_yaml(ROOT / "examples" / "ci" / "github-actions.yml")
        steps = github["jobs"]["evaluate"]["steps"]
        codes = {step["name"]: shell(step["run"], work, environment) for step in steps if "run" in step}
        expect([code for code, _ in codes.values()] == [0, 0 if good else 1, 0], codes)
        summary = (work / "summary.md").read_text()
        expect((": passed" in summary) == good and ("reset link" in summary) != good, summary)
        expect("</html>" in (work / "report.html").read_text(), "report.html")
        uploaded = [s for s in steps if s.get("uses", "").startswith("actions/upload-artifact")][0]["with"]["path"].split()
        expect(all((work / name).exists() for name in uploaded), uploaded)
        for name in ("report.html", "report.md", "report.junit.xml"):
            (work / name).unlink()
        job = read_yaml(ROOT / "examples" / "ci" / "gitlab-ci.yml")["evaluate"]
        codes = [shell(line, work, environment) for line in job["before_script"] + job["script"]]
        expect([code for code, _ in codes] == [0, 0, 0 if good else 1], codes)
        expect((work / job["artifacts"]["reports"]["junit"]).exists() and all((work / p).exists() for p in job["artifacts"]["paths"]), "artifacts")
        shutil.rmtree(work)

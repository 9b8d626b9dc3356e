"""Suites, judges and scoring rules from files into the registry, as people and CI jobs do it; run by cli.py."""
import json
import shutil
import subprocess

from rig import ROOT, config, expect

SUITE = """suite: helpdesk-core
prompt: helpdesk-answer            # or inline messages, or model: + messages:
repeat: 5
require:
  - {pass_rate: {at_least: 0.90}, confidence: 0.95}
checks:
  - {type: word-count, max: 120}
cases:
  - id: reset-password
    vars: {question: "How do I reset my password?"}
    checks:
      - {type: icontains, value: "reset link"}
      - {type: judge, rubric: "polite and correct", judge: support-judge, threshold: 0.7}
    tags: [account]
  - "file:more.jsonl"
"""


def write_files(folder):
    (folder / "prompts").mkdir(parents=True)
    (folder / "core.yaml").write_text(SUITE)
    (folder / "more.jsonl").write_text('{"id": "größe", "vars": {"question": "file:/etc/hostname"}}\n\n{"id": "l3", "vars": {"question": "x"}}\n')
    (folder / "prompts" / "helpdesk-answer.md").write_text("---\nprompt: helpdesk-answer\nmodel: on-openai\nvariables: {question: {required: true}}\n---\n{{question}}\n")
    (folder / "judge.yaml").write_text("judge: support-judge\nmodel: on-openai\nscale: 1-5\n")
    (folder / "other.yaml").write_text("listen: 127.0.0.1:1\n")


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments], check=True, capture_output=True)


def test_suites(rig):
    """Files are checked without a server, applied all or none, once, with where they come from; versions are kept, removed and back."""
    suites = rig.folder / "suites"
    write_files(suites)
    status, out, err = rig.run("suite", "check", "suites/core.yaml", "--json")
    told = json.loads(out)["files"][0]
    expect(status == 0 and told["cases"] == 3 and told["exchanges"] == 15, f"{status} {out} {err}")
    expect(told["prompt_file"] == "suites/prompts/helpdesk-answer.md" and told["judges_not_declared"] == ["support-judge"], told)
    examples = sorted(p for p in (ROOT / "examples" / "suites").glob("*.yaml") if p.name not in ("quarterdeck.yaml", "sim.yaml"))
    expect(len(examples) == 3 and rig.run("suite", "check", *examples)[0] == 0, "the examples are good")
    expect(rig.run("check", "-c", ROOT / "examples" / "suites" / "quarterdeck.yaml")[0] == 0, "so is their configuration")

    sim = rig.start_sim("--speed", "0", "--script", ROOT / "examples" / "suites" / "sim.yaml")
    rig.write_config(config(sim.url))
    rig.start_gateway()
    good = (suites / "core.yaml").read_text()
    (suites / "core.yaml").write_text(good.replace("word-count", "word-cuont").replace("icontains", "contians"))
    status, out, err = rig.run("apply", "-f", "suites")
    expect(status == 1 and "suites/core.yaml:7: " in err and "did you mean `word-count`?" in err and "core.yaml:12: " in err, f"{status} {out} {err}")
    expect(rig.api("/api/v1/judges")["definitions"] == [], "nothing was changed, of good files neither")
    (suites / "core.yaml").write_text(good)

    git(rig.folder, "init", "-q", "suites")
    git(suites, "add", ".")
    git(suites, "commit", "-qm", "Ask for the reset link\n\nRefs: OPS-17")
    status, out, err = rig.run("apply", "-f", "suites", "--dry-run", "--json", check=True)
    expect([c["change"] for c in json.loads(out)["changes"]] == ["new", "new", "new"] and rig.api("/api/v1/suites")["definitions"] == [], out)
    out = rig.run("apply", "-f", "suites", "--json", check=True)[1]
    expect([(c["kind"], c["name"], c["version"], c["change"]) for c in json.loads(out)["changes"]] ==
           [("suite", "helpdesk-core", 1, "new"), ("judge", "support-judge", 1, "new"), ("prompt", "helpdesk-answer", 1, "new")], out)
    out = rig.run("apply", "-f", "suites", "--json", check=True)[1]
    expect([c["change"] for c in json.loads(out)["changes"]] == ["same", "same", "same"], f"twice is once: {out}")
    found = rig.api("/api/v1/suites/helpdesk-core")
    expect(found["by"] == "Ann <ann@example.org>" and found["why"].startswith("Ask for the reset link (") and found["ticket"] == "OPS-17", found)
    cases = found["definition"]["cases"]
    expect(cases[1]["id"] == "größe" and cases[1]["vars"]["question"] == "file:/etc/hostname" and found["definition"]["files"] is False,
           f"data names no file: {cases}")

    (suites / "core.yaml").write_text(good.replace("repeat: 5", "repeat: 6"))
    out = rig.run("suite", "add", "suites/core.yaml", "--why", "more", "--author", "Bob", "--json", check=True)[1]
    expect(json.loads(out)["changes"][0]["version"] == 2 and json.loads(out)["changes"][0]["change"] == "changed", out)
    expect([d["version"] for d in rig.api("/api/v1/suites/helpdesk-core/versions")["definitions"]] == [2, 1], "both are kept")
    expect(rig.api("/api/v1/suites/helpdesk-core?version=1")["digest"] == found["digest"], "the first is what it was")
    expect("version 1" in rig.run("suite", "show", f"helpdesk-core@{found['digest'][:8]}", check=True)[1], "by its digest")
    body = json.dumps(found["definition"], ensure_ascii=True)
    status, _, answer = rig.http("POST", "/api/v1/suites?reason=back", body, {"content-type": "application/json"})
    expect(status == 200 and json.loads(answer)["version"] == 1 and json.loads(answer)["change"] == "changed", f"back to the first: {answer}")
    status, _, answer = rig.http("POST", "/api/v1/suites", '{"suite": "x",\n"model": "m", "cases": [{"input": "file:/etc/passwd"}]}')
    expect(status == 400 and b"body:2: file:/etc/passwd: no file can be read here" in answer, f"{status} {answer}")

    expect("is removed" in rig.run("suite", "remove", "helpdesk-core", "--why", "old", check=True)[1], "removed")
    status, _, err = rig.run("suite", "show", "helpdesk-core")
    expect(status == 3 and "not registered now" in err, f"{status} {err}")
    expect("no suite is registered" in rig.run("suite", "list", check=True)[1], "the list is empty")
    actions = [e["action"] for e in rig.api("/api/v1/audit")["entries"]]
    expect(actions[:5] == ["suite.remove", "suite.register", "suite.register", "prompt.apply", "judge.register"], actions)
    rig.gateway.kill9()
    rig.start_gateway()
    expect("version 2" in rig.run("suite", "show", "helpdesk-core@2", check=True)[1], "all of it outlives a kill -9")
    shutil.rmtree(suites)

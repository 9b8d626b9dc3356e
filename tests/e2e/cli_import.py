"""Other tools' evaluations as suites, as people bring them; run by cli.py."""
import json

from rig import expect

CONFIG = """description: Helpdesk
prompts: [file://prompts/*.txt]
providers: ["openai:gpt-5", "openai:gpt-5-mini"]
defaultTest: {assert: [{type: not-icontains, value: as an AI}]}
tests:
  - file://tests/**/*.csv
  - description: Gr\u00fc\u00dfe
    vars: {question: [How?, "Wie?"]}
    assert: [{type: llm-rubric, value: polite}, {type: webhook, value: "http://x"}]
"""
TABLE = 'question,__expected,__description\n"Reset, please",icontains:link,Reset\n'


def test_suite_import(rig):
    """A promptfoo configuration, a table and lines become suites that `suite check` takes; what is left out is told."""
    (rig.folder / "pf" / "prompts").mkdir(parents=True)
    (rig.folder / "pf" / "tests" / "deep").mkdir(parents=True)
    (rig.folder / "pf" / "prompts" / "short.txt").write_text("Answer: {{question}}\n---\nBriefly: {{question}}\n")
    (rig.folder / "pf" / "tests" / "deep" / "a.csv").write_text(TABLE)
    (rig.folder / "pf" / "c.yaml").write_text(CONFIG)
    status, out, err = rig.run("suite", "import", "pf/c.yaml")
    expect(status == 2 and "2 suites: --out FOLDER" in err, f"{status} {out} {err}")
    args = ("suite", "import", "pf/c.yaml", "--out", "suites", "--map", "openai:gpt-5=smart", "--map=grader=judge")
    status, out, err = rig.run(*args)
    expect(status == 0 and "helpdesk-short: 3 cases, model smart (for the others: --model gpt-5-mini), in suites/helpdesk-short.yaml" in out,
           f"{status} {out} {err}")
    expect("left out: pf/c.yaml:9: tests[1].assert[1]: webhook" in out, out)
    expect("is there already; --force" in rig.run(*args)[2], "files stay")
    expect(rig.run(*args, "--force", "--strict")[0] == 1, "--strict says that something was left out")
    status, out, err = rig.run("suite", "check", "suites/helpdesk-short.yaml", "suites/helpdesk-short-2.yaml")
    expect(status == 0, f"{status} {out} {err}")
    told = json.loads(rig.run(*args, "--force", "--json", check=True)[1])
    expect([s["cases"] for s in told["suites"]] == [3, 3] and len(told["left_out"]) == 1, str(told)[:500])
    expect(told["suites"][0]["content"]["judges"] == {"grader": {"model": "judge", "scale": "binary"}}, str(told)[:500])

    (rig.folder / "cases.csv").write_text(TABLE)
    status, out, err = rig.run("suite", "import", "cases.csv", "--prompt", "helpdesk", "--name", "table")
    expect(status == 0 and "suite: table\nprompt: helpdesk\ncases:\n  - {id: reset, vars: " in out, f"{status} {out} {err}")
    (rig.folder / "cases.jsonl").write_text('{"input": "hi"}\nprose\n[]\n')
    status, out, err = rig.run("suite", "import", "cases.jsonl", "--model", "smart")
    expect(status == 1 and "cases.jsonl:2: " in err and "cases.jsonl:3: " in err, f"{status} {out} {err}")
    expect(rig.run("suite", "import", "gone.yaml")[0] == 3, "a file that is not there")
    expect(rig.run("suite", "import", "cases.csv", "--format", "xml")[0] == 2, "a format that is not known")

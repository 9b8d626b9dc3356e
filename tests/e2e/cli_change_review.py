"""Reviews and gates of versions: who may, what the suites say, what an override leaves open."""
import json
import urllib.request

from cli_words import eventually
from rig import KEY, config, expect

PEOPLE = "".join(f"{{name: {name}, role: {role}, token: {name}-token-0123456789}}, "
                 for name, role in (("dora", "admin"), ("anna", "editor"), ("bob", "editor"), ("vic", "viewer")))
SAYS = ("rules:\n"  # the last that matches answers
        "  - {do: {say: 'Use the reset link below.'}}\n"
        "  - {match: {system_contains: curt}, do: {say: 'No.'}}\n")
SUITE = """suite: helpdesk-core
prompt: helpdesk-answer
checks: [{type: icontains, value: reset link}]
RUN_AS
cases:
""" + "".join(f"  - {{id: case-{i}, vars: {{question: \"How do I reset {i}? äöü\"}}}}\n" for i in range(30))
PROMPT = """prompt: helpdesk-answer
model: on-openai
messages:
  - {role: system, content: "%s"}
  - {role: user, content: "{{question}}"}
variables: {question: {required: true}}
suites: [helpdesk-core]
"""


def start(rig, run_as="run_as: {application: e2e, key: sdk}"):
    (rig.folder / "script.yaml").write_text(SAYS)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url).replace("tokens: [", "tokens: [" + PEOPLE))
    rig.start_gateway()
    (rig.folder / "suite.yaml").write_text(SUITE.replace("RUN_AS", run_as))
    status, out, err = rig.run("apply", "-f", "suite.yaml", "--why", "a test")
    expect(status == 0, f"{status} {out} {err}")
    return sim


def as_(rig, who, *args):
    return rig.run(*args, env={"QUARTERDECK_TOKEN": f"{who}-token-0123456789"})


def apply(rig, text, who="anna"):
    (rig.folder / "prompt.yaml").write_text(PROMPT % text)
    status, out, err = as_(rig, who, "apply", "-f", "prompt.yaml", "--why", "complaints", "--author", "Anna B <anna@example.org>")
    expect(status == 0, f"{status} {out} {err}")


def review(rig, version):
    return rig.api(f"/api/v1/prompts/helpdesk-answer/versions/{version}/review")


def launch(rig):
    apply(rig, "Answer politely.")
    status, out, err = as_(rig, "anna", "prompt", "submit", "helpdesk-answer@1", "--why", "the first", "--wait")
    expect(status == 1 and "gate says yes" in out and "approvals: 0 of 1" in out, f"{status} {out} {err}")
    status, out, err = as_(rig, "anna", "prompt", "approve", "helpdesk-answer@1", "--why", "mine")
    expect(status == 1 and "review refused to the author" in err and "bob" in err and "vic" not in err, f"{status} {out} {err}")
    status, out, err = as_(rig, "bob", "prompt", "approve", "helpdesk-answer@1", "--why", "good")
    expect(status == 0 and "is in production" in out, f"{status} {out} {err}")


def test_change_review(rig):
    """The first serves after review and gate; the author is refused; a worse version is told so; an override leaves a finding open."""
    start(rig)
    launch(rig)
    shown = json.loads(rig.run("prompt", "show", "helpdesk-answer", "--json", check=True)[1])
    expect(shown["production"] == 1 and shown["versions"][0]["state"] == "production", shown)
    apply(rig, "Be curt.")
    status, out, err = as_(rig, "anna", "prompt", "submit", "helpdesk-answer@2", "--why", "shorter", "--wait")
    expect(status == 1 and "the gate says no" in out and "helpdesk-core" in out, f"{status} {out} {err}")
    held = review(rig, 2)
    expect(held["gate"]["suites"][0]["required"] == "no" and held["gate"]["suites"][0]["pass_rate"] == 0 and held["gate"]["control"] == 1, held)
    status, out, err = as_(rig, "vic", "prompt", "approve", "helpdesk-answer@2", "--why", "x")
    expect(status == 1 and "role approver" in err, f"{status} {err}")
    status, out, err = as_(rig, "bob", "prompt", "approve", "helpdesk-answer@2", "--why", "good")
    expect(status == 0 and "its gate says no" in out, f"{status} {out} {err}")
    status, out, err = as_(rig, "bob", "prompt", "override", "helpdesk-answer@2", "--why", "now")
    expect(status == 1 and "admin" in err, f"{status} {err}")
    status, out, err = as_(rig, "dora", "prompt", "override", "helpdesk-answer@2", "--why", "the vendor's model ends in an hour")
    expect(status == 0 and "review-override" in out, f"{status} {out} {err}")

    def findings():
        return [f for f in rig.api("/api/v1/findings?state=open")["findings"] if f["kind"] == "change_override"]

    expect(len(findings()) == 1 and findings()[0]["evidence"]["by"] == "dora", findings())
    status, _, err = as_(rig, "dora", "finding", "dismiss", str(findings()[0]["id"]), "--why", "noise")
    expect(status == 3 and "review-override" in err, f"{status} {err}")
    rig.gateway.kill9()
    rig.start_gateway()
    expect(len(findings()) == 1, "it stays open over a kill")
    expect(as_(rig, "dora", "prompt", "review-override", "helpdesk-answer@2", "--why", "fine")[0] == 1, "somebody else")
    expect(as_(rig, "bob", "prompt", "review-override", "helpdesk-answer@2", "--why", "looked at it")[0] == 0 and findings() == [], findings())
    # another that is as good: evaluated, and production's run of today is taken again
    apply(rig, "Answer politely and in short.")
    as_(rig, "anna", "prompt", "submit", "helpdesk-answer@3", "--why", "shorter", "--class", "moderate")
    as_(rig, "bob", "prompt", "approve", "helpdesk-answer@3", "--why", "good")
    expect(eventually(lambda: review(rig, 3)["state"] == "evaluated"), review(rig, 3))
    suite = review(rig, 3)["gate"]["suites"][0]
    expect(suite["compared"] == "no_evidence" and suite["control_run"] == "run-1" and suite["control_pass_rate"] == 1, suite)
    expect(as_(rig, "anna", "prompt", "submit", "helpdesk-answer@3", "--why", "again")[0] == 1, "it is evaluated already")
    expect(rig.run("prompt", "submit", "helpdesk-answer", "--why", "x")[0] == 2, "which version")
    expect(rig.run("prompt", "submit", "helpdesk-anser@1", "--why", "x")[0] == 3, "no such prompt")
    actions = [e["action"] for e in json.loads(rig.run("policy", "audit", "--json")[1])["entries"]]
    expect(actions[0] in ("prompt.gate", "prompt.approve") and "prompt.override" in actions and "prompt.review-override" in actions, actions)


def test_change_gate(rig):
    """Not enough evidence is no pass: nobody who asks, a suite that is gone; asked again it goes on; a kill loses nothing."""
    start(rig, run_as="")
    apply(rig, "Answer politely.")
    status, out, err = as_(rig, "anna", "prompt", "submit", "helpdesk-answer@1", "--why", "the first", "--wait")
    expect(status == 1 and "not enough evidence" in out and "run_as" in out, f"{status} {out} {err}")
    rig.write_config((rig.folder / "quarterdeck.yaml").read_text() + "change_policy: {run_as: {application: e2e, key: sdk}}\n")
    expect(rig.http("POST", "/api/v1/reload", "{}")[0] == 200, "reloaded")
    status, out, err = as_(rig, "anna", "prompt", "gate", "helpdesk-answer@1", "--why", "somebody asks now", "--wait")
    expect(status == 1 and "the gate says yes" in out, f"{status} {out} {err}")
    expect(as_(rig, "bob", "prompt", "approve", "helpdesk-answer@1", "--why", "good")[0] == 0, "in production")
    apply(rig, "Answer politely, please.")
    rig.run("suite", "remove", "helpdesk-core", "--why", "gone", check=True)
    status, out, err = as_(rig, "anna", "prompt", "submit", "helpdesk-answer@2", "--why", "politer", "--wait")
    expect(status == 1 and "no suite of this name is registered" in out, f"{status} {out} {err}")
    expect(rig.run("apply", "-f", "suite.yaml", "--why", "back")[0] == 0, "back")
    as_(rig, "anna", "prompt", "gate", "helpdesk-answer@2", "--why", "the suite is back")
    rig.gateway.kill9()
    rig.start_gateway()
    expect(eventually(lambda: review(rig, 2)["gate_says"] == "yes"), review(rig, 2))
    runs = [r for r in json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"] if r["prompt"] == "helpdesk-answer@2"]
    expect([r["verdict"] for r in runs] == ["passed"], f"one run, whatever the kill: {runs}")


def test_change_prompts(rig):
    """A suite that names a registered prompt: `eval run` takes what is in production, or NAME@V; it runs by itself when that changes."""
    start(rig, run_as="run_as: {application: e2e, key: sdk}\ntriggers: [prompt-change]")
    rig.run("eval", "schedule", "list", check=True)
    status, _, err = rig.run("eval", "run", "helpdesk-core", env={"QUARTERDECK_KEY": KEY})
    expect(status == 2 and "helpdesk-answer" in err, f"{status} {err}")
    expect(eventually(lambda: "nothing is in production" in rig.run("eval", "schedule", "list")[1]), "it is looked at, once a minute")

    def runs():
        return json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]

    launch(rig)
    expect(eventually(lambda: any(r["trigger"] == "prompt-change" and r["verdict"] == "passed" for r in runs())), runs())
    expect(next(r for r in runs() if r["trigger"] == "prompt-change")["prompt"] == "helpdesk-answer@1", runs())
    apply(rig, "Be curt.")
    status, out, err = rig.run("eval", "run", "helpdesk-core", "--prompt", "helpdesk-answer@2", env={"QUARTERDECK_KEY": KEY})
    expect(status == 1 and runs()[0]["prompt"] == "helpdesk-answer@2" and runs()[0]["verdict"] == "failed", f"{status} {out} {err}")
    status, out, err = rig.run("eval", "run", "helpdesk-core", env={"QUARTERDECK_KEY": KEY})
    expect(status == 0 and runs()[0]["prompt"] == "helpdesk-answer@1" and runs()[0]["trigger"] == "person", f"{status} {out} {err}")
    status, _, err = rig.run("eval", "run", "helpdesk-core", "--prompt", "helpdesk-answer@9", env={"QUARTERDECK_KEY": KEY})
    expect(status == 2 and "9" in err, f"{status} {err}")


KNOWLEDGE = "knowledge: articles\ndocuments:\n%ssuites: [helpdesk-core]\n"


def apply_articles(rig, *ids):
    (rig.folder / "articles.yaml").write_text(KNOWLEDGE % "".join(f"  - {{id: {i}, hash: sha256-{i}-{v}}}\n" for i, v in ids))
    status, out, err = as_(rig, "anna", "apply", "-f", "articles.yaml", "--why", "new articles")
    expect(status == 0, f"{status} {out} {err}")


def test_change_knowledge(rig):
    """A knowledge base goes the same way: its suite, which only names a prompt, is run with production's; rollback names what to restore."""
    start(rig)
    apply_articles(rig, ("a", 1), ("b", 1))
    status, out, err = as_(rig, "anna", "knowledge", "submit", "articles@1", "--why", "the first", "--wait")
    expect(status == 1 and "no version is in production" in out, f"{status} {out} {err}")
    launch(rig)
    status, out, err = as_(rig, "anna", "knowledge", "gate", "articles@1", "--why", "the prompt serves", "--wait")
    expect(status == 1 and "gate says yes" in out, f"{status} {out} {err}")
    status, out, err = as_(rig, "bob", "knowledge", "approve", "articles@1", "--why", "good")
    expect(status == 0 and "is in production" in out, f"{status} {out} {err}")
    apply_articles(rig, ("a", 1), ("b", 2), ("c", 1))
    as_(rig, "bob", "knowledge", "submit", "articles@2", "--why", "c is new")
    status, out, err = as_(rig, "bob", "knowledge", "approve", "articles@2", "--why", "good")
    expect(status == 0, f"{status} {out} {err}")
    expect(eventually(lambda: rig.api("/api/v1/knowledge/articles/versions/2/review")["state"] == "evaluated"), rig.api("/api/v1/knowledge/articles/versions/2/review"))
    suite = rig.api("/api/v1/knowledge/articles/versions/2/review")["gate"]["suites"][0]
    expect(suite["pass_rate"] == 1 and suite["control_pass_rate"] == 1 and suite["compared"] == "no_evidence", suite)
    status, out, err = as_(rig, "anna", "rollout", "start", "articles@2", "--knowledge", "--why", "c")
    expect(status == 0 and "is in production" in out, f"{status} {out} {err}")
    status, out, err = as_(rig, "dora", "rollback", "articles", "--knowledge", "--why", "c is wrong")
    expect(status == 0 and "--to 2 --knowledge`" in out and "`quarterdeck knowledge diff articles@2 --to 1`" in out, f"{status} {out} {err}")
    status, out, err = rig.run("knowledge", "diff", "articles@2", "--to", "1")
    expect(status == 0 and "- c sha256-c-1" in out and "~ b sha256-b-2 -> sha256-b-1" in out, f"{status} {out} {err}")


def test_change_gate_troubles(rig):
    """A kill in the middle of a gate's run, a rejection during one, production's run that fails, a cap that ends one: none is a pass."""
    sim = start(rig)

    def script(rules):
        urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=(SAYS + rules).encode(), method="POST")).read()

    def submit(version):
        status, out, err = as_(rig, "anna", "prompt", "submit", f"helpdesk-answer@{version}", "--why", "please")
        expect(status in (0, 1) and "its gate runs" in out, f"{status} {out} {err}")

    def runs(version):
        return [r for r in json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"] if r["prompt"] == f"helpdesk-answer@{version}"]

    launch(rig)
    script("  - {match: {system_contains: slowly}, do: {say: 'Use the reset link below.', delay: 300ms}}\n"
           "  - {match: {system_contains: politely}, do: {status: 400}}\n")
    apply(rig, "Answer slowly.")
    submit(2)
    expect(eventually(lambda: any(p["done"] >= 4 for p in review(rig, 2)["progress"])), review(rig, 2))
    rig.gateway.kill9()
    rig.start_gateway()
    expect(eventually(lambda: review(rig, 2)["gate_says"] == "yes"), review(rig, 2))
    expect([(r["state"], r["done"]) for r in runs(2)] == [("finished", 30)], runs(2))
    apply(rig, "Answer slowly, with care.")
    submit(3)
    expect(eventually(lambda: any(p["done"] >= 4 for p in review(rig, 3)["progress"])), review(rig, 3))
    shown = rig.run("prompt", "show", "helpdesk-answer@3")[1]
    expect("of 30" in shown and "helpdesk-core" in shown, shown)
    expect(as_(rig, "bob", "prompt", "reject", "helpdesk-answer@3", "--why", "no")[0] == 0, "rejected")
    expect(eventually(lambda: runs(3)[0]["state"] == "stopped") and runs(3)[0]["done"] < 30, runs(3))
    # production cannot be asked: what the other loses against it is not known; and that run is not taken again
    (rig.folder / "suite.yaml").write_text((rig.folder / "suite.yaml").read_text() + "  - {id: more, vars: {question: \"One more?\"}}\n")
    rig.run("apply", "-f", "suite.yaml", "--why", "one more", check=True)
    apply(rig, "Answer kindly.")
    status, out, err = as_(rig, "anna", "prompt", "submit", "helpdesk-answer@4", "--why", "kinder", "--wait")
    expect(status == 1 and "not enough evidence" in out and "production's version is not whole" in out, f"{status} {out} {err}")
    script("")
    status, out, err = as_(rig, "anna", "prompt", "gate", "helpdesk-answer@4", "--why", "it answers again", "--wait")
    expect(status == 1 and "the gate says yes" in out, f"{status} {out} {err}")
    rig.write_config((rig.folder / "quarterdeck.yaml").read_text() + "evaluation: {max_cost_usd: 0.000001}\n")
    expect(rig.http("POST", "/api/v1/reload", "{}")[0] == 200, "reloaded")
    status, out, err = as_(rig, "anna", "prompt", "gate", "helpdesk-answer@4", "--why", "again", "--wait")
    expect(status == 1 and "not enough evidence" in out and "cap on cost" in out and review(rig, 4)["state"] == "in review", f"{status} {out} {err}")

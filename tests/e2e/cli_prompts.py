"""Versions of prompts and knowledge bases from files: made once, with where they come from, compared, linted, fetched; run by cli.py."""
import json
import subprocess

from rig import KEY, config, expect

PROMPT = """prompt: helpdesk-answer
version: {version}
model: on-openai
parameters: {{temperature: 0.5, max_tokens: 1024, top_p: 0.9}}
messages:
  - {{role: system, content: "file:./system.md"}}
  - {{role: user, content: "{{{{question}}}}"}}
variables: {{question: {{required: true, max_chars: 8000}}}}
tools: []
suites: [helpdesk-core]
owner: anna@example.org
"""
SYSTEM = "You are the helpdesk of Example.\n\n- Be brief.\n- Never promise a refund.\n"
KNOWLEDGE = "knowledge: articles\nversion: 2026-11\ndocuments: \"file:articles.jsonl\"\nsuites: [helpdesk-core]\n"
SHAPE = ["version", "hash", "state", "class", "class_reasons", "author", "why", "ticket", "created", "tokens", "cost_per_call_usd", "parent"]


def git(folder, *arguments, who="Ann"):
    subprocess.run(["git", "-C", folder, "-c", f"user.name={who}", "-c", f"user.email={who.lower()}@example.org", *arguments], check=True, capture_output=True)


def documents(folder, n, changed=0):
    (folder / "articles.jsonl").write_text("".join(
        json.dumps({"id": f"größe/{i}", "hash": f"sha256:{'b' if i < changed else 'a'}{i}", "source": f"https://kb.example/{i}", "date": "2026-11-02"}) + "\n" for i in range(n)))


def apply(rig, *arguments, code=0):
    status, out, err = rig.run("apply", "-f", "prompts", *arguments)
    expect(status == code, f"apply {arguments}: exit {status}\n{out}{err}")
    return out + err


def changes(rig, *arguments):
    return json.loads(rig.run("apply", "-f", "prompts", "--json", *arguments, check=True)[1])["changes"]


def lint(rig, folder):
    (folder / "system.md").write_text(SYSTEM + "\nAlways answer in English. Reply in German. Mail to maria.meier@firma.de.\n")
    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.5"))
    changes(rig, "--why", "a test", "--author", "Cora")
    status, out, _ = rig.run("prompt", "lint", "helpdesk-answer@3")
    expect(status == 1 and "two languages" in out and "mail address of firma.de" in out, out)
    expect("nothing was noticed" in rig.run("prompt", "lint", "helpdesk-answer@1", check=True)[1], "the first is clean")
    (folder / "system.md").write_text(SYSTEM + "\nUse sk-" + "proj-a8Fk2LmQ9zXc7VbN4pRt6YwE1uIo\n")
    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.6"))
    out = apply(rig, "--why", "a secret", code=2)
    expect("an OpenAI key" in out and "a8Fk2" not in out and "--allow-secrets" in out, out)


def fetched_by_an_application(rig):
    rig.run("prompt", "label", "helpdesk-answer@2", "staging", "--why", "to try", check=True)
    status, headers, body = rig.http("GET", "/api/v1/prompts/helpdesk-answer?label=staging", None, {"authorization": f"Bearer {KEY}"})
    fetched = json.loads(body)
    expect(status == 200 and fetched["version"] == 2 and fetched["label"] == "staging" and fetched["messages"][1]["content"] == "{{question}}", body)
    expect(fetched["variables"]["question"]["max_chars"] == 8000 and fetched["parameters"]["temperature"] == 0.5, fetched)
    status, _, body = rig.http("GET", "/api/v1/prompts/helpdesk-answer?label=staging", None, {"authorization": f"Bearer {KEY}", "if-none-match": f'"{fetched["hash"]}"'})
    expect(status == 304 and body == b"", f"{status} {body}")
    status, _, _ = rig.http("GET", "/api/v1/prompts", None, {"authorization": f"Bearer {KEY}"})
    expect(status == 401, "an application's key opens nothing else")


def knowledge(rig, folder):
    documents(folder, 41, changed=2)
    (folder / "kb.yaml").write_text(KNOWLEDGE.replace("2026-11", "2026-12"))
    (folder / "system.md").write_text(SYSTEM)
    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.3"))
    by_kind = {c["kind"]: c for c in changes(rig, "--why", "new articles")}
    expect(by_kind["prompt"]["change"] == "same" and by_kind["prompt"]["version"] == 1, by_kind)
    expect(by_kind["knowledge"]["class"] == "moderate" and "3 of 40" in by_kind["knowledge"]["class_reasons"][0], by_kind)
    out = rig.run("knowledge", "diff", "articles@2", check=True)[1]
    expect("~ größe/0 sha256:a0 -> sha256:b0" in out and "+ größe/40 sha256:a40" in out, out)
    documents(folder, 100000, changed=7)
    (folder / "kb.yaml").write_text(KNOWLEDGE.replace("2026-11", "2027-01"))
    by_kind = {c["kind"]: c for c in changes(rig, "--why", "all articles")}
    expect(by_kind["knowledge"]["version"] == 3 and by_kind["knowledge"]["class"] == "major", by_kind)
    expect("documents  100000" in rig.run("knowledge", "show", "articles@3", check=True)[1], "a hundred thousand documents")


def test_prompts(rig):
    """An edited prompt is a version with an author, a reason, a class, tokens and a price; applications fetch it with their own key."""
    folder = rig.folder / "prompts"
    folder.mkdir()
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url))
    rig.start_gateway()

    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.3").replace("{{question}}", "{{quetsion}}"))
    (folder / "system.md").write_text(SYSTEM)
    (folder / "kb.yaml").write_text(KNOWLEDGE)
    documents(folder, 40)
    expect("did you mean `question`?" in apply(rig, code=1), "the nearest variable is named")
    expect(rig.api("/api/v1/knowledge")["subjects"] == [], "nothing is made of good files beside bad ones")

    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.3"))
    git(rig.folder, "init", "-q", "prompts")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "The first prompt\n\nRefs: OPS-17")
    out = apply(rig, "--dry-run")
    expect("nothing was changed: a dry run" in out and "the first version: everything is new" in out and rig.api("/api/v1/prompts")["subjects"] == [], out)
    made = changes(rig)
    expect([(c["kind"], c["name"], c["version"], c["change"], c["class"]) for c in made] ==
           [("prompt", "helpdesk-answer", 1, "new", "major"), ("knowledge", "articles", 1, "new", "major")], made)
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    expect(made[0]["author"] == "Ann <ann@example.org>" and made[0]["ticket"] == "OPS-17" and made[0]["commit"] == head, made[0])
    expect([c["change"] for c in changes(rig)] == ["same", "same"], "twice is once")

    (folder / "system.md").write_text(SYSTEM.replace("- ", "* ").replace("brief.", "brief"))
    (folder / "answer.yaml").write_text(PROMPT.format(version="v1.2.4"))
    out = apply(rig, "--dry-run")
    expect("minor" in out and "- - Be brief." in out and "+ * Be brief" in out and "is not as it was committed" in out, out)
    (folder / "system.md").write_text(SYSTEM.replace("Never promise", "Promise") + "- Ask for the order number, and name the next step of the customer.\n")
    git(folder, "add", "system.md", "answer.yaml")
    git(folder, "commit", "-qm", "Refunds are ours to give", who="Bob")
    one = changes(rig)[0]
    expect(one["author"] == "Bob <bob@example.org>" and one["why"].startswith("Refunds are ours to give") and one["class"] == "moderate" and one["parent"] == 1, one)
    expect("negation" in one["class_reasons"][0], f"a file that it names changed: {one}")

    shown = json.loads(rig.run("prompt", "show", "helpdesk-answer", "--json", check=True)[1])
    expect(list(shown)[:3] == ["name", "production", "versions"] and shown["name"] == "helpdesk-answer" and shown["production"] is None, shown)
    expect([list(v)[:len(SHAPE)] for v in shown["versions"]] == [SHAPE, SHAPE] and [v["version"] for v in shown["versions"]] == [2, 1], shown)
    new, old = shown["versions"]
    expect(new["tokens"] > old["tokens"] and new["cost_per_call_usd"] > old["cost_per_call_usd"] > 0 and new["state"] == "draft", shown)
    out = rig.run("prompt", "show", "helpdesk-answer@v1.2.4", check=True)[1]
    expect("[system]" in out and "Ask for the order number" in out and f"+{new['tokens'] - old['tokens']} tokens" in out, out)
    out = rig.run("prompt", "diff", "helpdesk-answer@2", check=True)[1]
    expect("- - Never promise a refund." in out and "+ - Promise a refund." in out and "from version 1 to 2: moderate" in out, out)
    expect("v1.2.3" in rig.run("prompt", "show", f"helpdesk-answer@{old['hash'][:8]}", check=True)[1], "by its hash")
    status, _, err = rig.run("prompt", "show", "helpdesk-anwser")
    expect(status == 3 and "did you mean `helpdesk-answer`" in err, err)

    lint(rig, folder)
    fetched_by_an_application(rig)
    knowledge(rig, folder)
    rig.gateway.kill9()
    again = json.loads(rig.run("prompt", "show", "helpdesk-answer", "--json", "--data-dir", "data", check=True)[1])
    expect([v["version"] for v in again["versions"]] == [3, 2, 1] and again["labels"] == {"staging": 2}, f"beside a stopped server: {again}")

"""System prompts that nobody registered, and versions of models that changed under us."""
import json
import urllib.request

from cli_online import SUITE, apply
from cli_words import eventually
from rig import KEY, config, expect

SYSTEM = "You are the assistant of Acme. Today is {day}. You talk to {name}. Be polite and keep your answers {how}. Say so when you do not know."
NAMES = ["Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gus"]


def script(version, say="Use the reset link below."):
    return f"rules:\n  - {{do: {{say: '{say}', version: {version}, fingerprint: fp_{version[-2:]}}}}}\n"


def start(rig, capture="full", policy=""):
    (rig.folder / "script.yaml").write_text(script("gpt-4o-mini-2025-01-01"))
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    more = "  other-model: {targets: [{provider: anthropic, model: claude-3-5-haiku-20241022}]}\n"
    rig.write_config(config(sim.url, more).replace("e2e: {keys", "e2e: {payloads: {capture: %s}, keys" % capture) + policy)
    rig.start_gateway()
    return sim


def another_version(sim, *what):
    data = script(*(what or ("gpt-4o-mini-2025-02-02",))).encode()
    urllib.request.urlopen(urllib.request.Request(sim.url + "/sim/script", data=data, method="POST")).read()


def ask(rig, system=None, model="on-openai", expected=200):
    messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": "hi"}]
    body = json.dumps({"model": model, "max_tokens": 8, "messages": messages})
    headers = {"content-type": "application/json", "x-quarterdeck-request-type": "chat"}
    status, headers, answer = rig.http("POST", "/v1/chat/completions", body, headers, token=KEY)
    expect(status == expected, f"{status} {answer}")
    return headers


def say(rig, how, n):
    for i in range(n):
        ask(rig, SYSTEM.format(day=f"2026-03-{1 + i % 28:02}", name=NAMES[i % 7], how=how))


def live(rig):
    return [p for p in json.loads(rig.run("prompt", "live", "--json", check=True)[1])["prompts"] if p["answers"] > 0]


def findings(rig, kind):
    return json.loads(rig.run("finding", "list", "--kind", kind, "--json")[1])["findings"]


def test_live_prompts(rig):
    """A change of a prompt that nobody registered is told with its diff; adopted, it is the version in production; over a kill nothing is counted twice."""
    start(rig)
    say(rig, "short", 30)
    expect(eventually(lambda: sum(p["answers"] for p in live(rig)) == 30), live(rig))
    expect(len(live(rig)) == 1 and live(rig)[0]["variable_parts"] == 2, live(rig))
    expect(findings(rig, "prompt_unregistered") == [], "the first prompt is no change")
    first = live(rig)[0]
    status, out, err = rig.run("prompt", "adopt", first["hash"][:12], "--name", "helpdesk", "--why", "it is what we have")
    expect(status == 0 and "helpdesk@1" in out, f"{status} {out} {err}")
    rig.gateway.kill9()
    rig.start_gateway()
    say(rig, "long", 25)
    expect(eventually(lambda: len(findings(rig, "prompt_unregistered")) == 1), live(rig))
    found = findings(rig, "prompt_unregistered")[0]
    diff = found["evidence"]["diff"]
    expect("short" in diff and "long" in diff and "gap_1" in diff and found["evidence"]["before"] == "helpdesk@1", found)
    expect("--name helpdesk" in found["command"] and found["evidence"]["since_first_seen"]["share"] == 1, found)
    expect(sum(p["answers"] for p in live(rig)) == 55, live(rig))
    text = rig.run("prompt", "live", found["evidence"]["hash"][:12], check=True)[1]
    expect("keep your answers long" in text and "{{gap_1}}" in text, text)
    for again in (False, True):
        answer = json.loads(rig.run("prompt", "adopt", found["evidence"]["hash"], "--why", "shorter was asked for", "--json", check=True)[1])
        expect(answer["registered_as"] == "helpdesk@2" and answer["already"] == again, answer)
    shown = json.loads(rig.run("prompt", "show", "helpdesk", "--json", check=True)[1])
    expect(shown["production"] == 2 and [v["state"] for v in shown["versions"]] == ["production", "superseded"], shown)
    expect(shown["versions"][0]["parent"] == 1 and shown["versions"][0]["class"] in ("moderate", "major"), shown["versions"][0])
    expect(eventually(lambda: findings(rig, "prompt_unregistered") == []), "adopted")
    log = [a["action"] for a in json.loads(rig.run("audit", "list", "--json", check=True)[1])["entries"]]
    expect(log.count("prompt.adopt") == 2, log)
    expect(rig.run("audit", "verify")[0] == 0, "the audit log is whole")


def test_live_private(rig):
    """Of an application whose texts are not kept, no word of a system prompt is on the disk; that it changed is told."""
    start(rig, capture="metadata")
    say(rig, "short", 30)
    expect(eventually(lambda: sum(p["answers"] for p in live(rig)) == 30), live(rig))
    say(rig, "long", 25)
    expect(eventually(lambda: len(findings(rig, "prompt_unregistered")) == 1), live(rig))
    evidence = findings(rig, "prompt_unregistered")[0]["evidence"]
    expect(evidence["diff"] is None and "not kept" in evidence["no_diff"], evidence)
    status, out, err = rig.run("prompt", "adopt", evidence["hash"], "--why", "x")
    expect(status != 0 and "keeps no texts" in out + err, f"{status} {out} {err}")
    rig.gateway.stop()
    for file in (rig.folder / "data").rglob("*"):
        expect(not file.is_file() or b"keep your answers" not in file.read_bytes(), file)


def changes(rig):
    return json.loads(rig.run("model", "changes", "--json")[1])["changes"]


def test_model_changes(rig):
    """Another version of a model waits for a person; held, another model answers, and the record says what was asked for; one that flickers is not new twice."""
    sim = start(rig)
    for _ in range(6):
        ask(rig)
    another_version(sim)
    for _ in range(6):
        ask(rig)
    expect(eventually(lambda: len(changes(rig)) == 1), changes(rig))
    change = changes(rig)[0]
    expect(change["state"] == "open" and change["after"].endswith("fp_02") and change["before"].endswith("fp_01"), change)
    expect(eventually(lambda: len(findings(rig, "model_change_waits")) == 1), "it is told")
    status, out, err = rig.run("model", "hold", "1", "--to", "on-openai", "--why", "x")
    expect(status != 0 and "own stead" in out + err, f"{status} {out} {err}")
    rig.run("model", "hold", "1", "--to", "other-model", "--why", "until the suite is read", check=True)
    headers = ask(rig)
    expect(headers["x-quarterdeck-model"] == "anthropic/claude-3-5-haiku-20241022", headers)
    expect(rig.records("")[0]["model"] == "on-openai", "what was asked for")
    rig.run("model", "release", "1", "--why", "read", check=True)
    expect(ask(rig)["x-quarterdeck-model"].startswith("openai/"), "it answers again")
    rig.run("model", "accept", "1", "--why", "as good", check=True)
    expect(changes(rig)[0]["state"] == "accepted" and rig.run("model", "changes")[0] == 0, changes(rig))
    expect(eventually(lambda: findings(rig, "model_change_waits") == []), "decided")


def test_model_hold_by_policy(rig):
    """The policy may hold by itself: the next exchanges are answered by the other model, and a person is asked."""
    sim = start(rig, policy="change_policy: {on_model_change: {hold: other-model}}\n")
    for _ in range(6):
        ask(rig)
    another_version(sim)
    for _ in range(6):
        ask(rig)
    expect(eventually(lambda: ask(rig)["x-quarterdeck-model"].startswith("anthropic/")), changes(rig))
    expect(changes(rig)[0]["state"] == "held" and changes(rig)[0]["decided_by"] == "quarterdeck", changes(rig))
    expect(len(findings(rig, "model_change_waits")) == 1, "a person is asked")
    path = rig.folder / "quarterdeck.yaml"
    path.write_text(path.read_text().replace("other-model", "renamed"))
    rig.run("policy", "reload", check=True)
    ask(rig, expected=404)
    expect(eventually(lambda: "no longer configured" in findings(rig, "model_change_waits")[0]["title"]), findings(rig, "model_change_waits"))
    expect(findings(rig, "model_change_waits")[0]["command"] == "quarterdeck model release 1 --why TEXT", findings(rig, "model_change_waits"))
    rig.run("model", "release", "1", "--why", "its stand-in is gone", check=True)
    expect(eventually(lambda: ask(rig)["x-quarterdeck-model"].startswith("openai/")), changes(rig))


def test_model_change_runs(rig):
    """What the bound suite says of a new version, compared with its run on the one before, is in the record that waits for a person."""
    sim = start(rig)
    ask(rig)
    status, out, err = apply(rig, "suite.yaml", SUITE)
    expect(status == 0, f"{status} {out} {err}")
    another_version(sim)
    for _ in range(6):
        ask(rig)
    expect(eventually(lambda: changes(rig) and changes(rig)[0]["runs"]), changes(rig))
    run = changes(rig)[0]["runs"][0]
    expect(run == {"suite": "helpdesk", "run": "run-1", "verdict": "passed", "compared_with": None, "answer": None}, run)
    another_version(sim, "gpt-4o-mini-2025-03-03", "I do not know.")
    for _ in range(6):
        ask(rig)
    expect(eventually(lambda: len(changes(rig)) == 2 and changes(rig)[0]["runs"]), changes(rig))
    run = changes(rig)[0]["runs"][0]
    expect(run == {"suite": "helpdesk", "run": "run-2", "verdict": "failed", "compared_with": "run-1", "answer": "worse"}, run)
    expect(changes(rig)[0]["state"] == "open" and rig.run("model", "changes")[0] == 1, "it waits for a person")

"""A prompt with versions on their way, for the scenarios of change: few words about what they are not about."""
import json
import re

from rig import KEY, config, expect

PLAN = {"canary": {"steps": [{"setWeight": 50}, {"pause": {"duration": "500ms"}}, {"setWeight": 100}],
                   "analysis": {"interval": "100ms", "alpha": 0.01, "min_samples": 20, "guardrails": [{"metric": "error_rate", "margin": 1.5}]}},
        "shadow": {"share": 1, "min_samples": 30, "max_cost_usd": 1}}


def serve(rig, rules="rules: []\n", way="canary", plan=None, application="", start=True):
    """A server on the simulator with these rules; every class of change goes by `way` and is reviewed by nobody."""
    (rig.folder / "script.yaml").write_text(rules)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    of_class = {"reviewers": 0, "gate": "none", "rollout": way, "promote": "auto"}
    text = config(sim.url, server="change_policy: " + json.dumps({name: of_class for name in ("minor", "moderate", "major")}) +
                  "\nrollouts: " + json.dumps({**PLAN, **(plan or {})}))
    rig.write_config(text.replace("e2e: {keys", f"e2e: {{{application} keys") if application else text)
    if start:
        rig.start_gateway()
    return sim


def version(rig, system, why="a test"):
    """A new version of the prompt `answer`, submitted."""
    (rig.folder / "answer.yaml").write_text(json.dumps({
        "prompt": "answer", "model": "on-openai", "suites": ["tone"], "variables": {"question": {"required": True}},
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": "{{question}}"}]}))
    rig.run("apply", "-f", rig.folder / "answer.yaml", "--author", "anna", "--why", why, check=True)
    newest = shown(rig)["versions"][0]["version"]
    rig.run("prompt", "submit", f"answer@{newest}", "--why", why, check=True)
    return newest


def shown(rig):
    return json.loads(rig.run("prompt", "show", "answer", "--json", check=True)[1])


def status(rig):
    code, out, err = rig.run("rollout", "status", "answer", "--json")
    expect(code in (0, 1), f"{code} {out} {err}")
    return json.loads(out)


def ask(rig, question, path="/v1/chat/completions", user=None, **more):
    body = {"prompt_variables": {"question": question}, **({"input": []} if path.endswith("responses") else {"messages": []}),
            **({"max_tokens": 100} if path.endswith("messages") else {}), **more}
    headers = {"content-type": "application/json", "x-quarterdeck-prompt": "answer", **({"x-quarterdeck-user": user} if user else {})}
    return rig.http("POST", path, json.dumps(body), headers, token=KEY)


def metric(rig, name):
    """The series of a metric by its first label."""
    text = rig.http("GET", "/metrics")[2].decode()
    return {label: float(value) for label, value in re.findall(rf'^{name}{{[a-z_]+="([^"]*)"}} (\S+)$', text, re.M)}

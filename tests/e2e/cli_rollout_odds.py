"""Rollouts when something is amiss: two at once, a provider that is down, a configuration that is broken or another one, a model that is gone."""
import json
import os
import subprocess

from cli_rollout import POLICY, SCRIPT, Traffic, ask, production, start, states, status, version
from cli_words import eventually
from rig import TOKEN, config, expect


def at_once(rig, *commands):
    """Processes beside one another: (status, standard output and error) of each."""
    env = {**os.environ, "QUARTERDECK_TOKEN": TOKEN, "QUARTERDECK_URL": rig.gateway.url}
    going = [subprocess.Popen([str(rig.binary), *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=rig.folder)
             for command in commands]
    return [(each.communicate()[0], each.returncode)[::-1] for each in going]


def acts(rig, action):
    return [e for e in rig.api("/api/v1/audit?limit=500")["entries"] if e["action"] == action]


def test_rollout_two_at_once(rig):
    """Of commands given at the same moment one wins, and each other is told who did what."""
    start(rig)
    for text in ("Be kind.", "Be kind and brief.", "Be kind, please."):
        version(rig, text)
    said = at_once(rig, ("rollout", "start", "greet@2"), ("rollout", "start", "greet@3"))
    expect(sorted(code for code, _ in said) == [0, 1], said)
    lost = next(out for code, out in said if code == 1)
    expect("is being rolled out since" in lost or "The last change: " in lost, lost)
    expect(len(acts(rig, "rollout.start")) == 1 and list(states(rig).values()).count("canary") == 1, states(rig))
    said = at_once(rig, *[("rollout", "abort", "greet", "--why", f"{n}") for n in range(4)])
    expect(len(acts(rig, "rollout.abort")) == 1, said)
    expect(all(code in (0, 1) and ("aborted" in out) for code, out in said), said)
    expect(rig.run("rollback", "greet", "--to", "2")[0] == 1 and production(rig) == 1, "what never served everybody is not gone back to")


def test_rollback_against_odds(rig):
    """A provider that is down and a broken configuration do not keep a rollback off; beside a stopped server it is in force with the next start."""
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    text = config(sim.url) + (POLICY % "").replace("rollout: canary", "rollout: direct")
    rig.write_config(text)
    rig.start_gateway()
    version(rig, "Be kind.")
    version(rig, "Be kind and brief.")
    rig.run("rollout", "start", "greet@2", check=True)
    sim.kill9()
    rig.write_config("server: {listen: [broken\n")
    code, out, err = rig.run("rollback", "greet", "--server", rig.gateway.url, env={"QUARTERDECK_URL": ""})
    expect(code == 0 and "greet@1 serves, in place of @2" in out, f"{code} {out} {err}")
    expect(ask(rig)[1] == "greet@1", "in force, though nobody answers")
    rig.gateway.kill9()
    rig.write_config(text)
    url, rig.gateway = rig.gateway.url, None
    code, out, err = rig.run("rollback", "greet", "--to", "2")
    expect(code == 0 and "No server is running: it is in force when one starts" in out, f"{code} {out} {err} {url}")
    rig.start_gateway()
    expect(ask(rig)[1] == "greet@2" and rig.run("audit", "verify")[0] == 0, "in force when it starts")


def test_rollout_of_another_plan(rig):
    """A rollout keeps the plan that it began with, over a restart with another one in the file; when the candidate's model goes, it is taken back."""
    start(rig)
    version(rig, "Be kind.")
    text = (rig.folder / "greet.yaml").read_text().replace("Be kind.", "Be kind and brief.").replace("model: on-openai", "model: on-anthropic")
    (rig.folder / "greet.yaml").write_text(text)
    rig.run("apply", "-f", "greet.yaml", "--why", "another model", check=True)
    rig.run("prompt", "submit", "greet@2", "--why", "another model", check=True)
    rig.run("rollout", "start", "greet@2", check=True)
    rig.gateway.kill9()
    file = rig.folder / "quarterdeck.yaml"
    file.write_text(file.read_text().replace("setWeight: 40", "setWeight: 1").replace("interval: 1s", "interval: 24h"))
    rig.start_gateway()
    expect(status(rig)["weight"] == 40 and {ask(rig)[1] for _ in range(60)} == {"greet@1", "greet@2"}, status(rig))
    file.write_text(file.read_text().replace("on-anthropic:", "gone:"))
    code, _, body = rig.http("POST", "/api/v1/reload")
    expect(code == 200, f"{code} {body}")
    expect(eventually(lambda: status(rig)["state"] == "rolled back"), status(rig))
    expect("`on-anthropic` is not in the configuration" in status(rig)["why"], status(rig))
    expect({ask(rig) for _ in range(20)} == {(200, "greet@1")}, "nobody gets it any more")


def test_rollout_pauses_and_waits(rig):
    """on_failure: pause pauses once, and goes no further by itself; a class that wants a person waits for one; findings say what to type."""
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url) + (POLICY % ", tolerance: 0.2, on_failure: pause").replace("promote: auto", "promote: person"))
    rig.start_gateway()

    def finding(kind="rollout_waits"):
        return [f["command"] for f in rig.api(f"/api/v1/findings?kind={kind}&state=open")["findings"]]

    version(rig, "Be kind.")
    version(rig, "Be broken.")
    rig.run("rollout", "start", "greet@2", check=True)
    with Traffic(rig):
        expect(eventually(lambda: status(rig)["state"] == "paused"), status(rig))
        expect(eventually(lambda: finding() == ["quarterdeck rollout status greet"]), finding())
        rig.run("rollout", "resume", "greet", "--why", "we know", check=True)
        expect(eventually(lambda: finding() == ["quarterdeck rollout status greet"]) and status(rig)["state"] == "progressing", status(rig))
        held = status(rig)
        expect(held["for_person"] and held["weight"] == 40 and production(rig) == 1, held)
    rig.run("rollout", "abort", "greet", check=True)
    expect(eventually(lambda: finding() == []), "a finding goes with what it is about")
    version(rig, "Be kind and brief.")
    rig.run("rollout", "start", "greet@3", check=True)
    with Traffic(rig):
        expect(eventually(lambda: finding() == ["quarterdeck rollout promote greet"]), status(rig))
        rig.run("rollout", "pause", "greet", "--why", "lunch", check=True)
        expect(eventually(lambda: finding() == ["quarterdeck rollout resume greet"]), finding())
        rig.run("rollout", "resume", "greet", check=True)
        expect(production(rig) == 1, "not by itself")
        rig.run("rollout", "promote", "greet", "--why", "content", check=True)
    expect(production(rig) == 3 and eventually(lambda: finding() == []), finding())
    history = status(rig)["history"]
    expect(history[-1]["action"] == "rollout.promote" and history[-1]["why"] == "content", history)
    needed = {"prompt", "candidate", "control", "state", "step", "weight", "verdict", "guardrails", "history"}
    of_guard = {"metric", "verdict", "effect", "interval", "evidence", "threshold", "alpha", "n_candidate", "n_control", "needed"}
    now = status(rig)
    expect(needed <= set(now) and all(of_guard <= set(g) for g in now["guardrails"]) and json.dumps(now), now)

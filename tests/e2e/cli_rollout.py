"""Rollouts on real traffic: one that fails takes itself back, one that is good promotes itself, people move others, and a kill leaves one outcome."""
import json
import subprocess
import threading
import time

from cli_words import eventually
from rig import KEY, config, expect

POLICY = """
change_policy:
  minor: {reviewers: 0, gate: none, rollout: canary, promote: auto}
  moderate: {reviewers: 0, gate: none, rollout: canary, promote: auto}
  major: {reviewers: 0, gate: none, rollout: canary, promote: auto}
rollouts:
  canary:
    sticky: request
    steps: [{setWeight: 40}, {pause: {duration: 1s}}, {setWeight: 50}, {pause: {duration: 1s}}, {setWeight: 100}]
    analysis: {interval: 1s, alpha: 0.05, min_samples: 30, guardrails: [{metric: error_rate, margin: 1.5%s}]}
"""
SCRIPT = "rules:\n  - {match: {system_contains: broken}, do: {status: 400}}\n  - {do: {say: 'Gladly.'}}\n"
PROMPT = "prompt: greet\nmodel: on-openai\nmessages:\n  - {role: system, content: \"%s\"}\n  - {role: user, content: \"{{question}}\"}\nvariables: {question: {required: true}}\n"


def start(rig, more=", tolerance: 0.2"):
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url) + POLICY % more)
    rig.start_gateway()


def version(rig, text, submit=True):
    (rig.folder / "greet.yaml").write_text(PROMPT % text)
    rig.run("apply", "-f", "greet.yaml", "--why", "a test", check=True)
    number = max(v["version"] for v in rig.api("/api/v1/prompts/greet/versions")["versions"])
    if submit:
        status, _, body = rig.http("POST", f"/api/v1/prompts/greet/versions/{number}/submit", b'{"reason": "a test"}', {"content-type": "application/json"})
        expect(status == 200, f"{status} {body}")
    return number


def ask(rig, prompt="greet"):
    body = {"prompt_variables": {"question": "hello"}, "max_tokens": 20}
    status, headers, _ = rig.http("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json", "x-quarterdeck-prompt": prompt}, token=KEY)
    return status, headers.get("x-quarterdeck-prompt")


class Traffic:
    """Asks in its own thread until it is left."""

    def __init__(self, rig):
        self.rig, self.going, self.seen = rig, True, []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while self.going:
            try:
                self.seen.append(ask(self.rig))
            except OSError:
                time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()


def status(rig):
    return json.loads(rig.run("rollout", "status", "greet", "--json")[1])


def states(rig):
    return {v["version"]: v["state"] for v in rig.api("/api/v1/prompts/greet/versions")["versions"]}


def production(rig):
    return rig.api("/api/v1/prompts/greet/versions")["production"]


def test_rollouts(rig):
    """By itself: a version that fails is rolled back and a finding says so; a good one is promoted; a rollback takes it back at once, on every loop."""
    start(rig)
    expect(version(rig, "Be kind.") == 1 and states(rig) == {1: "production"}, "the first serves at once")
    expect(ask(rig) == (200, "greet@1"), ask(rig))
    version(rig, "Be broken, and very much so.")
    code, out, err = rig.run("rollout", "start", "greet@2", "--why", "to see")
    expect(code == 0 and "greet@2 is being rolled out" in out, f"{code} {out} {err}")
    expect(rig.run("rollout", "start", "greet@2")[0] == 0, "the same again is fine")
    with Traffic(rig) as traffic:
        expect(eventually(lambda: status(rig)["state"] != "progressing"), status(rig))
    failed = status(rig)
    expect(failed["state"] == "rolled back" and failed["verdict"] == "Failed" and failed["weight"] == 0, failed)
    guard = failed["guardrails"][0]
    expect(guard["metric"] == "error_rate" and guard["verdict"] == "Failed" and guard["evidence"] >= guard["threshold"] and guard["n_candidate"] > 0, guard)
    expect([h["action"] for h in failed["history"]] == ["rollout.start", "rollout.fail"], failed["history"])
    expect(states(rig) == {1: "production", 2: "rolled back"}, states(rig))
    expect(all(ask(rig) == (200, "greet@1") for _ in range(20)), "nobody is served by it any more")
    found = rig.api("/api/v1/findings?kind=rollout_failed&state=open")["findings"]
    expect(len(found) == 1 and found[0]["command"] == "quarterdeck rollout status greet", found)
    expect(rig.run("rollout", "status", "greet")[0] == 1, "the answer is no")

    version(rig, "Be kind and brief.")
    rig.run("rollout", "start", "greet@3", check=True)
    with Traffic(rig) as traffic:
        expect(eventually(lambda: status(rig)["state"] != "progressing"), status(rig))
        passed = status(rig)
        expect(passed["state"] == "promoted" and passed["verdict"] == "Successful", passed)
        expect(states(rig) == {1: "superseded", 2: "rolled back", 3: "production"}, states(rig))
        expect(eventually(lambda: rig.api("/api/v1/findings?kind=rollout_failed&state=open")["findings"] == []), "the finding goes with a newer rollout")
        began = time.monotonic()
        code, out, err = rig.run("rollback", "greet", "--why", "too brief", "--severity", "SEV-2")
        took = time.monotonic() - began
    expect(code == 0 and "greet@1 serves, in place of @3" in out and "--to 3" in out, f"{code} {out} {err}")
    expect(took < 1, f"a rollback took {took}")
    expect(all(ask(rig) == (200, "greet@1") for _ in range(40)), "in force on every loop")
    code, out, _ = rig.run("rollback", "greet")
    expect(code == 0 and "serves already" in out and "rolled back from @3" in out, f"the second is told: {code} {out}")
    expect(states(rig)[3] == "rolled back" and status(rig)["state"] == "rolled back", states(rig))
    code, out, _ = rig.run("rollback", "greet", "--to", "3")
    expect(code == 0 and production(rig) == 3, f"and undone: {out}")


def test_rollout_by_hand(rig):
    """Pause, resume, promote and abort; who is late is told what another did; a canary without traffic holds."""
    start(rig)
    version(rig, "Be kind.")
    version(rig, "Be kind and brief.")
    expect(rig.run("rollout", "promote", "greet")[0] in (1, 3), "there is none")
    rig.run("rollout", "start", "greet@2", check=True)
    expect(rig.run("rollout", "start", "greet@1")[0] == 0, "it is in production")
    code, out, err = rig.run("rollout", "promote", "greet")
    expect(code == 1 and "too few" in err, f"{code} {out} {err}")
    time.sleep(1.5)
    held = status(rig)
    expect(held["state"] == "progressing" and held["verdict"] == "Inconclusive" and held["step"] == 1 and "30 more exchanges" in held["waits_for"], held)
    expect(rig.run("rollout", "pause", "greet", "--why", "lunch")[0] == 0 and status(rig)["state"] == "paused", "paused")
    expect(rig.run("rollout", "pause", "greet")[0] == 0, "already")
    revision = status(rig)["revision"]
    expect(rig.run("rollout", "resume", "greet")[0] == 0 and status(rig)["state"] == "progressing", "resumed")
    code, _, body = rig.http("POST", "/api/v1/rollouts/greet/abort", json.dumps({"if_revision": revision}), {"content-type": "application/json"})
    expect(code == 409 and b"had the rollout of @2 go on" in body, f"{code} {body}")
    expect(rig.run("rollout", "abort", "greet", "--why", "no")[0] == 0 and states(rig)[2] == "rolled back", states(rig))
    code, out, err = rig.run("rollout", "promote", "greet")
    expect(code == 1 and "aborted" in err, f"who is late is told: {code} {out} {err}")
    expect(rig.run("rollout", "abort", "greet")[0] == 0, "it is so already")
    expect(json.loads(rig.run("rollout", "list", "--json", check=True)[1])["rollouts"][0]["state"] == "aborted", "listed")
    expect(rig.run("rollout", "list")[0] == 0 and rig.run("rollout", "start", "greet")[0] == 2, "usage")


def test_rollout_over_kills(rig):
    """kill -9 in each state of a rollout: it is as it was, and what serves is what the registry says."""
    start(rig)
    version(rig, "Be kind.")
    version(rig, "Be kind and brief.")
    for act, state, serving in ((("rollout", "start", "greet@2"), "progressing", 1), (("rollout", "pause", "greet"), "paused", 1),
                                (("rollout", "resume", "greet"), "progressing", 1), (("rollback", "greet"), "aborted", 1)):
        rig.run(*act, check=True)
        rig.gateway.kill9()
        rig.start_gateway()
        now = status(rig)
        expect(now["state"] == state and production(rig) == serving, f"after {act}: {now}")
        candidates = {ask(rig)[1] for _ in range(30)}
        expect(candidates == ({"greet@1", "greet@2"} if state in ("progressing", "paused") else {"greet@1"}), f"after {act}: {candidates}")
    expect(states(rig) == {1: "production", 2: "rolled back"}, states(rig))


def test_rollback_full_disk(rig):
    """While the disk is full a rollback is in force at once, survives a kill, and stands in the audit log with its time when there is room."""
    disk = rig.folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)], capture_output=True).returncode != 0:
        return  # no right to mount a small disk
    try:
        roll_back_on(rig, disk)
    finally:
        rig.gateway.stop()
        subprocess.run(["umount", "-l", str(disk)], capture_output=True)


def fill(path):
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


def roll_back_on(rig, disk):
    (rig.folder / "script.yaml").write_text(SCRIPT)
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    rig.write_config(config(sim.url, data_dir=disk / "data") + (POLICY % "").replace("rollout: canary", "rollout: direct"))
    rig.start_gateway()
    version(rig, "Be kind.")
    version(rig, "Be kind and brief.")
    rig.run("rollout", "start", "greet@2", check=True)
    fill(disk / "filler")
    said, serves = "", 2
    for _ in range(2000):  # what was freed in the registry's files is used up first
        serves = 3 - serves
        status, _, body = rig.http("POST", "/api/v1/prompts/greet/rollback", json.dumps({"to": str(serves), "reason": "x" * 400}), {"content-type": "application/json"})
        expect(status == 200, f"{status} {body}")
        said = json.loads(body)["words"]
        if "emergency" in said:
            break
    expect("in force" in said and "emergency" in said, said)
    expect(all(ask(rig)[1] == f"greet@{serves}" for _ in range(20)), "in force on every loop")
    first = serves
    code, out, err = rig.run("rollback", "greet")
    expect(code == 0 and "serves already" in out, f"the second is told: {code} {out} {err}")
    serves = 3 - serves
    code, out, err = rig.run("rollback", "greet", "--to", serves)
    expect(code == 0 and ask(rig)[1] == f"greet@{serves}", f"and it can be undone there, too: {code} {out} {err}")
    rig.run("rollback", "greet", "--to", first, check=True)
    serves = first
    rig.gateway.kill9()
    (disk / "filler").unlink()  # a server does not start on a full disk
    rig.start_gateway()
    expect(all(ask(rig)[1] == f"greet@{serves}" for _ in range(20)), "in force after a kill")
    expect(eventually(lambda: production(rig) == serves), "it is in the registry")

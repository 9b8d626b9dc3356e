"""docs/change.md's "A change from edit to production", as typed: from an edit over a canary that fails to production and back."""
import json
import os
import re
import shutil
import subprocess
import time

from rig import ROOT, expect

PAGE = (ROOT / "docs" / "change.md").read_text()
STORY = PAGE.split("## A change from edit to production\n")[1].split("\n## ")[0]
UNTIL = 45  # seconds, for what a line waits for


class Typing:
    """The page's third terminal: a shell whose exports stay."""

    def __init__(self, rig, folder):
        self.rig, self.folder, self.said = rig, folder, {}
        self.load, self.traffic, self.codes, self.told, self.until = None, None, [], "", UNTIL
        bin_folder = rig.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "quarterdeck").symlink_to(rig.binary)
        self.env = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "QUARTERDECK_URL": rig.gateway.url}

    def once(self, command):
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=self.env, cwd=self.folder, timeout=120, stdin=subprocess.DEVNULL)
        return ran.returncode, ran.stdout, ran.stderr

    def type(self, line):
        command, _, note = line.partition("  #")
        if command.startswith("export "):
            _, out, _ = self.once(command + " && env -0")
            self.env |= dict(one.split("=", 1) for one in out.split("\0") if "=" in one)
            return
        wanted = re.search(r"until it says: (.*)", note)
        deadline = time.monotonic() + self.until
        while True:
            status, out, err = self.once(command)
            if wanted is None or wanted.group(1) in out or time.monotonic() > deadline:
                break
            if self.load is not None and self.traffic is not None and self.traffic.poll() is not None:  # a slow machine: more customers
                self.drive(self.load)
            time.sleep(0.2)
        self.said.setdefault(command.split(" --why")[0].strip(), []).append((status, out, err))
        if wanted is not None:
            expect(wanted.group(1) in out, f"{command} never said {wanted.group(1)!r}:\n{out}{err}\n{self.rig.gateway.tail()}")
        elif "refused" in note or "exit code 1" in note:
            expect(status == 1, f"{command} ended with {status}: {out}{err}")
        else:
            expect(status == 0, f"{command}: {status}\n{out}{err}\n{self.rig.gateway.tail()}")

    def drive(self, command):
        """Traffic beside what is typed."""
        self.wait()
        self.load = command
        self.traffic = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env, cwd=self.folder)

    def wait(self):
        if self.traffic is not None:
            self.told += self.traffic.communicate(timeout=120)[0]
            self.codes.append(self.traffic.returncode)
        self.traffic = None

    def json(self, *arguments):
        status, out, err = self.once("quarterdeck " + " ".join(arguments) + " --json")
        expect(status in (0, 1), f"{arguments}: {status} {out} {err}")
        return json.loads(out)


def blocks():
    """The lines of each sh block, without the ones that only a first terminal types."""
    for block in re.findall(r"```sh\n(.*?)```", STORY, re.S):
        yield [line for line in block.splitlines() if line and not line.startswith(("cd ", "export PATH="))]


def serve(rig, folder):
    configuration = folder / "quarterdeck.yaml"
    configuration.write_text(configuration.read_text().replace("127.0.0.1:4000", "127.0.0.1:0"))  # somebody may listen there
    shutil.move(configuration, rig.folder / "quarterdeck.yaml")
    names = dict(re.findall(r"\b(ANNA|BEN)=(\S+)", STORY))
    os.environ |= names | {"QUARTERDECK_OPENAI_URL": rig.sim.url + "/v1", "QUARTERDECK_KEY": re.search(r"QUARTERDECK_KEY=(\S+)", STORY).group(1)}
    rig.start_gateway()


def test_change_story(rig):
    """The page's commands, one after the other: a planted regression is rolled back by itself, its fix promoted, and taken back by hand."""
    folder = rig.folder / "change"
    shutil.copytree(ROOT / "examples" / "change", folder)
    rig.start_sim("--speed", "0", "--script", folder / "sim.yaml")
    serve(rig, folder)
    typing = Typing(rig, folder)
    began = time.monotonic()
    checked = False
    for lines in blocks():
        if lines[-1].startswith(("quarterdeck sim", "quarterdeck serve")):
            continue
        if len(lines) == 1 and lines[0].startswith("quarterdeck load"):  # the fourth terminal
            typing.drive(lines[0])
            continue
        for line in lines:
            if line.startswith("quarterdeck load"):
                typing.drive(line)
            else:
                typing.type(line)
        if typing.load is not None:
            typing.wait()
        if typing.load is not None and not checked:
            check_rolled_back(typing)
            checked = True
    check_end(typing, folder)
    print(f"the story took {time.monotonic() - began:.0f} s")


def check_rolled_back(typing):
    expect(1 in typing.codes and "http_5" in typing.told, f"load tells of the failures that users saw: {typing.codes} {typing.told}")
    status = typing.json("rollout", "status", "helpdesk-answer")
    expect(set(status) >= {"prompt", "candidate", "control", "state", "step", "weight", "verdict", "guardrails", "history"}, status)
    expect(status["state"] == "rolled back" and status["verdict"] == "Failed" and status["weight"] == 0, status)
    errors = next(g for g in status["guardrails"] if g["metric"] == "error_rate")
    expect(errors["verdict"] == "Failed" and errors["evidence"] >= errors["threshold"] and errors["n_candidate"] > 0, errors)
    expect(set(errors) >= {"metric", "verdict", "effect", "interval", "evidence", "threshold", "alpha", "n_candidate", "n_control", "needed"}, errors)
    stages = [entry["stage"] for entry in status["history"]]
    expect(stages[0] == "shadow" and "canary" in stages and status["history"][-1]["actor"] == "quarterdeck", status["history"])
    shown = typing.json("prompt", "show", "helpdesk-answer")
    expect([(v["version"], v["state"]) for v in shown["versions"]] == [(2, "rolled back"), (1, "production")], shown)
    records = [json.loads(line) for line in typing.once("quarterdeck export records --format jsonl")[1].splitlines()]
    shadows = [r for r in records if r["feature"] == "shadow"]
    expect(30 <= len(shadows) <= 60 and all(r["prompt"]["version"] == "2" for r in shadows), f"{len(shadows)} exchanges of the shadow: {shadows[:1]}")


def check_end(typing, folder):
    shown = typing.json("prompt", "show", "helpdesk-answer")
    states = {v["version"]: v["state"] for v in shown["versions"]}
    expect(shown["name"] == "helpdesk-answer" and states == {1: "production", 2: "rolled back", 3: "rolled back"}, shown)
    second = next(v for v in shown["versions"] if v["version"] == 2)
    expect(set(second) >= {"version", "hash", "state", "class", "class_reasons", "author", "why", "ticket", "created", "tokens", "cost_per_call_usd", "parent"}, second)
    expect(second["class"] == "moderate" and second["author"] == "anna" and second["ticket"] == "SHOP-214" and second["parent"] == 1, second)
    entries = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    told = " ".join(f"{e['actor']}:{e['action']}:{e['subject']}" for e in entries)
    for actor, words in (("anna", "helpdesk-answer@2"), ("ben", "helpdesk-answer@2"), ("quarterdeck", "helpdesk-answer"), ("anna", "helpdesk-answer@3")):
        expect(any(e["actor"] == actor and words in e["subject"] for e in entries), f"nothing of {actor} about {words} in: {told}")
    expect(any("of another shop" in (e.get("reason") or "") for e in entries), f"the rollback's reason is not told: {told}")

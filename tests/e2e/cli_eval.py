"""`quarterdeck eval` beside a server and a simulator: verdicts, what stops a run, what survives a kill, a job without a server."""
import json
import os
import re
import subprocess
import time

from cli_words import eventually
from rig import KEY, TOKEN, config, expect, signal

ASKS = {"QUARTERDECK_KEY": KEY}


def suite(cases, name="helpdesk", repeat=1, more="", checks="{type: icontains, value: reset link}", text="messages: [{role: user, content: \"{{question}}\"}]"):
    """`cases`: id -> question, or a number of cases all alike."""
    if isinstance(cases, int):
        cases = {f"case-{n}": f"How do I reset password {n}?" for n in range(cases)}
    lines = [f"suite: {name}", "model: on-openai", text, f"repeat: {repeat}", more, f"checks: [{checks}]", "cases:"]
    lines += [f"  - {{id: {id}, vars: {{question: {json.dumps(question, ensure_ascii=False)}}}, tags: [{id.split('-')[0]}]}}" for id, question in cases.items()]
    return "\n".join(lines) + "\n"


FIVE = {"account-reset": "How do I reset it?", "account-ünicode": "Wie setze ich es zurück? 🙂", "billing-refund": "A refund?", "safety-a": "Hm?", "safety-b": "Well?"}
SAYS = "rules: [{do: {say: 'Use the reset link below.'}}]"
GATE = "require: [{pass_rate: {at_least: 0.8}}]"


def start(rig, script=SAYS, server="", **more):
    path = rig.folder / "script.yaml"
    path.write_text(script)
    sim = rig.start_sim("--speed", "0", "--script", path)
    rig.write_config(config(sim.url, server=server, **more))
    return rig.start_gateway()


def asked(rig):
    return stats(rig)["total"]["requests"]


def stats(rig):
    import urllib.request
    with urllib.request.urlopen(f"{rig.sim.url}/sim/stats", timeout=30) as reply:
        return json.load(reply)


def evaluate(rig, *arguments, env=None):
    """(exit code, the object on standard output or None, standard error)."""
    code, out, err = rig.run("eval", "run", *arguments, "--json", env={**ASKS, **(env or {})})
    return code, json.loads(out) if out.strip() else None, err


def booked(rig):
    return sum(r["cost_nanousd"] or 0 for r in rig.records())


def begin(rig, *arguments, env=None):
    """The command as a process of its own, to be killed."""
    given = {**os.environ, "QUARTERDECK_TOKEN": TOKEN, "QUARTERDECK_URL": rig.gateway.url, **ASKS, **(env or {})}
    return subprocess.Popen([str(rig.binary), "eval", "run", *map(str, arguments)], env=given, cwd=rig.folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_eval_verdicts(rig):
    """Five cases pass, fail, and are not enough; --json has the shape of the contract; the text says why."""
    start(rig)
    (rig.folder / "s.yaml").write_text(suite(FIVE, repeat=2, more=GATE))
    code, found, err = evaluate(rig, "s.yaml")
    expect(code == 0 and found["verdict"] == "passed", f"{code} {found} {err}")
    for member in ("run", "suite", "suite_version", "verdict", "pass_rate", "interval", "cases", "runs", "errors", "cost_usd", "by_tag", "needed_cases"):
        expect(member in found, f"{member} is not in {sorted(found)}")
    expect((found["run"], found["suite"], found["suite_version"], found["cases"], found["runs"], found["errors"]) == ("run-1", "helpdesk", 1, 5, 10, 0), found)
    expect(found["pass_rate"] == 1 and 0 < found["interval"][0] < found["interval"][1] == 1 and found["cost_usd"] > 0, found)
    expect(sorted(found["by_tag"]) == ["account", "billing", "safety"] and asked(rig) == 10, found["by_tag"])
    (rig.folder / "f.yaml").write_text(suite(FIVE, more=GATE, checks="{type: contains, value: something else}"))
    code, found, _ = evaluate(rig, "f.yaml")
    expect(code == 1 and found["verdict"] == "failed" and found["suite_version"] == 2, f"{code} {found}")
    code, out, _ = rig.run("eval", "run", "f.yaml", env=ASKS)
    expect(code == 1 and out.startswith("FAILED") and "something else" in out and "account-ünicode" in out and "eval show run-3" in out, out)
    (rig.folder / "i.yaml").write_text(suite(FIVE, more="require: [{pass_rate: {at_least: 0.9}, confidence: 0.95}]"))
    code, found, _ = evaluate(rig, "i.yaml")
    expect(code == 1 and found["verdict"] == "inconclusive" and found["needed_cases"] > 5, f"{code} {found}")
    listed = json.loads(rig.run("eval", "list", "--json", check=True)[1])["runs"]
    expect([r["verdict"] for r in listed] == ["inconclusive", "failed", "failed", "passed"], listed)
    expect(rig.run("eval", "show", "run-1")[0] == 0 and rig.run("eval", "show", "2")[0] == 1 and rig.run("eval", "show", "run-99")[0] == 3, "eval show")
    expect(len(rig.run("eval", "show", "2", "--results", "failing", "--json", check=True)[1].splitlines()) == 5, "results of failing ones")
    expect(rig.run("eval", "reference", "helpdesk", "run-1")[0] == 0 and rig.run("eval", "reference", "other", "run-1")[0] == 2, "reference")
    history = rig.run("eval", "history", "helpdesk", check=True)[1]
    expect("run-1 (reference)" in history and history.count("o") > 4, history)
    expect("eval.begin" in rig.run("policy", "audit")[1], "the audit log does not know of it")


def test_eval_stops(rig):
    """A cost cap leaves a valid partial result; errors are no failures; so does Ctrl-C; a person stops a run from elsewhere."""
    start(rig, "rules: [{do: {say: 'Use the reset link below.', delay: 50ms}}]")
    (rig.folder / "s.yaml").write_text(suite(60, more=GATE))
    code, found, err = evaluate(rig, "s.yaml", "--max-cost", "0.0003", "--concurrency", "2")
    expect(code == 1 and found["verdict"] == "inconclusive" and 0 < found["runs"] < 60 and found["pass_rate"] == 1, f"{code} {found} {err}")
    expect("cap on cost" in found["stopped"] and found["cost_usd"] <= 0.00033, found)
    process = begin(rig, "s.yaml", "--json", "--concurrency", "2", "--new")
    before = asked(rig)
    expect(eventually(lambda: asked(rig) > before + 5), "nothing is asked")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    found = json.loads(out)
    expect(process.returncode == 1 and found["verdict"] == "inconclusive" and 0 < found["runs"] < 60 and "signal" in found["stopped"], f"{found} {err}")
    process = begin(rig, "s.yaml", "--json", "--concurrency", "1")
    expect(eventually(lambda: json.loads(rig.run("eval", "list", "--json")[1])["runs"][0]["done"] > 2), "no results come")
    name = json.loads(rig.run("eval", "list", "--json")[1])["runs"][0]["run"]
    expect(rig.run("eval", "stop", name)[0] == 0, "eval stop")
    out, err = process.communicate(timeout=30)
    expect(process.returncode == 1 and "stopped by e2e" in json.loads(out)["stopped"], f"{out} {err}")
    expect(rig.run("eval", "stop", name)[0] == 3, "what is over cannot be stopped")


def test_eval_errors(rig):
    """A provider that fails half the cases: errors are their own column, and no verdict is given; an unknown judge and bad files are refused."""
    start(rig, "rules: [{match: {user_contains: broken}, do: {status: 400}}, {match: {user_contains: reset}, do: {say: 'The reset link.'}}]")
    cases = {f"case-{n}": "a broken one" if n % 2 else "reset?" for n in range(10)}
    (rig.folder / "s.yaml").write_text(suite(cases, more=GATE))
    code, found, err = evaluate(rig, "s.yaml")
    expect(code == 1 and found["verdict"] == "inconclusive" and found["errors"] == 5 and found["pass_rate"] == 1, f"{code} {found} {err}")
    code, out, _ = rig.run("eval", "show", found["run"])
    expect("NOT ENOUGH EVIDENCE" in out and "errors, which count neither" in out and "case-1" in out, out)
    code, again, _ = evaluate(rig, "s.yaml", "--filter", f"errors={found['run']}")
    expect(again["runs"] == 5 and again["errors"] == 5, again)
    code, again, _ = evaluate(rig, "s.yaml", "--filter", "tag=case", "--filter", "id=case-[24]", "--repeat", "3")
    expect(code == 0 and again["cases"] == 2 and again["runs"] == 6 and again["chosen"] == "tag=case&id=case-[24]", again)
    drawn = [evaluate(rig, "s.yaml", "--filter", f"sample=4:{seed}", "--new")[1]["run"] for seed in (1, 1, 2)]
    ids = [[json.loads(line)["case"] for line in rig.run("eval", "show", run, "--results", "all", "--json")[1].splitlines()] for run in drawn]
    expect(len(ids[0]) == 4 and ids[0] == ids[1] != ids[2], ids)
    for wrong, words in (("nonsense=1", "expected tag="), ("first=none", "number of cases"), ("id=zzz", "none of the 10 cases"), ("tga=x", "did you mean `tag`")):
        code, _, err = rig.run("eval", "run", "s.yaml", "--filter", wrong, env=ASKS)
        expect(code == 2 and words in err, f"{wrong}: {code} {err}")
    (rig.folder / "j.yaml").write_text(suite(FIVE, checks="{type: judge, rubric: good, judge: nobody}"))
    (rig.folder / "b.yaml").write_text(suite(FIVE).replace("repeat: 1", "repaet: 1").replace("icontains", "icontians"))
    (rig.folder / "r.yaml").write_text(suite(FIVE, checks="{type: regex, value: '(unclosed'}"))
    before = asked(rig)
    for name, words in (("j.yaml", "nobody"), ("b.yaml", "icontains"), ("r.yaml", "r.yaml:6:")):
        code, _, err = rig.run("eval", "run", name, env=ASKS)
        expect(code == 2 and re.search(rf"^{name}:\d+:", err, re.M) and words in err, f"{name}: {code} {err}")
    expect(rig.run("eval", "run", "s.yaml")[0] == 2, "without a key")
    code, _, err = rig.run("eval", "run", "s.yaml")
    expect("quarterdeck key create" in err, err)
    expect(rig.run("eval", "run", "none.yaml", env=ASKS)[0] == 2 and rig.run("eval", "run", "s.yaml", "--out", "x.pdf", env=ASKS)[0] == 2, "usage")
    code, _, err = rig.run("eval", "run", "s.yaml", "--key", "qd-nobody")
    expect(code == 3 and "to go on" in err and "qd-nobody" not in err, f"{code} {err}")
    expect(asked(rig) == before, "something was asked")


def test_eval_kill9(rig):
    """kill -9 of the command, again and again: the same command goes on, and each case is asked exactly as often as it should."""
    start(rig, "rules: [{do: {say: 'Use the reset link below.', delay: 100ms}}]")
    (rig.folder / "s.yaml").write_text(suite(30, repeat=4, more=GATE))
    said = ""
    for kill in range(4):
        before = asked(rig)
        process = begin(rig, "s.yaml", "--concurrency", "8")
        expect(eventually(lambda: asked(rig) >= before + 20), f"nothing is asked in life {kill}")
        process.kill()
        said += process.communicate()[1]
    code, found, err = evaluate(rig, "s.yaml", "--concurrency", "8")
    expect(code == 0 and found["run"] == "run-1" and found["runs"] == 120 and found["cases"] == 30, f"{code} {found} {err}")
    expect(said.count("going on with run-1") == 3 and "going on with run-1" in err, said + err)
    expect(asked(rig) == 120, f"{asked(rig)} requests reached the provider instead of 120: something was paid for twice")
    cost = round(found["cost_usd"] * 1e9)
    expect(eventually(lambda: booked(rig) == cost), f"the run cost {cost} nano-dollars, records say {booked(rig)}")
    code, found, err = evaluate(rig, "s.yaml")
    expect(found["run"] == "run-2" and "going on" not in err, "a finished run was taken up again")


def test_eval_two(rig):
    """Two at once: the same run is not run twice, --new is another; a suite edited meanwhile is another version."""
    start(rig, "rules: [{do: {say: 'Use the reset link below.', delay: 50ms}}]")
    (rig.folder / "s.yaml").write_text(suite(40, more=GATE))
    first = begin(rig, "s.yaml", "--json", "--concurrency", "2")
    expect(eventually(lambda: asked(rig) > 3), "nothing is asked")
    code, found, err = evaluate(rig, "s.yaml")
    expect(code == 3 and "under way" in err and "--new" in err, f"{code} {err}")
    code, found, _ = evaluate(rig, "s.yaml", "--new")
    expect(code == 0 and found["run"] == "run-2" and found["runs"] == 40, found)
    (rig.folder / "s.yaml").write_text(suite(20, more=GATE))
    code, found, _ = evaluate(rig, "s.yaml")
    expect(code == 0 and found["suite_version"] == 2 and found["runs"] == 20, found)
    out, err = first.communicate(timeout=60)
    found = json.loads(out)
    expect(first.returncode == 0 and found["suite_version"] == 1 and found["runs"] == 40 and found["run"] == "run-1", f"{out} {err}")
    expect(rig.run("eval", "run", "s.yaml", "--resume", "run-1", env=ASKS)[0] == 3, "what is over is not gone on with")


def test_eval_server_gone(rig):
    """The server is killed in the middle: back in time, the run goes on; else exit 3, with the command that goes on."""
    start(rig, "rules: [{do: {say: 'Use the reset link below.', delay: 50ms}}]")
    text = (rig.folder / "quarterdeck.yaml").read_text()
    (rig.folder / "quarterdeck.yaml").write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{rig.gateway.port}"))
    (rig.folder / "s.yaml").write_text(suite(60, more=GATE))
    process = begin(rig, "s.yaml", "--json", "--concurrency", "2")
    expect(eventually(lambda: asked(rig) > 5), "nothing is asked")
    rig.gateway.kill9()
    time.sleep(0.5)
    rig.start_gateway()
    out, err = process.communicate(timeout=90)
    expect(process.returncode == 0 and json.loads(out)["runs"] == 60 and json.loads(out)["errors"] == 0, f"{out} {err}")
    process = begin(rig, "s.yaml", "--json", "--concurrency", "2", "--patience", "1s")
    before = asked(rig)
    expect(eventually(lambda: asked(rig) > before + 5), "nothing is asked")
    rig.gateway.kill9()
    out, err = process.communicate(timeout=90)
    expect(process.returncode == 3 and not out and "to go on: quarterdeck eval run s.yaml" in err, f"{process.returncode} {out} {err}")
    rig.start_gateway()
    code, found, err = evaluate(rig, "s.yaml", "--concurrency", "2")
    expect(code == 0 and found["run"] == "run-2" and found["runs"] == 60 and "going on with run-2" in err, f"{code} {found} {err}")


def test_eval_private_server(rig):
    """No server: one is started for the run, and ends with it, also when the command is killed."""
    script = rig.folder / "script.yaml"
    script.write_text("rules: [{do: {say: 'Use the reset link below.', delay: 50ms}}]")
    sim = rig.start_sim("--speed", "0", "--script", script)
    rig.write_config(config(sim.url))
    (rig.folder / "s.yaml").write_text(suite(40, more=GATE))
    code, found, err = evaluate(rig, "s.yaml", "-c", "quarterdeck.yaml", "--filter", "first=5")
    expect(code == 0 and found["runs"] == 5 and "one is started for this run" in err, f"{code} {found} {err}")
    expect(not children(rig), "the server is still there")
    environment = {k: v for k, v in os.environ.items() if k != "QUARTERDECK_URL"}
    process = subprocess.Popen([str(rig.binary), "eval", "run", "s.yaml", "--concurrency", "2"], cwd=rig.folder, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**environment, "QUARTERDECK_TOKEN": TOKEN, **ASKS}, text=True)
    before = asked(rig)
    expect(eventually(lambda: asked(rig) > before + 5), "nothing is asked")
    process.kill()
    process.communicate()
    code, found, err = evaluate(rig, "s.yaml", "--concurrency", "2")
    expect(code == 0 and found["runs"] == 40 and "going on with" in err, f"{code} {found} {err}")
    expect(asked(rig) <= before + 46, f"{asked(rig) - before} requests for 40 cases: more than what was under way was asked again")
    expect(eventually(lambda: not children(rig)), "a server is still there")
    broken = rig.write_config("models: [\n", "broken.yaml")
    expect(rig.run("eval", "run", "s.yaml", "-c", broken, env=ASKS)[0] == 3, "a configuration with errors")
    (rig.folder / "quarterdeck.yaml").unlink()
    code, _, err = rig.run("eval", "run", "s.yaml", "--server", "http://127.0.0.1:9", env=ASKS)
    expect(code == 3 and "127.0.0.1:9" in err, f"{code} {err}")


def test_eval_prompt_and_reports(rig):
    """A prompt by the name of its file beside the suite, another one in its place, and reports of every kind."""
    start(rig)
    (rig.folder / "prompts").mkdir()
    (rig.folder / "prompts" / "answer.md").write_text("---\nprompt: answer\nmodel: on-openai\n---\nAnswer {{question}}\n")
    (rig.folder / "other.yaml").write_text("prompt: other\nmodel: on-anthropic\nmessages: [{role: user, content: 'So: {{question}}'}]\n")
    (rig.folder / "s.yaml").write_text(suite(FIVE, more=GATE, text="prompt: answer").replace("model: on-openai\n", ""))
    outs = [f"report.{kind}" for kind in ("json", "jsonl", "html", "junit.xml", "md")]
    code, found, err = evaluate(rig, "s.yaml", *[word for out in outs for word in ("--out", out)])
    expect(code == 0 and found["prompt"] == "answer", f"{code} {found} {err}")
    for out in outs:
        wanted = "helpdesk" if out.endswith((".html", ".md")) else "account-reset"  # these two show what did not pass
        expect(wanted in (rig.folder / out).read_text(), f"{out} does not know of {wanted}")
    code, found, err = evaluate(rig, "s.yaml", "--prompt", "other.yaml", "--model", "on-openai")
    expect(code == 0 and found["prompt"] == "other" and found["model"] == "on-openai", f"{code} {found} {err}")
    asked_by = stats(rig)["models"]
    expect(len(asked_by) == 1, f"{list(asked_by)}: --model is not what was asked")
    code, _, err = rig.run("eval", "run", "s.yaml", "--prompt", "nobody", env=ASKS)
    expect(code == 2 and "nobody.yaml" in err, f"{code} {err}")


def children(rig):
    """Servers of this folder that run."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(rig.folder) and b"serve" in open(f"/proc/{entry}/cmdline", "rb").read():
                found.append(int(entry))
        except OSError:
            pass
    return found

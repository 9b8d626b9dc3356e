"""Routing by difficulty and its downgrade test, as people use them; run by cli.py."""
import json

from cli_words import eventually
from rig import KEY, config, expect

PAIRS = 140  # 80 would nearly do; which part of the fit an exchange falls to is of its id, and so of luck


def test_tiers(rig):
    """Routing by difficulty: scored exchanges train it, its curve is shown, and a person turns it on and off."""
    sim = rig.start_sim("--speed", "0")
    text = config(sim.url, models="  best: {targets: [{provider: openai, model: gpt-4o-2024-08-06}]}\n"
                                  "  smart: {tiers: [on-openai, best]}\n")
    rig.write_config(text.replace('e2e: {keys', 'e2e: {payloads: {capture: full}, keys'))
    rig.start_gateway()

    def ask(model, words, **labels):
        body = json.dumps({"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": words}]})
        headers = {"content-type": "application/json", **{f"x-quarterdeck-{k}": v for k, v in labels.items()}}
        status, headers, answer = rig.http("POST", "/v1/chat/completions", body, headers, token=KEY)
        expect(status == 200, f"{status} {answer}")
        return headers

    easy, hard = "What time is it?", "Prove it: ```x = {1: [2, 3]};``` step by step, with 17 lemmas. " * 12
    expect(ask("smart", easy)["x-quarterdeck-model"] == "openai/gpt-4o-2024-08-06", "in shadow the best tier answers")
    status, out, err = rig.run("model", "route-train", "smart")
    expect(status == 3 and "not enough evidence" in out and "about 60 and 30 are needed" in out, f"{status} {out} {err}")
    scores = []
    for i in range(PAIRS):
        hardness = i % 2
        words = f"{hard if hardness else easy} {i}"
        cheap, best = ask("on-openai", words), ask("smart", words)
        scores += [{"record": cheap["x-quarterdeck-id"], "value": 0.1 if hardness and i % 10 != 1 else 0.95, "source": "eval"},
                   {"record": best["x-quarterdeck-id"], "value": 0.95, "source": "eval"}]
    (rig.folder / "scores.jsonl").write_text("\n".join(map(json.dumps, scores)))
    for _ in range(2):  # the same twice is once
        expect(f"{2 * PAIRS} scores" in rig.run("record", "score", "--file", "scores.jsonl", check=True)[1], "scores are taken")
    status, out, err = rig.run("record", "score", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--value", "1")
    expect(status == 3 and "no record" in err, f"{status} {out} {err}")
    expect(rig.run("record", "score", scores[0]["record"], "--value", "2")[0] == 2, "a score is 0 to 1")
    told = json.loads(rig.run("record", "scores", scores[0]["record"], "--json", check=True)[1])["scores"]
    expect(len(told) == 1 and told[0]["value"] == 0.95 and told[0]["source"] == "eval", told)

    status, out, err = rig.run("model", "route-train", "smart", "--most-loss", "0.01")
    expect(status == 3 and "no share is surely within a loss of 0.010" in out, f"{PAIRS} pairs do not show a loss of 0.01: {status} {out} {err}")
    status, out, err = rig.run("model", "route-train", "smart", "--most-loss", "0.05", "--json")
    found = json.loads(out)
    expect(status == 0 and found["answer"] == "trained" and found["scored_cheap"] == PAIRS and found["scored_premium"] == PAIRS, f"{status} {out} {err}")
    expect(0.3 <= found["point"]["share_cheap"] <= 0.55, f"half of the requests are easy: {found['point']}")
    last = found["curve"][-1]
    expect(last["share_cheap"] == 1 and abs(last["quality"] - 0.61) < 1e-9 and abs(last["change"] + 0.34) < 1e-9, f"all to the cheapest: {last}")
    first = found["curve"][0]
    expect(first["share_cheap"] == 0 and first["cost_usd_per_thousand"] > last["cost_usd_per_thousand"] > 0, f"{first} {last}")
    out = rig.run("model", "route", "smart", check=True)[1]
    expect("smart: shadow" in out and "> chosen" in out and "never trained" not in out, out)
    expect(ask("smart", easy)["x-quarterdeck-model"] == "openai/gpt-4o-2024-08-06", "trained, it is still in shadow")

    expect(rig.run("model", "route-on", "smart")[0] == 2, "turning on needs a reason")
    expect("is on" in rig.run("model", "route-on", "smart", "--why", "measured", check=True)[1], "on")
    answered = ask("smart", easy)
    expect(answered["x-quarterdeck-model"] == "openai/gpt-4o-mini-2024-07-18" and answered["x-quarterdeck-tier"] == "on-openai", answered)
    expect(ask("smart", hard)["x-quarterdeck-model"] == "openai/gpt-4o-2024-08-06", "a hard one goes to the best")
    rig.gateway.kill9()
    rig.start_gateway()
    expect(ask("smart", easy)["x-quarterdeck-tier"] == "on-openai", "a restart keeps it on")
    seen = json.loads(rig.run("model", "route", "smart", "--json", check=True)[1])
    expect(seen["state"] == "on" and seen["in_force"] and seen["why"] == "measured", seen)
    rig.run("model", "route-off", "smart", check=True)
    expect(ask("smart", easy)["x-quarterdeck-model"] == "openai/gpt-4o-2024-08-06", "off, the best tier answers")
    actions = [e["action"] for e in rig.api("/api/v1/audit")["entries"]]
    expect(actions[:3] == ["route.off", "route.on", "route.train"], actions)


def test_downgrade(rig):
    """The downgrade test: what the best tier answered, asked of the cheapest again and scored by a program or a judge."""
    sim = rig.start_sim("--speed", "0")
    text = config(sim.url, models="  best: {targets: [{provider: anthropic, model: claude-3-5-haiku-20241022}]}\n"
                                  "  smart: {tiers: [on-openai, best]}\n")
    rig.write_config(text.replace('e2e: {keys', 'e2e: {payloads: {capture: full}, keys'))
    rig.start_gateway()
    key = {"QUARTERDECK_KEY": KEY}
    for i in range(90):
        body = {"model": "smart", "max_tokens": 8, "stream": i % 3 == 0, "messages": [{"role": "user", "content": f"question {i}"}]}
        headers = {"content-type": "application/json", "x-quarterdeck-request-type": "chat" if i % 2 else "summary"}
        status, _, answer = rig.http("POST", "/v1/messages" if i % 5 == 0 else "/v1/chat/completions", json.dumps(body), headers, token=KEY)
        expect(status == 200, answer)
    rig.wait_records(count=90)

    def program(name, body):
        path = rig.folder / name
        path.write_text("#!/usr/bin/env python3\nimport json, sys\nasked = json.load(sys.stdin)\n"
                        "assert asked['request']['messages'] and asked['answer'], asked\n" + body)
        path.chmod(0o755)
        return path

    def test(*arguments):
        status, out, err = rig.run("model", "downgrade-test", "smart", "--application", "e2e", *arguments, "--json", env=key)
        return status, json.loads(out) if out else None, err

    same, worse = program("same", "print(json.dumps({'score': 0.9}))"), program("worse", "print(json.dumps({'score': 0.9 if asked['which'] == 'best' else 0.5}))")
    status, found, err = test("--exec", same, "--sample", "80")
    expect(status == 0 and found["answer"] == "within" and found["scored"] == 80 and found["errors"] == 0, f"{status} {found} {err}")
    expect(found["priced"] == 80 and 0 < found["cost_after_usd"] < found["cost_before_usd"] and found["timed"] == 80, found)
    for record in rig.records("&tag=downgrade-test%3D" + found["run"]):
        scores = json.loads(rig.http("GET", "/api/v1/scores?record=" + record["id"])[2])["scores"]
        expect([s["value"] for s in scores] == [0.9], f"all 80 replays have their scores: {record['id']} {scores}")
    status, found, err = test("--exec", same, "--sample", "20")
    expect(status == 3 and found["answer"] == "not_enough_evidence", f"20 of 20 alike do not show a loss below 0.05: {status} {found} {err}")
    status, found, err = test("--exec", worse, "--sample", "20")
    expect(status == 1 and found["answer"] == "worse" and abs(found["change"] + 0.4) < 1e-9, f"{status} {found} {err}")
    kept = json.loads(rig.run("model", "route", "smart", "--json", check=True)[1])["downgrade_test"]
    expect(kept["answer"] == "worse" and kept["run"] == found["run"], kept)
    replays = rig.records("&tag=downgrade-test%3D" + found["run"])
    expect(len(replays) == 20 and {r["feature"] for r in replays} == {"downgrade-test"} and not any(r["stream"] for r in replays), "replays are marked")
    told = json.loads(rig.run("record", "scores", replays[0]["id"], "--json", check=True)[1])["scores"]
    expect([(s["name"], s["source"], s["value"]) for s in told] == [("quality", "eval", 0.5)], told)

    status, found, err = test("--exec", program("slow", "import time; time.sleep(60)"), "--exec-timeout", "300ms", "--sample", "2")
    expect(status == 3 and found["errors"] == 2 and "took longer" in found["first_error"], f"{status} {found} {err}")
    status, found, err = test("--exec", program("silent", "print('{}')"), "--sample", "2")
    expect(status == 3 and found["errors"] == 2 and "expected {" in found["first_error"], f"{status} {found} {err}")
    status, found, err = test("--judge", "on-openai", "--sample", "2")
    expect(status == 3 and found["scored"] == 0 and "no verdict" in found["first_error"], f"no verdict is an error, not a win: {status} {found} {err}")
    expect(rig.run("model", "downgrade-test", "smart", "--judge", "best")[0] == 2, "without a key")
    status, _, err = rig.run("model", "downgrade-test", "smart", "--exec", same, env=key)
    expect(status == 2 and "application" in err, f"of two applications one must be named: {status} {err}")
    status, found, err = test("--exec", same, "--application", "other")
    expect(status == 3 and found["scored"] == 0, f"another application's exchanges are not drawn: {status} {found} {err}")
    expect(rig.run("model", "downgrade-test", "on-openai", "--application", "e2e", "--judge", "best", env=key)[0] == 2, "a model without tiers")


def test_downgrade_regular(rig):
    """The server makes the downgrade test by itself when it is due, once, within its cap, and says what follows from it."""
    sim = rig.start_sim("--speed", "0")
    scorer = rig.folder / "scorer"
    scorer.write_text("#!/usr/bin/env python3\nimport json, sys\nasked = json.load(sys.stdin)\n"
                      "print(json.dumps({'score': 0.9 if asked['which'] == 'best' else float(sys.argv[1])}))\n")
    scorer.chmod(0o755)

    def declare(score, cap="1", every="1h", more=""):
        text = config(sim.url, models="  best: {targets: [{provider: openai, model: gpt-4o-2024-08-06}]}\n"
                                      "  smart: {tiers: [on-openai, best], rules: [{when: {max_input_chars: 100000}, tier: on-openai}],\n"
                                      f"    downgrade_test: {{every: {every}, sample: 80, exec: [{scorer}, '{score}'], application: e2e,\n"
                                      f"                     key: {key}, max_cost_usd: {cap}{more}}}}}\n")
        rig.write_config(text.replace('e2e: {keys', 'e2e: {payloads: {capture: full}, keys'))

    key = "none"
    declare("0.9", more=", judge: best")
    status, out, err = rig.run("check", "-c", rig.folder / "quarterdeck.yaml")
    expect(status == 1 and "one of `judge` and `exec`" in out + err, f"{status} {out} {err}")
    declare("0.9")
    rig.start_gateway()
    for i in range(90):
        body = {"model": "smart", "max_tokens": 8, "messages": [{"role": "user", "content": f"question {i}"}]}
        expect(rig.http("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"}, token=KEY)[0] == 200, i)
    rig.wait_records(count=90)
    key = rig.records("")[0]["key"]
    rig.run("model", "route-on", "smart", "--why", "to see it found worse", check=True)

    def restart(*declared, **more):
        rig.gateway.kill9()
        declare(*declared, **more)
        rig.start_gateway()

    def kept():
        return json.loads(rig.run("model", "route", "smart", "--json", check=True)[1])["downgrade_test"]

    def findings():
        told = json.loads(rig.run("cost", "findings", "--json")[1])["findings"]
        return {f["kind"]: f for f in told if f["kind"].startswith("downgrade")}

    restart("0.5")
    expect(eventually(lambda: "downgrade_worse" in findings()), "a finding that it is worse")
    found, first = findings()["downgrade_worse"], kept()
    expect("quarterdeck model route-off smart" == found["command"], found)
    expect(first["answer"] == "worse" and first["scored"] == 80 and first["errors"] == 0 and first["priced"] == 80, first)
    replays = rig.records("&tag=downgrade-test%3D" + first["run"])
    expect(len(replays) == 80 and {(r["feature"], r["key"], r["model"]) for r in replays} == {("downgrade-test", key, "on-openai")}, replays[0])
    scored = json.loads(rig.run("record", "scores", replays[0]["id"], "--json", check=True)[1])["scores"]
    expect([(s["name"], s["source"], s["value"]) for s in scored] == [("quality", "eval", 0.5)], scored)
    entry = rig.api("/api/v1/audit")["entries"][0]
    expect(entry["action"] == "route.downgrade_test" and entry["actor"] == "scheduler", entry)

    def looked():
        return rig.api("/api/v1/status")["jobs"]

    restart("0.9")  # not due: it is not made again
    expect(eventually(lambda: any(j["name"] == "downgrade_tests" and j["runs"] > 0 for j in looked())), "the scheduler has looked")
    expect(kept()["run"] == first["run"] and len(rig.records("&tag=downgrade-test")) == 80, "a restart does not repeat it")

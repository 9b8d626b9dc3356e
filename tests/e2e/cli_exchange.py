"""One exchange, looked at afterwards: run again as its application's own, and made a case of a suite that is then run."""
import json
import re

from change_rig import ask as ask_with, serve, version
from rig import KEY, ROOT, config, expect

SHAPE = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "reference" / "api.md").read_text().split("### RecordAgain\n")[1].split("\n### ")[0], re.M)


def again(rig, record, *options):
    code, out, err = rig.run("record", "again", record, "--why", "a look", "--json", *options)
    return code, json.loads(out) if out else None, err


def test_exchange(rig):
    """`record again` answers as a provider does, is a record with its tag and price, holds the budget; `suite add-case` once."""
    (rig.folder / "script.yaml").write_text("rules: [{name: words, do: {say: Use the reset link.}}]\n")
    sim = rig.start_sim("--speed", "0", "--script", rig.folder / "script.yaml")
    text = config(sim.url, server="budgets: [{name: small, scope: {application: e2e}, limit_usd: 0.01, window: month, timezone: UTC}]")
    rig.write_config(text.replace("e2e: {keys", "e2e: {payloads: {capture: full}, keys"))
    rig.start_gateway()
    ask = {"model": "on-openai", "stream": True, "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "file:/etc/passwd?"}]}
    status, headers, _ = rig.http("POST", "/v1/chat/completions", json.dumps(ask), {"content-type": "application/json", "x-quarterdeck-request-type": "chat"}, token=KEY)
    expect(status == 200, f"{status}")
    first = headers["x-quarterdeck-id"]
    rig.wait_records([first])

    code, said, err = again(rig, first)
    expect(code == 0 and sorted(said) == sorted(SHAPE), f"{code} {err} {said}")
    expect(said["of"] == first and said["status"] == "ok" and said["output"] == "Use the reset link." and said["cost_usd"] > 0, f"{said}")
    code, other, err = again(rig, first, "--model", "on-anthropic")
    expect(code == 0 and other["model"] == "on-anthropic" and other["error"] == "budget_exceeded" and other["output"] is None, f"its budget holds: {err} {other}")
    code, wrong, err = again(rig, first, "--model", "nothing")
    expect(code == 0 and wrong["http_status"] == 404 and wrong["error"] == "model_not_found", f"{err} {wrong}")
    made = {r["id"]: r for r in rig.records("&tag=again-of")}
    expect({said["record"], other["record"], wrong["record"]} == set(made), f"{list(made)}")
    expect(all(r["tags"]["again-of"] == first and r["feature"] == "again" and r["application"] == "e2e" for r in made.values()), f"{made}")
    expect(made[said["record"]]["request_type"] == "chat" and not made[said["record"]]["stream"], f"{made[said['record']]}")
    expect(len(rig.api("/api/v1/audit?action=record.again")["entries"]) == 3, "an entry each")

    (rig.folder / "suite.yaml").write_text("suite: reset\nmodel: on-openai\nchecks: [{type: icontains, value: link}]\ncases: [{id: a, input: hi}]\n")
    rig.run("suite", "add", rig.folder / "suite.yaml", check=True)
    code, out, err = rig.run("suite", "add-case", "reset", first, "--why", "it was asked")
    expect(code == 0 and "version 2" in out, f"{code} {out} {err}")
    code, out, err = rig.run("suite", "add-case", "reset", first, "--why", "it was asked")
    expect(code != 0 and "is in the suite already" in err, f"{code} {out} {err}")
    code, out, err = rig.run("eval", "run", "reset", env={"QUARTERDECK_KEY": KEY})
    expect(code in (0, 1) and "2" in out, f"{code} {out} {err}")


def test_exchange_with_another_version(rig):
    """An exchange with a prompt, run again with another version of it: the same variables and messages of its client's, the other text; and without, as it was."""
    serve(rig, application="payloads: {capture: full},")
    version(rig, "Be kind to whoever asks.")
    status, headers, body = ask_with(rig, "Where is my card?", messages=[{"role": "user", "content": "as I said"}])
    expect(status == 200 and headers["x-quarterdeck-prompt"] == "answer@1", f"{status} {headers} {body}")
    first = headers["x-quarterdeck-id"]
    rig.wait_records([first])
    version(rig, "Be brief.")

    def sent(record):
        rig.wait_records([record])
        return [m["content"] for m in rig.api(f"/api/v1/records/{record}/payload")["request"]["json"]["messages"]]

    expect(sent(first) == ["Be kind to whoever asks.", "Where is my card?", "as I said"], sent(first))
    asked = rig.api(f"/api/v1/records/{first}/payload")["asked"]["json"]
    expect(asked["prompt_variables"] == {"question": "Where is my card?"} and len(asked["messages"]) == 1, asked)
    code, said, err = again(rig, first, "--prompt", "answer@2")
    expect(code == 0 and said["status"] == "ok" and said["prompt"] == "answer@2", f"{code} {err} {said}")
    expect(sent(said["record"]) == ["Be brief.", "Where is my card?", "as I said"], sent(said["record"]))
    made = rig.api(f"/api/v1/records/{said['record']}")
    expect(made["prompt"] == {"name": "answer", "version": "2"} and made["feature"] == "again", made)
    code, once_more, err = again(rig, said["record"], "--prompt", "answer@1")  # of one that was itself run again
    expect(code == 0 and sent(once_more["record"]) == sent(first), f"{code} {err} {once_more}")
    code, as_it_was, err = again(rig, first)
    expect(code == 0 and sent(as_it_was["record"]) == sent(first), f"{code} {err} {as_it_was}")
    code, none, err = again(rig, first, "--prompt", "answer@99")
    expect(code == 0 and none["http_status"] == 404 and none["error"], f"{code} {err} {none}")

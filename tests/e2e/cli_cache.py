"""The semantic cache as people use it: from a calibration to its withdrawal. cli.py runs it."""
import csv
import json

from cli_words import eventually
from rig import KEY, config


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def ask(rig, text, **labels):
    """A chat with one question: its x-quarterdeck-cache, and how alike it was."""
    body = json.dumps({"model": "on-openai", "messages": [{"role": "user", "content": text}]})
    headers = {"content-type": "application/json", **{f"x-quarterdeck-{k}": v for k, v in labels.items()}}
    status, answer, _ = rig.http("POST", "/v1/chat/completions", body, headers, token=KEY)
    expect(status == 200, status)
    answer = {name.lower(): value for name, value in dict(answer).items()}
    return answer.get("x-quarterdeck-cache"), answer.get("x-quarterdeck-cache-similarity")


def test_semantic_cache(rig):
    """The semantic cache is off until cache-calibrate has verified a threshold; then other words get the answer, and it is undone in one command."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, workers=1).replace(
        "  e2e: {keys", "  e2e: {payloads: {capture: full}, cache: {semantic: {ttl: 1h}}, keys"))
    rig.start_gateway()
    status, out, _ = rig.run("check", "-c", rig.folder / "quarterdeck.yaml")
    expect(status == 0 and "cost cache-calibrate --application e2e" in out, out)
    expect(ask(rig, "How do I reset my password?") == (None, None), "on without a calibration")
    expect(rig.api("/api/v1/status")["semantic_caches_off"] == 1, "the status does not say so")
    pairs = rig.folder / "pairs.csv"
    calibrate = ("cost", "cache-calibrate", "--application", "e2e")

    def write(wrong, n=320):
        """Pairs that differ in a word that says nothing, of which some are labelled as wrong."""
        words = ("card order invoice account parcel ticket refund voucher contract statement delivery payment profile picture setting "
                 "address subscription discount receipt calendar").split()
        verbs = "find change cancel print share download check archive rename copy move export print inspect repair label".split()
        texts = [f"how do i {v} the {w} of my company" for v in verbs for w in words][:n]
        with pairs.open("w") as f:
            out = csv.writer(f)
            out.writerow(["question_a", "question_b", "same"])
            for i, text in enumerate(texts):
                out.writerow([text, "so " + text, int(i >= wrong)])

    write(30)
    status, out, err = rig.run(*calibrate, "--pairs", pairs, "--threshold", "0.85")
    expect(status == 1 and "refused" in out and "nothing was changed" in out, out + err)
    write(0, 100)
    status, out, _ = rig.run(*calibrate, "--pairs", pairs, "--threshold", "0.85", "--json")
    found = json.loads(out)
    expect(status == 1 and found["verdict"] == "not_enough_evidence" and found["more_pairs"] > 0 and not found["stored"], found)
    write(0)
    status, out, _ = rig.run(*calibrate, "--pairs", pairs, "--threshold", "0.85", "--dry-run", "--json")
    expect(status == 0 and not json.loads(out)["stored"], out)
    expect(ask(rig, "How do I reset my password?") == (None, None), "a dry run has put it in force")
    status, out, err = rig.run(*calibrate, "--pairs", pairs, "--threshold", "0.85", "--reason", "labelled by Ann")
    expect(status == 0 and "0.85 is verified" in out and "in force" in out, out + err)
    shown = json.loads(rig.run("cost", "cache-calibrate", "--show", "--application", "e2e", "--json", check=True)[1])["applications"][0]
    expect(shown["verification"]["threshold"] == 0.85 and shown["verification"]["lower_bound"] >= 0.99, shown)
    expect(shown["declared"][0]["in_force"] == 0.85 and shown["declared"][0]["why_off"] is None, shown)
    expect("0.85" in rig.run("cost", "cache-calibrate", "--show", check=True)[1], "a table for people")
    expect("labelled by Ann" in rig.run("policy", "audit", "--json", check=True)[1], "no audit entry")
    expect(ask(rig, "How do I reset my password?")[0] == "miss", "an answer of before the calibration was kept")
    cache, alike = ask(rig, "How can I reset my password")
    expect(cache == "hit" and 0.85 <= float(alike) < 1, (cache, alike))
    expect(ask(rig, "How can I not reset my password")[0] == "miss", "a negation more")
    expect(ask(rig, "How can I reset my password", cache="no-store") == (None, None), "no-store")
    rig.wait_records(count=6)
    hits = [r for r in rig.records() if r["cache"] == "hit"]
    expect(len(hits) == 1 and hits[0]["cache_similarity"] == float(alike) and hits[0]["cost_nanousd"] == 0
           and hits[0]["saved_nanousd"] > 0, hits)
    found = {}

    def recorded():
        """From recorded answers: the simulator's, too few. Payloads reach the ledger behind their records."""
        found.update(json.loads(rig.run(*calibrate, "--json")[1]))
        return found["traffic"]["without_payload"] == 0

    expect(eventually(recorded), found)
    expect(found["verdict"] == "not_enough_evidence" and found["method"] == "recorded answers" and found["answers_alike"] == 0.9
           and found["traffic"]["questions"] == 5 and found["traffic"]["repeats"] == 2, found)
    rig.gateway.stop()
    rig.gateway = None
    rig.start_gateway()  # it is remembered
    expect(ask(rig, "How do I reset my password?")[0] == "miss" and ask(rig, "How can I reset my password")[0] == "hit", "forgotten")
    rig.run(*calibrate, "--withdraw", check=True)
    expect(ask(rig, "How can I reset my password") == (None, None), "on after it was withdrawn")
    expect(rig.run(*calibrate, "--withdraw")[0] == 3, "withdrawn twice")
    expect(rig.run("cost", "cache-calibrate")[0] == 2 and rig.run(*calibrate, "--precision", "2")[0] == 2, "usage")
    expect(rig.run(*calibrate, "--pairs", rig.folder / "none")[0] == 3, "a file that is not there")

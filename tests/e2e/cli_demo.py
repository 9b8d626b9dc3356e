"""`quarterdeck demo`: days are lived through in virtual time over the real path, and nothing is left behind."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess

from cli_words import eventually
from rig import expect

WORLD = {
    "quarterdeck.yaml": """
listen: "${QUARTERDECK_DEMO_LISTEN}"
data_dir: "${QUARTERDECK_DEMO_DATA}"
workers: 1
log: {level: warn}
watch: {every: 1m}
tokens:
  - {name: ana, role: admin, token: "${QUARTERDECK_DEMO_TOKEN_ANA}"}
  - {name: app, role: operator, token: "${QUARTERDECK_DEMO_TOKEN_APP}"}
providers: {openai: {dialect: openai, base_url: "${QUARTERDECK_DEMO_SIM}/v1", api_key: any, probe: {every: 5m}}}
models: {support-chat: {targets: [{provider: openai, model: gpt-4o-mini-2024-07-18}]}}
applications: {helpdesk: {models: [support-chat], keys: [{name: app, key: qd-demo-helpdesk-key-000}]}}
alerts:
  - {name: failures, when: {metric: provider.error_rate, by: [provider], window: 15m, min_samples: 5, above: 50%}, severity: critical}
""",
    "simulator.yaml": """
rules:
  - {match: {model: "gpt-4o*"}, from: "{{2 10:00}}", to: "{{2 11:00}}", do: {status: 503}}
""",
    "traffic.yaml": """
requests: 8400
hours: [1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 4, 3, 3, 2, 2, 1, 1, 1]
kinds:
  - {name: question, weight: 3, key: qd-demo-helpdesk-key-000, model: support-chat, user: "{text}", rows: questions.csv, request_type: chat,
     users: 40, extra: '"max_tokens": 40', scores: {share: 0.2, by: app, good: 0.5}}
  - {name: stream, key: qd-demo-helpdesk-key-000, model: support-chat, user: "Summarise: {text}", rows: questions.csv, stream: 1,
     request_type: summary, extra: '"max_tokens": 40'}
""",
    "acts.yaml": """
people: [{name: ana, role: admin, password: "a long one for ana"}, {name: app, role: operator}]
acts:
  - {at: "1 09:00", by: ana, say: ana looks, call: GET /api/v1/status, keep: {how: version}}
  - {at: "1 09:10", by: ana, call: "GET /api/v1/records?limit={how}", expect: 400}
  - {at: "1 10:00", by: ana, call: POST /api/v1/reviews, keep: {which: review},
     body: {rubric: polite, reviewers: [app], due: 3d, items: [{input: a, output: Gladly}, {input: b, output: "Nope."}, {input: c, output: "Gladly."}]}}
  - {at: "1 10:10", by: app, label: {review: "{which}", every: 30m, when: [{contains: nope, good: 0}]}}
  - {at: "1 13:00", by: ana, verb: "review close {which} --why done"}
  - {at: "1 13:01", by: ana, verb: "review show {which}9"}
""",
    "questions.csv": "# of nobody\ntext,intent\nWhere is my card?,card\n\"My refund, where is it? 退款\",refund\n",
}


def write_world(rig):
    folder = rig.folder / "world"
    folder.mkdir()
    for name, text in WORLD.items():
        (folder / name).write_text(text)
    return folder


def begin(rig, *options, env=None):
    command = [str(rig.binary), "demo", "--port", "0", "--no-browser", "--world", str(rig.folder / "world"), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})


def stopped(rig, *words):
    """What a verb says of the data that a demo left."""
    status, out, err = rig.run(*words, "--data-dir", rig.folder / "kept" / "data", "--json")
    expect(status in (0, 1), f"{words}: {status} {err}")
    return json.loads(out)


def test_demo_lives_through_days(rig):
    """Two days to the end: every request has one record, at its time; the watch saw the outage and its end; exit code 0."""
    write_world(rig)
    demo = begin(rig, "--days", 2, "--once", "--data", rig.folder / "kept")
    out, err = demo.communicate(timeout=900)
    expect(demo.returncode == 0, f"{demo.returncode}: {out}{err}")
    lived = re.search(r"2 days lived through in \d+ s: (\d+) exchanges, (\d+) answered, (\d+) scored by users, 10 acts of people, 1 of them failed", out)
    expect(lived and lived.group(1) == lived.group(2) and int(lived.group(1)) > 400, out + err)
    expect("ana: quarterdeck review show review-19: " in err and "no review" in err, f"a verb that fails says why: {err}")
    review = stopped(rig, "review", "show", "1")
    expect(review["labels"] == {"fail": 1, "pass": 2} and review["closed_at"] and "T13:00" in review["closed_at"], f"labels by what the answer says, and closed by a verb: {review}")
    expect("T10:00" in review["due"] and review["due"] > review["closed_at"], review)
    said = stopped(rig, "review", "labels", "1")["items"]
    expect(sorted(i["labels"][0]["at"][11:16] for i in said) == ["10:10", "10:40", "11:10"], said)
    expect("day 2 of 2" in err and "ana looks" in err and "simulated" in err, err)
    totals = stopped(rig, "record", "totals", "--from", "-4d")
    expect(totals["count"] == int(lived.group(1)), f"{totals['count']} records of {lived.group(1)}")
    expect(5 < totals["by_status"]["error"] < totals["count"] / 4, totals)
    records = stopped(rig, "record", "list", "--from", "-4d", "--limit", "1000")["records"]
    slow = [r for r in records if r["status"] == "ok" and not 0.2 < r["duration_ms"] / 1000 < 10]
    expect(not slow, f"an answer took as long as no simulated one does: {slow[:1]}")
    alerts = [a for a in stopped(rig, "alert", "list", "--all")["alerts"] if a["rule"] == "failures"]
    expect(len(alerts) == 1 and alerts[0]["state"] == "resolved", alerts)
    expect("T10:" in alerts[0]["fired"] and alerts[0]["fired"] < alerts[0]["resolved"], alerts)
    expect(20 < int(lived.group(3)) < int(lived.group(1)) / 4, out)


def test_demo_leaves_nothing(rig):
    """SIGINT in the midst: it ends by itself with 0, and its folder is gone."""
    write_world(rig)
    tmp = rig.folder / "tmp"
    tmp.mkdir()
    demo = begin(rig, "--days", 60, env={"TMPDIR": str(tmp)})
    line = ""
    while "day 2 of 60" not in line:
        line = demo.stderr.readline()
        expect(line, "it ended too soon")
    expect(len(list(tmp.iterdir())) == 1, "one folder")
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=120)
    expect(demo.returncode == 0, f"{demo.returncode}: {out}{err}")
    expect(list(tmp.iterdir()) == [], "its folder stayed")


def test_demo_was_killed(rig):
    """The folder of a demo that was killed is removed by the next one; of one that lives, or that no demo locked, or behind a link, nothing is touched."""
    write_world(rig)
    tmp = rig.folder / "tmp"
    (tmp / "quarterdeck-demo-older1").mkdir(parents=True)
    (tmp / "quarterdeck-demo-older1" / "kept").write_text("no lock: it may live")
    (rig.folder / "theirs").mkdir()
    (rig.folder / "theirs" / "lock").write_text("")
    (tmp / "quarterdeck-demo-linked").symlink_to(rig.folder / "theirs")
    there = lambda: {p.name for p in tmp.iterdir()}  # noqa: E731
    alone = there()

    demos = []

    def begun():
        demos.append(begin(rig, "--days", 60, env={"TMPDIR": str(tmp)}))
        return demos[-1]

    def lives():
        before, line = there(), ""
        demo = begun()
        while "day 1 of" not in line:
            line = demo.stderr.readline()
            expect(line, "it ended too soon")
        (folder,) = there() - before
        return demo, folder

    try:
        first, left = lives()
        living, stays = lives()
        expect({left, stays} == there() - alone, there())
        first.kill()
        first.wait(60)
        expect(left in there(), "kill -9 leaves it")
        third = begun()
        line = third.stderr.readline()
        expect(f"removed {tmp / left}" in line and left not in there() and stays in there() and alone <= there(), f"{line} {there()}")
        expect((tmp / stays / "data").exists() and (rig.folder / "theirs" / "lock").exists(), there())
        for demo in (third, living):
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=120)
        expect(there() == alone, there())
    finally:
        for demo in demos:
            demo.kill()


def test_demo_with_a_console(rig):
    """A console that is open while time goes fast is told, and does not have the clock stop each quarter of a second for it."""
    write_world(rig)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    demo, cookie = begin(rig, "--days", 2, "--once", "--port", port), []

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request(method, path, body, {"cookie": cookie[0]} if cookie else {"content-type": "application/json"})
        return connection.getresponse()

    def signed_in():
        try:
            reply = ask("POST", "/api/v1/session", json.dumps({"name": "ana", "password": "a long one for ana"}))
        except OSError:
            return False
        if reply.status == 200:
            cookie.append(reply.getheader("set-cookie").split(";")[0])
        return reply.status == 200

    said = ""
    while "this server is stopping" not in said:  # a session that only a stream uses ends after 12 hours
        cookie.clear()
        expect(eventually(signed_in) and said.count("event: end") < 8, f"nobody could sign in, or was told to once more: {said[-600:]}")
        said += ask("GET", "/api/v1/live?topics=records,alerts").read().decode()
    out, err = demo.communicate(timeout=600)
    expect(demo.returncode == 0, f"{demo.returncode}: {out}{err}")
    expect(said.count("event: exchange") > 50 and "sign in again" in said, said[-600:])
    beats = said.count("\n:\n")
    print(f"  {beats} comments, {said.count('event: exchange')} exchanges in 2 days", flush=True)
    expect(beats < 2 * 24 * 60, f"{beats} comments in two days: one each 15 s would be 11,520")


def test_demo_at_a_shell(rig):
    """What it prints at its end is enough for the command line, and each verb says whose data that is."""
    write_world(rig)
    demo = begin(rig, "--days", 1)
    try:
        line = ""
        while not line.startswith("At a shell"):
            line = demo.stdout.readline()
            expect(line, "it ended without a word on shells")
        said = dict(re.findall(r"(QUARTERDECK_\w+)=(\S+)", line))
        status, out, err = rig.run("record", "totals", "--from", "-4d", "--json", env=said)
        expect(status == 0 and json.loads(out)["count"] > 100, f"{status}: {out}{err}")
        expect("a demo" in err, f"nothing says that it is one: {err}")
        status, _, err = rig.run("record", "list", env={"QUARTERDECK_URL": said["QUARTERDECK_URL"], "QUARTERDECK_TOKEN": "none"})
        expect(status == 3 and "a demo" in err, f"{status}: {err}")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=120)


def test_demo_mistakes(rig):
    """What is wrong with a world is named with its line; a folder with something in it is not written to."""
    folder = write_world(rig)
    for name, text, words in (("traffic.yaml", "kinds:\n  - {name: a, key: k, wieght: 3}\n", "traffic.yaml:2: wieght"),
                              ("traffic.yaml", "kinds:\n  - {name: a, key: k, rows: no.csv}\n", "no.csv|rows: expected"),
                              ("acts.yaml", "acts:\n  - {at: 9:00, by: ana, call: GET /}\n", "acts.yaml:2: at: expected a moment")):
        before = (folder / name).read_text()
        (folder / name).write_text(text)
        demo = begin(rig, "--days", 1, "--once")
        out, err = demo.communicate(timeout=60)
        expect(demo.returncode == 3 and re.search(words, err), f"{words}: {demo.returncode} {out}{err}")
        (folder / name).write_text(before)
    full = rig.folder / "full"
    full.mkdir()
    (full / "mine").write_text("mine")
    demo = begin(rig, "--once", "--data", full)
    expect(demo.wait(60) == 3 and (full / "mine").exists(), "a folder that is not empty")
    for wrong in (("--days", "0"), ("--listen", "nowhere"), ("--port", "70000"), ("more",)):
        expect(rig.run("demo", *wrong)[0] == 2, wrong)

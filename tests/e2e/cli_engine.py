"""x-quarterdeck-once as whoever may be killed uses it: many clients, some of which hang up, and one answer. cli.py runs it."""
import json
import socket
import threading
import time
import urllib.request

from rig import KEY, config, expect

NAMES, CLIENTS = 20, 6


def test_once(rig):
    """Twenty named requests from six clients at once, half of whom hang up while they wait: each is asked of the provider once, and paid once."""
    sim = rig.start_sim("--speed", "20")  # an answer takes some tens of milliseconds: there is a middle to leave in
    rig.write_config(config(sim.url, workers=2))
    rig.start_gateway()
    answers, problems = [{} for _ in range(NAMES)], []

    def body(n):
        return json.dumps({"model": "on-openai", "messages": [{"role": "user", "content": f"[sim input=9 output=40] Zeile {n}: ünï"}]}).encode()

    def hang_up(n):
        with socket.create_connection(("127.0.0.1", rig.gateway.port)) as s:
            head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
                    f"x-quarterdeck-once: eval.{n}\r\ncontent-length: {len(body(n))}\r\n\r\n")
            s.sendall(head.encode() + body(n))

    def ask(n):
        """The answer, however often it takes to be there."""
        for _ in range(600):
            status, headers, answer = rig.http("POST", "/v1/chat/completions", body(n),
                                               {"content-type": "application/json", "x-quarterdeck-once": f"eval.{n}"}, token=KEY)
            if status == 200:
                return headers, answer
            expect(status == 409 and headers["retry-after"] == "1", f"{status} {headers} {answer}")
            time.sleep(0.02)
        raise AssertionError("409 without an end")

    def client(which):
        try:
            for n in range(NAMES):
                if (n + which) % 2:
                    hang_up(n)
                answers[n][which] = ask(n)
        except Exception as error:  # noqa: BLE001  a thread's failure is the test's
            problems.append(repr(error))

    threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not problems, problems)
    with urllib.request.urlopen(f"{sim.url}/sim/stats", timeout=30) as reply:
        total = json.load(reply)["total"]
    expect(total["requests"] == NAMES and total["answered"] == NAMES and total["aborted_by_client"] == 0, total)
    for n in range(NAMES):
        expect(len({answer for _, answer in answers[n].values()}) == 1, f"name {n} has several answers")
        first = [h for h, _ in answers[n].values() if "x-quarterdeck-cache" not in h]
        expect(len(first) <= 1, f"name {n} ran {len(first)} times")
        for headers, _ in answers[n].values():
            expect(headers["x-quarterdeck-model"] == "openai/gpt-4o-mini-2024-07-18", headers)
            paid = headers["x-quarterdeck-cost-usd"] if headers in first else headers["x-quarterdeck-once-usd"]
            expect(float(paid) > 0, headers)

    def of(records, cache):
        return [r for r in records if r["status"] == "ok" and r["cache"] == cache]
    records = rig.wait_records(count=NAMES * (1 + CLIENTS))
    deadline = time.monotonic() + 30
    while len(of(records, None)) < NAMES and time.monotonic() < deadline:
        records = rig.wait_records()
    expect(len(of(records, None)) == NAMES, "each ran once, and is recorded as any other, though its client had hung up")
    again = of(records, "once")
    expect(again and all(r["cost_nanousd"] == 0 and r["saved_nanousd"] > 0 for r in again), again[:1])
    expect(not [r for r in records if r["status"] == "cancelled"], "what has a name is not cancelled with its client")

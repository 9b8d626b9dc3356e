#!/usr/bin/env python3
"""promtool must accept /metrics of a server that has served something, and the counts in it must be right."""
import json
import subprocess
import sys

sys.dont_write_bytecode = True
from rig import KEY, Rig, config  # noqa: E402


def main():
    with Rig() as rig:
        sim = rig.start_sim("--speed", "0")
        rig.write_config(config(sim.url, "  broken: {targets: [{provider: openai, model: sim-500}], retry: {attempts: 1}}"))
        rig.start_gateway()
        for model in ("on-openai", "on-anthropic", "broken", "nothing"):
            for stream in (False, True):
                body = json.dumps({"model": model, "stream": stream, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]})
                rig.http("POST", "/v1/chat/completions", body, {"content-type": "application/json"}, token=KEY)
        rig.http("POST", "/v1/chat/completions", "{}", token="qd-unknown-key-00000")
        rig.wait_records(count=7)
        status, headers, text = rig.http("GET", "/metrics")
        assert status == 200 and headers["content-type"].startswith("text/plain"), (status, headers)
        ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        print(text.decode())
        print(ran.stdout.decode(), ran.stderr.decode())
        assert ran.returncode == 0 and not ran.stderr, "promtool has complaints"
        assert 'quarterdeck_exchanges_total{application="e2e",model="on-openai",status="ok"} 2' in text.decode(), "two good calls"
        assert "quarterdeck_records_lost_total 0" in text.decode(), "nothing lost"
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

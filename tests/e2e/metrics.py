#!/usr/bin/env python3
"""promtool must accept /metrics of a server that has served something, and the counts in it must be right."""
import json
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from rig import KEY, ROOT, Rig, config, expect  # noqa: E402


def check_rules():
    """What we ship for Prometheus: promtool takes it, each alert is tested, and every metric and label in it is one of ours."""
    folder = ROOT / "examples" / "prometheus"
    for words in (["check", "config", "prometheus.yaml"], ["check", "rules", "quarterdeck.rules.yaml"], ["test", "rules", "quarterdeck.rules.test.yaml"]):
        ran = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True)
        expect(ran.returncode == 0, f"promtool {' '.join(words)}: {ran.stdout} {ran.stderr}")
    ours = {name: set(labels.split(",")) for name, labels in re.findall(r'METRIC\(\w+, "(\w+)", \w+, "([^"]*)"', (ROOT / "src/base/metric.h").read_text())}
    rules, tests = (folder / "quarterdeck.rules.yaml").read_text(), (folder / "quarterdeck.rules.test.yaml").read_text()
    used = set(re.findall(r"quarterdeck_\w+", rules + tests))
    expect(len(used) > 8 and used <= set(ours), f"not among our metrics: {used - set(ours)}")
    for name, labels in re.findall(r"(quarterdeck_\w+)\{([^}]*)\}", rules + tests):
        named = set(re.findall(r'(\w+)\s*[=!]~?=?\s*"', labels))
        expect(named - {"instance"} <= ours[name], f"{name} has no {named - ours[name]}")
    alerts = set(re.findall(r"alert: (\w+)", rules))
    expect(alerts == set(re.findall(r"alertname: (\w+)", tests)), "an alert without a test")


def main():
    check_rules()
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

#!/usr/bin/env python3
"""Starts a simulator and a server and runs the SDK tests (*.test.mjs) against them.

  run.py [--binary FILE] [FILE.test.mjs...]
"""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
from rig import KEY, OTHER_KEY, TOKEN, Rig, config  # noqa: E402

# models whose targets fail in a way of their own (docs/simulator.md: faults by the model's name)
FAULTS = {
    "flaky": "sim-503-then-ok", "limited": "sim-429-ra1-then-ok", "broken": "sim-503", "overflow": "sim-context",
    "filtered": "sim-filter", "cut": "sim-cut5", "slow": "sim-slow30000", "stall": "sim-stall3", "bad-event": "sim-bad3",
    "no-done": "sim-nodone", "refuses": "sim-refusal",
}


# a provider with batches, and what it takes for them
BATCHES = "batch: {poll: 100ms}\nprices: {files: [prices.json]}"
PRICES = ('{"models": [{"provider": "openai", "id": "gpt-4o-mini", "prices": {"input_mtok": 0.15, "cache_read_mtok": 0.075, "output_mtok": 0.6},'
          ' "batch_prices": {"input_mtok": 0.075, "cache_read_mtok": 0.0375, "output_mtok": 0.3}}]}')


def models():
    lines = ["  on-batches: {targets: [{provider: batches, model: gpt-4o-mini-2024-07-18}]}",
             "  on-batches-slow: {targets: [{provider: batches, model: sim-polls10000}]}"]
    for name, model in FAULTS.items():
        for provider in ("openai", "anthropic"):
            for sdk in ("", "-a"):  # the simulator counts requests by name: one for each SDK's tests
                lines.append(f"  {name}-{provider}{sdk}:\n    targets: [{{provider: {provider}, model: {model}@{name}-{provider}{sdk}}}]\n"
                             "    retry: {attempts: 2, backoff: 10ms, max_wait: 5s}")
    lines.append("  fallback:\n    targets: [{provider: openai, model: sim-503@fb}, {provider: anthropic, model: claude-3-5-haiku-20241022}]\n"
                 "    retry: {attempts: 1, backoff: 10ms}")
    return "\n".join(lines)


def main(arguments):
    binary = arguments[arguments.index("--binary") + 1] if "--binary" in arguments else None
    files = [a for a in arguments if a.endswith(".mjs")] or sorted(p.name for p in HERE.glob("*.test.mjs"))
    with Rig(binary) as rig:
        sim = rig.start_sim("--speed", "20")
        (rig.folder / "prices.json").write_text(PRICES)
        rig.write_config(config(sim.url, models(), BATCHES))
        gateway = rig.start_gateway()
        env = {**os.environ, "QD_URL": gateway.url, "QD_KEY": KEY, "QD_OTHER_KEY": OTHER_KEY, "QD_TOKEN": TOKEN}
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
            env.pop(name, None)
        ran = subprocess.run(["node", "--test", "--test-reporter=tap", *files], cwd=HERE, env=env, text=True, capture_output=True, timeout=600)
        print(ran.stdout, ran.stderr, sep="")
        count = {word: sum(int(n) for n in re.findall(rf"^# {word} (\d+)", ran.stdout, re.M)) for word in ("pass", "fail")}
        if ran.returncode != 0:
            print(f"the server's log:\n{gateway.tail()}")
    print(f"{count['pass']} passed, {count['fail']} failed")
    return 1 if ran.returncode != 0 or count["pass"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

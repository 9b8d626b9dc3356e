#!/usr/bin/env python3
"""Lives the demo through once, asks how its stories ended (stories.py), and runs the console's tests (*.test.mjs) against it, in Debian's Chromium.

  run.py [--binary FILE] [--days N] [--url URL] [stories] [FILE.mjs...]      --url: a demo that is there already; all without a name
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import stories

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Demo:
    """`quarterdeck demo` on a port of its own; ends with the block."""

    def __init__(self, binary, days):
        self.log = []
        self.process = subprocess.Popen([binary, "demo", "--port", "0", "--days", str(days), "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, text=True)
        self.url = None
        while self.url is None:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the demo ended:\n" + "".join(self.log[-30:]) + "\n0 passed, 1 failed")
            self.log.append(line)
            match = re.search(r"The console: (http://[^ ]+)", line)
            self.url = match.group(1).rstrip("/") if match else None
        threading.Thread(target=lambda: self.log.extend(self.process.stdout), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def people():
    """Who can sign in, out of the demo's own file."""
    text = (ROOT / "examples" / "demo" / "acts.yaml").read_text()
    return dict(re.findall(r"\{name: (\w+), role: \w+, password: \"([^\"]+)\"", text))


def run(url, names):
    passed, failed, files = 0, 0, [n for n in names if n.endswith(".mjs")]
    if "stories" in names:  # first: the tests change what is there
        passed, failed = stories.check(url, "dora", people()["dora"])
    if files:
        env = {**os.environ, "QD_CONSOLE_URL": url, "QD_CONSOLE_PEOPLE": json.dumps(people())}
        ran = subprocess.run(["node", "--test", "--test-reporter=tap", *files], cwd=HERE, env=env, text=True, capture_output=True, timeout=1500)
        print(ran.stdout, ran.stderr, sep="")
        count = {word: sum(int(n) for n in re.findall(rf"^# {word} (\d+)", ran.stdout, re.M)) for word in ("pass", "fail")}
        passed, failed = passed + count["pass"], failed + max(count["fail"], ran.returncode != 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="stories, or files such as cost.test.mjs; all without one")
    parser.add_argument("--url", help="a demo that is up and has lived through its weeks")
    parser.add_argument("--binary", default=ROOT / "build" / "quarterdeck")
    parser.add_argument("--days", default=28)
    options = parser.parse_args(arguments)
    known = ["stories", *sorted(p.name for p in HERE.glob("*.test.mjs"))]
    names = options.names or known
    if unknown := set(names) - set(known):
        parser.error(f"no test is called {', '.join(unknown)}: there are {', '.join(known)}")
    if options.url:
        return run(options.url, names)
    with Demo(options.binary, options.days) as demo:
        code = run(demo.url, names)
        if demo.process.poll() is not None:
            print(f"FAIL: the demo ended by itself with {demo.process.returncode}:\n" + "".join(demo.log[-20:]) + "0 passed, 1 failed")
        return code or int(demo.process.poll() is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

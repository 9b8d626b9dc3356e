"""A server and a simulator as child processes in a temporary folder, for the tests that need whole programs."""
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEY, OTHER_KEY, TOKEN = "qd-e2e-" + secrets.token_hex(8), "qd-e2e-" + secrets.token_hex(8), "qdt-e2e-" + secrets.token_hex(8)
REPORT = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*")


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


class Program:
    """A child that says `... ready on http://HOST:PORT`. Its standard error goes to a log in the folder."""

    def __init__(self, name, folder, command, env=None, cwd=None, preexec=None):
        self.name, self.log = name, pathlib.Path(folder) / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=cwd or folder, env={**os.environ, **(env or {})},
                                            preexec_fn=preexec)
        self.port = None
        while self.port is None:
            line = self.process.stdout.readline()
            if not line:
                self.process.wait()
                raise RuntimeError(f"{name} ended with {self.process.returncode} instead of getting ready:\n{self.tail()}")
            match = re.search(rb"ready on https?://[^ ]*:(\d+)", line)
            self.port = int(match.group(1)) if match else None
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = []  # what it says after that, line by line
        threading.Thread(target=lambda: self.said.extend(iter(self.process.stdout.readline, b"")), daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").split("\n")[-lines:])

    def signal(self, number):
        self.process.send_signal(number)

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        """SIGTERM; raises unless it ends cleanly and without a sanitizer's report."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill9()
                raise RuntimeError(f"{self.name} did not end within {seconds} s of SIGTERM") from None
        report = REPORT.search(self.log.read_text(errors="replace"))
        if report:
            raise RuntimeError(f"{self.name}: {self.log.read_text(errors='replace')[report.start():][:4000]}")
        if self.process.returncode != 0:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def memory_kib(self, field="RssAnon"):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))


class Rig:
    """`with Rig(binary) as rig:` ends every child and removes the folder."""

    def __init__(self, binary=None):
        self.binary = pathlib.Path(binary or os.environ.get("QUARTERDECK", ROOT / "build" / "quarterdeck")).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quarterdeck-e2e-"))
        self.programs = []
        self.sim = self.gateway = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for program in self.programs:
            if program.process.poll() is None:
                program.kill9() if kind else program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_sim(self, *options):
        self.sim = Program("sim", self.folder, [self.binary, "sim", "--listen", "127.0.0.1:0", "--seed", "7", *options])
        self.programs.append(self.sim)
        return self.sim

    def write_config(self, text, name="quarterdeck.yaml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def start_gateway(self, preexec=None):
        """Serves quarterdeck.yaml of the folder; again after a kill9 it is the same data."""
        self.gateway = Program("gateway", self.folder, [self.binary, "serve", "-c", self.folder / "quarterdeck.yaml"], preexec=preexec)
        self.programs.append(self.gateway)
        return self.gateway

    def run(self, *arguments, env=None, check=False, stdin=""):
        """A command of the binary against the running gateway: (status, standard output, standard error)."""
        given = {**os.environ, "QUARTERDECK_TOKEN": TOKEN, **(env or {})}
        if self.gateway:
            given.setdefault("QUARTERDECK_URL", self.gateway.url)
        ran = subprocess.run([str(self.binary), *map(str, arguments)], capture_output=True, text=True, env=given, cwd=self.folder,
                             timeout=120, input=stdin)
        if check and ran.returncode != 0:
            raise RuntimeError(f"quarterdeck {' '.join(map(str, arguments))} ended with {ran.returncode}: {ran.stderr}")
        return ran.returncode, ran.stdout, ran.stderr

    def http(self, method, path, body=None, headers=None, token=TOKEN, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=timeout)
        try:
            connection.request(method, path, body, {"authorization": f"Bearer {token}", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, dict((k.lower(), v) for k, v in reply.getheaders()), reply.read()
        finally:
            connection.close()

    def api(self, path):
        status, _, body = self.http("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:300]!r}")
        return json.loads(body)

    def records(self, query=""):
        """All records, page by page, newest first."""
        found, cursor = [], ""
        while True:
            page = self.api(f"/api/v1/records?limit=1000{query}{cursor}")
            found += page["records"]
            following = page.get("next") or page.get("cursor") or page.get("next_cursor")
            if not following:
                return found
            cursor = f"&cursor={following}"

    def wait_records(self, ids=(), count=0, seconds=60):
        """The records once the ledger has these ids and so many in all (it drains in its own time); else what there is."""
        deadline, pause = time.monotonic() + seconds, 0.02
        while True:
            found = self.records()
            if (len(found) >= count and set(ids) <= {r["id"] for r in found}) or time.monotonic() > deadline:
                return found
            time.sleep(pause)
            pause = min(pause * 2, 0.5)


def config(sim, models="", server="", workers=2, data_dir="data"):
    """A configuration with both dialects of the simulator; `models` adds block YAML below `models:`."""
    return f"""
listen: 127.0.0.1:0
data_dir: {data_dir}
workers: {workers}
{server}
tokens: [{{name: e2e, role: admin, token: "{TOKEN}"}}]
providers:
  openai: {{dialect: openai, base_url: "{sim}/v1", api_key: sk-sim}}
  anthropic: {{dialect: anthropic, base_url: "{sim}/v1", api_key: sk-sim}}
  batches: {{dialect: openai, base_url: "{sim}/v1", api_key: sk-sim, batch: true}}
models:
  on-openai: {{targets: [{{provider: openai, model: gpt-4o-mini-2024-07-18}}]}}
  on-anthropic: {{targets: [{{provider: anthropic, model: claude-3-5-haiku-20241022}}]}}
  embed: {{targets: [{{provider: openai, model: text-embedding-3-small}}]}}
{models}
applications:
  e2e: {{keys: [{{name: sdk, key: "{KEY}"}}]}}
  other: {{models: [embed], keys: [{{name: sdk, key: "{OTHER_KEY}"}}]}}
"""


__all__ = ["KEY", "OTHER_KEY", "TOKEN", "Program", "Rig", "ROOT", "config", "expect", "signal"]

"""One quarterdeck process for all cases that share server settings; each case has its own model, provider and application."""
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile

TOKEN = "qdt-exchange-tests"
SERVER_KEYS = ("listen", "data_dir", "workers", "tokens")


class Setup:
    """What a case adds to the configuration: dotted settings from its `== config`, with defaults for the rest."""

    def __init__(self, case, slow):
        self.server, self.model, self.app, self.provider, self.target = {}, {}, {}, {}, {}
        self.extra = []
        for section in case.all("config"):
            for line in section.text.split("\n"):
                path, _, value = line.partition(":")
                if not path.strip() or path.startswith("#"):
                    continue
                self.put(path.strip(), scale(value.strip(), slow))

    def put(self, path, value):
        head, _, rest = path.partition(".")
        if head in ("model", "app") and rest:
            getattr(self, head)[rest] = value
        elif head in ("provider", "target") and "." in rest:
            name, _, key = rest.partition(".")
            getattr(self, head).setdefault(name, {})[key] = value
        else:
            self.server[path] = value

    @property
    def group(self):
        return tuple(sorted(self.server.items()))


def scale(value, slow):
    """Times in configurations, for builds that are slower."""
    if slow == 1:
        return value
    return re.sub(r"\b(\d+)ms\b", lambda m: f"{int(int(m.group(1)) * slow)}ms", value)


def write_tree(settings, indent):
    """{"a.b": "x", "c": "y"} as block YAML; values are flow YAML as they stand."""
    groups, lines = {}, []
    for path, value in settings.items():
        head, _, rest = path.partition(".")
        if rest:
            groups.setdefault(head, {})[rest] = value
        else:
            lines.append(f"{' ' * indent}{head}: {value}")
    for head, inner in groups.items():
        lines.append(f"{' ' * indent}{head}:")
        lines += write_tree(inner, indent + 2)
    return lines


def configuration(group, runs, folder):
    lines = ["listen: 127.0.0.1:0", f"data_dir: {folder}/data"]
    settings = dict(group)
    lines.append(f"workers: {settings.pop('workers', '2')}")
    lines += write_tree(settings, 0)
    lines.append(f'tokens: [{{name: tests, role: admin, token: "{TOKEN}"}}]')
    lines.append("providers:")
    for run in runs:
        for up in run.upstreams:
            base = f"http://127.0.0.1:{up.port}" + ("" if up.dialect == "azure" else "/v1")
            given = {"dialect": up.dialect, "base_url": f'"{base}"', "api_key": f"sk-{up.name}", "probe.off": "true"}
            if up.dialect == "azure":
                given["api_version"] = '"2024-10-21"'
            given.update(run.setup.provider.get(up.name, {}))
            lines.append(f"  {run.name}-{up.name}:")
            lines += write_tree(given, 4)
    lines.append("models:")
    for run in runs:
        settings = dict(run.setup.model)
        targets = ["      - {" + ", ".join(f"{k}: {v}" for k, v in {
            "provider": f"{run.name}-{up.name}", "model": f"up-{up.name}", **run.setup.target.get(up.name, {})}.items()) + "}"
            for up in run.upstreams]
        if "tiers" in settings:  # each upstream is a model of its own, named as its provider
            for up, target in zip(run.upstreams, targets):
                lines += [f"  {run.name}-{up.name}:", "    targets:", target]
        lines.append(f"  {run.name}:")
        if "tiers" not in settings and "targets" not in settings:
            lines += ["    targets:"] + targets
        lines += write_tree({k: run.substitute(v) for k, v in settings.items()}, 4)
    lines.append("applications:")
    for run in runs:
        lines.append(f"  {run.name}:")
        settings = {"models": f"[{run.name}]", "keys": f'[{{name: web, key: "{run.key}"}}]', **run.setup.app}
        lines += write_tree({k: run.substitute(v) for k, v in settings.items()}, 4)
        lines.append(f"  {run.name}-other:")  # beside the case's own, and of the same settings
        settings["keys"] = f'[{{name: web, key: "{run.names["other"]}"}}]'
        lines += write_tree({k: run.substitute(v) for k, v in settings.items()}, 4)
    return "\n".join(lines) + "\n"


class Server:
    """A running process. `problems` after stop() says what was wrong with it as a whole."""

    def __init__(self, binary, group, runs):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quarterdeck-exchange-"))
        self.binary, self.group, self.runs = binary, group, runs
        self.log, self.port, self.process = self.folder / "log", None, None

    async def start(self):
        config = self.folder / "quarterdeck.yaml"
        config.write_text(configuration(self.group, self.runs, self.folder))
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.binary, "serve", "-c", str(config), stdout=asyncio.subprocess.PIPE, stderr=log,
                stdin=asyncio.subprocess.DEVNULL, cwd=self.folder, env={**os.environ, "QUARTERDECK_TEST": "1"})
        while self.port is None:
            line = await asyncio.wait_for(self.process.stdout.readline(), 60)
            if not line:
                await self.process.wait()
                raise RuntimeError(f"the server ended with {self.process.returncode} instead of getting ready:\n{self.tail()}")
            match = re.search(rb"ready on http://127\.0\.0\.1:(\d+)", line)
            self.port = int(match.group(1)) if match else None
        self.drained = asyncio.ensure_future(self.process.stdout.read())

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").split("\n")[-lines:]) if self.log.exists() else ""

    async def stop(self):
        """Ends it; returns what was wrong: a crash, a sanitizer's report, a status other than 0."""
        problems = []
        if self.process is None:
            return problems
        early = self.process.returncode is not None
        if not early:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 60)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
                problems.append("the server did not end within a minute of SIGTERM")
        text = self.log.read_text(errors="replace")
        report = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*", text)
        if report:
            problems.append(f"sanitizer: {text[report.start():report.start() + 4000]}")
        if early or self.process.returncode != 0:
            problems.append(f"the server ended with {self.process.returncode}{' by itself' if early else ''}:\n{self.tail(25)}")
        return problems

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    async def take(self, kind, scope):
        """An action, in force on every loop when it returns; its number."""
        return (await self.api("/api/v1/actions", json.dumps({"kind": kind, **scope, "reason": "case"})))["number"]

    async def undo(self, number):
        await self.api(f"/api/v1/actions/{number}/undo", '{"reason": "case"}')

    async def api(self, path, body=None):
        """A JSON answer of the control plane. `body`: it is a POST."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        try:
            method, sent = ("GET", b"") if body is None else ("POST", body.encode())
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {len(sent)}\r\nconnection: close\r\n\r\n".encode() + sent)
            from . import http
            message = await http.read_head(reader)
            await http.read_body(reader, message, True)
            if message.status != 200:
                raise RuntimeError(f"{method} {path}: {message.first} {message.text[:300]}")
            return json.loads(message.text)
        finally:
            writer.close()

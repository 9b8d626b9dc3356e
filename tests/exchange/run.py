#!/usr/bin/env python3
"""Runs the wire cases of this folder: one file each, see README.md.

  run.py [--binary FILE] [--slow FACTOR] [--jobs N] [--keep] [--list] [NAME...]    NAME: case names or prefixes

Cases with the same server settings share one process, in which each has its own model, providers and application.
"""
import argparse
import asyncio
import contextlib
import json
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
from lib import case as cases  # noqa: E402
from lib import http, match  # noqa: E402
from lib.client import Client  # noqa: E402
from lib.server import Server, Setup  # noqa: E402
from lib.upstream import ScriptError, Upstream  # noqa: E402

ROOT = HERE.parent.parent
FAILURES = (match.Mismatch, http.Broken, cases.BadCase, ScriptError, ConnectionError, RuntimeError, asyncio.TimeoutError,
            OSError, KeyError, ValueError, IndexError)


class Signals:
    """Named events between the two ends, so that nothing has to sleep."""

    def __init__(self):
        self.events = {}

    def event(self, name):
        return self.events.setdefault(name, asyncio.Event())

    def set(self, name):
        self.event(name).set()

    async def wait(self, name):
        try:
            await asyncio.wait_for(self.event(name).wait(), 20)
        except asyncio.TimeoutError:
            raise RuntimeError(f"waited in vain for {name!r}") from None


class Run:
    """One case on its way."""

    def __init__(self, case, slow):
        self.case, self.name, self.slow = case, case.name, slow
        self.signals, self.setup = Signals(), Setup(case, slow)
        self.key = f"qd-key-of-{case.name}-0000"
        sections = case.all("upstream") or [cases.Section("upstream", ["a", "openai"], 0, [cases.Part(None, [])])]
        self.upstreams = [Upstream(section, self.signals, self.substitute) for section in sections]
        self.names = {"model": case.name, "app": case.name, "key": self.key,
                      "other": f"qd-key-of-{case.name}-other"}  # of an application beside the case's own
        for up in self.upstreams:
            self.names[up.name] = f"{case.name}-{up.name}"
            self.names[f"{up.name}.port"] = str(up.port)
        self.seconds = 0.0
        self.actions = []  # in force by `== action`, the last one last

    def substitute(self, text, **more):
        return cases.substitute(text, {**self.names, **more})

    async def go(self, server):
        """None, or what was wrong."""
        clients = self.clients = {}
        began = time.monotonic()
        try:
            for up in self.upstreams:
                await up.start()
            await asyncio.wait_for(self.steps(clients, server), 30 * self.slow)
            return None
        except FAILURES as error:
            words = str(error) or type(error).__name__
            if not isinstance(error, (match.Mismatch, http.Broken, RuntimeError)):
                words = f"{type(error).__name__}: {words}\n{traceback.format_exc(limit=-3)}"
            more = [p for up in self.upstreams for p in up.problems if p not in words]
            return "\n".join([words, *more])
        finally:
            for client in clients.values():
                client.leave()
            for up in self.upstreams:
                await up.stop()
            self.seconds = time.monotonic() - began

    async def steps(self, clients, server):
        for section in self.case.sections:
            name = next((a for a in section.arguments if a[0] == "@"), "@1")  # several clients: == request @2
            section.arguments = [a for a in section.arguments if a != name]
            client = clients.setdefault(name, Client(server.port, self.key, self.signals, self.substitute, self.slow))
            if section.kind == "request":
                await client.request(section)
            elif section.kind == "again":
                await client.again(section)
            elif section.kind == "raw":
                await client.raw(section)
            elif section.kind == "reply":
                await client.reply(section)
            elif section.kind == "then":
                await client.directives(section.parts[1:])
            elif section.kind == "action":
                self.actions.append(await server.take(section.arguments[0], json.loads(self.substitute(section.text))))
            elif section.kind == "undo":
                await server.undo(self.actions.pop())
        await self.check_records(server)
        self.check_upstreams()

    def check_upstreams(self):
        for section in self.case.all("received"):
            up = next(u for u in self.upstreams if u.name == section.arguments[0])
            plain, headers = cases.options(section.arguments[1:])
            index = int(next((a for a in plain if a.isdigit()), "1"))
            what = f"what upstream {up.name} received (line {section.line}, request {index})"
            if len(up.requests) < index:
                raise match.Mismatch(f"{what}: there were only {len(up.requests)}")
            message = up.requests[index - 1]
            for part in section.parts:
                if part.name == "header":
                    headers.append(tuple(s.strip() for s in " ".join(part.arguments).split(":", 1)))
                elif part.name == "path":
                    match.text(self.substitute(" ".join(part.arguments)), " ".join(message.first.split()[:2]), what)
            match.headers([(n, self.substitute(v)) for n, v in headers], message.headers, what)
            body = self.substitute("".join(p.text for p in section.parts), model=f"up-{up.name}")
            if "json" in plain:
                match.json_text(body, message.text, what)
            elif body:
                match.text(body, message.text, what)
        for up in self.upstreams:
            if up.problems:
                raise match.Mismatch("; ".join(up.problems))
            if up.left():
                raise match.Mismatch(f"upstream {up.name}: these answers were never asked for: {', '.join(up.left())} "
                                     f"({len(up.requests)} requests came)")

    async def check_records(self, server):
        """`== record` once for each record, in order; `== record x3`; `== record none`; `== record last` for the last alone."""
        sections = self.case.all("record")
        if not sections:
            return
        last = sections[0].arguments == ["last"]
        wanted = []
        for section in sections:
            times = next((int(a[1:]) for a in section.arguments if a[0] == "x"), 0 if "none" in section.arguments else 1)
            wanted += [section] * times
        least = sum(len(c.replies) for c in self.clients.values()) if last else len(wanted)
        found = await self.records(server, least)
        if last:
            found = found[-1:]
        if len(found) != len(wanted):
            raise match.Mismatch(f"wanted {len(wanted)} records, found {len(found)}: {match.shorten(json.dumps(found), 3000)}")
        for section, record in zip(wanted, found):
            try:
                match.json_text(self.substitute(section.text) or "{}", json.dumps(record), f"record (line {section.line})")
            except match.Mismatch as error:
                raise match.Mismatch(f"{error}\n  record {json.dumps(record)}") from None

    async def records(self, server, count):
        """The case's records, oldest first, once there are `count` (the ledger drains in its own time) or time is up."""
        deadline = time.monotonic() + 10 * self.slow
        pause = 0.005
        while True:
            page = await server.api(f"/api/v1/records?application={self.name}&limit=1000")
            if len(page["records"]) >= count or time.monotonic() > deadline:
                return sorted(page["records"], key=lambda r: r["id"])
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)


async def run_group(group, runs, options, gate, results):
    server = Server(options.binary, group, runs)
    async with gate:
        try:
            await server.start()
        except (RuntimeError, OSError, asyncio.TimeoutError) as error:
            print(f"FAIL server {dict(group)} did not start\n{indent(str(error) or type(error).__name__)}", flush=True)
            for run in runs:
                report(results, run, "its server did not start")
            await server.stop()
            return
        jobs = asyncio.Semaphore(options.jobs)

        async def one(run):
            async with jobs:
                report(results, run, await run.go(server))
        await asyncio.gather(*(one(run) for run in runs))
        for problem in await server.stop():
            results.append((f"server {dict(group)}", problem))
            print(f"FAIL server {dict(group)}\n{indent(problem)}", flush=True)
    if options.keep:
        print(f"kept {server.folder}")
    else:
        server.remove()


def indent(text):
    return "\n".join("     " + line for line in text.split("\n"))


def report(results, run, wrong):
    results.append((run.name, wrong))
    if wrong:
        print(f"FAIL {run.name}: {run.case.title}\n{indent(wrong)}", flush=True)
    else:
        print(f"ok   {run.name} ({run.seconds * 1000:.0f} ms)", flush=True)


async def run_all(chosen, options):
    groups, results = {}, []
    for case in chosen:
        run = Run(case, options.slow)
        groups.setdefault(run.setup.group, []).append(run)
    gate = asyncio.Semaphore(3)
    await asyncio.gather(*(run_group(g, runs, options, gate, results) for g, runs in groups.items()))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--binary", default=str(ROOT / "build" / "quarterdeck"))
    parser.add_argument("--slow", type=float, default=1, help="multiplies the times of the configurations")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--keep", action="store_true", help="keep the servers' folders")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.binary = str(pathlib.Path(options.binary).resolve())
    try:
        chosen = [cases.read(path) for path in sorted(HERE.glob("*.case"))
                  if not options.names or any(path.stem.startswith(name) for name in options.names)]
    except cases.BadCase as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        for case in chosen:
            print(f"{case.name:32} {case.title}")
        return 0
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    began = time.monotonic()
    results = asyncio.run(run_all(chosen, options))
    failed = sum(1 for _, wrong in results if wrong)
    print(f"took {time.monotonic() - began:.1f} s")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())

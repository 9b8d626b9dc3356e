"""Open consoles as they are: event streams that stay, and pages that ask again whenever they are told that something changed.

  consoles.py PORT TOKEN SECONDS N QUERY [PATH...]    N streams of /api/v1/live?QUERY; one JSON line of what came and how long answers took

One thread, sockets that do not block: what measures costs little. Answers are asked for with the tag of the one before, as pages do.
"""
import json
import re
import selectors
import socket
import sys
import time

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.I)


class Page:
    """One console: its stream, and a connection on which its paths are asked for, one after the other."""

    def __init__(self, port, token, query, paths):
        self.head = f"host: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\ncache-control: max-age=1\r\n"
        self.paths, self.tags, self.waiting, self.in_answer, self.in_stream = paths, {}, [], b"", b""
        self.stream = self.connect(port)
        self.answers = self.connect(port) if paths else None
        self.stream.sendall(f"GET /api/v1/live?{query} HTTP/1.1\r\n{self.head}\r\n".encode())
        self.asked = 0.0

    @staticmethod
    def connect(port):
        s = socket.create_connection(("127.0.0.1", port))
        s.setblocking(False)
        return s

    def refetch(self):
        if self.paths and not self.waiting:
            self.waiting = list(self.paths)
            self.ask()

    def ask(self):
        path = self.waiting[0]
        tag = f"if-none-match: {self.tags[path]}\r\n" if path in self.tags else ""
        self.asked = time.monotonic()
        self.answers.sendall(f"GET {path} HTTP/1.1\r\n{self.head}{tag}\r\n".encode())

    def take_answer(self, counts):
        self.in_answer += self.answers.recv(1 << 20)
        end = self.in_answer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.in_answer[:end]
        status, length = int(head[9:12]), LENGTH.search(head)
        size = end + 4 + (int(length.group(1)) if length and status != 304 else 0)
        if len(self.in_answer) < size:
            return
        path = self.waiting.pop(0)
        tag = re.search(rb"\r\netag: (\S+)", head, re.I)
        if tag:
            self.tags[path] = tag.group(1).decode()
        counts["ms"].append((time.monotonic() - self.asked) * 1e3)
        counts["answers"] += 1
        counts["not_modified"] += status == 304
        counts["failed"] += status not in (200, 304)
        self.in_answer = self.in_answer[size:]
        if self.waiting:
            self.ask()

    def take_events(self, counts):
        self.in_stream += self.stream.recv(1 << 18)
        complete, mark, self.in_stream = self.in_stream.rpartition(b"\n\n")
        for name in re.findall(rb"event: (\w+)", complete):
            counts[name.decode()] = counts.get(name.decode(), 0) + 1
            if name in (b"hello", b"changed"):
                self.refetch()
        for seen, shown in re.findall(rb'{"seen":(\d+),"shown":(\d+)', complete):
            counts["left_out"] += int(seen) - int(shown)


def main(port, token, seconds, n, query, *paths):
    counts = {"ms": [], "answers": 0, "not_modified": 0, "failed": 0, "left_out": 0}
    selector = selectors.DefaultSelector()
    for _ in range(int(n)):
        page = Page(int(port), token, query, paths)
        selector.register(page.stream, selectors.EVENT_READ, page.take_events)
        if paths:
            selector.register(page.answers, selectors.EVENT_READ, page.take_answer)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for key, _ in selector.select(0.1):
            key.data(counts)
    ms = sorted(counts.pop("ms")) or [0.0]
    print(json.dumps({**counts, "p50_ms": ms[len(ms) // 2], "p99_ms": ms[len(ms) * 99 // 100], "max_ms": ms[-1]}))


if __name__ == "__main__":
    main(*sys.argv[1:])

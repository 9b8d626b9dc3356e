"""A console's stream of events, as a test reads it."""
import http.client
import json
import socket
import threading
import time

from rig import TOKEN, expect


class Stream:
    """GET /api/v1/live: what came, as (when, event, data). A thread reads until the end, or until it is closed."""

    def __init__(self, rig, query="", token=TOKEN):
        self.came, self.status, self.ended = [], None, threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", rig.gateway.port, timeout=60)
        self.connection.request("GET", "/api/v1/live" + (f"?{query}" if query else ""), headers={"authorization": f"Bearer {token}"} if token else {})
        self.socket = self.connection.sock
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        if self.status == 200:
            expect(self.reply.getheader("content-type") == "text/event-stream", self.reply.getheaders())
            threading.Thread(target=self.read, daemon=True).start()
            self.wait("hello")

    def read(self):
        name = None
        try:
            while line := self.reply.readline():
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self.came.append((time.monotonic(), name, json.loads(line[6:])))
        except (OSError, http.client.HTTPException, AttributeError, ValueError):
            pass
        self.ended.set()

    def of(self, name, after=0.0):
        return [data for at, event, data in list(self.came) if event == name and at >= after]

    def wait(self, name, such=lambda data: True, seconds=2.0):
        """The first such event; it has two seconds (less where a test says so)."""
        deadline = time.monotonic() + seconds
        while True:
            for data in self.of(name):
                if such(data):
                    return data
            expect(time.monotonic() < deadline and not self.ended.is_set(), f"no such `{name}` within {seconds} s: {self.came[-5:]}")
            time.sleep(0.02)

    def wait_changed(self, topic):
        return self.wait("changed", lambda data: topic in data["topics"])

    def close(self):
        """As a client that is killed: the connection is gone, nobody says good-bye."""
        self.socket.shutdown(socket.SHUT_RDWR)

"""A scripted provider on a port of its own: each request takes the next answer of the script."""
import asyncio
import dataclasses
import socket
import time

from . import http
from .case import encode, options, unescape

ANSWERS = ("reply", "sse", "raw", "reset", "hangup", "silence")
FLOOD = b"x" * 65536


@dataclasses.dataclass
class Answer:
    """One answer of the script: how it begins, and the steps after."""
    kind: str
    arguments: list
    steps: list          # parts, the first being the answer's own text
    times: int = 1       # -1: for ever
    after_ms: float = 0  # the request must not come earlier than this after the former answer


class ScriptError(Exception):
    pass


def read_script(section):
    answers, times, after = [], 1, 0.0
    for part in section.parts[1:]:
        if part.name == "repeat":
            times = -1 if part.arguments[0] == "*" else int(part.arguments[0])
        elif part.name == "after":
            after = float(part.arguments[0].removesuffix("ms"))
        elif part.name in ANSWERS:
            answers.append(Answer(part.name, part.arguments, [part], times, after))
            times, after = 1, 0.0
        elif not answers:
            raise ScriptError(f"'! {part.name}' before the first answer of the upstream")
        else:
            answers[-1].steps.append(part)
    return answers


class Upstream:
    def __init__(self, section, signals, substitute):
        self.name, self.dialect = section.arguments[0], section.arguments[1]
        self.refused = "refused" in section.arguments
        self.script, self.signals, self.substitute = read_script(section), signals, substitute
        self.requests, self.problems, self.connections = [], [], 0
        self.last_answer = None
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))  # the port is ours, listening or not
        self.port = self.socket.getsockname()[1]
        self.server = None

    async def start(self):
        if not self.refused:
            self.server = await asyncio.start_server(self.serve, sock=self.socket, limit=1 << 20)

    async def stop(self):
        if self.server:
            self.server.close()
        else:
            self.socket.close()

    def left(self):
        return [a.kind for a in self.script if a.times > 0]

    def next_answer(self):
        while self.script and self.script[0].times == 0:
            self.script.pop(0)
        if not self.script:
            return None
        answer = self.script[0]
        if answer.times > 0:
            answer.times -= 1
        if answer.after_ms and self.last_answer is not None:
            passed = (time.monotonic() - self.last_answer) * 1000
            if passed < answer.after_ms:
                self.problems.append(f"upstream {self.name}: a request came {passed:.0f} ms after the former answer, "
                                     f"{answer.after_ms:.0f} is the least")
        return answer

    async def serve(self, reader, writer):
        self.connections += 1
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (message := await http.read_head(reader)) is not None:
                await http.read_body(reader, message, False)
                self.requests.append(message)
                self.signals.set(f"{self.name}.asked")
                self.signals.set(f"{self.name}.asked.{len(self.requests)}")
                answer = self.next_answer()
                if answer is None:
                    self.problems.append(f"upstream {self.name}: request {len(self.requests)} was not expected: {message.first}")
                    writer.write(b"HTTP/1.1 599 Unscripted\r\ncontent-length: 0\r\n\r\n")
                    continue
                keep = await self.play(answer, reader, writer)
                self.last_answer = time.monotonic()
                if not keep:
                    break
        except (http.Broken, ConnectionError):
            pass
        finally:
            http.close(writer)

    async def play(self, answer, reader, writer):
        """Gives one answer; False when the connection is over."""
        if answer.kind == "reset":
            http.reset(writer)
            return False
        if answer.kind == "hangup":
            return False
        if answer.kind == "silence":
            await http.until_gone(reader, writer)
            self.signals.set(f"{self.name}.gone")
            return False
        framed = self.begin(answer, writer)
        for step in answer.steps:
            keep = await self.step(step, answer, framed, reader, writer)
            if keep is not None:
                return keep
        if framed == "chunked":
            writer.write(b"0\r\n\r\n")
        return framed not in ("close", "raw")

    def begin(self, answer, writer):
        """Writes the head; returns how the body is framed."""
        plain, extra = options(answer.arguments)
        extra = [(name, self.substitute(value)) for name, value in extra]
        if answer.kind == "raw":
            return "raw"
        status = int(plain[0]) if answer.kind == "reply" and plain else 200
        names = {name for name, _ in extra}
        if "content-type" not in names:
            extra.append(("content-type", "text/event-stream" if answer.kind == "sse" else "application/json"))
        framed = "chunked" if answer.kind == "sse" and "close" not in plain else "close" if "close" in plain else "length"
        if framed == "chunked":
            extra.append(("transfer-encoding", "chunked"))
        elif framed == "length" and "content-length" not in names:
            length = sum(len(encode(self.substitute(step.text))) for step in answer.steps)
            extra.append(("content-length", str(length)))
        head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{n}: {v}\r\n" for n, v in extra) + "\r\n"
        writer.write(encode(head))
        return framed

    def write(self, writer, framed, data):
        if data:
            writer.write(b"%x\r\n%s\r\n" % (len(data), data) if framed == "chunked" else data)

    async def step(self, step, answer, framed, reader, writer):
        """One directive; None to go on, else whether the connection stays."""
        name, arguments = step.name, step.arguments
        size = 0
        if name == "wait":
            await writer.drain()
            await self.signals.wait(arguments[0])
        elif name == "signal":
            await writer.drain()
            self.signals.set(arguments[0])
        elif name == "split":
            size = int(arguments[0])
        elif name == "send":
            self.write(writer, framed, encode(unescape(self.substitute(arguments[0]))))
        elif name == "cut":
            await writer.drain()
            return False
        elif name == "reset-now":
            await writer.drain()
            await asyncio.sleep(0)  # what was written is in the kernel; RST may overtake it all the same
            http.reset(writer)
            return False
        elif name == "stall":
            await writer.drain()
            await http.until_gone(reader, writer)
            self.signals.set(f"{self.name}.gone")
            return False
        elif name == "flood":
            return await self.flood(int(arguments[0]) << 20, framed, writer)
        elif name not in ANSWERS and name != "more":
            raise ScriptError(f"no directive '! {name}' in an upstream")
        text = self.substitute(step.text)
        if answer.kind == "sse" and text:
            text = text.rstrip("\n") + "\n\n"
        data = encode(text)
        for at in range(0, len(data), size or max(len(data), 1)):
            self.write(writer, framed, data[at:at + (size or len(data))])
            if size:
                await writer.drain()
        return None

    async def flood(self, total, framed, writer):
        """Bytes without a line end, until the peer has had enough or `total` is out."""
        sent = 0
        try:
            while sent < total and not writer.transport.is_closing():
                self.write(writer, framed, FLOOD)
                await writer.drain()
                sent += len(FLOOD)
        except ConnectionError:
            pass
        if sent >= total:
            self.problems.append(f"upstream {self.name}: all {total >> 20} MiB of the flood were taken")
        self.signals.set(f"{self.name}.gone")
        return False

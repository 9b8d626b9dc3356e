"""Just enough HTTP/1.1 on asyncio streams, for both ends. Nothing is interpreted but framing."""
import asyncio
import dataclasses
import socket
import struct

from .case import decode

MOST = 256 << 20


class Broken(Exception):
    """The peer ended or said something that is not HTTP. `so_far` is the message as far as it came."""

    def __init__(self, words, so_far=None):
        super().__init__(words)
        self.so_far = so_far


@dataclasses.dataclass
class Message:
    first: str                     # request or status line
    headers: list                  # (lower-case name, value)
    body: bytes = b""
    whole: bool = False
    trailing: list = dataclasses.field(default_factory=list)

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    @property
    def status(self):
        return int(self.first.split()[1])

    @property
    def text(self):
        return decode(self.body)


async def read_head(reader):
    """None at a clean end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise Broken(f"the connection ended inside a head: {error.partial[:200]!r}") from None
    except ConnectionError as error:
        raise Broken(f"connection error: {error}") from None
    lines = head.decode("latin-1").split("\r\n")
    headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:] if line)]
    return Message(lines[0], headers)


async def read_body(reader, message, is_reply, seen=None):
    """Adds the body to `message`; `seen(message)` is called after each piece and may return True to stop there."""
    async def add(data):
        message.body += data
        return bool(seen and seen(message))
    try:
        if "chunked" in (message.header("transfer-encoding") or ""):
            while True:
                size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
                if size == 0:
                    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                        message.trailing.append(line)
                    break
                data = await reader.readexactly(size + 2)
                if await add(data[:-2]):
                    return False
        elif message.header("content-length") is not None:
            left = int(message.header("content-length"))
            while left:
                data = await reader.read(min(left, 1 << 16))
                if not data:
                    raise Broken("the body is shorter than its content-length", message)
                left -= len(data)
                if await add(data):
                    return False
        elif is_reply and message.status not in (204, 304):
            while data := await reader.read(1 << 16):
                if await add(data):
                    return False
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        if isinstance(error, asyncio.IncompleteReadError):
            message.body += error.partial if not is_reply else b""
        raise Broken(f"the body broke off: {type(error).__name__}", message) from None
    message.whole = True
    return True


def reset(writer):
    """Ends the connection with RST."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def close(writer):
    if not writer.transport.is_closing():
        writer.close()


async def until_gone(reader, writer):
    """Returns when the peer has ended the connection; what it sends before is dropped."""
    try:
        while await reader.read(1 << 16):
            pass
    except ConnectionError:
        pass

"""The client's side of a case: requests as raw bytes, and checks of what comes back."""
import asyncio
import time

from . import http, match
from .case import BadCase, encode, options, unescape

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses",
         "embeddings": "/v1/embeddings", "count_tokens": "/v1/messages/count_tokens"}
ANTHROPIC = ("messages", "count_tokens")


class Client:
    def __init__(self, port, key, signals, substitute, slow=1):
        self.port, self.key, self.signals, self.substitute, self.slow = port, key, signals, substitute, slow
        self.reader = self.writer = None
        self.message = None   # a reply whose head was read before its `== reply`
        self.replies = []
        self.last = None      # the request to send `again`

    async def open(self, keep):
        if not keep or self.writer is None:
            self.leave()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        self.message = None

    def leave(self):
        if self.writer is not None:
            http.close(self.writer)
        self.reader = self.writer = None

    def head(self, section, body):
        plain, extra = options(section.arguments)
        plain = [word for word in plain if word != "keep"]
        kind = plain[0] if plain else "chat"
        extra = [(name, self.substitute(value)) for name, value in extra]
        for part in section.parts:
            if part.name == "header":
                name, _, value = " ".join(part.arguments).partition(":")
                extra.append((name.strip().lower(), self.substitute(value.strip())))
        if kind == "models":
            first, credentials = "GET /v1/models", [("authorization", f"Bearer {self.key}")]
        elif kind in PATHS:
            first = "POST " + PATHS[kind]
            credentials = [("x-api-key", self.key), ("anthropic-version", "2023-06-01")] if kind in ANTHROPIC \
                else [("authorization", f"Bearer {self.key}")]
        elif len(plain) == 2:
            first, credentials = f"{plain[0]} {self.substitute(plain[1])}", [("authorization", f"Bearer {self.key}")]
        else:
            raise BadCase(f"line {section.line}: no request kind {kind!r}")
        headers = [("host", f"127.0.0.1:{self.port}"), *credentials]
        if body or first.startswith("POST"):
            headers += [("content-type", "application/json"), ("content-length", str(len(body)))]
        given = {name for name, _ in extra}
        headers = [h for h in headers if h[0] not in given] + [h for h in extra if h[1] != "{{absent}}"]
        return encode(f"{first} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n")

    async def request(self, section):
        self.last = section
        await self.open("keep" in section.arguments)
        body = b"".join(encode(self.substitute(p.text)) for p in section.parts if p.name in (None, "header"))
        self.writer.write(self.head(section, body) + body)
        await self.directives(section.parts[1:])

    async def again(self, section):
        """`== again until name:value`: the last request again and again, until an answer has that header."""
        name, _, value = self.substitute(section.arguments[-1]).partition(":")
        deadline = time.monotonic() + 20
        pause = 0.005
        while time.monotonic() < deadline:
            await self.request(self.last)
            await self.begin()
            await http.read_body(self.reader, self.message, True)
            message, self.message = self.message, None
            self.replies.append(message)
            if message.header(name) == value:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        raise match.Mismatch(f"no answer with {name}: {value} in 20 s; the last had {message.header(name)}")

    async def raw(self, section):
        await self.open("keep" in section.arguments)
        data = encode(self.substitute(section.text))
        if b"{{length}}" in data:  # of all that stands behind the head
            data = data.replace(b"{{length}}", str(len(data.split(b"\r\n\r\n", 1)[1])).encode())
        await self.send(data)
        for part in section.parts[1:]:
            await self.directives([part])
            await self.send(encode(self.substitute(part.text)))

    async def send(self, data):
        """The server may answer and close before it has read all: that is no failure of the client's."""
        if not data or self.writer is None:
            return
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    async def directives(self, parts):
        for part in parts:
            if part.name == "until":
                await self.until(self.substitute(unescape(part.arguments[0])))
            elif part.name == "signal":
                self.signals.set(part.arguments[0])
            elif part.name == "wait":
                await self.signals.wait(part.arguments[0])
            elif part.name == "drip":
                await self.drip(part.arguments[0])
            elif part.name == "close":
                self.leave()
            elif part.name == "pass":  # time itself is what the case is about, such as a breaker's rest
                await asyncio.sleep(float(part.arguments[0].removesuffix("ms")) / 1000 * self.slow)
            elif part.name == "timed-out":
                await self.timed_out()
            elif part.name == "half-close":
                self.writer.write_eof()
            elif part.name == "reset":
                http.reset(self.writer)
                self.reader = self.writer = None
            elif part.name != "header":
                raise BadCase(f"no directive '! {part.name}' in a request")

    async def drip(self, text):
        """One byte at a time, every 20 ms, until all is sent or the server answers or closes."""
        answered = asyncio.ensure_future(self.begin())
        for byte in encode(unescape(self.substitute(text))):
            await self.send(bytes([byte]))
            done, _ = await asyncio.wait([answered], timeout=0.02 * self.slow)
            if done:
                break
        answered.cancel()  # what has been read stays in the reader
        await asyncio.gather(answered, return_exceptions=True)

    async def begin(self):
        if self.message is None:
            self.message = await http.read_head(self.reader)
            while self.message is not None and self.message.first.split()[1:2] == ["100"]:
                self.message = await http.read_head(self.reader)
            if self.message is None:
                raise http.Broken("the connection was closed without an answer")

    async def timed_out(self):
        """The server must have answered 408 or closed the connection before the slow request was complete."""
        try:
            await self.begin()
        except (http.Broken, ConnectionError):
            return
        if self.message.status != 408:
            raise match.Mismatch(f"wanted 408 or a close, found {self.message.first}")
        self.message = None

    async def until(self, wanted):
        """Reads the answer's body until it holds `wanted`."""
        await self.begin()
        wanted = encode(wanted)
        if not await http.read_body(self.reader, self.message, True, lambda m: wanted in m.body):
            return
        raise match.Mismatch(f"the answer ended without {wanted!r}: {match.shorten(self.message.text)!r}")

    async def reply(self, section):
        """Reads one answer and compares it."""
        plain, headers = options(section.arguments)
        cut = False
        try:
            await self.begin()
            await http.read_body(self.reader, self.message, True)
        except http.Broken as error:
            if plain[0] == "none":
                return
            if error.so_far is None or "cut" not in plain:
                raise match.Mismatch(f"line {section.line}: no whole answer: {error}; so far "
                                     f"{match.shorten(error.so_far.text if error.so_far else '')!r}") from None
            cut = True
        message, self.message = self.message, None
        self.replies.append(message)
        what = f"reply (line {section.line})"
        if plain[0] == "none":
            raise match.Mismatch(f"{what}: wanted no answer, found {message.first} {match.shorten(message.text)!r}")
        if not match_status(plain[0], message.status):
            raise match.Mismatch(f"{what}: wanted {plain[0]}, found {message.first}: {match.shorten(message.text)!r}")
        if "cut" in plain and not cut:
            raise match.Mismatch(f"{what}: wanted the answer to break off, it was whole")
        if "same" in plain and len(self.replies) > 1:  # answered by whom the answer before was
            headers.append(("x-quarterdeck-model", self.replies[-2].header("x-quarterdeck-model") or "{{absent}}"))
        headers += [tuple(s.strip() for s in " ".join(p.arguments).split(":", 1)) for p in section.parts if p.name == "header"]
        match.headers([(n, self.substitute(v)) for n, v in headers], message.headers, what)
        self.compare(plain, section, message, what)
        if "close" in plain:
            await asyncio.wait_for(http.until_gone(self.reader, self.writer), 10)

    def compare(self, plain, section, message, what):
        for part in section.parts:
            if part.name == "has" and " ".join(part.arguments) not in message.text:
                raise match.Mismatch(f"{what}: {' '.join(part.arguments)!r} is not in {match.shorten(message.text)!r}")
            if part.name == "lacks" and " ".join(part.arguments) in message.text:
                raise match.Mismatch(f"{what}: {' '.join(part.arguments)!r} is in {match.shorten(message.text)!r}")
        expected = self.substitute("".join(p.text for p in section.parts))
        if "json" in plain:
            match.json_text(expected, message.text, what)
        elif "sse" in plain:
            match.sse(expected, message.text, what)
        elif "empty" in plain or expected:
            if (message.header("content-type") or "").startswith("text/event-stream"):
                expected = expected.rstrip("\n") + "\n\n"
            match.text("" if "empty" in plain else expected, message.text, what)


def match_status(wanted, found):
    return wanted == "any" or str(found) in wanted.split("/")

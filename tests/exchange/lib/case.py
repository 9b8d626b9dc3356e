"""Reads a .case file: its title, and its sections with their directives. README.md describes the format."""
import dataclasses
import email.utils
import pathlib
import re
import time

from . import words


class BadCase(Exception):
    pass


@dataclasses.dataclass
class Part:
    """One directive ("! name arguments") and the text below it. The text before any directive has name None."""
    name: str | None
    arguments: list
    text: str = ""


@dataclasses.dataclass
class Section:
    kind: str
    arguments: list
    line: int
    parts: list

    @property
    def text(self):
        return self.parts[0].text


@dataclasses.dataclass
class Case:
    name: str
    title: str
    sections: list

    def all(self, kind):
        return [s for s in self.sections if s.kind == kind]


KINDS = {"config", "upstream", "request", "again", "raw", "reply", "record", "received", "then", "action", "undo"}
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", " ": " "}


def unescape(text):
    """\\r \\n \\t \\0 \\xHH \\\\ as in C; \\xHH above 7f is that very byte (kept as a surrogate, see `encode`)."""
    def one(match):
        found = match.group(1)
        if len(found) < 3:
            return ESCAPES[found]
        code = int(found[1:], 16)
        return chr(code if code < 0x80 else 0xDC00 + code)
    return re.sub(r"\\(x[0-9a-fA-F]{2}|[rnt0\\ ])", one, text)


def encode(text):
    return text.encode("utf-8", "surrogateescape")


def decode(data):
    return data.decode("utf-8", "surrogateescape")


def join(lines):
    """Lines to text: a line made of words ends where they end, a line ending in '\\' goes on with the next."""
    out = []
    for line in lines:
        if line.endswith("\\"):
            out.append(words.expand(line[:-1]))
            continue
        expanded = words.expand(line)
        if line.startswith("$") and line.endswith(")") and expanded.endswith("\n"):
            out.append(expanded)
        else:
            out.append(expanded + "\n")
    return "".join(out)


def read_parts(lines, exact):
    parts, texts = [Part(None, [])], [[]]
    for line in lines:
        if line.startswith("! "):
            name, *arguments = line[2:].split()
            parts.append(Part(name, arguments))
            texts.append([])
            if name in ("send", "until", "drip"):  # takes the rest of the line as it is
                rest = line[2:].split(None, 1)[1] if arguments else ""
                parts[-1].arguments = [rest]
        else:
            texts[-1].append(line)
    for part, text in zip(parts, texts):
        while text and not text[-1].strip():
            text.pop()
        while text and not text[0].strip():
            text.pop(0)
        if exact or part.name == "raw":
            part.text = "".join(unescape(words.expand(line)) for line in text)
        else:
            part.text = join(text)
            if not part.text.endswith("\n\n"):
                part.text = part.text.removesuffix("\n")
    return parts


def read(path):
    path = pathlib.Path(path)
    sections, title, current, number = [], None, None, 0
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if line.startswith("== "):
            kind, *arguments = line[3:].split()
            if kind not in KINDS:
                raise BadCase(f"{path.name}:{number}: no section {kind!r}; there are {', '.join(sorted(KINDS))}")
            current = (kind, arguments, number, [])
            sections.append(current)
        elif current is not None:
            current[3].append(line)
        elif line.startswith("#"):
            title = title or line.lstrip("# ").strip()
        elif line.strip():
            raise BadCase(f"{path.name}:{number}: text before the first section")
    if not title:
        raise BadCase(f"{path.name}: the first line must be a comment that says what must hold")
    try:
        made = [Section(kind, arguments, at, read_parts(lines, kind == "raw")) for kind, arguments, at, lines in sections]
    except (ValueError, TypeError) as error:
        raise BadCase(f"{path.name}: {error}") from None
    return Case(path.stem, title, made)


def options(arguments):
    """["200", "sse", "x-a:b"] -> (["200", "sse"], [("x-a", "b")])."""
    plain = [a for a in arguments if not re.match(r"[A-Za-z][\w-]*:.", a)]
    headers = [tuple(a.split(":", 1)) for a in arguments if re.match(r"[A-Za-z][\w-]*:.", a)]
    return plain, [(name.lower(), value.replace("\\s", " ")) for name, value in headers]


def substitute(text, values):
    """{{name}} by its value, for the names given; patterns stay."""
    def one(match):
        name = match.group(1)
        if name.startswith("httpdate."):  # an HTTP date so many seconds from now
            return email.utils.formatdate(time.time() + float(name[9:]), usegmt=True)
        return values.get(name, match.group(0))
    return re.sub(r"\{\{([\w.-]+)\}\}", one, text)

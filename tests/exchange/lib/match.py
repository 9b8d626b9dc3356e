"""Expected against found: exact text with patterns, JSON as a subset, headers.

Patterns: {{any}} any text, {{text}} anything up to a quote, {{id}} letters digits - _, {{number}} a number, {{absent}}
must not be there. In JSON also ">=N", "<=N" and "N..M" for numbers, and {{any}} for any value but absence."""
import json
import re

PATTERNS = {"any": r"(?s:.*?)", "text": r'[^"]*', "id": r"[0-9A-Za-z_-]+", "number": r"-?\d+(?:\.\d+)?(?:e-?\d+)?"}


class Mismatch(Exception):
    pass


def has_pattern(text):
    return any("{{" + name + "}}" in text for name in PATTERNS)


def pattern(text):
    parts = re.split(r"\{\{(" + "|".join(PATTERNS) + r")\}\}", text)
    return re.compile("".join(PATTERNS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)))


def shorten(text, most=1500):
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} in all)"


def text(expected, found, what):
    """Whole text, patterns allowed."""
    if (pattern(expected).fullmatch(found) if has_pattern(expected) else expected == found):
        return
    at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
    raise Mismatch(f"{what}: differs from character {at}\n  wanted {shorten(expected)!r}\n  found  {shorten(found)!r}")


def number(expected, found):
    """None when `expected` is no condition on numbers, else whether `found` fulfils it."""
    match = re.fullmatch(r"(>=|<=)(-?[\d.]+)|(-?[\d.]+)\.\.(-?[\d.]+)", expected)
    if not match:
        return None
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        return False
    if match.group(1):
        bound = float(match.group(2))
        return found >= bound if match.group(1) == ">=" else found <= bound
    return float(match.group(3)) <= found <= float(match.group(4))


def subset(expected, found, where="$"):
    """Everything in `expected` must be in `found`; lists must have the same length."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            raise Mismatch(f"{where}: wanted an object, found {shorten(json.dumps(found), 300)}")
        for key, value in expected.items():
            if value == "{{absent}}":
                if key in found:
                    raise Mismatch(f"{where}.{key}: must not be there, found {json.dumps(found[key])}")
            elif key not in found:
                raise Mismatch(f"{where}.{key}: missing; there are {', '.join(found)}")
            else:
                subset(value, found[key], f"{where}.{key}")
        return
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            raise Mismatch(f"{where}: wanted {len(expected)} items, found {shorten(json.dumps(found), 600)}")
        for i, (a, b) in enumerate(zip(expected, found)):
            subset(a, b, f"{where}[{i}]")
        return
    if isinstance(expected, str) and expected != found:
        if expected == "{{any}}":
            return
        held = number(expected, found)
        if held is None and has_pattern(expected) and not isinstance(found, (dict, list, bool)) and found is not None:
            held = bool(pattern(expected).fullmatch(str(found)))
        if held:
            return
        raise Mismatch(f"{where}: wanted {expected!r}, found {shorten(json.dumps(found), 600)}")
    if type(expected) is not type(found) and not (isinstance(expected, (int, float)) and isinstance(found, (int, float))) \
            or expected != found or isinstance(expected, bool) != isinstance(found, bool):
        raise Mismatch(f"{where}: wanted {json.dumps(expected)}, found {shorten(json.dumps(found), 600)}")


def json_text(expected, found, what):
    try:
        value = json.loads(found)
    except ValueError as error:
        raise Mismatch(f"{what}: no JSON ({error}): {shorten(found)!r}") from None
    subset(json.loads(expected), value, what)


def headers(expected, found, what):
    """`expected` is (name, value) pairs; `found` likewise, names in lower case."""
    have = {}
    for name, value in found:
        have.setdefault(name, value)
    for name, value in expected:
        if value == "{{absent}}":
            if name in have:
                raise Mismatch(f"{what}: header {name} must not be there, found {have[name]!r}")
        elif name not in have:
            raise Mismatch(f"{what}: no header {name}; there are {sorted(have)}")
        else:
            text(value, have[name], f"{what}: header {name}")


def frames(stream):
    """SSE text -> [(event, data)]; comments left out."""
    found = []
    for block in re.split(r"\r\n\r\n|\n\n|\r\r", stream):
        event, data = None, []
        for line in re.split(r"\r\n|\n|\r", block):
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
        if event is not None or data:
            found.append((event, "\n".join(data)))
    return found


def sse(expected, found, what):
    """Frame by frame: the same event names; data as a JSON subset, or as text when it is none."""
    want, have = frames(expected), frames(found)
    for i, (a, b) in enumerate(zip(want, have)):
        if a[0] != b[0]:
            raise Mismatch(f"{what}: frame {i}: wanted event {a[0]!r}, found {b!r}")
        try:
            value = json.loads(a[1])
        except ValueError:
            text(a[1], b[1], f"{what}: frame {i}")
        else:
            subset(value, json.loads(b[1]) if b[1][:1] in "{[" else b[1], f"{what}: frame {i}")
    if len(want) != len(have):
        more = have[len(want):] or want[len(have):]
        raise Mismatch(f"{what}: wanted {len(want)} frames, found {len(have)}; from there: {shorten(str(more))}\n  all: {shorten(found)!r}")

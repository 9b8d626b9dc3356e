"""The console names commands for whoever prefers a terminal, and where nothing is there yet: each of them is one that there is."""
import pathlib
import re
import shlex

from rig import expect

PAGES = pathlib.Path(__file__).resolve().parents[2] / "console" / "src"
NOWHERE = {"QUARTERDECK_URL": "http://127.0.0.1:9", "QUARTERDECK_KEY": "qd-nobody"}  # port 9: nobody answers


def named():
    """Commands in `command=` of <Empty> and `text=` of <Command>; what a page puts into them is a word."""
    found = {}
    for file in sorted(PAGES.rglob("*.tsx")):
        for start in re.finditer(r"(?:command=|<Command text=)\{?[\"'`](?=quarterdeck )", file.read_text()):
            text = file.read_text()[start.end():]
            quote = file.read_text()[start.end() - 1]
            depth, end = 0, 0
            while text[end] != quote or depth:  # a template's own ${...} may hold quotes
                depth += text[end:end + 2] == "${"
                depth -= depth > 0 and text[end] == "}"
                end += 2 if text[end:end + 2] == "${" or text[end] == "\\" else 1
            words, depth, inside = "", 0, ""
            for at, c in enumerate(text[:end]):
                depth += text[at:at + 2] == "${"
                words, inside = (words, inside + c) if depth else (words + c, "")
                depth -= depth > 0 and c == "}"
                if inside and not depth:
                    words += "budget" if inside == "${kind}" else "" if re.search(r"\?|[cC]ommand|windows", inside) else "1"  # what is there at times only is left out
            found[words.replace('\\"', '"')] = file.relative_to(PAGES)
    return found


def test_console_words(rig):
    """Every command that a page of the console names is understood: without a server it fails for want of one, never as a mistake of usage."""
    commands = named()
    expect(len(commands) > 40, f"only {len(commands)} were found")
    for command, file in commands.items():
        status, out, err = rig.run(*shlex.split(command)[1:], env=NOWHERE, stdin="a-long-enough-one\n")
        expect(status != 2, f"{file}: `{command}` is no command: {out}{err}")

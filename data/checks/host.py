"""Runs the python checks of a suite. It is told on descriptor 3 and answers on 4, one JSON object a line:

  {"id": 7, "code": "9f...", "source": "len(output) < 5", "about": {output, expected, context, vars, ...}}
  {"ready": true}   {"id": 7, "said": true | 0.5 | {pass, score, reason}}   {"id": 7, "error": "..."}

`source` comes once for each `code`. What a check prints goes to standard error. With "spoilt": true the check changed what those
after it would share, and this process should not be asked again.
"""
import ast
import asyncio
import builtins
import inspect
import json
import math
import os
import sys
import types

LONGEST = 4000
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Problem(Exception):
    pass


def line_of(error):
    if isinstance(error, SyntaxError):
        return error.lineno
    line, at = None, error.__traceback__
    while at:
        if at.tb_frame.f_code.co_filename == "<check>":
            line = at.tb_lineno
        at = at.tb_next
    return line


def describe(error):
    if isinstance(error, Problem):
        return str(error)
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    line = line_of(error)
    return (type(error).__name__ + (": " + words if words else "") + (" (line %d)" % line if line else ""))[:LONGEST]


def parse(source):
    try:
        return ast.parse(source, "<check>")
    except IndentationError:  # as it stands in a file of YAML
        tree = ast.parse("if True:\n" + source, "<check>")
        tree.body = tree.body[0].body
        return ast.increment_lineno(tree, -1)


def compile_body(tree):
    """The statements as the body of a function, so that `return` stands in one, each at its own line."""
    problem = None
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        tree.body[0] = ast.copy_location(ast.Return(tree.body[0].value), tree.body[0])
    for head in ("def check(output, context): pass", "async def check(output, context): pass"):
        module = ast.parse(head)
        module.body[0].body = tree.body
        names = {"__name__": "check"}
        try:
            exec(compile(module, "<check>", "exec"), names)
            return names["check"]
        except SyntaxError as error:
            problem = problem or error
    raise problem


def compile_check(code, source):
    try:
        return eval(compile("lambda output, context: (" + source.strip() + "\n)", "<check>", "eval"), {"__name__": "check"})
    except SyntaxError:
        tree = parse(source)
    if not any(isinstance(node, FUNCTIONS) and node.name == "get_assert" for node in tree.body):
        return compile_body(tree)
    module = types.ModuleType("check_" + code)
    sys.modules[module.__name__] = module
    exec(compile(tree, "<check>", "exec"), module.__dict__)
    return module.get_assert


async def wait(awaitable):
    return await awaitable


def wording(value):
    hint = ": code of several statements needs a `return`" if value is None else ""
    return "expected True, False, a number or {pass, score, reason}, found %s%s" % (repr(value)[:200], hint)


def plain(said):
    if isinstance(said, bool):
        return said
    if isinstance(said, (int, float)) and math.isfinite(said):
        return said
    if not isinstance(said, dict):
        raise Problem(wording(said))
    reply = {key: said[key] for key in ("pass", "score", "reason") if said.get(key) is not None}
    if "pass_" in said and "pass" not in reply:
        reply["pass"] = said["pass_"]
    if "reason" in reply:
        reply["reason"] = str(reply["reason"])[:LONGEST]
    return reply


def judge(check, about):
    context = dict(about, test={"description": about["case"], "vars": about["vars"]})
    said = check(about["output"] if about["output"] is not None else "", context)
    if inspect.isawaitable(said):
        said = asyncio.run(wait(said))
    return plain(said)


def main():
    told, says = os.fdopen(3, "rb"), os.fdopen(4, "wb")
    os.set_inheritable(3, False)
    os.set_inheritable(4, False)
    compiled, home, loads, dumps = {}, os.getcwd(), json.loads, json.dumps
    shared = [(module, dict(vars(module))) for module in (builtins, json, math, asyncio, inspect)]

    def is_spoilt():
        return any(vars(module) != before for module, before in shared) or os.getcwd() != home

    def tell(reply):
        says.write(dumps(reply, allow_nan=False).encode() + b"\n")
        says.flush()

    tell({"ready": True})
    for line in told:
        asked = loads(line)
        reply = {"id": asked["id"]}
        try:
            if "source" in asked:
                compiled[asked["code"]] = None
                try:
                    compiled[asked["code"]] = compile_check(asked["code"], asked["source"])
                except BaseException as error:
                    compiled[asked["code"]] = describe(error)
            check = compiled[asked["code"]]
            if isinstance(check, str):
                raise Problem(check)
            reply["said"] = judge(check, asked["about"])
            dumps(reply, allow_nan=False)
        except BaseException as error:
            reply = {"id": asked["id"], "error": describe(error)}
        if is_spoilt():
            reply["spoilt"] = True
        tell(reply)


main()

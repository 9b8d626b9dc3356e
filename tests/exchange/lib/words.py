"""The short words that cases use for long wire texts: $o.text(Hello) is one OpenAI chunk, $a.start(10) Anthropic's
first event. Arguments are separated by '|'; parentheses in them must balance. README.md lists all."""
import json

CREATED = 1700000000


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def frame(value, event=None):
    text = value if isinstance(value, str) else compact(value)
    return (f"event: {event}\n" if event else "") + f"data: {text}\n\n"


# ---- OpenAI ----
def o_ask(text="hi"):
    return compact({"model": "{{model}}", "messages": [{"role": "user", "content": text}]})


def o_ask_stream(text="hi"):
    return compact({"model": "{{model}}", "stream": True, "messages": [{"role": "user", "content": text}]})


def o_reply(text="Hello", model="up-1"):
    return compact({
        "id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, "system_fingerprint": "fp_1"})


def o_chunk_of(choices, **more):
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "up-1",
            "system_fingerprint": "fp_1", "choices": choices, **more}


def o_chunk(delta, finish="null"):
    reason = None if finish == "null" else finish
    return frame(o_chunk_of([{"index": 0, "delta": json.loads(delta), "finish_reason": reason}]))


def o_role():
    return o_chunk('{"role":"assistant","content":""}')


def o_text(text):
    return o_chunk(compact({"content": text}))


def o_finish(reason="stop"):
    return o_chunk("{}", reason)


def o_usage(given="10", output="5"):
    given, output = int(given), int(output)
    return frame(o_chunk_of([], usage={"prompt_tokens": given, "completion_tokens": output, "total_tokens": given + output}))


def o_done():
    return frame("[DONE]")


def o_stream(text="Hello"):
    """A whole stream, without the usage chunk."""
    return o_role() + o_text(text) + o_finish() + o_done()


def o_stream_usage(text="Hello", given="10", output="5"):
    return o_role() + o_text(text) + o_finish() + o_usage(given, output) + o_done()


def o_error(code="server_error", message="it failed", kind="invalid_request_error"):
    return compact({"error": {"message": message, "type": kind, "param": None, "code": code}})


# ---- Anthropic ----
def a_ask(text="hi"):
    return compact({"model": "{{model}}", "max_tokens": 100, "messages": [{"role": "user", "content": text}]})


def a_ask_stream(text="hi"):
    return compact({"model": "{{model}}", "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": text}]})


def a_reply(text="Hello", reason="end_turn"):
    return compact({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "up-1", "content": [{"type": "text", "text": text}],
        "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 5}})


def a_event(kind, **fields):
    return frame({"type": kind, **fields}, kind)


def a_start(given="10", usage=None):
    counts = json.loads(usage) if usage else {"input_tokens": int(given), "output_tokens": 1}
    return a_event("message_start", message={
        "id": "msg_1", "type": "message", "role": "assistant", "model": "up-1", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": counts})


def a_open(index="0", block='{"type":"text","text":""}'):
    return a_event("content_block_start", index=int(index), content_block=json.loads(block))


def a_delta(index, delta):
    return a_event("content_block_delta", index=int(index), delta=json.loads(delta))


def a_text(text, index="0"):
    return a_delta(index, compact({"type": "text_delta", "text": text}))


def a_close(index="0"):
    return a_event("content_block_stop", index=int(index))


def a_finish(reason="end_turn", output="5", usage=None):
    counts = json.loads(usage) if usage else {"output_tokens": int(output)}
    return a_event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=counts)


def a_stop():
    return a_event("message_stop")


def a_ping():
    return a_event("ping")


def a_stream(text="Hello", output="5"):
    return a_start() + a_open() + a_text(text) + a_close() + a_finish("end_turn", output) + a_stop()


def a_error(kind="api_error", message="it failed"):
    return compact({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


def a_error_event(kind="overloaded_error", message="Overloaded"):
    return a_event("error", error={"type": kind, "message": message})


# ---- generated bulk ----
def repeat(text, times):
    return text * int(times)


def nest(depth, inside="1"):
    return "[" * int(depth) + inside + "]" * int(depth)


WORDS = {name.replace("_", ".", 1) if name[1] == "_" else name: function for name, function in globals().items()
         if callable(function) and (name[:2] in ("o_", "a_") or name in ("repeat", "nest"))}


def expand(text):
    """Replaces every $word(...) in the text; inner ones first."""
    out, at = [], 0
    while True:
        start = text.find("$", at)
        if start < 0:
            return "".join(out) + text[at:]
        opening = text.find("(", start)
        name = text[start + 1:opening] if opening > 0 else ""
        if name not in WORDS:
            out.append(text[at:start + 1])
            at = start + 1
            continue
        depth, end = 1, opening + 1
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if depth:
            raise ValueError(f"${name}( has no end")
        inside = expand(text[opening + 1:end - 1])
        out.append(text[at:start])
        out.append(WORDS[name](*inside.split("|")) if inside else WORDS[name]())
        at = end

"""What the tests of the command line have in common."""
import json
import time

from rig import KEY


def chat(rig, key=KEY, model="on-openai", **labels):
    body = json.dumps({"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]})
    headers = {"content-type": "application/json", **{f"x-quarterdeck-{k.replace('_', '-')}": v for k, v in labels.items()}}
    return rig.http("POST", "/v1/chat/completions", body, headers, token=key)


def eventually(condition):
    """Whether it holds within two minutes at least: what is right is so soon (a schedule has its turn once a minute), what is wrong may take its time."""
    for _ in range(12000):
        if condition():
            return True
        time.sleep(0.01)
    return False

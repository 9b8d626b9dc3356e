"""Client threads that call until told to stop, and remember which replies came whole."""
import http.client
import json
import random
import socket
import threading

from rig import KEY

ASKS = (("/v1/chat/completions", "on-openai"), ("/v1/chat/completions", "on-anthropic"), ("/v1/messages", "on-openai"),
        ("/v1/messages", "on-anthropic"))


class Load:
    """`threads` callers of the server at `port`. `complete` has the x-quarterdeck-id of each reply that was read to its end;
    `wrong` what was neither a whole reply nor a broken connection. With `prompts` half of the requests name one of them instead of a
    model; `shaped` has what the replies say it was, by id."""

    def __init__(self, port, threads=8, seed=0, requests=0, abort=0.0, tokens=12, prompts=()):
        self.port, self.requests, self.abort, self.tokens, self.prompts, self.shaped = port, requests, abort, tokens, prompts, {}
        self.complete, self.aborted, self.broken, self.wrong = [], 0, 0, []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(random.Random(f"{seed}-{i}"),)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        return self.join()

    def join(self):
        for thread in self.threads:
            thread.join()
        return self

    def work(self, rng):
        connection, done = None, 0
        while not self.stopping.is_set() and (not self.requests or done < self.requests):
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                keep = self.one(connection, rng)
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.broken += 1
                keep = False
                if self.requests == 0 and not self.alive():
                    break
            if not keep:
                connection.close()
                connection = None
            done += 1

    def alive(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def one(self, connection, rng):
        path, model = rng.choice(ASKS)
        stream = rng.random() < 0.5
        body = {"model": model, "max_tokens": self.tokens, "stream": stream,
                "messages": [{"role": "user", "content": f"Where is parcel {rng.random()}?"}]}
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", "x-quarterdeck-user": f"u-{rng.randrange(50)}"}
        if self.prompts and rng.random() < 0.5:
            headers["x-quarterdeck-prompt"] = rng.choice(self.prompts)
            body["prompt_variables"] = {"question": body.pop("messages")[0]["content"]}
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        if stream and rng.random() < self.abort:
            reply.read(50)
            with self.lock:
                self.aborted += 1
            return False
        text = reply.read()
        whole = reply.status == 200 and (not stream or b"[DONE]" in text or b"message_stop" in text)
        with self.lock:
            if whole:
                self.complete.append(reply.headers["x-quarterdeck-id"])
                self.shaped[self.complete[-1]] = reply.headers["x-quarterdeck-prompt"]
            else:
                self.wrong.append(f"{reply.status} {text[-300:]!r}")
        return True

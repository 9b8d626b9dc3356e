"""An upstream that answers when it is told to, and callers that all wait for it: what many concurrent requests do."""
import http.client
import http.server
import json
import threading

ANSWER = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}).encode()


class HeldUpstream:
    """`asked` counts requests; `go` lets all of them be answered."""

    def __init__(self):
        self.asked, self.go, self.changed = 0, threading.Event(), threading.Condition()
        held = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                with held.changed:
                    held.asked += 1
                    held.changed.notify_all()
                held.go.wait()
                try:
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(ANSWER)))
                    self.end_headers()
                    self.wfile.write(ANSWER)
                except OSError:
                    pass  # the gateway was killed

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 512

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hold(self):
        self.asked = 0
        self.go.clear()

    def close(self):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


class Crowd:
    """`n` requests at the same time; `statuses` as they come, None for a broken connection."""

    def __init__(self, port, n, body, key):
        self.statuses, self.changed = [], threading.Condition()
        self.threads = [threading.Thread(target=self.ask, args=(port, body, key), daemon=True) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def ask(self, port, body, key):
        status = None
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", "authorization": f"Bearer {key}"})
            reply = connection.getresponse()
            reply.read()
            status = reply.status
            connection.close()
        except (OSError, http.client.HTTPException):
            pass
        with self.changed:
            self.statuses.append(status)
            self.changed.notify_all()

    def wait_for(self, n, seconds=60):
        """Until n have an answer of some kind."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.statuses) >= n, seconds)

    def join(self):
        for thread in self.threads:
            thread.join(60)
        return self.statuses

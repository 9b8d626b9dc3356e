"""Receivers of alerts as tests need them: HTTP that answers as it is told, and a small SMTP server."""
import http.server
import json
import socket
import ssl
import threading
import time

TLS_CERT = """-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUFJkItTjZBEi1fl7oDxkuMsM+5KUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA1MTMxMFoYDzIxMjYxMDI4
MDUxMzEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS8XyyoNaTJBuobr5HGTggACMj81Cvwfv88hi4cktlf1GKS9CMP06jI
ApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBGo28wbTAdBgNVHQ4EFgQUh7h6b9NDmKig
fmmC/1E2Ujy2k5YwHwYDVR0jBBgwFoAUh7h6b9NDmKigfmmC/1E2Ujy2k5YwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhANBrVKVwgb+FLHlIIxeYx+hF1Ho9BTK8pUBUxrgq08mhAiEA
rEkw/LCX06/L9A+gLaW1FUXZEsySePA4Ck56vkxP85o=
-----END CERTIFICATE-----
"""
TLS_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfA7W7zZh/DUb7dXS
+AH/lglWjMTt7YGVYaZQa9kWn/yhRANCAAS8XyyoNaTJBuobr5HGTggACMj81Cvw
fv88hi4cktlf1GKS9CMP06jIApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBG
-----END PRIVATE KEY-----
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Receiver:
    """Keeps what it got. `answer`: a status, (status, headers, body), "hang", "trickle" or a function of the request."""

    def __init__(self, answer=200, tls_folder=None):
        self.answer, self.got, self.open = answer, [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body, "at": time.time()}
                outer.got.append(request)
                answer = outer.answer(request) if callable(outer.answer) else outer.answer
                if answer == "hang":
                    outer.open.wait(60)
                    self.close_connection = True
                    return
                if answer == "trickle":  # a head that never ends
                    try:
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                        while not outer.open.wait(0.1):
                            self.wfile.write(b"x")
                    except OSError:
                        pass
                    self.close_connection = True
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # peers that went
        if tls_folder:
            (tls_folder / "receiver.pem").write_text(TLS_CERT + TLS_KEY)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls_folder / "receiver.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls_folder else ''}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def json(self, index=-1):
        return json.loads(self.got[index]["body"])

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """An SMTP server that takes all, or answers a command as `replies` says: {"RCPT": "550 no such user"}."""

    def __init__(self, replies=None):
        self.replies, self.messages, self.said = replies or {}, [], []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        lines, message = connection.makefile("rb"), {"to": []}

        def say(text):
            connection.sendall(text.encode() + b"\r\n")
        say(self.replies.get("GREET", "220 test"))
        for line in lines:
            word = line.split()[0].decode().upper() if line.split() else ""
            self.said.append(line.decode(errors="replace").strip())
            if word in self.replies and word != "DATA":
                say(self.replies[word])
                continue
            if word == "EHLO":
                say("250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME")
            elif word == "AUTH":
                if len(line.split()) < 3:
                    say("334 ")
                    self.said.append(next(lines).decode().strip())
                say("235 welcome")
            elif word == "MAIL":
                message["from"] = line.split(b":", 1)[1].strip().decode()
                say("250 ok")
            elif word == "RCPT":
                message["to"].append(line.split(b":", 1)[1].strip().decode())
                say("250 ok")
            elif word == "DATA":
                say("354 go on")
                body = []
                for each in lines:
                    if each == b".\r\n":
                        break
                    body.append(each[1:] if each.startswith(b".") else each)
                message["data"] = b"".join(body)
                if "DATA" not in self.replies:
                    self.messages.append(message)
                message = {"to": []}
                say(self.replies.get("DATA", "250 taken"))
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
        connection.close()

    def close(self):
        self.socket.close()

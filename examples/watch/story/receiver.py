#!/usr/bin/env python3
"""Whoever is told: prints each alert it gets, if it is really from us."""
import hashlib, hmac, http.server, json, os, re, sys


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        t, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", self.headers["x-quarterdeck-signature"]).groups()
        ours = hmac.compare_digest(mac, hmac.new(os.environ.get("HOOK_SECRET", "whose-hook-is-it").encode(), t.encode() + b"." + body, hashlib.sha256).hexdigest())
        for alert in json.loads(body)["alerts"] if ours else []:
            print(alert["status"], alert["labels"]["alertname"] + ":", alert["annotations"]["summary"] + "\n  " + alert["annotations"].get("commands", "").replace("\n", "\n  "), flush=True)
        self.send_response(200 if ours else 401)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9999), Hook).serve_forever()

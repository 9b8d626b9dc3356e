"""What is measured and what measures: processes on loopback, pinned, with their CPU time and memory read from /proc."""
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TOOLS = BUILD / "bench"
KEY, TOKEN = "qd-" + secrets.token_hex(12), "qdt-" + secrets.token_hex(12)
TICK = os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))
PROXY_CPU, LOAD_CPU = CPUS[0], CPUS[-1]  # what is measured has one processor, what measures has the other
ALL_CPUS = ",".join(map(str, CPUS))


class Failure(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process, log, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failure(f"nothing listens on {port}: {log.read_text()[-800:] if log.exists() else ''}")


def tree(pid):
    """A process and all its descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += tree(int(child))
    return found


def cpu_seconds(pid):
    total = 0
    for each in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def cpu_exact(pid):
    """CPU seconds of all threads of one process, past and present, to the nanosecond (ticks of /proc are 10 ms)."""
    return time.clock_gettime((~pid << 3) | 2)  # its CPU clock, as clock_getcpuclockid(3) makes it


def cpu_settled(pid):
    """The same, once it has done what is left to do: it used less than a hundredth of the last 50 ms."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        before = cpu_exact(pid)
        time.sleep(0.05)
        now = cpu_exact(pid)
        if now - before < 0.0005:
            return now
    raise Failure("the gateway does not come to rest")


def memory_mib(pid, field="VmRSS"):
    total = 0
    for each in tree(pid):
        try:
            match = re.search(rf"^{field}:\s+(\d+)", pathlib.Path(f"/proc/{each}/status").read_text(), re.M)
        except OSError:
            continue
        total += int(match.group(1)) if match else 0
    return total / 1024


class Process:
    """One program of the rig, started pinned and ended with everything that it started."""

    def __init__(self, name, folder, command, cpu, port, env=None):
        self.name, self.port = name, port
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(cpu), *map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, **(env or {})}, cwd=folder)
        try:
            wait_for_port(port, self.process, self.log)
        except Failure:
            self.stop()
            raise

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Rig:
    """A temporary folder and the processes in it."""

    def __init__(self, proxy_cpu=PROXY_CPU, load_cpu=LOAD_CPU):
        self.proxy_cpu, self.load_cpu = proxy_cpu, load_cpu
        BUILD.mkdir(exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, cpu, port, env=None):
        process = Process(name, self.folder, command, cpu, port, env)
        self.processes.append(process)
        return process

    def upstream(self, tokens=160, rate=20):
        port = free_port()
        return self.start(f"upstream-{port}", [TOOLS / "upstream", port, tokens, rate], self.load_cpu, port)

    def simulator(self):
        """The simulated provider, as quick as it answers."""
        port = free_port()
        return self.start(f"sim-{port}", [BUILD / "quarterdeck", "sim", "--listen", f"127.0.0.1:{port}", "--speed", "0", "--seed", "7"], self.load_cpu, port)

    def nginx(self, upstream, workers=1):
        port = free_port()
        home = self.folder / f"nginx-{port}"
        home.mkdir()
        (home / "nginx.conf").write_text(f"""
worker_processes {workers}; daemon off; pid {home}/pid; error_log {home}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
    uwsgi_temp_path {home}/u; scgi_temp_path {home}/s; keepalive_requests 1000000000;
    upstream provider {{ server 127.0.0.1:{upstream.port}; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
    }}
}}
""")
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not program:
            raise Failure("nginx is not installed")
        return self.start(f"nginx-{port}", [program, "-e", home / "error.log", "-c", home / "nginx.conf"], self.proxy_cpu, port)

    def gateway(self, upstream, workers=1, application="", more="", cpu=None, models="", keys=""):
        """`application`: further settings of the application, as in `cache: {exact: {ttl: 1h}}, `. `more`: further lines of the file; `models`: of
        its models; `keys`: further keys of the application, as in `, {name: a, key: qd-...}`."""
        port = free_port()
        home = self.folder / f"gateway-{port}"
        home.mkdir()
        (home / "quarterdeck.yaml").write_text(f"""
listen: 127.0.0.1:{port}
data_dir: {home}/data
workers: {workers}
tokens: [{{name: bench, role: admin, token: "{TOKEN}"}}]
providers:
  bench: {{dialect: openai, base_url: "http://127.0.0.1:{upstream.port}/v1", api_key: sk-bench}}
models:
  bench:
    targets: [{{provider: bench, model: gpt-4o-mini-2024-07-18}}]
{models}
applications:
  bench: {{models: [bench], {application}keys: [{{name: bench, key: "{KEY}"}}{keys}]}}
{more}
""")
        return self.start(f"gateway-{port}", [BUILD / "quarterdeck", "serve", "-c", home / "quarterdeck.yaml"], cpu or self.proxy_cpu, port)

    def portkey(self, upstream):
        """Portkey's gateway from npm when it is installed (build/portkey or globally), else None."""
        homes = [BUILD / "portkey" / "node_modules"]
        listed = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True) if shutil.which("npm") else None
        if listed and listed.returncode == 0:
            homes.append(pathlib.Path(listed.stdout.strip()))
        for home in homes:
            script = home / "@portkey-ai" / "gateway" / "build" / "start-server.js"
            if script.exists():
                port = free_port()
                return self.start("portkey", ["node", script, "--headless", f"--port={port}"], self.proxy_cpu, port,
                                  {"TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1", "NODE_ENV": "production"})
        return None


def promptfoo():
    """promptfoo's script from npm when it is installed (build/promptfoo), else None."""
    script = BUILD / "promptfoo" / "node_modules" / ".bin" / "promptfoo"
    return script if script.exists() else None


def timed(command, folder, env=None, timeout=600):
    """Runs it: (exit status, standard output, seconds, most MiB that it held)."""
    out = folder / "out"
    began = time.monotonic()
    with open(out, "w") as file, open(folder / "err", "w") as errors:
        process = subprocess.Popen([str(part) for part in command], stdout=file, stderr=errors, cwd=folder, env={**os.environ, **(env or {})},
                                   stdin=subprocess.DEVNULL)
        deadline = began + timeout
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
                raise Failure(f"{command[0]} did not end in {timeout} s")
            time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, out.read_text(), time.monotonic() - began, usage.ru_maxrss / 1024


def tool_text(name, *arguments, cpu=LOAD_CPU):
    ran = subprocess.run(["taskset", "-c", str(cpu), str(TOOLS / name), *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode != 0:
        raise Failure(f"{name} ended with {ran.returncode}: {ran.stderr.strip()[-400:]}")
    return ran.stdout


def tool(name, *arguments, cpu=LOAD_CPU):
    return json.loads(tool_text(name, *arguments, cpu=cpu))


def tool_lines(name, *arguments, cpu=LOAD_CPU):
    """What a tool prints, one JSON value a line."""
    return [json.loads(line) for line in tool_text(name, *arguments, cpu=cpu).splitlines()]


BODY = json.dumps({
    "model": "bench", "temperature": 0.2, "max_tokens": 200,
    "messages": [{"role": "system", "content": "You are the help desk of a parcel service. Be brief and friendly."},
                 {"role": "user", "content": "Where is my parcel? It should have been here on Monday."}]})


def wrk(rig, target, seconds, connections=64, headers=None, body=BODY, cpu=cpu_seconds):
    """Requests, rate and CPU microseconds a request of `target` under full load; `cpu`: how its CPU seconds are read."""
    lines = [f"wrk.headers['{name}'] = '{value}'" for name, value in (headers or {}).items()]
    script = rig.folder / "request.lua"
    script.write_text(f"""
wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {KEY}"
{chr(10).join(lines)}
""")
    before = cpu(target.pid)
    ran = subprocess.run(["taskset", "-c", str(LOAD_CPU), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script,
                          f"http://127.0.0.1:{target.port}/v1/chat/completions"], capture_output=True, text=True)
    used = cpu(target.pid) - before
    count = re.search(r"(\d+) requests in ([\d.]+)s", ran.stdout)
    if ran.returncode != 0 or not count or "Non-2xx" in ran.stdout or int(count.group(1)) == 0:
        raise Failure(f"wrk against {target.name}: {ran.stdout[-600:]}{ran.stderr[-200:]}")
    requests = int(count.group(1))
    errors = re.search(r"Socket errors: (.*)", ran.stdout)
    if errors:
        raise Failure(f"wrk against {target.name}: socket errors: {errors.group(1)}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout).group(1))
    return {"requests": requests, "rate": rate, "cpu_us": used * 1e6 / requests}


def api(gateway, path, body=None):
    """GET, or with a body POST."""
    data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}{path}", data, {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.read().decode()


def metric(gateway, name):
    """The sum of a metric's series."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in api(gateway, "/metrics").splitlines()
               if re.match(rf"{name}(\{{| )", line))

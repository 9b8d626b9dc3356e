"""docs/watch.md's "From an outage to a good night", as typed: two bad hours, who was told, what was done, and what is left of it in the morning."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import cli_change_story
from receiver_rig import free_port
from rig import ROOT, expect
from watch_rig import within

PAGE = (ROOT / "docs" / "watch.md").read_text()
STORY = PAGE.split("## From an outage to a good night\n")[1].split("\n## ")[0]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def serve(rig, folder, told):
    """The page's first four terminals, on whatever ports are free."""
    main, spare = (rig.start_sim("--speed", "0") for _ in range(2))
    port = free_port()
    receiver = subprocess.Popen([sys.executable, folder / "receiver.py", str(port)], stdout=told, stderr=subprocess.STDOUT)
    within(20, lambda: answers(port), "the receiver")
    configuration = (folder / "quarterdeck.yaml").read_text().replace("127.0.0.1:4000", "127.0.0.1:0")
    names = dict(re.findall(r"export (\w+)=(\S+)", STORY))
    os.environ |= {"ANNA": names["ANNA"], "QUARTERDECK_KEY": names["QUARTERDECK_KEY"], "MAIN_URL": main.url + "/v1", "SPARE_URL": spare.url + "/v1", "HOOK_URL": f"http://127.0.0.1:{port}/"}
    rig.write_config(configuration)
    rig.start_gateway()
    return main, receiver


def test_watch_story(rig):
    """The page's commands, one after the other: an outage that is told and acknowledged, a slow hour that is acted upon, and the morning after."""
    folder, said = rig.folder / "story", rig.folder / "told.txt"
    shutil.copytree(ROOT / "examples" / "watch" / "story", folder)
    with said.open("wb") as told:
        main, receiver = serve(rig, folder, told)
    typing = cli_change_story.Typing(rig, folder)
    typing.until = 90
    typing.env["QUARTERDECK_TOKEN"] = "nobody yet"
    began = time.monotonic()
    try:
        for block in re.findall(r"```sh\n(.*?)```", STORY, re.S):
            lines = [line for line in block.splitlines() if line and not line.startswith(("cd ", "export PATH="))]
            if lines[-1].startswith(("quarterdeck sim", "quarterdeck serve", "python3")):
                continue
            for line in lines:
                if line.startswith("quarterdeck load"):
                    typing.traffic = subprocess.Popen(["bash", "-c", "exec " + line], env=typing.env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                else:
                    typing.type(line.replace("http://127.0.0.1:4010", main.url))
        check(rig, typing, said)
    finally:
        for child in (typing.traffic, receiver):
            if child is not None:
                child.terminate()
                child.wait(30)
    print(f"the story took {time.monotonic() - began:.0f} s")


def check(rig, typing, said):
    text = within(20, lambda: said.read_text() if "resolved slow-chat" in said.read_text() else "", said.read_text)
    for words in ("quarterdeck-test", "firing provider-down: main: THEM: ", "resolved provider-down", "firing slow-chat: latency.p99 is 2.5",
                  "quarterdeck action undo 1 # fail_over of support-chat: in force"):
        expect(words in text, f"{words!r} was not told:\n{text}")
    status = typing.json("action", "show", "1")
    expect((status["kind"], status["rule"], status["state"]) == ("fail_over", "slow-chat", "undone"), status)
    entries = [(e["action"], e["actor"]) for e in typing.json("audit", "list")["entries"]][::-1]
    expect([e for e in entries if e[0].split(".")[0] in ("alert", "action", "receiver")] ==
           [("receiver.test", "anna"), ("alert.acknowledge", "anna"), ("action.fail_over", "quarterdeck"), ("action.undo", "anna")], entries)
    records = rig.http("GET", "/api/v1/records?status=error&limit=5", token=typing.env["QUARTERDECK_TOKEN"])[2]
    expect(b'"records":[]' in records, f"a customer noticed: {records[:500]}")

"""Scenarios of cli.py: batches while actions are in force."""
import json
import time

from cli_batches import batch_is, make_batch
from cli_words import eventually
from rig import config, expect


def take(rig, *words):
    return str(json.loads(rig.run("action", "take", *words, "--why", "a drill", "--json", check=True)[1])["number"])


def waits(rig, identity):
    """None of its lines is asked, while three looks at the queue go by."""
    time.sleep(3.2)
    left = batch_is(rig, identity, "in_progress")
    return left and left["request_counts"]["completed"] == left["request_counts"]["failed"] == 0 and not [r for r in rig.records() if r["batch"] == identity and r["status"] == "ok"]


def test_action_batches(rig):
    """A paused batch waits, at its provider too, and one whose key is frozen does; no line is lost, and a pause outlives kill -9."""
    sim = rig.start_sim("--speed", "0")
    rig.write_config(config(sim.url, "  passed: {targets: [{provider: batches, model: gpt-4o-mini-2024-07-18}]}", "batch: {poll: 100ms}"))
    gateway = rig.start_gateway()
    pause = take(rig, "pause_batch", "--application", "e2e")
    local, passed = make_batch(rig, "on-openai", 3), make_batch(rig, "passed", 3)
    expect(eventually(lambda: batch_is(rig, local, "in_progress")), "the batch is not accepted")
    expect(waits(rig, local) and batch_is(rig, passed, "in_progress"), "a paused batch went on")
    gateway.kill9()
    rig.start_gateway()
    expect(waits(rig, local) and batch_is(rig, passed, "in_progress"), "the pause did not outlive the process")
    freeze = take(rig, "freeze_key", "--application", "e2e", "--key", "sdk")
    rig.run("action", "undo", pause, check=True)
    expect(eventually(lambda: batch_is(rig, passed, "completed")), "what a provider has been given was not fetched")
    expect(waits(rig, local), "a line was asked, or failed, with a frozen key")
    rig.run("action", "undo", freeze, check=True)
    expect(eventually(lambda: batch_is(rig, local, "completed")), "the batch did not go on")
    expect(batch_is(rig, local, "completed")["request_counts"] == {"total": 3, "completed": 3, "failed": 0}, batch_is(rig, local, "completed"))

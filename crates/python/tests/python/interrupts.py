"""Interrupts a training at fifty random instants, and resumes it each time; run by hand:

    python crates/python/tests/python/interrupts.py [COUNT]

The instants lie between the first update and the last: a little after one that is drawn, so
that every training is still to be stopped, however fast it is. Every run comes to the bits of
one that nobody disturbed.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
import signal
import sys
import metarl
# Whoever started this in the background may have had it ignore the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
train, name = metarl.train, sys.argv[1]
small = {
    "rl2.updates": 60, "rl2.lanes": 64, "rl2.trunk.hidden": 16, "rl2.outer.minibatches": 2,
    "evaluation.tasks": 500, "evaluation.interval": 20, "evaluation.interval_tasks": 200,
    "evaluation.learners": [{"name": "random"}],
}
def hear(event):
    if event["event"] == "update":
        print(event["update"], flush=True)
try:
    train("quickstart", small, seed=3, name=name, workers=1, callback=hear)
except metarl.Interrupted as stopped:
    print(stopped, flush=True)
    sys.exit(75)
"""
FILES = ("metrics.jsonl", "eval.jsonl", "comparison.json")


UPDATES = 60


def start(name):
    command = [sys.executable, "-c", PROGRAM, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def reach(child, update):
    """Waits until it has done an update; seconds that the one before took."""
    before = now = time.perf_counter()
    for line in child.stdout:
        before, now = now, time.perf_counter()
        if int(line) == update:
            break
    return now - before


def main():
    import metarl

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    generator = random.Random(0)
    child = start("whole")
    child.communicate()
    assert child.returncode == 0
    whole, stopped, resumed = Path("runs/whole/seed-3"), 0, 0
    for index in range(count):
        name = f"run-{index}"
        child = start(name)
        seconds = reach(child, generator.randint(1, UPDATES - 10))
        time.sleep(generator.uniform(0.0, 2.0) * seconds)
        child.send_signal(signal.SIGINT)
        said = child.communicate()[0]
        run = Path("runs") / name / "seed-3"
        assert child.returncode == 75, (index, child.returncode, said)
        assert "metarl.resume(" in said, said
        assert not (run / "comparison.json").exists(), index
        stopped += 1
        metarl.resume(run, workers=1)
        for file in FILES:
            assert (run / file).read_bytes() == (whole / file).read_bytes(), (index, file)
        resumed += 1
    print(f"{count} interrupts: {stopped} stopped, {resumed} resumed to the identical result")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.chdir(folder)
        main()

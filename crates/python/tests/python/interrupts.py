"""Interrupts a training at fifty random instants, and resumes it each time; run by hand:

    python crates/python/tests/python/interrupts.py [COUNT]

Every run comes to the bits of one that nobody disturbed.
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
    if event["event"] == "training":
        print("begun", flush=True)
try:
    train("quickstart", small, seed=3, name=name, workers=1, callback=hear)
except metarl.Interrupted as stopped:
    print(stopped, flush=True)
    sys.exit(75)
"""
FILES = ("metrics.jsonl", "eval.jsonl", "comparison.json")


def start(name):
    command = [sys.executable, "-c", PROGRAM, name]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "begun\n"
    return child


def main():
    import metarl

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    generator = random.Random(0)
    stopped = finished = 0
    child, began = start("whole"), time.perf_counter()
    assert child.wait() == 0
    whole, seconds = Path("runs/whole/seed-3"), time.perf_counter() - began
    for index in range(count):
        name = f"run-{index}"
        child = start(name)
        time.sleep(generator.uniform(0.0, seconds))
        child.send_signal(signal.SIGINT)
        said = child.communicate()[0]
        run = Path("runs") / name / "seed-3"
        if (run / "comparison.json").exists():
            # It may have come while Python itself was ending.
            finished += 1
        else:
            stopped += 1
            assert child.returncode == 75, (child.returncode, said)
            assert "metarl.resume(" in said, said
        metarl.resume(run, workers=1)
        for file in FILES:
            assert (run / file).read_bytes() == (whole / file).read_bytes(), (index, file)
    assert stopped > count // 3, "the instants were to be within the training"
    print(
        f"{count} interrupts: {stopped} stopped and resumed to the identical result, {finished} "
        "had finished"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.chdir(folder)
        main()

#!/usr/bin/env python3
"""Kills processes of a sweep at random instants, and compares what comes of it with an
undisturbed one.

    python3 tests/farm/kills.py target/release/experiments [--children 20] [--parents 5] [--seed 0]

A sweep of 64 short runs is done twice below a temporary folder: once in peace, and once
while processes that train are killed (SIGKILL), and now and then the one that started
them, which is started again by the same command. All files that hold results must have
the same bytes in the end.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import results  # noqa: E402

SPEC = """\
preset = "quickstart"
words = ["rl2.updates=30", "rl2.lanes=64", "rl2.tile=8", "rl2.outer.minibatches=2", "rl2.trunk.hidden=16",
         "checkpoint.interval=2", "evaluation.tasks=500", "evaluation.interval=10",
         "evaluation.interval_tasks=100", 'evaluation.learners=[{name="random"}]']
seeds = [101, 102, 103, 104]

[settings]
"rl2.learning_rate.from" = { from = 1e-4, to = 1e-1, points = 4, scale = "log" }
"rl2.gae.lambda" = { from = 0.0, to = 0.9, points = 4 }
"""


def children(parent):
    """Processes that another one has started."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in task.read_text().split()] if task.exists() else []


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", type=Path)
    arguments.add_argument("--children", type=int, default=20)
    arguments.add_argument("--parents", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=0)
    told = arguments.parse_args()
    program, draw = str(told.program.resolve()), random.Random(told.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "grid.toml").write_text(SPEC)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([program, "sweep", "plan", "grid.toml"], check=True, **quiet)
        run = [program, "sweep", "run", "grid.jsonl", "--runs"]
        start = time.monotonic()
        subprocess.run(run + ["peace"], check=True, **quiet)
        took = time.monotonic() - start
        print(f"undisturbed: 64 runs in {took:.0f} s", flush=True)

        left = ["child"] * told.children + ["parent"] * told.parents
        draw.shuffle(left)
        starts, pause = 0, took / (len(left) + 1)
        while True:
            if starts > told.parents + told.children + 10:
                sys.exit("the sweep does not come to an end")
            parent = subprocess.Popen(run + ["war"], **quiet)
            starts += 1
            while parent.poll() is None:
                time.sleep(pause * draw.uniform(0.2, 1.0))
                if not left or parent.poll() is not None:
                    parent.wait()
                    break
                jobs = children(parent.pid)
                if left[-1] == "parent":
                    victim = parent.pid
                elif jobs:
                    victim = draw.choice(jobs)
                else:
                    continue
                left.pop()
                os.kill(victim, signal.SIGKILL)
            if parent.returncode == 0:
                break
        there, here = results(folder / "peace"), results(folder / "war")
        kills = told.children + told.parents - len(left)
        lost = sorted(set(there) - set(here))
        other = sorted(path for path in here if there.get(path) != here[path])
        print(f"{kills} kills, {starts} starts: {len(there)} files, {len(lost)} lost, {len(other)} differing")
        for path in (lost + other)[:10]:
            print(f"  {path}")
        if left:
            print(f"{len(left)} kills found nothing to kill: the runs are too short")
        sys.exit(1 if lost or other or left or not there else 0)


if __name__ == "__main__":
    main()

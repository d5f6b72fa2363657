#!/usr/bin/env python3
"""Kills or asks to stop a random rank of a training that several ranks share, resumes it
with another number of them, and compares what comes of it with an undisturbed run.

    python3 tests/farm/ranks.py PROGRAM [--kills 100] [--stops 20] [--seed 0] [--preset rl2]

PROGRAM is `experiments`, built with the feature `mpi`. After every kill (SIGKILL of one
rank) all ranks and mpirun itself must be gone within ten seconds, and mpirun must not say
that all went well; after every request (SIGTERM of one rank, or SIGUSR1 of mpirun, which
passes it on to all) the run must be saved and mpirun end with 75. The files with results
of the run must have the bytes of one that a single process does in peace.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMON = ["checkpoint.interval=20", "evaluation.tasks=200", "evaluation.interval=2000",
          "evaluation.interval_tasks=100", 'evaluation.learners=[{name="random"}]']
PRESETS = {
    "rl2": ["quickstart", "rl2.updates=UPDATES", "rl2.lanes=64", "rl2.tile=8",
            "rl2.outer.minibatches=2", "rl2.trunk.hidden=16"],
    "maml": ["maml/benchmark", "maml.updates=UPDATES", "maml.tasks=6", "maml.trajectories=4",
             "environment.horizon=20", "maml.policy.hidden=[16]"],
}
# What an undisturbed run has as well: no clocks, no machine, no pages.
RESULTS = ("config.toml", "metrics.jsonl", "eval.jsonl", "comparison.json", "arrays.safetensors")
LIMIT = 10.0


def results(folder):
    """The hash of every file with results, by its path; of checkpoints the last."""
    files = [path for path in sorted(folder.rglob("*")) if path.name in RESULTS]
    last = max((path for path in files if path.name == "arrays.safetensors"), default=None)
    kept = [path for path in files if path.name != "arrays.safetensors" or path == last]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in kept
    }


def children(parent):
    """Processes that another one has started."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in task.read_text().split()] if task.exists() else []


def lives(process):
    """Whether a process is there, and is not one that only waits to be read."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def rows(run):
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", type=Path)
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--stops", type=int, default=20)
    arguments.add_argument("--updates", type=int, default=0, help="of the run [default: 40 for each disturbance]")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--preset", choices=PRESETS, default="rl2")
    told = arguments.parse_args()
    program, draw = str(told.program.resolve()), random.Random(told.seed)
    left = ["kill"] * told.kills + ["stop"] * told.stops
    draw.shuffle(left)
    updates = told.updates or 40 * max(len(left), 1)
    words = [word.replace("UPDATES", str(updates)) for word in PRESETS[told.preset]] + COMMON
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMPI_MCA_mpi_yield_when_idle="1", OMPI_MCA_btl_vader_single_copy_mechanism="none")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": environment}
        train = [program, "train", *words, "--workers", "1", "--name", "run", "--runs"]
        start = time.monotonic()
        subprocess.run(train + ["peace"], check=True, **quiet)
        took = time.monotonic() - start
        print(f"undisturbed: {updates} updates in {took:.0f} s", flush=True)
        run = folder / "war" / "run" / "seed-0"
        slowest, wrong, starts, done, codes = 0.0, [], 0, {"kill": 0, "stop": 0}, set()
        while True:
            ranks = draw.randint(1 if starts and not left else 2, 4)
            command = [program, "resume", "war/run/seed-0", "--workers", "1"] if run.exists() else train + ["war"]
            starts += 1
            mpirun = subprocess.Popen(["mpirun", "--oversubscribe", "-n", str(ranks), *command], **quiet)
            begun = rows(run)
            wanted = begun + draw.randint(1, 40)
            while mpirun.poll() is None and rows(run) < wanted:
                time.sleep(0.002)
            processes = children(mpirun.pid)
            if not left or mpirun.poll() is not None or len(processes) < ranks:
                said = mpirun.communicate()[1].decode(errors="replace")
                if mpirun.returncode == 0:
                    break
                sys.exit(f"a run that nobody disturbed ended with {mpirun.returncode}: {said}")
            how, victim = left.pop(), draw.choice(processes)
            since = time.monotonic()
            if how == "kill":
                os.kill(victim, signal.SIGKILL)
            elif draw.random() < 0.5:
                os.kill(victim, signal.SIGTERM)
            else:
                mpirun.send_signal(signal.SIGUSR1)
            try:
                mpirun.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                wrong.append(f"{how}: mpirun still there after 30 s")
                mpirun.kill()
            while any(lives(process) for process in processes) and time.monotonic() - since < 30:
                time.sleep(0.005)
            gone = time.monotonic() - since
            slowest, code = max(slowest, gone), mpirun.returncode
            codes.add((how, code))
            done[how] += 1
            if gone > LIMIT:
                wrong.append(f"{how}: gone after {gone:.1f} s")
            if code == 0 and rows(run) < updates or how == "stop" and code not in (0, 75):
                wrong.append(f"{how}: mpirun ended with {code}")
        there, here = results(folder / "peace"), results(folder / "war")
        differing = sorted(path for path in set(there) | set(here) if there.get(path) != here.get(path))
        print(f"{done['kill']} kills, {done['stop']} stops, {starts} starts on 1 to 4 ranks: "
              f"all gone after {slowest:.1f} s at most, exit codes {sorted(codes)}, "
              f"{len(wrong)} wrong ends, {len(there)} files, {len(differing)} differing")
        for line in (wrong + differing)[:20]:
            print(f"  {line}")
        sys.exit(1 if wrong or differing or not there else 0)


if __name__ == "__main__":
    main()

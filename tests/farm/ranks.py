#!/usr/bin/env python3
"""Kills or asks to stop a random rank of a training that several ranks share, resumes it
with another number of them, and compares what comes of it with an undisturbed run.

    python3 tests/farm/ranks.py PROGRAM [--kills 100] [--stops 20] [--seed 0] [--preset rl2]

PROGRAM is `experiments`, built with the feature `mpi`. After every kill (SIGKILL of one
rank) all ranks and mpirun itself must be gone within ten seconds, and mpirun must not say
that all went well; after every request (SIGTERM of one rank, or SIGUSR1 of mpirun, which
passes it on to all) the run must be saved and mpirun end with 75. Most come after a random
update, one kill in five at a random instant from the start of mpirun on, the last tenth of
them after the last update. In the end every file with results must have the bytes of one
that a single process does in peace.
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

COMMON = ["checkpoint.interval=20", "evaluation.interval=50", 'evaluation.learners=[{name="random"}]']
PRESETS = {
    "rl2": ["quickstart", "rl2.updates=UPDATES", "rl2.lanes=64", "rl2.tile=8",
            "rl2.outer.minibatches=2", "rl2.trunk.hidden=16",
            "evaluation.tasks=200000", "evaluation.interval_tasks=1000"],
    "maml": ["maml/benchmark", "maml.updates=UPDATES", "maml.tasks=6", "maml.trajectories=4",
             "environment.horizon=20", "maml.policy.hidden=[16]",
             "evaluation.tasks=4000", "evaluation.interval_tasks=100"],
}
LIMIT = 10.0


def children(parent):
    """Processes that another one has started."""
    found = []
    for thread in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += map(int, thread.read_text().split())
        except OSError:
            pass  # It has just ended.
    return found


def lives(process):
    """Whether a process is there, and is not one that only waits to be read."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def newest(run):
    """The update of the newest checkpoint, -1 if there is none."""
    folder = run / "checkpoints"
    names = os.listdir(folder) if folder.exists() else []
    return max((int(name) for name in names if name.isdigit()), default=-1)


def wait(process, done):
    """Waits until something is done, or the process has ended."""
    while process.poll() is None and not done():
        time.sleep(0.002)


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
    finishing, early = told.kills // 10, told.kills // 5
    left = ["kill"] * (told.kills - finishing - early) + ["early"] * early + ["stop"] * told.stops
    draw.shuffle(left)
    left = ["late"] * finishing + left  # It is taken from the end.
    updates = told.updates or 40 * max(len(left), 1)
    words = [word.replace("UPDATES", str(updates)) for word in PRESETS[told.preset]] + COMMON
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMPI_MCA_mpi_yield_when_idle="1", OMPI_MCA_btl_vader_single_copy_mechanism="none")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": environment}
        train = [program, "train", *words, "--workers", "1", "--name", "run", "--runs"]
        start = time.monotonic()
        alone = subprocess.Popen([*train, "peace"], **quiet)
        wait(alone, lambda: rows(folder / "peace" / "run" / "seed-0") >= updates)
        trained = time.monotonic()
        said = alone.communicate()[1].decode(errors="replace")
        if alone.returncode != 0:
            sys.exit(f"an undisturbed training ends with {alone.returncode}: {said}")
        compares = time.monotonic() - trained
        print(f"undisturbed: {updates} updates in {trained - start:.0f} s, compared in {compares:.1f} s", flush=True)
        run = folder / "war" / "run" / "seed-0"
        slowest, wrong, starts, codes, ranks, begins = 0.0, [], 0, set(), 0, 0.0
        done = {"kill": 0, "early": 0, "late": 0, "stop": 0}
        while True:
            # Another number than before, and one rank is none to be killed beside others.
            ranks = draw.choice([number for number in range(2 if left else 1, 5) if number != ranks])
            resumes = (run / "checkpoints").exists()
            again = [program, "resume", "war/run/seed-0", "--workers", "1"]
            command = again if resumes else [*train, "war", "--overwrite"]
            starts, started = starts + 1, time.monotonic()
            mpirun = subprocess.Popen(["mpirun", "--oversubscribe", "-n", str(ranks), *command], **quiet)
            begun, how = rows(run), left[-1] if left else None
            if how == "early":
                # From before MPI begins until a few updates later.
                time.sleep(draw.random() * 1.5 * begins)
                wait(mpirun, lambda: children(mpirun.pid))
            elif how == "late":
                wait(mpirun, lambda: rows(run) >= updates)
                # In the comparison; what is resumed after the last update must begin first.
                time.sleep(draw.random() * compares / 2 + (begins if begun >= updates else 0))
            else:
                wanted = begun + draw.randint(1, 40)
                wait(mpirun, lambda: rows(run) >= wanted)
                begins = begins or time.monotonic() - started
            processes = children(mpirun.pid)
            if how is None or mpirun.poll() is not None or not processes:
                said = mpirun.communicate()[1].decode(errors="replace")
                if mpirun.returncode == 0:
                    break
                sys.exit(f"a run that nobody disturbed ended with {mpirun.returncode}: {said}")
            left.pop()
            victim = draw.choice(processes)
            since = time.monotonic()
            if how != "stop":
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
            if how == "stop" and newest(run) != rows(run):
                wrong.append(f"{how}: {rows(run)} updates are done, and {newest(run)} of them saved")
        there, here = results(folder / "peace"), results(folder / "war")
        differing = sorted(path for path in set(there) | set(here) if there.get(path) != here.get(path))
        print(f"{told.kills + told.stops - len(left)} disturbances ({done}), {starts} starts, each on another number "
              f"of ranks: all gone after {slowest:.1f} s at most, exit codes {sorted(codes)}, "
              f"{len(wrong)} wrong ends, {len(there)} files, {len(differing)} differing")
        for line in (wrong + differing)[:20]:
            print(f"  {line}")
        if left:
            print(f"  {len(left)} found nothing to disturb: the run is too short")
        sys.exit(1 if wrong or differing or left or not there else 0)


if __name__ == "__main__":
    main()

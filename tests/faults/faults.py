#!/usr/bin/env python3
"""Kills, stops, delays and breaks trainings, and prints how many tries of each kind failed.

    cargo test --release -p experiments --test hostile -- faults --kills 1000 --terms 200
    python3 tests/faults/faults.py PROGRAM [--kills 20] [--soak 60] [--seed 0] ...

PROGRAM is the command line; what needs an environment that panics or dawdles also needs
that it has the one called `hostile`, as the test program of that name has. Every training
that was disturbed is compared, file by file, with one that was not. The exit code is 0
if no try failed.
"""

import argparse
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import differing, results  # noqa: E402

# Presets that are quick to train. Of an algorithm that is not listed it is the first.
QUICK = {
    "rl2": "rl2/bernoulli-bandit-5x10",
    "maml": "maml/bernoulli-bandit-5x100",
    "imitation": "imitation/bernoulli-bandit-5x10",
    "learned-optimizer": "learned-optimizer/quadratics",
}
# What makes any of them quicker, where the algorithm has such a setting.
FEW = {"lanes": 64, "tile": 16, "outer.minibatches": 2, "outer.epochs": 1, "tasks": 2, "trajectories": 4,
       "evaluation.steps": 1, "problems": 4, "trunk.hidden": 16}
# The same with work for 16 workers.
WIDE = {**FEW, "tile": 4, "tasks": 16, "problems": 16}
SAVED = "checkpoint.interval="
SHORT = [SAVED + "1", "checkpoint.keep=2", "checkpoint.hash=2", "evaluation.interval=4",
         "evaluation.interval_tasks=16", "evaluation.tasks=16", 'evaluation.learners=[{name="random"}]']
UPDATES = 24
# How long a process may take to end once it is told to, and for what takes seconds alone.
OBEDIENCE, PATIENCE = 10, 300
# How long settings may take to be followed or refused, of CPU and on a busy machine, and
# their memory in kB.
CPU, QUICKLY, MEMORY = 1, 5, 512 << 10
# Seconds between two looks at a run: long enough for another process to have the core.
LOOK = 0.0002
# Steps in a second that a long training of so many makes at least, and what its memory may
# grow by, in kB: the kernel counts pages of each thread in bundles.
SLOW, SLACK = 50_000, 1024
# From so many tries on, the share of them that chance gives is required too.
MANY = 20
# What no command may end with but these: done, bad words, failure, disk, stopped, bad file.
ENDS = (0, 2, 74, 75, 78)
# Values of all kinds, in range and far out of it.
VALUES = ["0", "1", "2", "3", "7", "64", "-1", "4294967296", "9223372036854775807", "1e3", "0.5", ".5", "1.",
          "-0.0", "1e-300", "1e300", "nan", "inf", "-inf", "true", "false", '""', '"text"', "text", "[]",
          "[1, 2]", "[[]]", "{}", '{ kind = "gru" }', '{ kind = "mlp" }', '{ from = 1, to = 0, shape = "linear" }',
          "\U0001f980", "'", "=", "[" * 300, "{a=" * 100, "9" * 400]


class Tally:
    """Tries of one kind, and what was wrong with those that failed."""

    def __init__(self, what):
        self.what, self.tries, self.failures, self.notes = what, 0, [], []

    def wrong(self, why):
        self.failures.append(why)
        print(f"{self.what}: try {self.tries}: {why}", file=sys.stderr, flush=True)

    def row(self):
        notes = "; ".join(self.notes)
        return f"{self.what:<44} {self.tries:>7} tries {len(self.failures):>4} failures  {notes}"


class Bench:
    """The program, a folder for its runs, and chance."""

    def __init__(self, program, folder, seed):
        self.program, self.folder, self.draw = str(Path(program).resolve()), Path(folder), random.Random(seed)
        self.fresh, self.undisturbed, self.shown = 0, {}, {}

    def runs(self):
        self.fresh += 1
        return self.folder / f"runs-{self.fresh}"

    def start(self, words, **more):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return subprocess.Popen([self.program, *map(str, words)], cwd=self.folder, text=True, **{**quiet, **more})

    def ends(self, words, patience=PATIENCE):
        """Exit code and standard error; code None where it did not end."""
        process = self.start(words)
        try:
            said = process.communicate(timeout=patience)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            return None, process.communicate()[1]
        return process.returncode, said

    def json(self, words):
        listed = subprocess.run([self.program, *words, "--json"], cwd=self.folder, capture_output=True, check=True)
        return [json.loads(line) for line in listed.stdout.splitlines()]

    def keys(self, preset):
        """Dotted keys of a preset's settings."""
        if preset not in self.shown:
            told = subprocess.run([self.program, "show", preset], cwd=self.folder, capture_output=True, check=True)
            self.shown[preset] = keys_of(told.stdout.decode())
        return self.shown[preset]

    def reference(self, words):
        """An undisturbed training: its files, its run's path below the runs folder, its seconds."""
        key = tuple(words)
        if key not in self.undisturbed:
            runs, began = self.runs(), time.monotonic()
            code, said = self.ends(["train", *words, "--workers", "1", "--runs", runs])
            if code is None or code == 75:
                raise TimeoutError(f"{words[0]} takes longer than {PATIENCE} s here")
            if code != 0:
                sys.exit(f"an undisturbed training ends with {code}: {words}\n{said}")
            (run,) = runs.glob("*/seed-*")
            self.undisturbed[key] = (results(run), run.relative_to(runs), time.monotonic() - began)
            shutil.rmtree(runs)
        return self.undisturbed[key]

    def resumed(self, words, runs, workers="1"):
        """Takes a training to its end as a person would, and compares it; what is wrong."""
        files, run, _ = self.reference(words)
        code, said = self.ends(["resume", runs / run, "--workers", workers])
        if code in (2, 74, 78) and not (runs / run / "checkpoints").exists():
            # It was killed before there was a run.
            code, said = self.ends(["train", *words, "--workers", workers, "--runs", runs, "--overwrite"])
        if code != 0:
            return f"it does not resume, but ends with {code}: {said[-400:]}"
        return differing(files, results(runs / run))


def trainings(bench, wanted, fewer):
    """A short training of each algorithm: the words after `train`, but for its workers."""
    presets = [item["name"] for item in bench.json(["list", "presets"])]
    found = {}
    for item in bench.json(["list", "algorithms"]):
        name = item["name"]
        own = [preset for preset in presets if preset.startswith(name + "/")]
        # One of the test program's own has no preset.
        if not own or (wanted and name not in wanted):
            continue
        preset = QUICK.get(name, own[0])
        # Lanes and tiles of multi-task are its tasks'.
        few = fewer if name != "multi-task" else {"outer.epochs": 1, "outer.minibatches": 2}
        has = bench.keys(preset)
        quicker = [f"{name}.{key}={value}" for key, value in few.items() if f"{name}.{key}" in has]
        found[name] = [preset, f"{name}.updates={UPDATES}", *quicker, *SHORT]
    return found


def undisturbed(bench, words_of):
    """Trains each of them in peace, and keeps those that end: all of them should."""
    tally = Tally("a training of every algorithm, in peace")
    for name, words in list(words_of.items()):
        tally.tries += 1
        try:
            bench.reference(words)
        except TimeoutError as slow:
            tally.wrong(f"left out: {slow}")
            del words_of[name]
    if not words_of:
        tally.wrong("there is none to disturb")
    tally.notes = [" ".join(words_of)]
    return tally


def unfinished(run):
    """Checkpoints that are being written, replaced or deleted, or of which that is left: by
    name and number of the folder."""
    try:
        with os.scandir(run / "checkpoints") as entries:
            return {(entry.name, entry.inode()) for entry in entries
                    if entry.name.startswith((".unfinished-", ".replaced-"))}
    except OSError:
        return set()


def rows_of(run):
    """How many updates are done."""
    try:
        return (run / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0  # It is not there yet.


def saved_by(run):
    """The update of the newest checkpoint, -1 if there is none."""
    try:
        names = os.listdir(run / "checkpoints")
    except OSError:
        return -1
    return max((int(name) for name in names if name.isdigit()), default=-1)


def await_rows(process, run, rows):
    """Waits until so many updates are done, or the process has ended."""
    while process.poll() is None and rows_of(run) < rows:
        time.sleep(0.002)


def pause(process, seconds):
    """Waits so long, or until the process has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.001)


def kills(bench, count, words_of):
    """kill -9: two fifths anywhere in the program's life, the others in a save after a random update."""
    tally, inside, names = Tally("kill -9 at random instants, then resume"), 0, list(words_of)
    while tally.tries < count:
        words = words_of[names[tally.tries % len(names)]]
        _, run, took = bench.reference(words)
        runs = bench.runs()
        for _ in range(min(4, count - tally.tries)):
            resumes = (runs / run / "checkpoints").exists()
            command = ["resume", runs / run] if resumes else ["train", *words, "--workers", "1", "--runs", runs, "--overwrite"]
            # What another kill has left lies there until the run is opened.
            left = unfinished(runs / run)
            process = bench.start(command, stderr=subprocess.DEVNULL)
            if bench.draw.random() < 0.4:
                pause(process, took * bench.draw.random())
            else:
                done = rows_of(runs / run)
                await_rows(process, runs / run, bench.draw.randint(min(done, UPDATES - 1), UPDATES - 1))
                while process.poll() is None and unfinished(runs / run) <= left:
                    time.sleep(LOOK)
            if process.poll() is not None:
                break  # It was faster: nothing was killed.
            process.kill()
            process.wait()
            tally.tries += 1
            inside += not unfinished(runs / run) <= left
        wrong = bench.resumed(words, runs, bench.draw.choice("123"))
        if wrong:
            tally.wrong(f"{words[0]}: {wrong}")
        shutil.rmtree(runs, ignore_errors=True)
    # More than one half aims at them: what hits none does not test them.
    if tally.tries >= MANY and inside < 0.3 * tally.tries:
        tally.wrong(f"only {inside} of {tally.tries} kills came inside a checkpoint")
    tally.notes = [f"{len(names)} algorithms", f"{inside} inside a checkpoint"]
    return tally


def terms(bench, count, words_of):
    """SIGTERM at random instants: saved, 75, within ten seconds."""
    tally, names, longest = Tally("SIGTERM at random instants, then resume"), list(words_of), 0.0
    asked = midway = over = 0
    # Saved are the state at the start, that at the end, and what the signal has saved.
    seldom = {name: [SAVED + "1000" if word == SAVED + "1" else word for word in words]
              for name, words in words_of.items()}
    while asked < count:
        words = seldom[names[tally.tries % len(names)]]
        files, run, took = bench.reference(words)
        runs = bench.runs()
        process = bench.start(["train", *words, "--workers", "1", "--runs", runs])
        # From the first evaluation on: before that there is nothing to save.
        while process.poll() is None and not (runs / run / "checkpoints").exists():
            time.sleep(0.001)
        if bench.draw.random() < 0.75:
            await_rows(process, runs / run, bench.draw.randrange(UPDATES - 1))
            # Anywhere in the update that follows, or the evaluation.
            pause(process, bench.draw.random() * took / UPDATES)
        else:
            # As well in what follows the last update.
            await_rows(process, runs / run, bench.draw.choice([0, UPDATES]))
            pause(process, bench.draw.random() * took)
        before = rows_of(runs / run)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        try:
            said = process.communicate(timeout=OBEDIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
            tally.wrong(f"{words[0]}: not within {OBEDIENCE} s: {said[-300:]}")
        longest = max(longest, time.monotonic() - began)
        tally.tries += 1
        asked += process.returncode == 75
        midway += process.returncode == 75 and 0 < before < UPDATES
        over += process.returncode == 75 and before == UPDATES
        done, saved = rows_of(runs / run), saved_by(runs / run)
        if process.returncode not in (0, 75):
            tally.wrong(f"{words[0]}: it ended with {process.returncode}: {said[-300:]}")
        elif process.returncode == 0 and done != UPDATES:
            tally.wrong(f"{words[0]}: it ended with 0 after {done} of {UPDATES} updates")
        elif saved != done or done < before:
            tally.wrong(f"{words[0]}: {before} updates before the signal, {done} after it, {saved} saved")
        elif process.returncode == 0 and (wrong := differing(files, results(runs / run))):
            tally.wrong(f"{words[0]}: it ended with 0, and is not finished: {wrong}")
        wrong = bench.resumed(words, runs)
        if wrong:
            tally.wrong(f"{words[0]}: {wrong}")
        shutil.rmtree(runs, ignore_errors=True)
        if tally.tries > 3 * count + 10:
            tally.wrong("the trainings are too short to be stopped")
            break
    # Of the instants that are drawn most lie between the first and the last update.
    if asked >= MANY and midway < asked / 2:
        tally.wrong(f"only {midway} of {asked} were stopped between updates")
    tally.notes = [f"{asked} saved with exit 75", f"{midway} between updates",
                   f"{over} after the last", f"longest {longest:.1f} s"]
    return tally


HOSTILE = """\
algorithm = "rl2"
[environment]
name = "hostile"
[evaluation]
tasks = 16
interval = 5
interval_tasks = 2
actions = "sample"
learners = [{ name = "random" }]
[checkpoint]
interval = 2
keep = 2
hash = 1
[rl2]
updates = 100
lanes = 64
tile = 4
backend = "native"
inputs = ["observation", "action", "reward", "outcome"]
reward_scale = 1.0
normalize_advantages = true
value_coefficient = 0.5
max_gradient_norm = 0.5
entropy_coefficient = { from = 0.01, to = 0.0, shape = "linear" }
learning_rate = { from = 1e-3, to = 0.0, shape = "linear" }
gae = { gamma = 0.99, lambda = 0.9 }
outer = { kind = "ppo", clip = 0.2, epochs = 2, minibatches = 2 }
optimizer = { kind = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-5, weight_decay = 0.0 }
policy = { gain = 0.01, std = 1.0 }
trunk = { kind = "gru", hidden = 6, input_gain = 1.0, memory = 2.0 }
"""


def delays(bench, count, words_of):
    """The same bits for any number of workers, with an environment that takes random times."""
    tally, seed = Tally("bits across workers 1 2 3 4 7 16, with delays"), 0
    chosen = [["hostile.toml", "rl2.updates=6", "environment.flaw=hurry"], *words_of.values()]
    while tally.tries < count:
        words, seed = [*chosen[seed % len(chosen)], f"seed={seed}"], seed + 1
        try:
            files, run, _ = bench.reference(words)
        except TimeoutError as slow:
            tally.tries += 1
            tally.wrong(f"left out: {slow}")
            continue
        for workers in bench.draw.sample(["2", "3", "4", "7", "16"], min(5, count - tally.tries)):
            runs = bench.runs()
            code, said = bench.ends(["train", *words, "--workers", workers, "--runs", runs])
            tally.tries += 1
            wrong = differing(files, results(runs / run)) if code == 0 else f"{code}: {said[-300:]}"
            if wrong:
                tally.wrong(f"{words[0]}, {workers} workers: {wrong}")
            shutil.rmtree(runs, ignore_errors=True)
    tally.notes = [f"{min(seed, len(chosen))} trainings, {seed} seeds"]
    return tally


def panics(bench, count):
    """An environment that breaks at a random step: named, saved, exit 70, and again in a replay."""
    tally, flaws = Tally("environment panics, NaN and inf, with replay"), ["late", "late", "late-reward", "late-observation"]
    sentence = re.compile(r"environment 'hostile' (panicked|gave) .* task \d+ of lane \d+ \(seed \d+, .* step \d+.*")
    while tally.tries < count:
        seed, flaw, runs = bench.draw.randrange(2**40), bench.draw.choice(flaws), bench.runs()
        words = ["hostile.toml", f"environment.flaw={flaw}", f"seed={seed}", "--workers", bench.draw.choice("1237")]
        code, said = bench.ends(["train", *words, "--runs", runs], 60)
        tally.tries += 1
        found, command = sentence.search(said), re.search(r"change nothing: .* replay (\S+)", said)
        if code != 70 or not found or not command:
            tally.wrong(f"seed {seed}, {flaw}: {code}: {said[-400:]}")
            continue
        code, again = bench.ends(["replay", command[1], "--workers", bench.draw.choice("1237")], 60)
        if code != 70 or found[0] not in again:
            tally.wrong(f"seed {seed}, {flaw}: the replay ends with {code}: {again[-400:]} and not {found[0]}")
        shutil.rmtree(runs, ignore_errors=True)
    return tally


def hang(bench):
    """An environment that never comes back is named, and can be stopped."""
    tally = Tally("an environment that hangs is named and stopped")
    process = bench.start(["train", "hostile.toml", "environment.flaw=sleep", "--runs", bench.runs()])
    tally.tries, began, said = 1, time.monotonic(), b""
    # A process that says nothing, or no whole line, must not keep this one waiting.
    while b"has not answered for" not in said and (left := began + 60 - time.monotonic()) > 0:
        if select.select([process.stderr], [], [], left)[0]:
            part = os.read(process.stderr.fileno(), 1 << 16)
            if not part:
                break
            said += part
    named = b"has not answered for" in said
    tally.notes = [f"named after {time.monotonic() - began:.0f} s"]
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=OBEDIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
    if not named or process.returncode != 75:
        tally.wrong(f"named: {named}, ended with {process.returncode}")
    return tally


def keys_of(text):
    """Dotted keys of a configuration as `show` prints it."""
    section, keys = "", []
    for line in text.splitlines():
        table, pair = re.match(r"\[([\w.-]+)\]", line), re.match(r"([\w-]+) = ", line)
        if table:
            section = table[1] + "."
        elif pair:
            keys.append(section + pair[1])
    return keys


def settings(bench, count):
    """Random settings are followed or refused, quickly and in little memory."""
    tally, slowest, largest = Tally("random settings on the command line"), 0.0, 0
    presets = [item["name"] for item in bench.json(["list", "presets"])]
    while tally.tries < count:
        preset, words = bench.draw.choice(presets), []
        for _ in range(bench.draw.choice([1, 1, 2, 3])):
            key = bench.draw.choice(bench.keys(preset))
            if bench.draw.random() < 0.1:
                key = key[: bench.draw.randrange(len(key) + 1)] + bench.draw.choice([".", "x", "", "="])
            words.append(f"{key}={bench.draw.choice(VALUES)}")
        began = time.monotonic()
        process = bench.start(["show", preset, *words])
        end = threading.Timer(QUICKLY, process.kill)
        end.start()
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        end.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        slowest, largest = max(slowest, time.monotonic() - began), max(largest, used.ru_maxrss / 1024)
        tally.tries += 1
        cpu = used.ru_utime + used.ru_stime
        if process.returncode not in ENDS or "panicked" in said or cpu > CPU or used.ru_maxrss > MEMORY:
            tally.wrong(f"{preset} {words}: {process.returncode}, {cpu:.1f} s of CPU, {used.ru_maxrss} kB: {said[-300:]}")
    tally.notes = [f"slowest {slowest:.2f} s", f"largest {largest:.0f} MB"]
    return tally


def steps_of(run):
    """Steps of the environment until the last row, and how many rows there are to it."""
    try:
        with open(run / "metrics.jsonl", "rb") as rows:
            rows.seek(max(0, os.fstat(rows.fileno()).st_size - (1 << 16)))
            whole = [line for line in rows.read().split(b"\n")[:-1] if line.startswith(b"{")]
            last = json.loads(whole[-1])
            return last["env_steps"], last["update"]
    except (OSError, IndexError):
        return 0, 0  # There is none yet.


def sample_of(process):
    """Memory in kB, threads and descriptors of a process; `None` of one that is dying."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
    except OSError:
        return None
    numbers = [re.search(rf"^{key}:\s+(\d+)", status, re.M) for key in ("VmRSS", "Threads")]
    return (*(int(number[1]) for number in numbers), descriptors) if all(numbers) else None


def soak(bench, seconds, steps):
    """Memory, threads and descriptors of a long training stay where they are."""
    tally = Tally("memory, threads and descriptors of a long run")
    runs = bench.runs()
    words = ["rl2/bernoulli-bandit-5x10", "rl2.updates=100000000", "rl2.lanes=8192", "rl2.tile=256",
             "rl2.trunk.hidden=8", "evaluation.interval=50", "evaluation.interval_tasks=100",
             "checkpoint.interval=20", "checkpoint.hash=50", 'evaluation.learners=[{name="random"}]']
    process = bench.start(["train", *words, "--workers", "2", "--name", "long", "--runs", runs], stderr=subprocess.DEVNULL)
    run = runs / "long" / "seed-0"
    samples, tally.tries, began, done = [], 1, time.monotonic(), 0
    until = began + (steps / SLOW if steps else seconds)
    while process.poll() is None and time.monotonic() < until and not (steps and done >= steps):
        time.sleep(1 if steps else max(0.2, seconds / 200))
        done, _ = steps_of(run)
        if (sample := sample_of(process)) is not None:
            samples.append(sample)
    took = time.monotonic() - began
    if process.poll() is not None:
        tally.wrong(f"it ended with {process.returncode} before it was told to")
        return tally
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=OBEDIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    done, updates = steps_of(run)
    if process.returncode != 75:
        tally.wrong(f"told to stop, it ended with {process.returncode}")
    if steps and done < steps:
        tally.wrong(f"{done} steps of {steps} in {took:.0f} s")
    if len(samples) < 8:
        tally.wrong(f"{len(samples)} samples in {took:.0f} s say nothing; at least 8 are needed")
        return tally
    # The first quarter is for caches and buffers to find their size. The least of each part
    # grows with whatever stays, and not with what is there for a moment.
    quarter, half = len(samples) // 4, len(samples) // 2
    early, late = zip(*samples[quarter:half]), zip(*samples[half:])
    (memory, threads, files), (more, later, open_later) = ([min(column) for column in part] for part in (early, late))
    if more > memory + SLACK or later != threads or open_later != files:
        tally.wrong(f"memory {memory} to {more} kB, threads {threads} to {later}, descriptors {files} to {open_later}")
    tally.notes = [f"{done / 1e6:.1f} M steps, {updates} updates, {took:.0f} s", f"{memory} to {more} kB",
                   f"{threads} to {later} threads", f"{files} to {open_later} descriptors"]
    return tally


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", type=Path)
    for kind, meaning in (("kills", "kill -9"), ("terms", "SIGTERMs"), ("delays", "trainings beside one with one worker"),
                          ("panics", "environments that break"), ("settings", "random settings"),
                          ("soak", "seconds of a long training"),
                          ("steps", "steps of the environment in one"), ("hangs", "environments that hang")):
        arguments.add_argument(f"--{kind}", type=int, default=0, metavar="N", help=f"{meaning} [default: none]")
    arguments.add_argument("--algorithms", nargs="*", help="only these [default: all]")
    arguments.add_argument("--folder", type=Path, help="where the runs lie for a while [default: the system's place]")
    arguments.add_argument("--seed", type=int, default=0, help="of all chance")
    told = arguments.parse_args()
    # What a shell would say of a process that dies is said by the tables.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=told.folder, ignore_cleanup_errors=True) as folder:
        bench = Bench(told.program, folder, told.seed)
        (Path(folder) / "hostile.toml").write_text(HOSTILE)
        words_of = wide = {}
        tallies = []
        if told.kills or told.terms:
            words_of = trainings(bench, told.algorithms, FEW)
            tallies.append(undisturbed(bench, words_of))
            print(tallies[-1].row(), flush=True)
        if told.delays:
            wide = trainings(bench, told.algorithms, WIDE)
        kinds = [(told.kills if words_of else 0, lambda: kills(bench, told.kills, words_of)),
                 (told.terms if words_of else 0, lambda: terms(bench, told.terms, words_of)),
                 (told.delays, lambda: delays(bench, told.delays, wide)),
                 (told.panics, lambda: panics(bench, told.panics)),
                 (told.settings, lambda: settings(bench, told.settings)),
                 (told.hangs, lambda: hang(bench)),
                 (told.soak or told.steps, lambda: soak(bench, told.soak, told.steps))]
        for count, kind in kinds:
            if count:
                tallies.append(kind())
                print(tallies[-1].row(), flush=True)
    if not tallies:
        arguments.error("nothing to do: ask for --kills N, --terms N, --delays N, --panics N, --settings N, ...")
    sys.exit(1 if any(tally.failures for tally in tallies) else 0)


if __name__ == "__main__":
    main()

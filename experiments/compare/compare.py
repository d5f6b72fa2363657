#!/usr/bin/env python3
"""Times metarl beside its peers, on this machine, in one run.

    python3 experiments/compare/compare.py [rl2] [maml] [learned] [envs] [sb3] [--quick]

Each comparison alternates between our benchmark and the peer's program, A B A B,
because machines are shared and drift; the ratio is the median over the pairs of
the two rates, and its range is printed too. Peers are programs in peers/; what they
need is in requirements-*.txt, and is installed into virtual environments under
--venvs once. The project itself is built first, in release mode. Needs Python 3.10,
cargo, and the network for the first installation of a peer.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Case(NamedTuple):
    """One row of the table: the same work in both."""

    work: str
    ours: list  # arguments of our program after `bench`
    peer: str  # file of peers/
    needs: str  # requirements-<needs>.txt
    arguments: list  # of the peer's program
    lanes: int | None = None  # which of several rows, where there are several
    at_least: float = 0.0  # ratio that is asked for
    steps: int | None = None  # of an iteration, where trials that end early count in full


# What the peers' options are called in our presets.
RL2 = {
    "cell": "cell",
    "hidden": "hidden",
    "envs": "rl2.lanes",
    "minibatches": "rl2.outer.minibatches",
    "arms": "environment.arms",
    "steps": "environment.pulls",
}


def rl2_words(sizes, workers):
    """Arguments of `bench rl2` for options of the peers."""
    settings = (f"{RL2[key]}={value}" for key, value in sizes.items())
    return ["rl2", *settings, "--workers", str(workers)]


def rl2_cases(workers):
    def case(at_least, hidden, envs=1024, minibatches=4, cell="gru"):
        sizes = dict(hidden=hidden, envs=envs, minibatches=minibatches, cell=cell)
        return Case(
            f"RL² {cell.upper()} {hidden}, {envs} envs × {minibatches} minibatches",
            rl2_words(sizes, workers),
            "rl2_jax.py",
            "jax",
            [word for key, value in sizes.items() for word in (f"--{key}", str(value))],
            at_least=at_least,
        )

    return [
        case(3.2, 64),
        case(2.2, 128),
        case(1.6, 256),
        case(3.2, 64, envs=64, minibatches=1),
        case(0.0, 64, cell="lstm"),
        case(3.0, 64, cell="min-gru"),
        case(2.3, 128, cell="min-gru"),
        case(4.0, 64, cell="transformer"),
    ]


def envs_cases(workers):
    def case(name, peer, needs, lanes):
        ours = ["envs", name, "--workers", str(workers)]
        return Case(f"{name}, {lanes} lanes", ours, peer, needs,
                    ["--lanes", str(lanes)], lanes, at_least=20.0)

    bandit = [case("bernoulli-bandit", "env_gymnax.py", "gymnax", n) for n in (64, 1024, 4096)]
    grid = [case("empty-grid", "env_xminigrid.py", "xminigrid", n) for n in (64, 1024, 4096)]
    return bandit + grid


def maml_cases(workers):
    sizes = dict(tasks=20, trajectories=20, horizon=100, hidden=64)
    same = ["maml.tasks=20", "maml.trajectories=20", "environment.horizon=100",
            "maml.policy.hidden=[64, 64]"]

    def case(at_least, outer, order="second"):
        kind = dict(outer=outer, order=order)
        # The preset's own outer step is TRPO, with all that it takes.
        settings = same if outer == "trpo" else ['maml.outer={kind="%s"}' % outer, *same]
        name = "MAML" if order == "second" else "first-order MAML"
        return Case(
            f"{name}, {outer.upper()}, 20 tasks × (20 + 20) × 100 steps",
            ["maml", *settings, f"maml.order={order}", "--workers", str(workers)],
            "maml_jax.py",
            "jax",
            [word for key, value in (sizes | kind).items() for word in (f"--{key}", str(value))],
            at_least=at_least,
            steps=20 * (20 + 20) * 100,
        )

    return [case(5.0, "trpo"), case(2.0, "vpg"), case(0.0, "vpg", "first")]


def learned_cases(workers):
    def case(at_least, problems):
        return Case(
            f"learned optimizer, LSTM 20-20, {problems} quadratics × 100 steps",
            ["learned-optimizer", f"learned-optimizer.problems={problems}",
             "--workers", str(workers)],
            "learned_optimizer_jax.py",
            "jax",
            ["--problems", str(problems)],
            at_least=at_least,
        )

    return [case(5.0, 12), case(0.0, 128)]


def sb3_cases(workers):
    def case(at_least, minibatches):
        sizes = dict(hidden=64, envs=64, minibatches=minibatches)
        return Case(
            f"RL² LSTM 64, 64 envs × {minibatches} minibatches",
            rl2_words(sizes | dict(cell="lstm"), workers),
            "sb3_recurrent_ppo.py",
            "sb3",
            [*(word for key, value in sizes.items() for word in (f"--{key}", str(value))),
             "--threads", str(workers)],
            at_least=at_least,
        )

    # In one minibatch its sequences are not cut up, which makes it three times as fast.
    return [case(50.0, 4), case(0.0, 1)]


PARTS = {
    "rl2": rl2_cases,
    "maml": maml_cases,
    "learned": learned_cases,
    "envs": envs_cases,
    "sb3": sb3_cases,
}


def python_of(venvs, needs):
    """The interpreter of a peer's environment, which is made if need be."""
    wanted = (HERE / f"requirements-{needs}.txt").read_text()
    home = venvs / needs
    python, stamp = home / "bin" / "python", home / f"installed-{needs}.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {needs} into {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        requirements = HERE / f"requirements-{needs}.txt"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        # Written last, so that an installation that was cut short is done again.
        stamp.write_text(wanted)
    return python


def rows_of(command, **options):
    """What a program prints, one JSON object per line."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}, see above")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(binary):
    """Runs a benchmark of ours; the rate of one of its rows."""

    def run(case):
        rows = rows_of([binary, "bench", *case.ours, "--json"])
        return next(row for row in rows if case.lanes in (None, row.get("lanes")))

    return run


def theirs(venvs, workers):
    """Runs a peer's program on as many cores."""
    cores = sorted(os.sched_getaffinity(0))[:workers]

    def run(case):
        python = python_of(venvs, case.needs)
        program = HERE / "peers" / case.peer
        limit = dict(preexec_fn=lambda: os.sched_setaffinity(0, cores))
        return rows_of([python, program, *case.arguments], **limit)[0]

    return run


def compare(case, ours, theirs, pairs):
    """Rates of alternating runs: [(ours, theirs)], and what the peer calls itself."""
    rates, peer = [], ""
    for _ in range(pairs):
        a, b = ours(case), theirs(case)
        peer = b["peer"]
        rates.append((rate(case, a), rate(case, b)))
        print(f"  {case.work}: {short(rates[-1][0])} and {short(rates[-1][1])} steps/s",
              file=sys.stderr)
    return rates, peer


def rate(case, row):
    """Environment steps per second."""
    if case.steps is None:
        return row["env_steps_per_second"]
    return case.steps / row["seconds_per_iteration"]


def short(number):
    for size, letter in [(1e9, "G"), (1e6, "M"), (1e3, "k")]:
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def table_row(case, rates, peer):
    ratios = sorted(a / b for a, b in rates)
    ratio = statistics.median(ratios)
    mark = ""
    if case.at_least:
        mark = f" (asked: {case.at_least:g}{'' if ratio >= case.at_least else ', missed'})"
    ours, theirs = (statistics.median(column) for column in zip(*rates))
    return (f"| {case.work} | {peer} | {short(ours)} | {short(theirs)} "
            f"| **{ratio:.3g} ×**{mark} | {ratios[0]:.3g} to {ratios[-1]:.3g} |")


def cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def build():
    """Builds the project in release mode; its program."""
    subprocess.run(["cargo", "build", "--release", "-p", "experiments"], cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release" / "experiments"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"what to compare, of {', '.join(PARTS)} [default: all]")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each [default: 3]")
    parser.add_argument("--quick", action="store_true", help="one pair of each")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="threads of ours, and cores of the peer's [default: all]")
    parser.add_argument("--venvs", type=Path, default=ROOT / "target" / "peers",
                        help="where peers are installed [default: target/peers]")
    parser.add_argument("--program", type=Path, help="a built program, not to build one")
    options = parser.parse_args()
    parts = options.parts or list(PARTS)
    pairs = 1 if options.quick else options.pairs
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; allowed: {', '.join(PARTS)}")
    if pairs < 1 or options.workers < 1:
        parser.error("--pairs and --workers must be at least 1")

    run_ours = ours(options.program or build())
    run_theirs = theirs(options.venvs.resolve(), options.workers)
    cases = [case for part in parts for case in PARTS[part](options.workers)]
    for needs in sorted({case.needs for case in cases}):
        python_of(options.venvs.resolve(), needs)  # before anything is timed
    print(f"{cpu()}, {options.workers} of {os.cpu_count()} cores; {pairs} alternating pairs; "
          "environment steps per second\n")
    print("| work | peer | metarl | peer's rate | ratio, median | range |\n|---|---|---|---|---|---|")
    for case in cases:
        print(table_row(case, *compare(case, run_ours, run_theirs, pairs)), flush=True)


if __name__ == "__main__":
    main()

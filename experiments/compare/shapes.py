#!/usr/bin/env python3
"""How RL²'s iteration fares at other shapes, and on all workers against one.

    python3 experiments/compare/shapes.py [--pairs N]

Every row changes one number of the shape that compare.py times. One worker and all
of them alternate, and so does each shape's own rate of plain matrix products, which
`bench rl2` measures in the same process on as many threads: where the machine gives
less than its share to the second thread, both show it.
"""

import argparse
import os
import statistics
from pathlib import Path

from compare import build, cpu, rl2_words, rows_of, short

PLAIN = dict(cell="gru", arms=10, hidden=64, steps=100, envs=1024, minibatches=4)
SHAPES = [
    {},
    *(dict(arms=arms) for arms in (3, 50)),
    *(dict(hidden=hidden) for hidden in (32, 128, 256, 512)),
    *(dict(steps=steps) for steps in (50, 500, 1000)),
    *(dict(envs=envs, minibatches=1) for envs in (16, 64)),
    *(dict(envs=envs) for envs in (256, 4096)),
    dict(cell="lstm"),
    dict(cell="lstm", hidden=256),
]


def run(program, shape, workers):
    return rows_of([program, "bench", *rl2_words(shape, workers), "--json"])[0]


def row(program, change, workers, pairs):
    shape = PLAIN | change
    one, all_ = [], []
    for _ in range(pairs):
        one.append(run(program, shape, 1))
        all_.append(run(program, shape, workers))
    median = lambda rows, key: statistics.median(row[key] for row in rows)
    gain = lambda key: statistics.median(b[key] / a[key] for a, b in zip(one, all_))
    name = ", ".join(f"{key} {value}" for key, value in change.items()) or "as in compare.py"
    rate, gflops = median(all_, "env_steps_per_second"), median(all_, "gflops")
    share = median(all_, "fraction_of_sgemm")
    return (f"| {name} | {short(rate)} | {gflops:.0f} | {share:.2f} "
            f"| {gain('env_steps_per_second'):.2f} | {gain('sgemm_gflops'):.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3, help="runs of each [default: 3]")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="threads to hold against one [default: all]")
    parser.add_argument("--program", type=Path, help="a built program, not to build one")
    options = parser.parse_args()
    if options.pairs < 1 or options.workers < 1:
        parser.error("--pairs and --workers must be at least 1")
    program = options.program or build()
    print(f"{cpu()}, {options.workers} workers against one, {options.pairs} alternating pairs, "
          "medians\n")
    print("| changed | steps/s | GFLOP/s | of sgemm | workers' gain | sgemm's gain |")
    print("|---|---|---|---|---|---|")
    for change in SHAPES:
        print(row(program, change, options.workers, options.pairs), flush=True)


if __name__ == "__main__":
    main()

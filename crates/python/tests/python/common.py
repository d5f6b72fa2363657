"""What the tests of the package share."""

import os
import signal
import sys
import tempfile
import time
import traceback

import metarl
import numpy as np

TINY = {
    "rl2.updates": 6,
    "rl2.lanes": 64,
    "rl2.tile": 32,
    "rl2.trunk.hidden": 8,
    "rl2.outer.minibatches": 2,
    "evaluation.tasks": 150,
    "evaluation.interval": 3,
    "evaluation.interval_tasks": 70,
    "evaluation.learners": [{"name": "random"}],
    "checkpoint.interval": 100,
}


def raises(kind, call, *words):
    try:
        call()
    except kind as error:
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"{missing} not in: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def same(one, other):
    """Equal to the bit, and of one type."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype and one.shape == other.shape, (one.dtype, other.dtype)
    assert one.tobytes() == other.tobytes(), (one, other)


def lived(agent, tasks, lanes, seed, refused=None):
    """Returns of the agent's trials, lived by Python; before each act `refused` may try some."""
    returns = []
    for first in range(0, tasks, lanes):
        envs = agent.make_vec(lanes)
        observation, _ = envs.reset(seed=seed, options={"first_lane": first})
        state = agent.start(lanes, first_lane=first)
        action, state = agent.act(observation, state=state)
        total, alive = np.zeros(lanes), np.ones(lanes, bool)
        while alive.any():
            step = envs.step(action)
            total[alive] += step[1][alive].astype(np.float64)
            alive &= ~step[4].get("trial_start", np.zeros(lanes, bool))
            if refused:
                refused(step, state)
            action, state = agent.act(*step, state=state)
        returns.append(total)
    return np.concatenate(returns)


def trained(name, preset="quickstart", overrides=None, **kwargs):
    return metarl.train(preset, {**TINY, **(overrides or {})}, name=name, workers=2, **kwargs)


def main(namespace):
    """Runs the tests of a file, in a folder that goes with them: every function whose name
    begins with `test_`, or those with a word of the command line in it.
    """
    tests = [(name, test) for name, test in namespace.items() if name.startswith("test_")]
    # Whoever started this in the background may have had it ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, test in tests:
            if wanted and not any(word in name for word in wanted):
                continue
            start = time.perf_counter()
            try:
                test()
                print(f"{name} ok, {time.perf_counter() - start:.2f} s")
            except Exception:
                failed += 1
                print(f"{name} FAILED")
                traceback.print_exc(file=sys.stdout)
        os.chdir("/")
    sys.exit(failed)

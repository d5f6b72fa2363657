"""Steps per second from Python, and how long the import takes; run by hand, on a package that was
built with optimization and a machine that has nothing else to do:

    python crates/python/tests/python/speed.py

Every figure is the best of many short runs, since other work only ever slows one down. It fails
where one falls short of what is promised.
"""

import resource
import subprocess
import sys
import time

import gymnasium
import metarl
import numpy as np

TRIES = 9
BURSTS = 400
# Steps a second that are promised of so many lanes, seconds of an import, and bytes that ten
# million steps may leave behind.
LEAST = {64: 30e6, 1024: 150e6}
IMPORT = 0.2
LEFT = 1 << 20


def rate(lanes, copy, steps):
    """Bandit steps per second with actions that are there already."""
    envs = metarl.make_vec("bernoulli-bandit", lanes, copy=copy, arms=5, pulls=100)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(5, size=lanes)
    step = envs.step
    best = np.inf
    for _ in range(BURSTS):
        start = time.perf_counter()
        for _ in range(steps):
            step(actions)
        best = min(best, (time.perf_counter() - start) / steps)
    return best


class Nothing(gymnasium.vector.VectorEnv):
    """An environment of Python's that computes nothing."""

    metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.DISABLED}
    single_observation_space = gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)
    single_action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, lanes):
        self.num_envs = lanes
        self.rows = np.zeros((lanes, 4), np.float32), np.zeros(lanes), np.zeros(lanes, bool)

    def reset(self, *, seed=None, options=None):
        return self.rows[0], {}

    def step(self, actions):
        return self.rows[0], self.rows[1], self.rows[2], self.rows[2], {}


def bridge(tiles=40, horizon=500):
    """Seconds that a batch step of 64 lanes of it takes, played at random."""
    metarl.register("nothing", Nothing, horizon=horizon, episodes=1)

    def once(name, **settings):
        start = time.perf_counter()
        metarl.baseline(name, "random", tasks=64 * tiles, workers=1, **settings)
        return (time.perf_counter() - start) / (tiles * horizon)

    python = min(once("nothing") for _ in range(TRIES))
    return python, min(once("bernoulli-bandit", pulls=horizon) for _ in range(TRIES))


def growth(steps=10_000):
    """Bytes that the process grew by in ten million lane-steps and more."""
    envs = metarl.make_vec("bernoulli-bandit", 1024, arms=5, pulls=100)
    envs.reset(seed=0)
    actions = np.zeros(1024, np.int64)
    for _ in range(1000):
        envs.step(actions)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(steps):
        envs.step(actions)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def importing():
    """Seconds that `import metarl` takes in a fresh process, without Python's own start."""
    program = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

    def once(module):
        command = [sys.executable, "-c", program.format(module)]
        return float(subprocess.run(command, check=True, capture_output=True).stdout)

    return [min(once(module) for _ in range(TRIES)) for module in ("metarl", "metarl.envs")]


def main():
    best = {}
    print("lanes   arrays   µs a step   million steps a second")
    for lanes in (1, 64, 256, 1024, 4096):
        for copy in (True, False):
            seconds = rate(lanes, copy, max(20, 60_000 // (lanes + 60)))
            best[lanes] = max(best.get(lanes, 0.0), lanes / seconds)
            kind = "copies" if copy else "views "
            print(f"{lanes:5}   {kind}   {seconds * 1e6:9.2f}   {lanes / seconds / 1e6:10.1f}")
    python, native = bridge()
    print(
        f"a batch step of 64 lanes played at random: {python * 1e6:.1f} µs through Python, where "
        f"its environment computes nothing; bernoulli-bandit {native * 1e6:.1f} µs"
    )
    grown = growth()
    print(f"memory grew by {grown} bytes in 10,240,000 steps")
    first, envs = importing()
    print(f"import metarl: {first:.3f} s; with Gymnasium and NumPy, metarl.envs: {envs:.3f} s")
    short = []
    for lanes, least in LEAST.items():
        if best[lanes] < least:
            short.append(f"{lanes} lanes: {best[lanes]:.4g} steps a second; promised: {least:.4g}")
    if max(first, envs) >= IMPORT:
        short.append(f"an import takes {max(first, envs):.3f} s; promised: less than {IMPORT} s")
    if grown > LEFT:
        short.append(f"memory grew by {grown} bytes; promised: at most {LEFT}")
    sys.exit("\n".join(short) or None)


if __name__ == "__main__":
    main()

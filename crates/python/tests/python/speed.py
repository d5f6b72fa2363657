"""Steps per second from Python, and how long the import takes; run by hand:

    python crates/python/tests/python/speed.py

Every figure is the best of several runs, since other work only ever slows one down.
"""

import subprocess
import sys
import time

import gymnasium
import metarl
import numpy as np

TRIES = 9


def rate(lanes, copy, steps):
    """Bandit steps per second with actions that are there already."""
    envs = metarl.make_vec("bernoulli-bandit", lanes, copy=copy, arms=5, pulls=100)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(5, size=lanes)
    step = envs.step
    best = np.inf
    for _ in range(TRIES):
        start = time.perf_counter()
        for _ in range(steps):
            step(actions)
        best = min(best, (time.perf_counter() - start) / steps)
    return best


def bridge(lanes, steps=2000):
    """What a batch of an environment of Python's costs beyond the environment."""
    from metarl.bridge import Batch

    class Nothing(gymnasium.vector.VectorEnv):
        metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.DISABLED}
        num_envs = lanes
        rows = np.zeros((lanes, 4), np.float32), np.zeros(lanes), np.zeros(lanes, bool)

        def step(self, actions):
            return self.rows[0], self.rows[1], self.rows[2], self.rows[2], {}

    batch, actions = Batch(Nothing()), np.zeros(lanes, np.int64)
    best = np.inf
    for _ in range(TRIES):
        start = time.perf_counter()
        for _ in range(steps):
            batch.step(actions)
        best = min(best, (time.perf_counter() - start) / steps)
    return best


def importing():
    """Seconds that `import metarl` takes in a fresh process, without Python's own start."""
    program = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

    def once(module):
        command = [sys.executable, "-c", program.format(module)]
        return float(subprocess.run(command, check=True, capture_output=True).stdout)

    return [min(once(module) for _ in range(TRIES)) for module in ("metarl", "metarl.envs")]


def main():
    print("lanes   arrays   µs a step   million steps a second")
    for lanes in (1, 64, 256, 1024, 4096):
        for copy in (True, False):
            seconds = rate(lanes, copy, max(200, 400_000 // (lanes + 60)))
            kind = "copies" if copy else "views "
            print(f"{lanes:5}   {kind}   {seconds * 1e6:9.2f}   {lanes / seconds / 1e6:10.1f}")
    print(f"Python's half of the bridge, 32 lanes: {bridge(32) * 1e6:.1f} µs a step")
    first, envs = importing()
    print(f"import metarl: {first:.3f} s; with Gymnasium and NumPy, metarl.envs: {envs:.3f} s")


if __name__ == "__main__":
    main()

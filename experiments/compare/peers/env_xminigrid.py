"""Environment steps per second of XLand-MiniGrid's MiniGrid-Empty-8x8.

Actions are drawn beforehand. Episodes are not begun anew when they end, which
flatters it: nothing of a reset is in its loop.

    python env_xminigrid.py --lanes 64 1024 4096

prints one JSON object per number of lanes: the median of several timed loops.
"""

import argparse
import json
import statistics
import time
from importlib.metadata import version

import jax
import jax.numpy as jnp
import xminigrid


def rate(lanes, steps, repeats):
    env, params = xminigrid.make("MiniGrid-Empty-8x8")
    reset = jax.vmap(env.reset, in_axes=(None, 0))
    step = jax.vmap(env.step, in_axes=(None, 0, 0))

    @jax.jit
    def run(timestep, actions):
        def one(carry, action):
            timestep, total = carry
            timestep = step(params, timestep, action)
            # Everything is used, so that nothing can be left out.
            seen = timestep.observation.sum() + timestep.reward.sum()
            return (timestep, total + seen), None

        return jax.lax.scan(one, (timestep, jnp.float32(0.0)), actions)[0]

    key = jax.random.PRNGKey(0)
    first = jax.jit(reset)(params, jax.random.split(key, lanes))
    actions = jax.random.randint(key, (steps, lanes), 0, env.num_actions(params))
    seconds = []
    for _ in range(1 + repeats):  # the first one compiles
        start = time.perf_counter()
        _, total = run(first, actions)
        total.block_until_ready()
        seconds.append(time.perf_counter() - start)
    return steps * lanes / statistics.median(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", type=int, nargs="+", default=[64, 1024, 4096])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for lanes in arguments.lanes:
        print(json.dumps({
            "peer": f"XLand-MiniGrid {version('xminigrid')}",
            "lanes": lanes,
            "env_steps_per_second": rate(lanes, arguments.steps, arguments.repeats),
        }), flush=True)


if __name__ == "__main__":
    main()

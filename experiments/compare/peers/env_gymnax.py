"""Environment steps per second of gymnax's two-armed Bernoulli bandit.

Actions are drawn beforehand; episodes end and begin anew inside the compiled loop.

    python env_gymnax.py --lanes 64 1024 4096

prints one JSON object per number of lanes: the median of several timed loops.
"""

import argparse
import json
import statistics
import time
from importlib.metadata import version

import gymnax
import jax
import jax.numpy as jnp


def rate(lanes, steps, repeats):
    env, params = gymnax.make("BernoulliBandit-misc")
    reset = jax.vmap(env.reset, in_axes=(0, None))
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    @jax.jit
    def run(key, state, actions):
        def one(carry, action):
            key, state, total = carry
            key, now = jax.random.split(key)
            observation, state, reward, *_ = step(
                jax.random.split(now, lanes), state, action, params
            )
            # Everything is used, so that nothing can be left out.
            return (key, state, total + reward.sum() + observation.sum()), None

        (_, state, total), _ = jax.lax.scan(one, (key, state, 0.0), actions)
        return state, total

    key = jax.random.PRNGKey(0)
    _, state = reset(jax.random.split(key, lanes), params)
    actions = jax.random.randint(key, (steps, lanes), 0, env.num_actions)
    seconds = []
    for _ in range(1 + repeats):  # the first one compiles
        start = time.perf_counter()
        state, total = run(key, state, actions)
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
            "peer": f"gymnax {version('gymnax')}",
            "lanes": lanes,
            "env_steps_per_second": rate(lanes, arguments.steps, arguments.repeats),
        }), flush=True)


if __name__ == "__main__":
    main()

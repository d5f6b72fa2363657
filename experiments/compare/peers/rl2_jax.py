"""RL² on Bernoulli bandits as one compiled JAX program.

The whole PPO iteration is a single `jit`: a rollout with sampling, generalized
advantage estimation, and epochs of minibatches over environments with full
backpropagation through time. This is how JAX programs for reinforcement learning
get their speed, and the work is what `experiments bench rl2` measures.

    python rl2_jax.py --arms 10 --hidden 64 --envs 1024 --steps 100

prints one JSON object: the median over iterations of one complete iteration.
"""

import argparse
import json
import statistics
import time
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import memories_jax
import optax

DISCOUNT, TRACE = 0.99, 0.95
CLIP, VALUE_WEIGHT, ENTROPY_WEIGHT = 0.2, 0.5, 0.01
GRADIENT_NORM, LEARNING_RATE = 0.5, 3e-4


class Sizes(NamedTuple):
    arms: int = 10
    hidden: int = 64
    envs: int = 1024
    steps: int = 100
    epochs: int = 4
    minibatches: int = 4
    cell: str = "gru"  # or lstm, min-gru, transformer
    layers: int = 2  # of the last two
    heads: int = 4  # of the last


class Rollout(NamedTuple):
    """What happened, time-major: [steps, envs] each, inputs [steps, envs, arms + 2]."""

    inputs: jax.Array
    actions: jax.Array
    log_probs: jax.Array
    values: jax.Array
    rewards: jax.Array


class Trunk(nn.Module):
    """A recurrent cell over time."""

    hidden: int
    cell: str

    @partial(nn.scan, variable_broadcast="params", split_rngs={"params": False})
    @nn.compact
    def __call__(self, memory, inputs):
        kind = {"gru": nn.GRUCell, "lstm": nn.OptimizedLSTMCell}[self.cell]
        return kind(self.hidden, name="cell")(memory, inputs)


class Agent(nn.Module):
    """One trunk under a policy head and a value head."""

    sizes: Sizes

    @nn.compact
    def __call__(self, memory, inputs):
        if self.sizes.cell in memories_jax.WIDER:
            trunk = memories_jax.Blocks(self.sizes, name="trunk")
        else:
            trunk = Trunk(self.sizes.hidden, self.sizes.cell, name="trunk")
        memory, features = trunk(memory, inputs)
        logits = nn.Dense(self.sizes.arms, name="policy")(features)
        value = nn.Dense(1, name="value")(features)
        return memory, logits, value[..., 0]


def empty_memory(sizes, lanes):
    if sizes.cell in memories_jax.WIDER:
        return memories_jax.empty_memory(sizes, lanes)
    zeros = jnp.zeros((lanes, sizes.hidden))
    return zeros if sizes.cell == "gru" else (zeros, zeros)


def encode(sizes, action, reward, begins):
    """Previous action (one-hot, nothing at the start), previous reward, start flag."""
    one_hot = jax.nn.one_hot(action, sizes.arms) * (1.0 - begins)[:, None]
    return jnp.concatenate([one_hot, reward[:, None], begins[:, None]], axis=-1)


def initial_parameters(sizes, key):
    inputs = jnp.zeros((1, sizes.envs, sizes.arms + 2))
    return Agent(sizes).init(key, empty_memory(sizes, sizes.envs), inputs)


def rollout(sizes, params, key):
    """One trial of `steps` pulls on a fresh bandit in every environment."""
    agent = Agent(sizes)
    task_key, step_key = jax.random.split(key)
    payoffs = jax.random.uniform(task_key, (sizes.envs, sizes.arms))
    nothing, start = jnp.zeros(sizes.envs), jnp.ones(sizes.envs)

    def step(carry, key):
        memory, inputs = carry
        memory, logits, value = agent.apply(params, memory, inputs[None])
        act_key, pay_key = jax.random.split(key)
        action = jax.random.categorical(act_key, logits[0])
        chosen = jnp.arange(sizes.envs), action
        log_prob = jax.nn.log_softmax(logits[0])[chosen]
        reward = (jax.random.uniform(pay_key, (sizes.envs,)) < payoffs[chosen]).astype(jnp.float32)
        row = Rollout(inputs, action, log_prob, value[0], reward)
        return (memory, encode(sizes, action, reward, nothing)), row

    first = encode(sizes, jnp.zeros(sizes.envs, jnp.int32), nothing, start)
    keys = jax.random.split(step_key, sizes.steps)
    return jax.lax.scan(step, (empty_memory(sizes, sizes.envs), first), keys)[1]


def advantages(values, rewards):
    """Generalized advantage estimation; every trial ends with the rollout."""

    def step(carry, row):
        advantage, next_value = carry
        value, reward = row
        advantage = reward + DISCOUNT * next_value - value + DISCOUNT * TRACE * advantage
        return (advantage, value), advantage

    nothing = jnp.zeros(values.shape[1])
    return jax.lax.scan(step, (nothing, nothing), (values, rewards), reverse=True)[1]


def loss(sizes, params, samples, advantage):
    """PPO's clipped objective, the value's error and the entropy, means over samples."""
    memory = empty_memory(sizes, samples.actions.shape[1])
    _, logits, values = Agent(sizes).apply(params, memory, samples.inputs)
    log_policy = jax.nn.log_softmax(logits)
    log_prob = jnp.take_along_axis(log_policy, samples.actions[..., None], axis=-1)[..., 0]
    ratio = jnp.exp(log_prob - samples.log_probs)
    returns = advantage + samples.values
    scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    surrogate = jnp.minimum(ratio * scaled, jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * scaled)
    entropy = -(jnp.exp(log_policy) * log_policy).sum(-1)
    value_error = 0.5 * (values - returns) ** 2
    return -surrogate.mean() + VALUE_WEIGHT * value_error.mean() - ENTROPY_WEIGHT * entropy.mean()


def optimizer():
    return optax.chain(
        optax.clip_by_global_norm(GRADIENT_NORM), optax.adam(LEARNING_RATE, eps=1e-5)
    )


def iteration(sizes, params, state, key):
    """One complete PPO iteration; also returns the mean return of its trials."""
    rollout_key, shuffle_key = jax.random.split(key)
    samples = rollout(sizes, params, rollout_key)
    advantage = advantages(samples.values, samples.rewards)

    def minibatch(carry, lanes):
        params, state = carry
        part = jax.tree.map(lambda rows: rows[:, lanes], samples)
        gradient = jax.grad(partial(loss, sizes))(params, part, advantage[:, lanes])
        updates, state = optimizer().update(gradient, state)
        return (optax.apply_updates(params, updates), state), None

    def epoch(carry, key):
        lanes = jax.random.permutation(key, sizes.envs).reshape(sizes.minibatches, -1)
        return jax.lax.scan(minibatch, carry, lanes)[0], None

    keys = jax.random.split(shuffle_key, sizes.epochs)
    (params, state), _ = jax.lax.scan(epoch, (params, state), keys)
    return params, state, samples.rewards.sum(0).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--iterations", type=int, default=5)
    arguments = vars(parser.parse_args())
    iterations = arguments.pop("iterations")
    sizes = Sizes(**arguments)
    if sizes.envs % sizes.minibatches:
        parser.error(f"--minibatches {sizes.minibatches} must divide --envs {sizes.envs}")

    key = jax.random.PRNGKey(0)
    params = initial_parameters(sizes, key)
    state = optimizer().init(params)
    step = jax.jit(partial(iteration, sizes))
    seconds = []
    for _ in range(1 + iterations):  # the first one compiles
        key, now = jax.random.split(key)
        start = time.perf_counter()
        params, state, mean_return = step(params, state, now)
        mean_return.block_until_ready()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])
    rate = sizes.envs * sizes.steps / median
    print(json.dumps(sizes._asdict() | {
        "peer": f"JAX {jax.__version__}",
        "seconds_per_iteration": median,
        "env_steps_per_second": rate,
    }))


if __name__ == "__main__":
    main()

"""MAML-RL on 2-D point navigation as one compiled JAX program.

A whole meta-iteration is a single `jit`, tasks side by side by `vmap`: trajectories
before and after one inner gradient step, advantages over a linear baseline, and the
outer step, which differentiates through the adaptation: TRPO with conjugate gradient
and a line search, or one step along the policy gradient. This is the work that
`experiments bench maml` measures.

    python maml_jax.py --outer trpo --tasks 20 --trajectories 20 --horizon 100 --hidden 64

prints one JSON object: the median over iterations of one complete iteration.
"""

import argparse
import json
import statistics
import time
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

DISCOUNT, TRACE, RIDGE = 0.99, 1.0, 1e-5
INNER_RATE, OUTER_RATE = 0.1, 1e-2
MAX_KL, DAMPING, ITERATIONS = 1e-2, 1e-5, 10
BACKTRACKS, SHRINK = 15, 0.8
FARTHEST, REACH, NEAR = 0.5, 0.1, 0.01
TINY = 1e-12  # keeps divisors from being 0


class Sizes(NamedTuple):
    tasks: int = 20
    trajectories: int = 20
    horizon: int = 100
    hidden: int = 64
    outer: str = "trpo"
    order: str = "second"


class Samples(NamedTuple):
    """Trajectories in one task, time-major: [horizon, trajectories] and, of the
    first two, [2] each. What follows an episode's end has weight 0."""

    positions: jax.Array
    moves: jax.Array
    rewards: jax.Array
    weights: jax.Array


class Normal(NamedTuple):
    """Independent normal distributions, one for each coordinate."""

    mean: jax.Array
    log_std: jax.Array

    def log_density(self, at):
        scaled = (at - self.mean) * jnp.exp(-self.log_std)
        each = -0.5 * scaled**2 - self.log_std - 0.5 * jnp.log(2 * jnp.pi)
        return each.sum(-1)

    def divergence_from(self, other):
        """KL(other ‖ self)."""
        spread = jnp.exp(2 * other.log_std) + (other.mean - self.mean) ** 2
        each = self.log_std - other.log_std + 0.5 * spread * jnp.exp(-2 * self.log_std) - 0.5
        return each.sum(-1)


def initial_parameters(sizes, key):
    widths = [2, sizes.hidden, sizes.hidden, 2]
    xavier = jax.nn.initializers.glorot_normal()
    layers = zip(jax.random.split(key, 3), widths, widths[1:])
    weights = [(xavier(key, (rows, columns)), jnp.zeros(columns)) for key, rows, columns in layers]
    return {"layers": weights, "log_std": jnp.zeros(2)}


def policy(params, positions):
    *hidden, (weight, bias) = params["layers"]
    features = positions
    for own_weight, own_bias in hidden:
        features = jnp.tanh(features @ own_weight + own_bias)
    return Normal(features @ weight + bias, params["log_std"])


def mean(samples, values):
    """The mean over samples that are of an episode."""
    return (values * samples.weights).sum() / samples.weights.sum()


def collect(sizes, params, goal, key):
    """Trajectories from the origin, of one task."""

    def step(carry, key):
        position, alive = carry
        chosen = policy(params, position)
        noise = jax.random.normal(key, position.shape)
        move = chosen.mean + jnp.exp(chosen.log_std) * noise
        after = position + jnp.clip(move, -REACH, REACH)
        away = after - goal
        reward = -jnp.sqrt((away**2).sum(-1)) * alive
        reached = (jnp.abs(away) < NEAR).all(-1)
        return (after, alive * (1 - reached)), Samples(position, move, reward, alive)

    start = jnp.zeros((sizes.trajectories, 2)), jnp.ones(sizes.trajectories)
    return jax.lax.scan(step, start, jax.random.split(key, sizes.horizon))[1]


def backward_sum(rows, decay):
    """Σ_k decay^k rows[t + k] for every t."""

    def step(later, row):
        now = row + decay * later
        return now, now

    return jax.lax.scan(step, jnp.zeros(rows.shape[1]), rows, reverse=True)[1]


def advantages(samples):
    """Generalized advantage estimates over a linear baseline of position and time
    that is fitted to these very samples, normalized."""
    position, weights = samples.positions, samples.weights
    times = jnp.arange(len(position)) / 100.0
    times = jnp.broadcast_to(times[:, None, None], (*weights.shape, 1))
    powers = [position, position**2, times, times**2, times**3, jnp.ones_like(times)]
    features = jnp.concatenate(powers, -1) * weights[..., None]
    matrix = features.reshape(-1, features.shape[-1])
    targets = (backward_sum(samples.rewards, DISCOUNT) * weights).reshape(-1)
    square = matrix.T @ matrix + RIDGE * jnp.eye(matrix.shape[1])
    values = features @ jnp.linalg.solve(square, matrix.T @ targets)
    next_values = jnp.concatenate([values[1:], jnp.zeros_like(values[:1])])
    errors = samples.rewards + DISCOUNT * next_values - values
    raw = backward_sum(errors, DISCOUNT * TRACE)
    centred = raw - mean(samples, raw)
    return centred / (jnp.sqrt(mean(samples, centred**2)) + 1e-8) * weights


def adapt(sizes, params, samples):
    """One step down the policy gradient."""
    advantage = advantages(samples)

    def loss(params):
        log_density = policy(params, samples.positions).log_density(samples.moves)
        return -mean(samples, log_density * advantage)

    gradient = jax.grad(loss)(params)
    if sizes.order == "first":
        gradient = jax.lax.stop_gradient(gradient)
    return jax.tree.map(lambda param, slope: param - INNER_RATE * slope, params, gradient)


def conjugate_gradient(product, right):
    """Solves product(x) = right, roughly."""

    def step(carry, _):
        x, residual, direction, size = carry
        bent = product(direction)
        length = size / (direction @ bent + TINY)
        x, residual = x + length * direction, residual - length * bent
        new_size = residual @ residual
        direction = residual + new_size / (size + TINY) * direction
        return (x, residual, direction, new_size), None

    start = (jnp.zeros_like(right), right, right, right @ right)
    return jax.lax.scan(step, start, None, length=ITERATIONS)[0][0]


def line_search(objective, params, direction):
    """The longest of some steps that lowers the loss and stays near enough."""
    before = objective(params)[0]

    def going_on(carry):
        tried, found, _ = carry
        return (tried < BACKTRACKS) & ~found

    def attempt(carry):
        tried, _, _ = carry
        moved = params - SHRINK**tried * direction
        loss, divergence = objective(moved)
        return tried + 1, (loss < before) & (divergence < MAX_KL), moved

    _, found, moved = jax.lax.while_loop(going_on, attempt, (0, False, params))
    return jnp.where(found, moved, params)


def iteration(sizes, params, key):
    """One meta-iteration; also the mean returns before and after the adaptation."""
    goal_key, before_key, after_key = jax.random.split(key, 3)
    goals = jax.random.uniform(goal_key, (sizes.tasks, 2), minval=-FARTHEST, maxval=FARTHEST)
    before_keys = jax.random.split(before_key, sizes.tasks)
    after_keys = jax.random.split(after_key, sizes.tasks)
    before = jax.vmap(partial(collect, sizes), (None, 0, 0))(params, goals, before_keys)
    adapted = jax.vmap(partial(adapt, sizes), (None, 0))(params, before)
    after = jax.vmap(partial(collect, sizes))(adapted, goals, after_keys)
    advantage = jax.vmap(advantages)(after)
    acted = jax.vmap(lambda params, rows: policy(params, rows))(adapted, after.positions)
    acted = acted._replace(log_std=acted.log_std[:, None, None, :])
    flat, unflatten = ravel_pytree(params)

    def objective(flat):
        """Mean loss and divergence of the policies that the adaptation leads to."""

        def of_task(before, after, advantage, acted):
            now = policy(adapt(sizes, unflatten(flat), before), after.positions)
            change = now.log_density(after.moves) - acted.log_density(after.moves)
            loss = -mean(after, jnp.exp(change) * advantage)
            return loss, mean(after, now.divergence_from(acted))

        losses, divergences = jax.vmap(of_task)(before, after, advantage, acted)
        return losses.mean(), divergences.mean()

    gradient = jax.grad(lambda flat: objective(flat)[0])(flat)
    if sizes.outer == "trpo":
        slope = jax.grad(lambda flat: objective(flat)[1])

        def product(direction):
            return jax.jvp(slope, (flat,), (direction,))[1] + DAMPING * direction

        solution = conjugate_gradient(product, gradient)
        length = jnp.sqrt(2 * MAX_KL / (solution @ product(solution) + TINY))
        flat = line_search(objective, flat, length * solution)
    else:
        flat = flat - OUTER_RATE * gradient
    returns = [samples.rewards.sum(1).mean() for samples in (before, after)]
    return unflatten(flat), returns


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    allowed = {"outer": ["trpo", "vpg"], "order": ["second", "first"]}
    for name, default in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=type(default), default=default,
                            choices=allowed.get(name))
    parser.add_argument("--iterations", type=int, default=5)
    arguments = vars(parser.parse_args())
    iterations = arguments.pop("iterations")
    sizes = Sizes(**arguments)

    key = jax.random.PRNGKey(0)
    params = initial_parameters(sizes, key)
    step = jax.jit(partial(iteration, sizes))
    seconds = []
    for _ in range(1 + iterations):  # the first one compiles
        key, now = jax.random.split(key)
        start = time.perf_counter()
        params, returns = step(params, now)
        jax.block_until_ready((params, returns))
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])
    steps = 2 * sizes.tasks * sizes.trajectories * sizes.horizon
    print(json.dumps(sizes._asdict() | {
        "peer": f"JAX {jax.__version__}",
        "seconds_per_iteration": median,
        "env_steps_per_second": steps / median,
        "mean_return_before": float(returns[0]),
        "mean_return": float(returns[1]),
    }))


if __name__ == "__main__":
    main()

"""A learned optimizer on random quadratics as one compiled JAX program.

A whole update is a single `jit`: functions are drawn, a two-layer LSTM that treats
coordinates alike makes 100 steps on each of them, and after every window of 20 steps
Adam improves the LSTM along the gradient of the window's mean loss. Gradients of the
functions are inputs that are not differentiated (Andrychowicz et al. 2016). This is
the work that `experiments bench learned-optimizer` measures.

    python learned_optimizer_jax.py --problems 12 --parameters 10 --steps 100 --window 20

prints one JSON object: the median over updates of one complete update.
"""

import argparse
import json
import statistics
import time
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

PREPROCESS, SCALE, START = 10.0, 0.1, 0.01
MAX_NORM, RATE = 1.0, 3e-3


class Sizes(NamedTuple):
    problems: int = 12
    parameters: int = 10
    rows: int = 10
    steps: int = 100
    window: int = 20
    hidden: int = 20


class Layer(NamedTuple):
    weight: jax.Array  # [inputs + hidden, 4 hidden]
    bias: jax.Array  # [4 hidden]


class Rule(NamedTuple):
    first: Layer
    second: Layer
    head: jax.Array  # [hidden]
    bias: jax.Array  # []


class Functions(NamedTuple):
    matrices: jax.Array  # [problems, rows, parameters]
    targets: jax.Array  # [problems, rows]


class Course(NamedTuple):
    """Where parameters are, and what the LSTM remembers of each of them."""

    at: jax.Array  # [problems, parameters]
    states: tuple  # of each layer, h and c [problems, parameters, hidden]


def new_rule(key, hidden):
    def layer(key, inputs):
        limit = (6.0 / (inputs + hidden + hidden)) ** 0.5
        weight = jax.random.uniform(key, (inputs + hidden, 4 * hidden), minval=-limit, maxval=limit)
        return Layer(weight, jnp.zeros(4 * hidden))

    first, second, head = jax.random.split(key, 3)
    head = jax.random.uniform(head, (hidden,), minval=-0.01, maxval=0.01)
    return Rule(layer(first, 2), layer(second, hidden), head, jnp.zeros(()))


def draw(key, sizes):
    matrices, targets, start = jax.random.split(key, 3)
    functions = Functions(
        jax.random.normal(matrices, (sizes.problems, sizes.rows, sizes.parameters)),
        jax.random.normal(targets, (sizes.problems, sizes.rows)),
    )
    zeros = jnp.zeros((sizes.problems, sizes.parameters, sizes.hidden))
    at = START * jax.random.normal(start, (sizes.problems, sizes.parameters))
    return functions, Course(at, ((zeros, zeros), (zeros, zeros)))


def losses(functions, at):
    """‖W θ − y‖² of each function."""
    apart = jnp.einsum("prk,pk->pr", functions.matrices, at) - functions.targets
    return jnp.sum(apart**2, axis=-1)


def preprocessed(gradient):
    """The logarithm over p and the sign; small ones as they are, times e^p."""
    size = jnp.abs(gradient)
    large = size >= jnp.exp(-PREPROCESS)
    logarithm = jnp.log(jnp.where(large, size, 1.0)) / PREPROCESS
    return jnp.stack([
        jnp.where(large, logarithm, -1.0),
        jnp.where(large, jnp.sign(gradient), jnp.exp(PREPROCESS) * gradient),
    ], axis=-1)


def cell(layer, inputs, state):
    h, c = state
    gates = jnp.concatenate([inputs, h], axis=-1) @ layer.weight + layer.bias
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return h, c


def step(rule, functions, course, _):
    gradient = jax.grad(lambda at: losses(functions, at).sum())(jax.lax.stop_gradient(course.at))
    first = cell(rule.first, preprocessed(gradient), course.states[0])
    second = cell(rule.second, first[0], course.states[1])
    at = course.at + SCALE * (second[0] @ rule.head + rule.bias)
    return Course(at, (first, second)), losses(functions, at).mean()


def window_loss(rule, functions, course, steps):
    course, each = jax.lax.scan(partial(step, rule, functions), course, None, length=steps)
    return each.mean(), course


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def update(sizes, rule, memory, key):
    """Draws functions, unrolls on them, and improves the rule after each window."""
    functions, course = draw(key, sizes)

    def window(carried, _):
        rule, memory, course = carried
        differentiated = jax.value_and_grad(window_loss, has_aux=True)
        (loss, course), gradient = differentiated(rule, functions, course, sizes.window)
        changes, memory = OPTIMIZER.update(gradient, memory)
        return (optax.apply_updates(rule, changes), memory, course), loss

    carried = (rule, memory, course)
    carried, each = jax.lax.scan(window, carried, None, length=sizes.steps // sizes.window)
    return carried[0], carried[1], each.mean()


OPTIMIZER = optax.chain(optax.clip_by_global_norm(MAX_NORM), optax.adam(RATE))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--updates", type=int, default=200, help="that are timed")
    options = vars(parser.parse_args())
    updates = options.pop("updates")
    sizes = Sizes(**options)
    rule = new_rule(jax.random.key(0), sizes.hidden)
    memory = OPTIMIZER.init(rule)
    times, loss, first = [], None, None
    for number in range(updates + 5):
        begun = time.perf_counter()
        rule, memory, loss = update(sizes, rule, memory, jax.random.key(number + 1))
        loss.block_until_ready()
        times.append(time.perf_counter() - begun)
        first = float(loss) if first is None else first
    seconds = statistics.median(times[5:])
    steps = sizes.problems * sizes.steps
    print(json.dumps({
        "peer": f"JAX {jax.__version__}",
        **sizes._asdict(),
        "first_loss": first,
        "last_loss": float(loss),
        "seconds_per_iteration": seconds,
        "env_steps_per_second": steps / seconds,
    }))


if __name__ == "__main__":
    main()

"""Stacks of pre-norm residual blocks in flax, with a memory in each: a gated average
(minGRU) or causal attention with learned positions. For rl2_jax.py.

Whole trials go through them at once, from nothing; a single step is taken by the
memory, which for attention is a cache of keys and values.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

# How many times as wide as the rest a block's feed-forward layer is.
WIDER = {"min-gru": 2, "transformer": 4}


def empty_memory(sizes, lanes):
    """How many steps were taken, and what every block remembers."""
    if sizes.cell == "min-gru":
        blocks = [jnp.zeros((lanes, sizes.hidden)) for _ in range(sizes.layers)]
    else:
        cache = jnp.zeros((lanes, sizes.steps, sizes.heads, sizes.hidden // sizes.heads))
        blocks = [(cache, cache) for _ in range(sizes.layers)]
    return jnp.zeros((), jnp.int32), blocks


def average(memory, update, candidate):
    """h' = (1 - z) h + z c over time; all are [steps, lanes, hidden]."""

    def step(h, row):
        z, c = row
        h = (1 - z) * h + z * c
        return h, h

    return jax.lax.scan(step, memory, (update, candidate))


def attend(scores, seen, values, equation):
    scores = jnp.where(seen, scores, -1e30)
    return jnp.einsum(equation, jax.nn.softmax(scores, -1), values)


class Block(nn.Module):
    hidden: int
    heads: int
    cell: str

    def attention(self, memory, taken, u):
        steps, lanes, _ = u.shape
        width = self.hidden // self.heads
        made = nn.Dense(3 * self.hidden, name="mix")(u)
        q, k, v = (
            part.reshape(steps, lanes, self.heads, width) for part in jnp.split(made, 3, -1)
        )
        if steps == 1:
            keys, values = (
                jax.lax.dynamic_update_index_in_dim(cache, row[0], taken, 1)
                for cache, row in zip(memory, (k, v))
            )
            memory = keys, values
            scores = jnp.einsum("nhd,nthd->nht", q[0], keys) * width**-0.5
            seen = jnp.arange(keys.shape[1]) <= taken
            read = attend(scores, seen, values, "nht,nthd->nhd")[None]
        else:
            scores = jnp.einsum("inhd,jnhd->nhij", q, k) * width**-0.5
            seen = jnp.tril(jnp.ones((steps, steps), bool))
            read = attend(scores, seen, v, "nhij,jnhd->inhd")
        read = read.reshape(steps, lanes, self.hidden)
        return memory, nn.Dense(self.hidden, name="out")(read)

    @nn.compact
    def __call__(self, memory, taken, y):
        def norm(name):
            return nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name=name)

        u = norm("norm1")(y)
        if self.cell == "min-gru":
            update = jax.nn.sigmoid(nn.Dense(self.hidden, name="z")(u))
            memory, mixed = average(memory, update, nn.Dense(self.hidden, name="h")(u))
        else:
            memory, mixed = self.attention(memory, taken, u)
        y = y + mixed
        risen = nn.Dense(WIDER[self.cell] * self.hidden, name="up")(norm("norm2")(y))
        return memory, y + nn.Dense(self.hidden, name="down")(jax.nn.relu(risen))


class Blocks(nn.Module):
    """[steps, lanes, inputs] -> [steps, lanes, hidden], a step or a whole trial."""

    sizes: tuple

    @nn.compact
    def __call__(self, memory, inputs):
        sizes, (taken, memories) = self.sizes, memory
        y = nn.Dense(sizes.hidden, name="input")(inputs)
        if sizes.cell == "transformer":
            init = nn.initializers.normal(0.02)
            positions = self.param("positions", init, (sizes.steps, sizes.hidden))
            steps = inputs.shape[0]
            places = positions[taken][None] if steps == 1 else positions[:steps]
            y = y + places[:, None]
        after = []
        for index, own in enumerate(memories):
            block = Block(sizes.hidden, sizes.heads, sizes.cell, name=str(index))
            own, y = block(own, taken, y)
            after.append(own)
        y = nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name="norm")(y)
        return (taken + inputs.shape[0], after), y

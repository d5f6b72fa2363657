"""Writes rl2_jax_gru.json, rl2_jax_lstm.json, rl2_jax_min-gru.json and
rl2_jax_transformer.json beside this file.

They hold parameters, a rollout, the loss and its gradient as the JAX program
computes them that metarl's speed is compared with
(experiments/compare/peers/rl2_jax.py); tests/equivalence.rs holds both backends
against them. Run it with what that program needs
(experiments/compare/requirements-jax.txt):

    python rl2_jax_fixture.py
"""

import json
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[3] / "experiments" / "compare" / "peers"))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import rl2_jax  # noqa: E402

STEPS, ENVS = 12, 4


def scripted_rollout(sizes, params, key):
    """A rollout as the program makes them, but with rewards that a test can
    reproduce: an action pays when it and the step's number sum to a multiple of 3."""
    agent = rl2_jax.Agent(sizes)
    nothing = jnp.zeros(sizes.envs)
    memory = rl2_jax.empty_memory(sizes, sizes.envs)
    inputs = rl2_jax.encode(sizes, nothing.astype(int), nothing, nothing + 1)
    rows = []
    for t in range(sizes.steps):
        key, now = jax.random.split(key)
        memory, logits, value = agent.apply(params, memory, inputs[None])
        action = jax.random.categorical(now, logits[0])
        log_prob = jax.nn.log_softmax(logits[0])[jnp.arange(sizes.envs), action]
        reward = ((action + t) % 3 == 0).astype(jnp.float32)
        rows.append(rl2_jax.Rollout(inputs, action, log_prob, value[0], reward))
        inputs = rl2_jax.encode(sizes, action, reward, nothing)
    return jax.tree.map(lambda *parts: jnp.stack(parts), *rows)


def perturbed(params, key, scale):
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    moved = [leaf + scale * jax.random.normal(k, leaf.shape) for leaf, k in zip(leaves, keys)]
    return jax.tree.unflatten(tree, moved)


def flat(tree):
    """{"trunk/cell/ir/kernel": rows, ...}"""
    named = jax.tree_util.tree_flatten_with_path(tree["params"])[0]
    return {"/".join(key.key for key in path): leaf.tolist() for path, leaf in named}


def fixture(**kind):
    sizes = rl2_jax.Sizes(arms=3, envs=ENVS, steps=STEPS, **kind)
    init, move, act, shift = jax.random.split(jax.random.PRNGKey(7), 4)
    # Biases begin at zero, which would hide where they enter.
    behaviour = perturbed(rl2_jax.initial_parameters(sizes, init), move, 0.3)
    samples = scripted_rollout(sizes, behaviour, act)
    # Other parameters than those that acted, so that ratios leave the clip range.
    params = perturbed(behaviour, shift, 0.15)
    advantage = rl2_jax.advantages(samples.values, samples.rewards)
    loss, gradient = jax.value_and_grad(partial(rl2_jax.loss, sizes))(params, samples, advantage)
    return {
        "arms": sizes.arms,
        "hidden": sizes.hidden,
        "actions": samples.actions.tolist(),
        "rewards": samples.rewards.tolist(),
        "log_probs": samples.log_probs.tolist(),
        "values": samples.values.tolist(),
        "advantages": advantage.tolist(),
        "parameters": flat(params),
        "loss": loss.item(),
        "gradient": flat(gradient),
    }


def short(tree):
    """Numbers by as many digits as tell a float of 32 bits."""
    if isinstance(tree, dict):
        return {key: short(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [short(value) for value in tree]
    return float(f"{tree:.9g}") if isinstance(tree, float) else tree


if __name__ == "__main__":
    jax.config.update("jax_default_matmul_precision", "highest")
    for cell in ["gru", "lstm"]:
        path = HERE / f"rl2_jax_{cell}.json"
        path.write_text(json.dumps(fixture(cell=cell, hidden=8), indent=1) + "\n")
        print(path.name)
    for cell in ["min-gru", "transformer"]:
        path = HERE / f"rl2_jax_{cell}.json"
        path.write_text(json.dumps(short(fixture(cell=cell, hidden=16, layers=1, heads=1))) + "\n")
        print(path.name)

"""Meta-reinforcement learning: environments that are distributions over tasks, their exact
optima, agents that learn to learn in them, and agents that have.

>>> import metarl
>>> envs = metarl.make_vec("bernoulli-bandit", num_envs=64, arms=5, pulls=10)
>>> metarl.oracle("bernoulli-bandit", arms=5, pulls=10)["bayes_optimal"]
6.66002...

An *episode* is what Gymnasium calls so. A *trial* is the whole life of an agent in one task:
one or several episodes. A recurrent agent's memory lives exactly one trial.

Environments
    :func:`make_vec`, :func:`make`, :func:`list_envs`, :func:`register`
What is known exactly, and learners without networks
    :func:`oracle`, :func:`baseline`, :func:`list_learners`
Trainings and their agents
    :func:`train`, :func:`resume`, :func:`load`, :func:`open_run`, :func:`list_presets`
Settings that a search chooses
    :func:`objective`
"""

from __future__ import annotations

from importlib import import_module

from metarl._native import Interrupted, __version__

# Where each name is: what needs Gymnasium or NumPy is imported when it is asked for.
_HOME = {
    "make": "envs",
    "make_vec": "envs",
    "Env": "envs",
    "VectorEnv": "envs",
    "list_envs": "facts",
    "list_learners": "facts",
    "list_presets": "facts",
    "oracle": "facts",
    "baseline": "facts",
    "Agent": "agents",
    "State": "agents",
    "load": "agents",
    "Run": "runs",
    "Report": "runs",
    "open_run": "runs",
    "train": "runs",
    "resume": "runs",
    "report": "runs",
    "objective": "sweeps",
    "register": "bridge",
    "to_sb3": "sb3",
}

__all__ = ["Interrupted", "__version__", *_HOME]


def __getattr__(name: str):
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'metarl' has no attribute {name!r}")
    value = getattr(import_module(f"metarl.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

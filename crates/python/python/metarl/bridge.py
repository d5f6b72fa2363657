"""Environments that are written in Python, for trainings of metarl.

The price: the environment is called once per step for all lanes of a tile (64 in an
evaluation, ``rl2.tile`` in a training), under Python's lock, so that no two tiles step at a
time. Measured on two cores that had nothing else to do, playing 64 lanes at random took 15.9 µs a
step through Python where the environment computes nothing, and 1.3 µs a step in
``bernoulli-bandit``, which is native; ``crates/python/tests/python/speed.py`` in the repository
measures it where you are.
What ``make`` made is used again: it is called for the tiles that are there at a time, not anew
for every 64 tasks of an evaluation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from metarl import _native


def register(
    name: str,
    make: Callable[..., Any],
    *,
    horizon: int,
    episodes: int | None = None,
    steps: int | None = None,
) -> None:
    """Adds an environment that is written in Python, so that a training can live in it:

    >>> metarl.register("my-env", MyEnv, horizon=20, episodes=5)
    >>> mine = {"environment.name": "my-env", "evaluation.tasks": 2000, "evaluation.learners": []}
    >>> metarl.train("quickstart", mine, name="my-env")

    Python plays every trial of an evaluation, of which that preset has 100,000.

    ``make()`` returns a ``gymnasium.Env``, or ``make(num_envs)`` a
    ``gymnasium.vector.VectorEnv`` with ``AutoresetMode.DISABLED``, which resets the lanes of
    ``options["reset_mask"]``; it is called so if it takes ``num_envs``, or cannot be called
    without an argument. In either, **a reset with a seed draws a task by it, and one
    without begins another episode in the same task**. All randomness has to come from that
    seed for a run to be repeatable, and nothing may be left of what was before it: the same
    lanes meet one task after the other.

    Args:
        name: What it is called; a run that lived in it is resumed, and its agent loaded,
            after it was registered again.
        make: The environment's class, or what makes it.
        horizon: Steps after which an episode is truncated. The environment must not
            truncate before.
        episodes: Episodes of a trial; or
        steps: steps of a trial, in which episodes begin anew.

    Raises:
        ValueError: If its spaces are not ``Discrete`` or ``Box``, or the times make no sense.
    """
    probe = _lanes(make, 1)
    try:
        spaces_of = _spaces(name, probe.single_observation_space, probe.single_action_space)
    finally:
        probe.close()
    times = {"horizon": horizon, "episodes": episodes, "steps": steps}
    spaces_of.update({key: value for key, value in times.items() if value is not None})
    _native.add_environment(name, lambda lanes: Batch(_lanes(make, lanes)), spaces_of)


def _lanes(make: Callable[..., Any], lanes: int) -> gymnasium.vector.VectorEnv:
    """So many lanes of what ``make`` makes."""
    many = _of_many(make)
    if many is None:
        one = partial(_one, make)
        return SyncVectorEnv([one] * lanes, autoreset_mode=AutoresetMode.DISABLED)
    made = many(lanes)
    if not isinstance(made, gymnasium.vector.VectorEnv):
        raise ValueError(
            f"{make!r} made a {type(made).__name__} of num_envs = {lanes}; allowed: a "
            "gymnasium.vector.VectorEnv, or let it take no argument and make a gymnasium.Env"
        )
    if made.num_envs != lanes:
        raise ValueError(f"{make!r} made {made.num_envs} lanes of num_envs = {lanes}")
    mode = made.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.DISABLED:
        raise ValueError(
            f"its autoreset_mode is {mode}; allowed: AutoresetMode.DISABLED, since metarl resets "
            "lanes itself"
        )
    return made


def _of_many(make: Callable[..., Any]) -> Callable[[int], Any] | None:
    """How ``make`` is called with a number of lanes, if its signature wants one."""
    if isinstance(make, type) and not issubclass(make, gymnasium.vector.VectorEnv):
        return None
    try:
        parameters = inspect.signature(make).parameters
    except ValueError:
        # Some that are not written in Python have none.
        return None
    if "num_envs" in parameters:
        return lambda lanes: make(num_envs=lanes)
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters.values() if one.kind in places and one.default is one.empty]
    return make if needed else None


def _one(make: Callable[[], Any]) -> gymnasium.Env:
    made = make()
    if not isinstance(made, gymnasium.Env):
        raise ValueError(
            f"{make!r} made a {type(made).__name__}; allowed: a gymnasium.Env, or let it take "
            "num_envs and make a gymnasium.vector.VectorEnv of so many lanes"
        )
    return made


def _spaces(name: str, observation: spaces.Space, action: spaces.Space) -> dict[str, Any]:
    allowed = "allowed: Discrete from 0, or Box; wrap it, in FlattenObservation say"
    found: dict[str, Any] = {}
    if isinstance(observation, spaces.Discrete) and observation.start == 0:
        found["symbols"] = int(observation.n)
    elif isinstance(observation, spaces.Box):
        found["numbers"] = int(np.prod(observation.shape))
    else:
        raise ValueError(f"environment '{name}' observes {observation}; {allowed}")
    if isinstance(action, spaces.Discrete) and action.start == 0:
        found["actions"] = int(action.n)
    elif isinstance(action, spaces.Box) and len(action.shape) == 1:
        found["low"], found["high"] = action.low.tolist(), action.high.tolist()
    else:
        raise ValueError(f"environment '{name}' acts in {action}; {allowed} of one dimension")
    return found


class Batch:
    """Lanes of an environment of Python's, as the native half calls them."""

    def __init__(self, envs: gymnasium.vector.VectorEnv) -> None:
        self._envs, self._lanes = envs, envs.num_envs

    def begin(self, seeds: np.ndarray) -> np.ndarray:
        """A new task in every lane, drawn by its seed."""
        observation, _ = self._envs.reset(seed=seeds.tolist())
        return self._rows(observation)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """One step of all lanes."""
        observation, reward, terminated, truncated, _ = self._envs.step(actions)
        reward = np.asarray(reward, np.float32)
        return self._rows(observation), reward, terminated, truncated

    def go_on(self, ended: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """The next episode in lanes where one ended: of a new task where there is a seed."""
        seeds = [None if seed < 0 else seed for seed in seeds.tolist()]
        observation, _ = self._envs.reset(seed=seeds, options={"reset_mask": ended})
        return self._rows(observation)

    def _rows(self, observation: Any) -> np.ndarray:
        return np.ascontiguousarray(observation, np.float32).reshape(self._lanes, -1)

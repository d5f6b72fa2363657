"""Environments as Gymnasium knows them."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from metarl import _native
from metarl._native import Agent as _Agent
from metarl._native import Lanes

# What a seed may be: a whole number of 64 bits.
_SEEDS = 2**64
_DOMAINS = ("training", "held-out", "tuning")


def make_vec(
    name: str,
    num_envs: int = 1,
    *,
    view: str = "plain",
    trial: str = "split",
    copy: bool = True,
    domain: str = "training",
    **settings: Any,
) -> VectorEnv:
    """Makes many lanes of an environment that step together.

    Args:
        name: One of :func:`list_envs`.
        num_envs: How many lanes there are, each with a task and random streams of its own.
        view: ``"plain"``, what the environment shows, or ``"rl2"``, what a recurrent agent
            is told as one vector: observation, previous action (one-hot), previous reward,
            and a 1 where an episode begins. At the start of a trial the previous action and
            reward are 0.
        trial: ``"split"``, where every episode of a trial is an episode of Gymnasium's, or
            ``"episode"``, where the whole trial is one, terminated (never truncated) at its
            end: what a recurrent learner needs that knows nothing of trials.
        copy: Whether every call returns new arrays. Without, the same arrays are written at
            every step: faster, and what you keep of them changes.
        domain: Which tasks: ``"training"``, ``"held-out"`` (those that results are reported
            on) or ``"tuning"``. Streams of different domains never meet.
        settings: The environment's own, as ``arms=5``; :func:`list_envs` has them.

    Raises:
        ValueError: Names the nearest environment or setting, or what is allowed.
    """
    lanes = Lanes(name, num_envs, settings, (view, _whole(trial), copy))
    return VectorEnv(lanes, num_envs, domain, copy)


def make(
    name: str,
    *,
    view: str = "plain",
    trial: str = "split",
    domain: str = "training",
    **settings: Any,
) -> Env:
    """Makes a single environment; arguments are those of :func:`make_vec`.

    Raises:
        ValueError: Names the nearest environment or setting, or what is allowed.
    """
    return Env(Lanes(name, 1, settings, (view, _whole(trial), True)), domain)


def _whole(trial: str) -> bool:
    if trial not in ("split", "episode"):
        raise ValueError(f"trial = {trial!r}; allowed: 'split' or 'episode'")
    return trial == "episode"


def _observation_space(lanes: Lanes) -> spaces.Space:
    if lanes.width is None:
        return spaces.Discrete(lanes.spec["observation"]["discrete"]["size"])
    return spaces.Box(-np.inf, np.inf, (lanes.width,), np.float32)


def _action_space(spec: dict[str, Any]) -> spaces.Space:
    if "discrete" in spec["action"]:
        return spaces.Discrete(spec["action"]["discrete"]["size"])
    box = spec["action"]["box"]
    return spaces.Box(np.array(box["low"], np.float32), np.array(box["high"], np.float32))


def _checked(seed: Any) -> int:
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < _SEEDS:
        raise ValueError(
            f"seed = {seed!r}; allowed: a whole number, 0 to {_SEEDS - 1}, from which every lane "
            "derives streams of its own"
        )
    return int(seed)


class _Begun:
    """Which tasks are met: a seed, and how often all began anew since it was given."""

    def __init__(self, domain: str) -> None:
        if domain not in _DOMAINS:
            raise ValueError(f"domain = {domain!r}; allowed: {', '.join(map(repr, _DOMAINS))}")
        self.domain, self.seed, self.round = domain, None, 0

    def next(self, env: Any, seed: int | None) -> tuple[int, str, int]:
        """Where to begin now."""
        if seed is not None:
            self.seed, self.round = _checked(seed), 0
        elif self.seed is None:
            self.seed, self.round = int(env.np_random.integers(2**63)), 0
        else:
            self.round += 1
        return self.seed, self.domain, self.round


class VectorEnv(gymnasium.vector.VectorEnv):
    """Lanes of an environment that step together; :func:`make_vec` makes them.

    An episode's end resets its lane in the same step, and a trial's end draws its next
    task. ``info`` is empty but where an episode ended; it then has

    - ``final_obs``: the last observation of each episode that ended, ``[num_envs, ...]``,
      for terminated and truncated ones alike; other rows mean nothing;
    - ``final_info``: ``trial_end``, whether the trial ended with the episode;
    - ``trial_start``: whether the observation is the first of a new trial;

    each with a mask of the lanes that it is of, ``_final_obs`` and so on. Rewards are
    ``float32``, symbols ``int64``.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
    render_mode = None

    def __init__(self, lanes: Lanes, num_envs: int, domain: str, copy: bool) -> None:
        self._lanes = lanes
        self._begun = _Begun(domain)
        self.copy = copy
        self.num_envs = num_envs
        self.spec_metarl = lanes.spec
        self.single_observation_space = _observation_space(lanes)
        self.single_action_space = _action_space(lanes.spec)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins a trial of a new task in every lane.

        With a seed, lane ``i`` meets the tasks of lane ``i`` of that seed, whatever the
        number of lanes; without, fresh ones. ``options={"first_lane": n}`` numbers the lanes
        from ``n`` on.
        """
        super().reset(seed=None if seed is None else _checked(seed))
        first_lane = (options or {}).get("first_lane", 0)
        observation = self._lanes.begin(self._begun.next(self, seed), first_lane)
        every = np.ones(self.num_envs, np.bool_)
        return observation, {"trial_start": every, "_trial_start": every.copy()}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Steps every lane by its action."""
        return self._lanes.step(actions)

    def tasks(self) -> np.ndarray:
        """All that an agent would have to know of the present task of each lane.
        ``[num_envs, numbers]``

        Raises:
            ValueError: Before the first ``reset()``.
        """
        return self._lanes.tasks()

    def known_task_optimum(self) -> np.ndarray:
        """Expected return of a whole trial of who knows the present task, for each lane;
        nan where it is not known. ``[num_envs]``

        Raises:
            ValueError: Before the first ``reset()``.
        """
        return self._lanes.known_task_optimum()

    def __repr__(self) -> str:
        return f"VectorEnv({self.spec_metarl['name']}, num_envs={self.num_envs})"


class Env(gymnasium.Env):
    """A single environment; :func:`make` makes it.

    After the last step of an episode ``info["trial_end"]`` says whether its trial ended with
    it, and ``reset()`` goes on: with the next episode of the trial, or with a new task.
    ``info["trial_start"]`` of a reset says which. A ``reset()`` before an episode has ended,
    and one with a seed, begins a new trial. ``options={"lane": i}`` has the tasks of lane
    ``i`` of :func:`make_vec` under the same seed.
    """

    metadata = {"render_modes": []}
    render_mode = None

    def __init__(self, lanes: Lanes, domain: str) -> None:
        self._lanes = lanes
        self._begun = _Begun(domain)
        self._lane = 0
        # The first observation of the next episode, and whether a trial begins with it.
        self._next: tuple[Any, bool] | None = None
        self._ended = False
        self.spec_metarl = lanes.spec
        self.observation_space = _observation_space(lanes)
        self.action_space = _action_space(lanes.spec)
        self._symbols = lanes.width is None
        self._indices = isinstance(self.action_space, spaces.Discrete)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins the next episode; see the class."""
        super().reset(seed=None if seed is None else _checked(seed))
        self._lane = (options or {}).get("lane", self._lane)
        if self._next is None or seed is not None or "lane" in (options or {}):
            first = self._lanes.begin(self._begun.next(self, seed), self._lane)[0]
            observation, start = self._observed(first), True
        else:
            observation, start = self._next
        self._next, self._ended = None, False
        return observation, {"trial_start": start}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Steps by an action."""
        if self._ended:
            raise RuntimeError("the episode has ended; call reset first")
        if self._indices:
            row = np.array([action], np.int64)
        else:
            row = np.asarray(action, np.float32).reshape(1, -1)
        observation, reward, terminated, truncated, end, after = self._lanes.step_one(row)
        info = {}
        if end is not None:
            info["trial_end"] = end
            self._next, self._ended = (self._observed(after), end), True
        return self._observed(observation), reward, terminated, truncated, info

    def _observed(self, row: Any) -> Any:
        return np.int64(row) if self._symbols else row

    def task(self) -> np.ndarray:
        """All that an agent would have to know of the present task, ``[numbers]``.

        Raises:
            ValueError: Before the first ``reset()``.
        """
        return self._lanes.tasks()[0]

    def known_task_optimum(self) -> float:
        """Expected return of a whole trial of who knows the present task; nan where it is not
        known.

        Raises:
            ValueError: Before the first ``reset()``.
        """
        return float(self._lanes.known_task_optimum()[0])

    def __repr__(self) -> str:
        return f"Env({self.spec_metarl['name']})"


def of_agent(
    agent: _Agent, num_envs: int, view: str, trial: str, copy: bool, domain: str
) -> VectorEnv:
    """Lanes of the environment that an agent was trained in."""
    lanes = agent.lanes(num_envs, (view, _whole(trial), copy))
    return VectorEnv(lanes, num_envs, domain, copy)


def _register() -> None:
    """Lets Gymnasium make every environment by its name:
    ``gymnasium.make("metarl.envs:metarl/gridnavi-v0")``.
    """
    for environment in _native.environments():
        name = environment["name"]
        gymnasium.register(
            f"metarl/{name}-v0",
            entry_point=partial(make, name),
            vector_entry_point=partial(make_vec, name),
        )


_register()

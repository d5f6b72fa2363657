"""Trained agents."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from metarl import _native
from metarl._cores import threads

if TYPE_CHECKING:
    from metarl.envs import VectorEnv


def load(run: str | os.PathLike[str]) -> Agent:
    """The agent of a run, as its newest intact checkpoint left it.

    Where newer ones are damaged a warning names them, and so does ``about["passed_over"]``.

    Args:
        run: The run's folder, ``"runs/rl2-bernoulli-bandit-5x10/seed-0"`` say.

    Raises:
        ValueError: If there is no run, none of its checkpoints is intact, or it is finished
            and its last one is damaged.
    """
    return _loaded(run)


def _loaded(run: str | os.PathLike[str]) -> Agent:
    """:func:`load`, whose warnings name the line that called who calls this."""
    native = _native.Agent(os.fspath(run))
    about = native.about
    for remark in about["passed_over"]:
        warnings.warn(
            f"{about['path']}: {remark}; this is its agent of update {about['update']}",
            RuntimeWarning,
            stacklevel=3,
        )
    return Agent(native)


class State:
    """What an agent remembers of the lanes that it acts in: :meth:`Agent.start` makes it, and
    :meth:`Agent.act` changes it in place.
    """

    def __init__(self, native: _native.State) -> None:
        self._native = native

    @property
    def num_envs(self) -> int:
        """How many lanes it is of."""
        return self._native.num_envs


class Agent:
    """A trained agent: a fixed policy that learns within a trial, by its memory; or, where it
    ``adapts``, one that learns by gradient steps on trials of a task, which :meth:`evaluate`
    takes and :meth:`act` does not.

    Attributes:
        about: Its run's ``path``, ``algorithm``, ``environment`` with ``settings``,
            ``seed``, how it chooses ``actions``, whether it ``adapts``, after which
            ``update`` and how many ``env_steps`` it is, and the damaged checkpoints that were
            ``passed_over`` for it, a list of messages.
    """

    def __init__(self, native: _native.Agent) -> None:
        self._native = native
        self.about: dict[str, Any] = native.about

    def make_vec(
        self,
        num_envs: int = 1,
        *,
        view: str = "plain",
        trial: str = "split",
        copy: bool = True,
        domain: str = "held-out",
    ) -> VectorEnv:
        """Lanes of the environment that it was trained in, with draws of tasks that no
        training sees; arguments are those of :func:`metarl.make_vec`.
        """
        from metarl.envs import of_agent

        return of_agent(self._native, num_envs, view, trial, copy, domain)

    def start(
        self,
        num_envs: int,
        *,
        seed: int | None = None,
        domain: str = "held-out",
        round: int = 0,
        first_lane: int = 0,
    ) -> State:
        """A memory of so many lanes.

        The agent chooses by random streams of its own, one for each lane of a seed; the
        run's seed, unless given. With those of the run it does exactly what it does where
        it is evaluated.

        Raises:
            ValueError: If the agent adapts, or memory cannot hold so many lanes.
        """
        native = self._native.begin(num_envs, (seed, domain, round), first_lane)
        return State(native)

    def act(
        self,
        obs: np.ndarray,
        reward: np.ndarray | None = None,
        terminated: np.ndarray | None = None,
        truncated: np.ndarray | None = None,
        info: dict[str, Any] | None = None,
        *,
        state: State | None = None,
        action: np.ndarray | None = None,
        trial_start: np.ndarray | None = None,
    ) -> tuple[np.ndarray, State]:
        """Acts in all lanes at once, natively.

        >>> obs, info = envs.reset(seed=0)
        >>> action, state = agent.act(obs)
        >>> while True:
        ...     step = envs.step(action)
        ...     action, state = agent.act(*step, state=state)

        Args:
            obs: What is seen now, of the plain view with the trial split.
            reward, terminated, truncated, info: What the step before gave, as the
                environment returned it, ``[num_envs]`` each. Without them a trial begins in
                every lane, and all memory goes. ``info["final_obs"]`` is needed where an
                episode ended and the agent is told ``"statistics"`` or ``"arrival"``.
            state: The memory; a new one unless given. It is changed in place.
            action: What was done, if that is not what this agent chose.
            trial_start: In which lanes the observation is the first of a trial;
                ``info["trial_start"]`` unless given, which environments of metarl have.

        Returns:
            The actions, ``[num_envs]`` or ``[num_envs, width]``, and the memory.

        Raises:
            ValueError: If an array is missing, or not of the lanes and spaces that the agent
                knows, and the memory is as it was; and if the agent adapts.
        """
        if state is None:
            state = self.start(len(obs))
        if reward is None:
            return state._native.act(obs, None, None), state
        if terminated is None or truncated is None:
            raise ValueError("a reward comes with terminated and truncated: give all three")
        info = info or {}
        none = np.zeros(state.num_envs, np.bool_)
        if trial_start is None:
            trial_start = info.get("trial_start")
            ended = np.logical_or(terminated, truncated)
            if trial_start is None and ended.any():
                raise ValueError(
                    "an episode ended, and neither trial_start nor info['trial_start'] says "
                    "whether its trial did: give trial_start"
                )
        step = {
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
            "trial_start": none if trial_start is None else trial_start,
            "final_obs": info.get("final_obs"),
        }
        return state._native.act(obs, step, action), state

    def evaluate(self, tasks: int | None = None, *, workers: int | None = None) -> dict[str, Any]:
        """The agent on the first fresh tasks of its run's seed, one trial in each: what
        ``experiments eval`` says, to the bit.

        Returns:
            ``mean_return`` of a trial with its ``standard_error`` over tasks; ``gap_closed``
            with ``gap_closed_interval`` (95 %), ``None`` where it is not known;
            ``trial_returns``, those of the first 1,048,576 tasks or of all where they are
            fewer, or ``None`` if the agent adapts by gradient steps. Of one that does,
            ``adaptation`` has the returns before and after each, the last of which is
            ``mean_return``. ``update`` and ``passed_over`` say which checkpoint it is of, the
            newest intact one by now.

        Raises:
            ValueError: Names what is not allowed, or the memory that it needs.
        """
        return self._native.evaluate(tasks, threads(workers))

    def __repr__(self) -> str:
        about = self.about
        return f"Agent({about['algorithm']} in {about['environment']}, update {about['update']})"

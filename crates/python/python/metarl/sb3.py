"""Environments as Stable-Baselines3 knows them, which takes no vector environment of
Gymnasium's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from metarl.envs import VectorEnv


def to_sb3(envs: VectorEnv) -> VecEnv:
    """Lanes of :func:`metarl.make_vec` as a ``VecEnv`` of Stable-Baselines3.

    >>> envs = metarl.make_vec("bernoulli-bandit", 64, view="rl2", trial="episode")
    >>> RecurrentPPO("MlpLstmPolicy", metarl.to_sb3(envs)).learn(1_000_000)

    Where an episode ends, ``infos`` has its ``terminal_observation``,
    ``TimeLimit.truncated``, and ``episode`` with its return ``r`` and length ``l``.

    Raises:
        ValueError: If the lanes were made with ``copy=False``. Stable-Baselines3 keeps an
            observation until the step after it is done, and would learn from the next one.
    """
    if not getattr(envs.unwrapped, "copy", True):
        raise ValueError(
            "to_sb3: the lanes were made with copy=False, where a step writes over the "
            "observation before it, which Stable-Baselines3 still keeps; allowed: copy=True, as "
            "make_vec has it by itself"
        )
    return _VecEnv(envs)


class _VecEnv(VecEnv):
    def __init__(self, envs: VectorEnv) -> None:
        spaces = envs.single_observation_space, envs.single_action_space
        # What it asks of every environment while it is made.
        self.envs, self.render_mode = envs, None
        super().__init__(envs.num_envs, *spaces)
        self._seed: int | None = None
        self._returns = np.zeros(envs.num_envs)
        self._lengths = np.zeros(envs.num_envs, np.int64)
        self._actions: np.ndarray | None = None

    def seed(self, seed: int | None = None) -> Sequence[None | int]:
        self._seed = seed
        return [seed] * self.num_envs

    def reset(self) -> np.ndarray:
        observation, _ = self.envs.reset(seed=self._seed)
        self._seed = None
        self._returns[:], self._lengths[:] = 0.0, 0
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observation, reward, terminated, truncated, info = self.envs.step(self._actions)
        self._returns += reward
        self._lengths += 1
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for lane in np.flatnonzero(done):
            infos[lane] = {
                "terminal_observation": info["final_obs"][lane],
                "TimeLimit.truncated": bool(truncated[lane] and not terminated[lane]),
                "episode": {"r": float(self._returns[lane]), "l": int(self._lengths[lane])},
            }
        self._returns[done], self._lengths[done] = 0.0, 0
        return observation, reward, done, infos

    def close(self) -> None:
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.envs, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list:
        called = getattr(self.envs, method_name)(*args, **kwargs)
        return [called] * len(self._indices(indices))

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> Any:
        return self._get_indices(indices)

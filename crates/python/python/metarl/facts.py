"""What there is, and what is known exactly."""

from __future__ import annotations

from typing import Any

from metarl import _native
from metarl._cores import threads


def list_envs() -> dict[str, dict[str, Any]]:
    """The environments by name, each with its ``summary`` and ``settings``: of each setting
    its ``default``, what is ``allowed`` and its ``meaning``.
    """
    return _by_name(_native.environments())


def list_learners() -> dict[str, dict[str, Any]]:
    """The learners without networks by name, as :func:`list_envs`: classical ones,
    ``"bayes-optimal"``, and those that environments bring along.
    """
    return _by_name(_native.all_learners())


def list_presets() -> dict[str, dict[str, Any]]:
    """The presets that :func:`train` knows by name, each with its ``summary`` and its
    ``text``, a TOML file.
    """
    return {one.pop("name"): one for one in _native.presets()}


def oracle(name: str, **settings: Any) -> dict[str, Any]:
    """The exact values of an environment, as expected returns of a whole trial.

    It may take minutes. Ctrl-C returns at once; what is being solved then goes on behind
    until it is solved, and is thrown away.

    Returns:
        ``bayes_optimal`` (the best agent that does not know its task),
        ``known_task_optimum`` (the best that does) and ``random``, and what else is known of
        the environment; ``None`` where a value is not known, and ``why`` says why. Each with
        ``NAME_exact``, and ``NAME_standard_error`` where it is an estimate.
        ``bayes_optimal_rewards`` is what the best agent earns in each step, ``[steps]``,
        or ``None``.

    Raises:
        ValueError: Names the nearest environment or setting, what is allowed, or the memory
            that the solution needs.
    """
    return _native.oracle(name, settings)


def baseline(
    name: str,
    learner: str,
    params: dict[str, Any] | None = None,
    *,
    tasks: int = 10_000,
    seed: int = 0,
    workers: int | None = None,
    exact: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """A learner without a network on fresh tasks, one trial in each.

    Args:
        name: One of :func:`list_envs`.
        learner: One of :func:`list_learners`.
        params: Its settings, as ``{"c": 0.2}``.
        tasks: How many tasks. Task ``i`` of a seed is the same for every learner, and for
            the trained agents of that seed.
        seed: Which tasks.
        workers: Threads; every core, unless given. The results do not depend on it.
        exact: Whether to solve the environment for the share of the gap, which may take
            minutes.
        settings: The environment's own.

    Returns:
        ``mean_return`` of a trial with its ``standard_error`` over tasks; ``gap_closed``, the
        share of the way from random to Bayes-optimal, with ``gap_closed_interval`` (95 %),
        and ``regret``, ``None`` where they are not known; as arrays ``cumulative_reward`` by
        step, ``[steps]``, and ``trial_returns``, those of the first 1,048,576 tasks or of all
        where they are fewer.

    Raises:
        ValueError: Names what is not known or not allowed.
    """
    learner_of, env = (learner, params or {}), (name, settings)
    return _native.baseline(env, learner_of, (tasks, seed, threads(workers), exact))


def _by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    named = {}
    for item in items:
        settings = {one.pop("name"): one for one in item["settings"]}
        named[item.pop("name")] = {**item, "settings": settings}
    return named

"""Sweeps whose settings a search chooses."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from metarl import _native
from metarl._cores import threads
from metarl.runs import Event, _Hearing


def objective(
    spec: str | os.PathLike[str],
    *,
    runs: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    callback: Callable[[Event], Any] | None = None,
    progress: bool | None = None,
) -> Callable[[Any], float]:
    """What Optuna is to maximize: a function of a trial.

    >>> study = optuna.create_study(direction="maximize")
    >>> study.optimize(metarl.objective("rates.toml"), n_trials=64)

    A trial chooses every key of the sweep's ``[settings]``, within what these allow. The
    setting is trained with every one of ``seeds``, and its value is the mean return on
    tuning tasks, which nothing is trained or reported on. With ``halving`` it is told at
    every rung how far it is, so that a pruner may end it; what goes on is resumed, not
    trained anew. A setting whose training diverges has the value nan, which Optuna takes
    for a failed trial. The same setting is not trained twice, also not by another process:
    a trial whose setting another one is at fails with a ``RuntimeError``, which
    ``study.optimize(..., catch=RuntimeError)`` goes on after.

    ``experiments sweep try SPEC ... --confirm`` trains the best one with the seeds of
    ``confirm``, on tasks that nothing was chosen by.

    Args:
        spec: A sweep's file; ``experiments sweep plan --help`` shows one.
        runs: The folder of its runs, unless it is the one that ``experiments sweep try`` takes:
            of the file's name without its ending, or of its name and ``-runs``.
        workers: Threads; every core, unless given. The results do not depend on it.
        callback: Called with every event, as :func:`metarl.train` does.
        progress: As for :func:`metarl.train`.

    Raises:
        ValueError: Names the key of the file, its value and what is allowed.
        Interrupted: In a trial that was stopped. What was trained is saved.
        RuntimeError: In a trial whose setting another process trains, or that cannot go on,
            since an environment raised or the disk is full. What was trained is saved, and goes
            on when the same setting is asked about again.
        OSError: In a trial for which the disk is full before it is begun.
    """
    place = os.fspath(spec)
    folder = os.fspath(runs if runs is not None else _native.sweep_runs(place))
    space, rungs = _native.sweep_space(place)
    count = threads(workers)

    def value(trial: Any) -> float:
        chosen = {key: _suggested(trial, key, kind) for key, kind in space.items()}
        for rung in range(rungs):
            hear = _Hearing(callback, progress)
            what = (place, chosen, rung)
            found = hear.all(lambda what=what: _native.sweep_try(what, folder, count, hear))
            trial.set_user_attr("runs", found["runs"])
            if found["failure"]:
                trial.set_user_attr("failure", found["failure"])
                return float("nan")
            trial.set_user_attr("standard_error", found["standard_error"])
            if rung + 1 < rungs:
                trial.report(found["mean_return"], found["updates"])
                if trial.should_prune():
                    from optuna import TrialPruned

                    raise TrialPruned
        return found["mean_return"]

    return value


def _suggested(trial: Any, key: str, kind: dict[str, Any]) -> Any:
    """What a trial chooses of one key."""
    said = kind["attributes"]
    if kind["name"] == "CategoricalDistribution":
        return trial.suggest_categorical(key, said["choices"])
    if kind["name"] == "IntDistribution":
        return trial.suggest_int(key, said["low"], said["high"], log=said["log"])
    return trial.suggest_float(key, said["low"], said["high"], log=said["log"])

"""Trainings and what they leave."""

from __future__ import annotations

import html
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metarl import _native
from metarl._cores import threads

if TYPE_CHECKING:
    from metarl.agents import Agent

Event = dict[str, Any]

# How many seeds there are: TOML holds whole numbers of 63 bits.
_SEEDS = 2**63


def train(
    preset: str | os.PathLike[str],
    overrides: dict[str, Any] | None = None,
    *,
    seed: int | None = None,
    seeds: int | Iterable[int] | None = None,
    start_from: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] = "runs",
    name: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    callback: Callable[[Event], Any] | None = None,
    progress: bool | None = None,
) -> Run | list[Run]:
    """Trains an agent, and compares it with other learners on fresh tasks.

    >>> run = metarl.train("quickstart", {"rl2.lanes": 512})
    >>> run.metrics()["mean_return"]

    A training can be stopped at any time by Ctrl-C (or the notebook's stop): it is saved,
    and :class:`Interrupted` says how it goes on, to the identical result.

    Args:
        preset: One of :func:`list_presets`, or the path of a TOML file.
        overrides: Settings by their dotted names, as ``{"rl2.learning_rate.from": 1e-3}``.
        seed: The seed; the preset's, unless given.
        seeds: Several, a run for each: how many, or which.
        start_from: A run whose agent it begins with; the run says where that was, so that the
            path is text (UTF-8).
        runs: The folder of all runs.
        name: The folder in it, of letters, digits and ``-_.+=,@``, a letter or digit first;
            called like the preset with ``-`` for ``/``, unless given, where ``quickstart`` is
            ``rl2/bernoulli-bandit-5x10``. A run lies in its ``seed-N``.
        overwrite: Whether to replace a run that is there, unless the new one is made of it.
        workers: Threads; every core, unless given. The results do not depend on it.
        callback: Called with every event, a dict: ``event`` is ``"begun"`` (with the
            ``path``), ``"training"``, ``"update"`` (``update``, ``total``, ``env_steps``,
            ``mean_return``), ``"evaluation"`` (on fresh tasks), ``"work"`` or ``"note"``.
            If it returns ``False`` the training is saved and stopped, and so it is if it
            raises, which is raised again.
        progress: Whether to say on standard error how far it is; where that is a terminal
            or a notebook, unless given.

    Returns:
        The run, or a list of one for each of ``seeds``.

    Raises:
        ValueError: Names the key, its value and what is allowed, before anything is
            trained.
        Interrupted: If it was stopped, by Ctrl-C or ``callback``.
        RuntimeError: If it cannot go on: it diverged, an environment raised, or the disk is
            full. The message says what can be resumed.
        OSError: If the disk is full before there is anything that could be resumed.
    """
    if seed is not None and seeds is not None:
        raise ValueError("seed and seeds are both given; give one of the two")
    several = seeds is not None
    if isinstance(seeds, int):
        seeds = range(seeds)
    overrides = overrides or {}
    chosen = [seed] if seed is not None else list(seeds) if several else None
    if chosen == []:
        raise ValueError("seeds is empty; give at least one")
    if chosen is not None:
        chosen = [_checked(one) for one in chosen]
        twice = [one for one, count in Counter(chosen).items() if count > 1]
        if twice:
            raise ValueError(f"seeds: {twice[0]} is there twice; allowed: different seeds")
        if "seed" in overrides:
            given = "seeds" if several else "seed"
            raise ValueError(
                f"overrides: 'seed' = {overrides['seed']!r}: seed is set twice, by {given} too; "
                "give one of the two"
            )
    what = (os.fspath(preset), overrides, chosen)
    source = None if start_from is None else os.fspath(start_from)
    place = (source, os.fspath(runs), name, overwrite)
    hear = _Hearing(callback, progress)
    paths = hear.all(lambda: _native.train(what, place, threads(workers), hear))
    found = [Run(path) for path in paths]
    return found if several else found[0]


def resume(
    run: str | os.PathLike[str],
    *,
    workers: int | None = None,
    callback: Callable[[Event], Any] | None = None,
    progress: bool | None = None,
) -> Run | list[Run]:
    """Takes a stopped or killed run, or the folder of several seeds, on to the identical
    result; arguments and errors are those of :func:`train`.
    """
    hear = _Hearing(callback, progress)
    paths = hear.all(lambda: _native.resume(os.fspath(run), threads(workers), hear))
    found = [Run(path) for path in paths]
    return found[0] if len(found) == 1 else found


def open_run(run: str | os.PathLike[str]) -> Run | list[Run]:
    """A run that was trained before, or a list of those of a folder of several seeds.

    Raises:
        ValueError: If there is none.
    """
    found = [Run(path) for path in _native.runs(os.fspath(run))]
    return found[0] if len(found) == 1 else found


class Run:
    """One training of one seed: its folder, and what is in it.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def metrics(self) -> dict[str, np.ndarray]:
        """What every update did, a column for each metric, ``[updates]``; nan where a row
        has none. A data frame takes it as it is.
        """
        return _columns(_native.rows(self.path, "metrics"))

    def evaluations(self) -> dict[str, np.ndarray]:
        """The evaluations on fresh tasks in the course of the training, as
        :meth:`metrics`.
        """
        return _columns(_native.rows(self.path, "eval"))

    def comparison(self) -> dict[str, Any] | None:
        """What the agent came to beside other learners and the exact values; ``None`` before
        the training is finished.
        """
        return _native.comparison(self.path)

    def config(self) -> str:
        """Every setting, as the text of a TOML file."""
        return _native.config(self.path)

    def agent(self) -> Agent:
        """The agent, as the newest checkpoint left it; see :func:`load`."""
        from metarl.agents import _loaded

        return _loaded(self.path)

    def report(self) -> Report:
        """Writes the page with all figures, and returns it; a notebook shows it."""
        return report(self)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        if self.comparison() is None:
            metrics = self.metrics()
            done = len(metrics.get("update", ()))
            return f"<p>{html.escape(repr(self))}: {done} updates done</p>"
        return self.report()._repr_html_()


def report(*runs: Any, out: str | os.PathLike[str] | None = None) -> Report:
    """Writes figures, tables and one page of some runs, seeds of one setting together.

    Args:
        runs: Runs, lists of them, or paths of their folders.
        out: The folder to write into; the one around all of them, unless given.

    Ctrl-C returns at once; what is being drawn then goes on behind until it is drawn, each of
    its files as a whole.

    Raises:
        ValueError: If there are no runs, or a file of theirs is damaged; names it.
        OSError: If the disk is full.
    """
    folders: list[str] = []
    for run in runs:
        folders.extend(os.fspath(one) for one in (run if isinstance(run, list) else [run]))
    return Report(_native.write_report(folders, None if out is None else os.fspath(out)))


class Report:
    """A page about runs, one file that needs nothing else.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def html(self) -> str:
        """The page."""
        return self.path.read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return f"Report({str(self.path)!r})"

    def _repr_html_(self) -> str:
        # A frame of its own, so that the page's style is the page's alone.
        page = html.escape(self.html(), quote=True)
        style = "width:100%;height:80vh;border:0"
        return f'<iframe srcdoc="{page}" style="{style}" title="metarl report"></iframe>'


def _checked(seed: Any) -> int:
    """A seed, as far as the file of a run's settings can hold it."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < _SEEDS:
        raise ValueError(f"seed = {seed!r}; allowed: a whole number, 0 to {_SEEDS - 1}")
    return int(seed)


def _columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Rows of numbers as columns; what is no number in any row is left out."""
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = {}
    for key in keys:
        values = [row.get(key) for row in rows]
        if all(isinstance(value, int) for value in values):
            columns[key] = np.array(values, np.int64)
        elif all(value is None or isinstance(value, (int, float)) for value in values):
            missing = [np.nan if value is None else value for value in values]
            columns[key] = np.array(missing, np.float64)
    return columns


class _Hearing:
    """Hears of a training, shows how far it is, and passes it on."""

    def __init__(self, callback: Callable[[Event], Any] | None, progress: bool | None) -> None:
        if progress is None:
            progress = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._callback, self._progress = callback, progress
        self._shown, self._evaluated, self._width = 0.0, "", 0

    def __call__(self, event: Event) -> Any:
        if self._progress:
            self._show(event)
        return self._callback(event) if self._callback else None

    def all(self, work: Callable[[], Any]) -> Any:
        """Does the work, and leaves the line."""
        try:
            return work()
        finally:
            if self._progress and self._width:
                print(file=sys.stderr)

    def _show(self, event: Event) -> None:
        kind = event["event"]
        if kind == "note":
            self._line(event["text"])
        elif kind == "work":
            self._line(event["label"])
        elif kind == "evaluation":
            self._evaluated = f", evaluation {event['mean_return']:.4g}"
        elif kind == "update":
            last = event["update"] == event["total"]
            if last or time.monotonic() - self._shown > 0.2:
                self._line(
                    f"seed {event['seed']}: update {event['update']} of {event['total']}, "
                    f"return {event['mean_return']:.4g}{self._evaluated}"
                )

    def _line(self, text: str) -> None:
        self._shown = time.monotonic()
        padded = text.ljust(self._width)
        self._width = len(text)
        print(f"\r{padded}", end="", file=sys.stderr, flush=True)

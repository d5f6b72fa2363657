"""How many threads there may be."""

import os
from numbers import Integral
from typing import Any


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def threads(workers: Any) -> int:
    """So many threads; every core, unless given."""
    if workers is None:
        return cores()
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers < 1:
        raise ValueError(
            f"workers = {workers!r}; allowed: a whole number, at least 1, or None for every core"
        )
    return int(workers)

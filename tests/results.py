"""What a run came to: every file of its folder, but those that tell of clocks, of the
machine, of locks, and pages that are drawn from the others."""

import hashlib

OTHERS = {"timing.jsonl", "timing.json", "environment.json", "lock", "report.html", "table.csv", "table.md"}


def results(folder):
    """The hash of every file with results below a folder, by its path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_file() and path.name not in OTHERS and "figures" not in below.parts:
            found[str(below)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differing(there, here):
    """In what two of them differ, in words; `None` if in nothing."""
    lost = sorted(set(there) - set(here))
    more = sorted(set(here) - set(there))
    other = sorted(path for path in there if path in here and there[path] != here[path])
    parts = [f"{what} {paths}" for what, paths in (("lost", lost), ("too much", more), ("other", other)) if paths]
    return ", ".join(parts) or None

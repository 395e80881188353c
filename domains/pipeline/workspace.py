"""A place to work in while a release is made; it never outlives the work."""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.corpus.folders import writing

_LOCK = ".lock"
_OWNER_ONLY = 0o700


@contextmanager
def workspace(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target``, on the same disk, readable by its owner alone.

    It is removed at the end, after errors and Ctrl-C too. What a killed process left is removed by
    the next one that works for the same target: its lock is free, since the kernel let go of it.
    """
    target = Path(target).absolute()
    with writing(target):
        made = _missing_parents(target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_stale(target)
        folder = target.parent / f"{_prefix(target)}{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=_OWNER_ONLY)
            with (folder / _LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for parent in made:
                with suppress(OSError):  # no longer empty: the work was published
                    parent.rmdir()


def _clear_stale(target: Path) -> None:
    for sibling in target.parent.iterdir():
        if not sibling.name.startswith(_prefix(target)):
            continue
        with suppress(OSError), (sibling / _LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(sibling, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.work-"


def _missing_parents(folder: Path) -> list[Path]:
    """The parents that are not there yet, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing

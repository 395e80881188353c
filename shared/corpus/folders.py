"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.corpus.store_paths import FilePath
from shared.errors import OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full; make room or choose another place",
    errno.EDQUOT: "the disk quota is used up; make room or choose another place",
    errno.EFBIG: "the file grew beyond the largest size that is allowed here; raise the limit or choose another place",
    errno.EEXIST: "this exists already; choose another target, or remove it first",
    errno.EACCES: "no permission to write here; choose another place",
    errno.EPERM: "no permission to write here; choose another place",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOTDIR: "a part of this path is a file and not a folder; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def writing(target: FilePath) -> Iterator[None]:
    """Turns the operating system's errors about a full disk, rights and the like into ``OutputError``."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REASONS:
            raise
        raise OutputError(f"{target}: {_REASONS[error.errno]}") from error


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill; it stands at ``target`` only when the block has ended without an exception.

    It is built in a hidden folder beside the target, written through to the disk, and renamed in
    one step. After any exception, Ctrl-C included, nothing of it is left. What a killed run left
    is removed by :func:`clean_stale`, which is called first.

    Raises ``OutputError`` for a target that exists, a full disk, missing rights.
    """
    target = Path(target).absolute()
    _refuse_existing(target)
    with writing(target):
        made = _make_parents(target.parent)
        clean_stale(target)
        building = target.parent / f"{_prefix(target)}{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            building.mkdir()
            yield building
            _write_through(building)
            _refuse_existing(target)
            building.rename(target)
            _sync(target.parent)
        except BaseException as error:
            shutil.rmtree(building, ignore_errors=True)
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST) and target.exists():
                _refuse_existing(target)
            raise


def clean_stale(target: Path) -> list[Path]:
    """Remove what runs that were killed left of the same target; returns what was removed.

    Only folders of processes of this machine that no longer run are touched.
    """
    target = Path(target).absolute()
    pattern = re.compile(re.escape(_prefix(target) + _host()) + r"-(\d+)-[0-9a-f]{8}")
    removed = []
    for sibling in target.parent.iterdir() if target.parent.is_dir() else ():
        match = pattern.fullmatch(sibling.name)
        if match and sibling.is_dir() and not _runs(int(match[1])):
            shutil.rmtree(sibling, ignore_errors=True)
            removed.append(sibling)
    return removed


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target}: this exists already; choose another target, or remove it first")


def _prefix(target: Path) -> str:
    return f".{target.name}.partial-"


def _host() -> str:
    """The name of this machine: on a shared disk the number of a process says nothing about other machines."""
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that were not there, the innermost first."""
    made = []
    while not folder.exists():
        made.append(folder)
        folder = folder.parent
    for new in reversed(made):
        new.mkdir(exist_ok=True)
    return made


def _write_through(folder: Path) -> None:
    for inside, _, names in os.walk(folder):
        for name in names:
            _sync(Path(inside) / name)
        _sync(Path(inside))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

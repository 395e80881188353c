"""Publication: a reader sees the whole of a release or none of it.

::

    TARGET/versions/<release>/public, internal    never changed once they are there
    TARGET/latest.json                            the pointer: which release is current, and its manifest's SHA-256
    TARGET/latest -> versions/<release>           the same for people, on file systems with links
    TARGET/refused/<release>/internal             why a release was refused; its tables are deleted

The pointer is the truth and is switched last, by one atomic replacement. So a publisher may be killed at any point:
what it leaves behind is either not pointed at, or complete and on the disk (every file and folder is synchronised
before the pointer is). :mod:`domains.pipeline.object_store` keeps the same order in an object store.

Publishers of one target wait for each other on a lock that the kernel lets go of when its holder dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domains.pipeline.manifest import MANIFEST, read_manifest, sha256_of, verify
from shared.corpus.folders import writing
from shared.errors import DataError, GateRefused, OutputError

POINTER = "latest.json"
LINK = "latest"
VERSIONS = "versions"
REFUSED = "refused"
_LOCK = ".lock"
_OWN = frozenset({POINTER, LINK, VERSIONS, REFUSED, _LOCK})
_INCOMING = ".incoming-"
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def check_target(target: Path) -> None:
    """Raise :class:`OutputError` unless ``target`` is free, empty, or a folder that releases were published to."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file; give a folder to publish to")
    foreign = sorted(entry.name for entry in target.iterdir() if entry.name not in _OWN and entry.name[0] != ".")
    if foreign:
        raise OutputError(
            f"{target} exists and holds {foreign[0]!r}, which is no part of a publication; give a new folder"
        )


def current(target: Path) -> Path | None:
    """The folder of the current release of ``target`` (with ``public/`` in it), or ``None`` before the first.

    Raises :class:`DataError` if the pointer does not fit what it points at; publishing never leaves it so.
    """
    pointer = target / POINTER
    try:
        content = json.loads(pointer.read_text(encoding="utf-8"))
        release, digest = content["release"], content["manifest_sha256"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{pointer} is damaged; publish the release again") from None
    folder = target / VERSIONS / checked_release(release)
    manifest = folder / "public" / MANIFEST
    if not manifest.is_file() or sha256_of(manifest) != digest:
        raise DataError(f"{pointer} points at {release!r}, whose manifest is missing or changed; publish it again")
    return folder


def publish(bundle: Path, target: Path, release: str, *, wait_seconds: float = 60.0) -> Path:
    """Move ``bundle`` (a folder with ``public/`` and ``internal/``) to ``target`` and make it the current release.

    Returns the folder it stands in. What a killed publication left half-way is finished by calling this again with
    the same arguments, whether ``bundle`` had been moved already or not. Raises :class:`GateRefused` for a bundle
    whose manifest says that it did not pass, :class:`OutputError` if the bundle is incomplete, the release id is
    taken, another publisher holds the target longer than ``wait_seconds``, or the disk refuses.
    """
    place = target / VERSIONS / checked_release(release)
    check_target(target)
    with writing(target), _locked(target, wait_seconds):
        _clear_incoming(target / VERSIONS)
        if place.is_dir():
            _resume(bundle, place)
        elif bundle.is_dir():
            check_bundle(bundle)
            _move(bundle, place)
        else:
            raise OutputError(f"there is no bundle in {bundle}; assemble one first")
        check_bundle(place)
        _point(target, release)
    return place


def keep_refused(bundle: Path, target: Path, release: str, *, wait_seconds: float = 60.0) -> Path:
    """Keep the ``internal/`` part of a refused bundle for the steward and delete the rest.

    Returns the folder it is kept in. The pointer and the versions stay as they are.
    """
    place = target / REFUSED / checked_release(release)
    check_target(target)
    with writing(target), _locked(target, wait_seconds):
        if not (bundle / "internal").is_dir():
            raise OutputError(f"there is no bundle in {bundle}; assemble one first")
        if place.exists():
            raise OutputError(f"{place} exists already; refuse under another id")
        # The tables go first: a run that is killed in between leaves too little, never too much.
        shutil.rmtree(bundle / "public", ignore_errors=True)
        _move(bundle, place)
    return place


def _resume(bundle: Path, place: Path) -> None:
    """The release stands in its place already: accept it if it is this bundle, whose remains are deleted."""
    left = bundle / "public" / MANIFEST
    if left.is_file() and sha256_of(left) != sha256_of(place / "public" / MANIFEST):
        raise OutputError(f"release {place.name!r} stands in {place.parent.parent} already; publish under another id")
    if bundle.is_dir():
        shutil.rmtree(bundle)


def pointer_to(release: str, manifest: bytes) -> str:
    """The text of ``latest.json`` that points at a release with that manifest."""
    digest = hashlib.sha256(manifest).hexdigest()
    content = {"release": release, "path": f"{VERSIONS}/{release}", "manifest_sha256": digest}
    return json.dumps(content, indent=2) + "\n"


def checked_release(release: str) -> str:
    """The release id, if it can name a folder."""
    if not _RELEASE.fullmatch(release):
        raise OutputError(
            f"release id {release!r} cannot name a folder; use letters, digits, '.', '_' and '-', at most 200"
        )
    return release


def check_bundle(folder: Path) -> None:
    """Raise unless ``folder`` has a public part that is complete and passed its gate."""
    problems = verify(folder / "public")
    if problems:
        raise OutputError(f"the bundle in {folder} is not complete: {problems[0]}; assemble it again")
    if not read_manifest(folder / "public").passed:
        raise GateRefused(f"the bundle in {folder} did not pass its gate and is not published; read its report")


def _move(bundle: Path, place: Path) -> None:
    """Bring a folder to its place under its name in one step, its content safely on the disk before."""
    place.parent.mkdir(parents=True, exist_ok=True)
    staged = bundle
    if bundle.stat().st_dev != place.parent.stat().st_dev:
        staged = place.parent / f"{_INCOMING}{secrets.token_hex(8)}"
        shutil.copytree(bundle, staged)
    _synchronise(staged)
    staged.rename(place)
    _synchronise_folder(place.parent)
    _synchronise_folder(place.parent.parent)
    if staged != bundle:
        shutil.rmtree(bundle)


def _point(target: Path, release: str) -> None:
    """Switch the pointer, then the link, each by one replacement."""
    manifest = target / VERSIONS / release / "public" / MANIFEST
    _replace(target / POINTER, pointer_to(release, manifest.read_bytes()))
    fresh = target / f".{LINK}.fresh"
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(Path(VERSIONS) / release, target_is_directory=True)
    except OSError:
        return  # a file system without links; the pointer is what counts
    fresh.replace(target / LINK)


def _replace(path: Path, text: str) -> None:
    """Write ``path`` so that a reader finds the old text or the new one, also after the power failed."""
    fresh = path.with_name(f".{path.name}.fresh")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _synchronise_folder(path.parent)


def _clear_incoming(versions: Path) -> None:
    """Delete copies that a killed publisher left; the lock is held, so nobody is writing them."""
    for folder in versions.glob(f"{_INCOMING}*"):
        shutil.rmtree(folder)


def _synchronise(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            with (Path(parent) / name).open("rb") as file:
                os.fsync(file.fileno())
        _synchronise_folder(Path(parent))


def _synchronise_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(target: Path, wait_seconds: float) -> Iterator[None]:
    target.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait_seconds
    with (target / _LOCK).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise OutputError(
                        f"another publication to {target} did not end within {wait_seconds:g} seconds; try again later"
                    ) from None
                time.sleep(0.02)
        yield

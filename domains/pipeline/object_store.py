"""Publication to an object store: the public part of a release, which a reader sees whole or not at all.

::

    URL/versions/<release>/public/...    put first, its manifest last
    URL/latest.json                      the pointer, put when all else is there; putting one object is atomic

Only what is public leaves: ``internal/`` stays in the folder that the release was published to on the disk, which is
also what an interrupted upload is taken up from. Of two uploads at once the later one's pointer stays, and both
versions are whole. Credentials come from where the store's own library looks for them, never from a file of ours.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domains.pipeline.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest, read_manifest, sha256_of, verify
from domains.pipeline.publication import POINTER, VERSIONS, check_bundle, checked_release, current, pointer_to
from shared.corpus.folders import fresh_folder
from shared.corpus.object_stores import file_system, is_url, reading_from, writing_to
from shared.errors import ConfigurationError, DataError, OutputError
from shared.training.reporter import Reporter

PUBLIC = "public"
_OWN = frozenset({POINTER, VERSIONS})
_CHUNK = 1 << 22
_LOCAL = frozenset({"file", "local"})


def check_store(url: str) -> None:
    """Raise unless ``url`` can be reached, and holds nothing or earlier releases."""
    store, root = _store(url)
    with writing_to(url):
        names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in _listed(store, root)]
    foreign = sorted(name for name in names if name not in _OWN)
    if foreign:
        raise OutputError(f"{url} holds {foreign[0]!r}, which is no part of a publication; give a prefix of its own")


def upload(target: Path, url: str, *, reporter: Reporter) -> str:
    """Put the current release of the folder ``target`` at ``url`` and make it the current one there.

    Returns the URL of its public part. Called again after an interruption, it goes on with what is missing. Raises
    :class:`OutputError` if there is no release, another one has its id, or the store refuses.
    """
    folder = current(target)
    if folder is None:
        raise OutputError(f"{target} holds no release; make one with 'simulacra release CONFIG --out {target}'")
    check_bundle(folder)
    check_store(url)
    store, root = _store(url)
    release, public = folder.name, folder / PUBLIC
    place = f"{root}/{VERSIONS}/{release}/{PUBLIC}"
    own = (public / MANIFEST).read_bytes()
    with writing_to(url):
        there = _content(store, f"{place}/{MANIFEST}")
        if there is not None and there != own:
            raise OutputError(f"{url} has another release {release!r}; publish this one under another prefix")
        if there is None:
            _put(store, place, public, _entries(public), reporter)
            store.pipe_file(f"{place}/{MANIFEST}", own)
        store.pipe_file(f"{root}/{POINTER}", pointer_to(release, own).encode())
    return f"{url.rstrip('/')}/{VERSIONS}/{release}/{PUBLIC}"


def download(url: str, out: Path, *, reporter: Reporter) -> Manifest:
    """Bring the public part of the current release at ``url`` into the new folder ``out``, every hash checked."""
    store, root = _store(url)
    with reading_from(url):
        text = _content(store, f"{root}/{POINTER}")
    if text is None:
        raise DataError(f"{url} holds no release; give the place that one was published to")
    release, digest = _pointer(text, url)
    place = f"{root}/{VERSIONS}/{release}/{PUBLIC}"
    with fresh_folder(out) as folder:
        with reading_from(url):
            manifest = _content(store, f"{place}/{MANIFEST}")
        if manifest is None or hashlib.sha256(manifest).hexdigest() != digest:
            raise DataError(f"{url} points at {release!r}, whose manifest is missing or changed; publish it again")
        (folder / MANIFEST).write_bytes(manifest)
        listed = read_manifest(folder)
        names = [entry.path for entry in listed.files]
        if listed.signed_by is not None:
            names.append(SIGNATURE)
        with reporter.stage("fetching", len(names)) as stage, reading_from(url):
            for name in names:
                path = (folder / name).resolve()
                if folder.resolve() not in path.parents:
                    raise DataError(f"{url}: the manifest names {name!r}, a file outside its folder")
                path.parent.mkdir(parents=True, exist_ok=True)
                store.get_file(f"{place}/{name}", str(path))
                stage.advance()
        problems = verify(folder)
        if problems:
            raise DataError(f"{url}, release {release!r}: {problems[0]}; publish it again")
        return read_manifest(folder)


def _entries(public: Path) -> list[FileEntry]:
    """What is put before the manifest: its files, and its signature."""
    manifest, signature = read_manifest(public), public / SIGNATURE
    entries = list(manifest.files)
    if manifest.signed_by is not None:
        entries.append(FileEntry(path=SIGNATURE, sha256=sha256_of(signature), size=signature.stat().st_size))
    return entries


def _put(store: Any, place: str, public: Path, entries: Sequence[FileEntry], reporter: Reporter) -> None:
    """All files of a release that are not there in their size; what an interrupted upload put, stays."""
    there = _sizes(store, place)
    with reporter.stage("uploading", len(entries)) as stage:
        for entry in entries:
            if there.get(entry.path) != entry.size:
                # Not put_file, which makes folders first: some stores have none.
                with (public / entry.path).open("rb") as source, store.open(f"{place}/{entry.path}", "wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
            stage.advance()
    arrived = _sizes(store, place)
    for entry in entries:
        if arrived.get(entry.path) != entry.size:
            raise OutputError(
                f"{place}/{entry.path}: {arrived.get(entry.path)} bytes of {entry.size} arrived; try again"
            )


def _pointer(text: bytes, url: str) -> tuple[str, str]:
    try:
        content: Mapping[str, str] = json.loads(text)
        return checked_release(content["release"]), content["manifest_sha256"]
    except (ValueError, KeyError, TypeError, OutputError):
        raise DataError(f"{url}/{POINTER} is damaged; publish the release again") from None


def _store(url: str) -> tuple[Any, str]:
    protocol = url.split("://", 1)[0]
    if not is_url(url) or protocol in _LOCAL:
        raise ConfigurationError(f"{url!r} is no place in an object store; give a URL such as s3://bucket/prefix")
    store, root = file_system(url)
    if not root.strip("/"):
        raise ConfigurationError(f"{url} names no bucket; give a URL such as s3://bucket/prefix")
    return store, root


def _listed(store: Any, root: str) -> list[str]:
    try:
        return list(store.ls(root, detail=False))
    except FileNotFoundError:
        return []


def _content(store: Any, path: str) -> bytes | None:
    try:
        return bytes(store.cat_file(path))
    except FileNotFoundError:
        return None


def _sizes(store: Any, place: str) -> dict[str, int]:
    """Size in bytes of every object under ``place``, by its path in it; listed anew."""
    store.invalidate_cache()
    try:
        found = store.find(place, detail=True)
    except FileNotFoundError:
        return {}
    root = place.strip("/") + "/"
    return {path.lstrip("/").removeprefix(root): int(entry["size"]) for path, entry in found.items()}

"""The manifest of a release: what is said in public about how it was made, and the hash of every public file.

Nothing in it is computed on real records but the verdict of the gate, which is marked as such. Files of
``internal/`` are not listed: the hash of a file is a number computed on what stands in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from shared.errors import DataError

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
FORMAT = "simulacra-manifest/1"
VERDICT_NOTE = (
    "The verdict was reached by looking at real records, and its one bit is not part of the privacy accounting: "
    "that this release was published tells that it kept the declared thresholds."
)
LEARNED_CLEANING = (
    "The promise is made for records as they were after cleaning by rules that may have been learned from them; how "
    "one unit changed the cleaned records of others is not covered."
)
# A seed would let anyone redraw the synthetic records, the key of a source would reveal who is in the holdout, and
# where things lay on the machine concerns nobody.
_WITHHELD = frozenset({"seed", "seeds", "key", "secret", "password", "token", "path", "paths", "glob", "ledger"})
_NAMED_FILES = frozenset({"schema", "data_schema"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACE = re.compile(r"^(/|~|\.{1,2}/|[A-Za-z]:[\\/])|://")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One public file: its path relative to ``public/`` with ``/`` between parts, its hash and its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class PublishedPromise:
    """The promise, in public: (ε, δ) by ``unit`` under ``relation``, and the events of the accountant that spend it.

    ``mechanisms`` are JSON values, as the ledger stores its events. ``learned_cleaning``: the records may have been
    cleaned by rules learned from them, which the promise does not cover.
    """

    epsilon: float
    delta: float
    unit: str
    relation: str
    mechanisms: tuple[Any, ...] = ()
    learned_cleaning: bool = False

    @property
    def reserve(self) -> str:
        """What must be said beside the promise; empty if nothing must."""
        return LEARNED_CLEANING if self.learned_cleaning else ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What ``manifest.json`` says.

    ``source`` is the declared id of the source, ``configuration`` what :func:`public_configuration` leaves of the
    configuration file, ``rows`` the number of rows of each synthetic table, ``created`` ISO 8601. ``promise`` of
    ``None`` says outright that there is none. ``loosened`` holds the gate's thresholds that the configuration made
    weaker than the defaults, by name of the score. ``ledger_head`` is the head of the source's hash chain. ``engines``
    has the name of each table's engine, and the software and licence of one that is not ours. ``signed_by`` is the
    fingerprint of the key whose signature stands beside the manifest; ``None`` for a release that is not signed.
    """

    release: str
    title: str
    created: str
    source: str
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]
    promise: PublishedPromise | None
    passed: bool
    loosened: Mapping[str, float] = field(default_factory=dict)
    ledger_head: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()
    signed_by: str | None = None

    def to_json(self) -> str:
        """The text of ``manifest.json``: sorted keys, so that equal manifests are equal files."""
        promise: Any = "none"
        if self.promise is not None:
            promise = {
                "epsilon": self.promise.epsilon,
                "delta": self.promise.delta,
                "unit": self.promise.unit,
                "relation": self.promise.relation,
                "mechanisms": list(self.promise.mechanisms),
                "learned_cleaning": self.promise.learned_cleaning,
            }
        content = {
            "format": FORMAT,
            "synthetic": True,
            "release": self.release,
            "title": self.title,
            "created": self.created,
            "source": self.source,
            "configuration": dict(self.configuration),
            "versions": dict(self.versions),
            "privacy": promise,
            "verdict": {"passed": self.passed, "accounted": False, "note": VERDICT_NOTE},
            "loosened_thresholds": dict(self.loosened),
            "ledger_head": self.ledger_head,
            "rows": dict(self.rows),
            "engines": {table: dict(terms) for table, terms in self.engines.items()},
            "files": {entry.path: {"sha256": entry.sha256, "bytes": entry.size} for entry in self.files},
            "signed_by": self.signed_by,
        }
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that was written; raises :class:`DataError` for any other text."""
        try:
            content = json.loads(text, object_pairs_hook=_once)
            if content["format"] != FORMAT:
                raise DataError(f"the manifest has format {content['format']!r}; this version reads {FORMAT!r}")
            privacy = content["privacy"]
            promise = None
            if privacy != "none":
                promise = PublishedPromise(**{**privacy, "mechanisms": tuple(privacy["mechanisms"])})
            return cls(
                release=content["release"],
                title=content["title"],
                created=content["created"],
                source=content["source"],
                configuration=content["configuration"],
                versions=content["versions"],
                promise=promise,
                passed=content["verdict"]["passed"],
                loosened=content["loosened_thresholds"],
                ledger_head=content["ledger_head"],
                rows=content["rows"],
                engines=content.get("engines", {}),
                signed_by=content.get("signed_by"),
                files=tuple(
                    FileEntry(path=path, sha256=entry["sha256"], size=entry["bytes"])
                    for path, entry in content["files"].items()
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"the manifest cannot be read ({error!r}); fetch the release again or publish it anew"
            ) from None


def public_configuration(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration may be published: no seed, no secret, no place on the machine it ran on.

    Entries whose name is withheld are left out at every depth; a text that is a place (an absolute or relative
    path, or a URL) keeps its last part.
    """
    cleaned = _cleaned(configuration)
    assert isinstance(cleaned, dict)
    return cleaned


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): _last_part(entry) if key in _NAMED_FILES and isinstance(entry, str) else _cleaned(entry)
            for key, entry in value.items()
            if str(key).lower() not in _WITHHELD
        }
    if isinstance(value, list | tuple):
        return [_cleaned(entry) for entry in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, str) and _PLACE.search(value):
        return _last_part(value)
    return value


def _last_part(place: str) -> str:
    return re.split(r"[\\/]", place.rstrip("\\/"))[-1]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inventory(folder: Path) -> tuple[FileEntry, ...]:
    """Every file under ``folder`` but its manifest and the signature of it, in the order of their paths."""
    return tuple(
        FileEntry(path=path.relative_to(folder).as_posix(), sha256=sha256_of(path), size=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in (folder / MANIFEST, folder / SIGNATURE)
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the public folder ``folder``; raises :class:`DataError` if there is none or it is damaged."""
    try:
        return Manifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{folder} has no readable {MANIFEST}; give the public folder of a release") from None


def verify(folder: Path) -> list[str]:
    """What is wrong with the public folder ``folder``, one line a problem; an empty list if nothing is.

    Sizes and hashes are computed anew. A file that the manifest does not list is a problem too.
    """
    try:
        manifest = read_manifest(folder)
    except DataError as error:
        return [str(error)]
    return [f"{path}: {says}" for path, says in problems(folder, manifest)]


def problems(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Files of the public folder that are not as ``manifest`` says, each with what is wrong; no link is followed."""
    for entry in manifest.files:
        says = _problem(folder, entry)
        if says:
            yield _shown(entry.path), says
    if manifest.signed_by is not None and not _plain_file(folder, folder / SIGNATURE):
        yield SIGNATURE, f"missing; the manifest says that the key {manifest.signed_by} signed it"
    listed = {entry.path for entry in manifest.files} | {MANIFEST}
    if manifest.signed_by is not None:
        listed.add(SIGNATURE)
    present = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    for name in sorted(present - listed):
        yield _shown(name), "not listed in the manifest"


def _problem(folder: Path, entry: FileEntry) -> str:
    relative = PurePosixPath(entry.path)
    if relative.is_absolute() or ".." in relative.parts or "\\" in entry.path:
        return "the manifest names a file outside its folder"
    if relative.as_posix() != entry.path or _CONTROL.search(entry.path) or entry.path in (".", MANIFEST, SIGNATURE):
        return "the manifest gives a name that no file of a release has"
    path = folder / relative
    if not _plain_file(folder, path):
        return "missing"
    if path.stat().st_size != entry.size:
        return f"{path.stat().st_size} bytes, the manifest says {entry.size}"
    if sha256_of(path) != entry.sha256:
        return "its SHA-256 is not the manifest's"
    return ""


def _plain_file(folder: Path, path: Path) -> bool:
    """Whether ``path`` is a file inside ``folder`` that is reached without a link."""
    within = [path, *(parent for parent in path.parents if folder in parent.parents)]
    try:
        return path.is_file() and not any(part.is_symlink() for part in within)
    except OSError:  # a name longer than a file system takes
        return False


def _shown(path: str) -> str:
    """A name as a message can bear it."""
    return path if path and path.isprintable() else repr(path)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand in it once each: of two, readers would take one or the other."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return content

"""Two releases, or two evaluations, read from where they were written and compared. Internal, as scores are."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from domains.pipeline.bundle import SCORES
from domains.pipeline.manifest import MANIFEST, Manifest
from domains.pipeline.publication import POINTER, current
from evaluation.report import Side, compared, evaluation_from_json, render_comparison
from shared.corpus.folders import writing
from shared.errors import DataError, OutputError
from shared.training.reporter import Reporter

_OWNER_ONLY = 0o600


def compare_to(out: Path, first: Path, second: Path, *, now: datetime, reporter: Reporter) -> dict[str, Any]:
    """Write the comparison of two releases to a new file ``out``, for its owner alone; gives it as JSON values.

    Each is a release (``versions/<release>``), a folder that releases are published to (the current one), what
    was kept of a refused release, or a folder that ``simulacra evaluate`` wrote. Raises :class:`DataError` for
    anything else, :class:`OutputError` for a file that exists or cannot be written.
    """
    if out.exists():
        raise OutputError(f"{out}: this exists already; choose another file, or remove it first")
    with reporter.stage("comparing", 3) as stage:
        sides = []
        for place in (first, second):
            sides.append(read_side(place))
            stage.advance()
        page = render_comparison(*sides, created=now)
        _write(out, page)
        stage.advance()
    return compared(*sides)


def read_side(place: Path) -> Side:
    """What was measured of the release or evaluation at ``place``, and how it was made, as far as that is told."""
    folder = _internal(place)
    try:
        content = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / SCORES} cannot be read ({type(error).__name__}); evaluate again") from error
    try:
        evaluation = evaluation_from_json(content)
    except DataError as error:
        raise DataError(f"{folder / SCORES}: {error}") from None
    manifest = _manifest(folder)
    if manifest is None:
        return Side(name=folder.resolve().name, evaluation=evaluation)
    return Side(name=manifest.release, evaluation=evaluation, source=manifest.source, settings=_settings(manifest))


def _internal(place: Path) -> Path:
    """The folder with the scores."""
    if (place / POINTER).is_file():
        release = current(place)
        assert release is not None, "the pointer is there"
        place = release
    for folder in (place, place / "internal"):
        if (folder / SCORES).is_file():
            return folder
    raise DataError(
        f"{place} holds no {SCORES}; give a release, a folder with releases, or what 'simulacra evaluate' wrote"
    )


def _manifest(folder: Path) -> Manifest | None:
    """The manifest beside the scores (a refused release has no other), or that of the public folder."""
    for path in (folder / MANIFEST, folder.parent / "public" / MANIFEST):
        if path.is_file() and (path.parent == folder or folder.name == "internal"):
            return Manifest.from_json(path.read_text(encoding="utf-8"))
    return None


def _settings(manifest: Manifest) -> dict[str, str]:
    """What a manifest tells, as lines by name."""
    promise = "none"
    if manifest.promise is not None:
        promise = f"ε = {manifest.promise.epsilon:g}, δ = {manifest.promise.delta:g} by {manifest.promise.unit}"
    told: dict[str, Any] = {
        "created": manifest.created,
        "promise": promise,
        **{f"rows of {table}": f"{rows:,}" for table, rows in manifest.rows.items()},
        **{f"loosened threshold: {name}": value for name, value in manifest.loosened.items()},
        **_flat(manifest.configuration),
        **{f"version of {name}": version for name, version in manifest.versions.items()},
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in told.items()
    }


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names; lists stay whole."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= _flat(entry, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _write(out: Path, text: str) -> None:
    """The file appears under its name when it is whole."""
    building = out.with_name(f".{out.name}.partial-{secrets.token_hex(4)}")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
                file.write(text.encode())
            building.rename(out)
        finally:
            building.unlink(missing_ok=True)

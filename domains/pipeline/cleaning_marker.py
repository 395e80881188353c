"""The mark that cleaning leaves, and the private run that heeds it.

Rules that are learned from records (clustered spellings, cut-offs, mixed units, models that label) let one unit's
records change those of another. A promise that is made for the cleaned records does not cover that, so a private run
refuses them unless the configuration says outright that it knows.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.corpus.databases.urls import is_database_url
from shared.corpus.schema import Schema
from shared.corpus.schema_file import read_schema
from shared.corpus.store_corpora import resolved
from shared.corpus.store_paths import FilePath, StorePath, as_file
from shared.corpus.writing import SCHEMA_FILE
from shared.errors import ConfigurationError, DataError, SchemaError

LOG = "cleaning-log"
MARKER = "marker.json"
FORMAT = "simulacra-cleaning/1"
Cleaning = Literal["none", "declared", "learned"]


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What became of the records of a folder: ``rules`` by what they stand on."""

    cleaning: Cleaning
    rules: Mapping[str, Sequence[str]]


def write_marker(log: Path, marker: Marker) -> None:
    """Write the mark into the log of a cleaned folder."""
    content = {"format": FORMAT, "cleaning": marker.cleaning, "rules": {k: list(v) for k, v in marker.rules.items()}}
    (log / MARKER).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def learned_rules(source: Path | str, schema: Schema) -> tuple[str, ...]:
    """The learned rules that records at ``source`` (a file, folder or glob) were cleaned by; empty if there are none.

    A mark that cannot be read is taken for one of learned rules.
    """
    folders = {folder for path in _places(source) for folder in _around(path, schema)}
    found: set[str] = set()
    for folder in folders:
        path = folder / LOG / MARKER
        if path.is_file():
            found |= set(_learned_in(path))
        if _schema_says(folder / SCHEMA_FILE):
            found.add("as the schema beside the records says")
    if schema.cleaning == "learned" and not found:
        return ("as the schema says",)
    return tuple(sorted(found))


def _places(source: Path | str) -> list[FilePath]:
    """Where the records lie; of a database no place at all."""
    if is_database_url(source):
        return []
    place = as_file(source)
    if isinstance(place, StorePath):
        return [*place.matches(), resolved(place)] if glob.has_magic(place.path) else [resolved(place)]
    return [Path(name) for name in glob.glob(str(place), recursive=True)] or [place]  # noqa: PTH207


def _around(path: FilePath, schema: Schema) -> Sequence[FilePath]:
    """The folders in which a mark may lie. In a store those above may be no one's to look at."""
    above = path.parent
    if isinstance(path, Path) or above.name in {table.name for table in schema.tables}:
        return path, above, above.parent
    return path, above


def check_private(source: Path | str, schema: Schema, *, accepted: bool, where: str) -> None:
    """Raises ``ConfigurationError`` for a private run on records that learned rules changed, unless it is accepted."""
    found = learned_rules(source, schema)
    if found and not accepted:
        raise ConfigurationError(
            f"{where}: source.path was cleaned by rules that were learned from its records ({', '.join(found)}), which "
            "no privacy promise covers; clean it with declared rules alone, or write 'learned_cleaning: accepted' "
            "under source, which the manifest will show"
        )


def _schema_says(path: FilePath) -> bool:
    """Whether a schema that lies beside the records has the mark; one that cannot be read is somebody else's."""
    if not path.is_file():
        return False
    try:
        return read_schema(path).cleaning == "learned"
    except SchemaError:
        return False


def _learned_in(path: FilePath) -> Sequence[str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise DataError(f"{path}: unknown format")
        if content["cleaning"] != "learned":
            return ()
        return [str(rule) for rule in content["rules"]["learned"]] or ["earlier cleaning"]
    except (OSError, ValueError, KeyError, TypeError, DataError):
        return ("a mark that cannot be read",)

"""Which files hold the records of which table."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from shared.corpus.schema import Format, Schema, Table
from shared.corpus.store_corpora import resolved
from shared.corpus.store_paths import FilePath, StorePath, as_file
from shared.errors import DataError

ENDINGS = (".csv", ".csv.gz", ".csv.zst", ".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")
_KINDS: Mapping[str, Literal["csv", "parquet", "jsonl"]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def format_of(declared: Format, path: FilePath) -> Format:
    """The declared format, with the kind that the name of the file says."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".zst"):
        suffixes.pop()
    kind = _KINDS.get(suffixes[-1]) if suffixes else None
    return declared if kind is None or kind == declared.kind else dataclasses.replace(declared, kind=kind)


def find_files(schema: Schema, source: str | FilePath) -> dict[str, list[FilePath]]:
    """The files of each table of a schema.

    ``source`` is a file, a glob (all matching files hold parts of the one table), or a folder that
    holds for each table a file ``<table>.<ending>`` or a folder ``<table>`` of such parts; or the URL of
    such a place in an object store.

    Raises ``DataError`` for a source without files, or with two files for one table.
    """
    path = as_file(source)
    if isinstance(path, StorePath):
        path = resolved(path)
    if path.is_dir():
        return {table.name: _in_folder(table, path) for table in schema.tables}
    files = [path] if path.is_file() else expand(path if isinstance(path, StorePath) else str(source))
    if len(schema.tables) > 1:
        raise DataError(
            f"{source}: this names files of one table, but the schema has {len(schema.tables)} "
            f"({', '.join(table.name for table in schema.tables)}); give the folder that holds a file for each"
        )
    return {schema.tables[0].name: files}


def expand(pattern: str | FilePath) -> list[FilePath]:
    """The files that match a glob, by name; a plain path matches itself."""
    if isinstance(pattern, StorePath):
        found = pattern.matches() if glob.has_magic(pattern.path) else []
        if not found:
            raise DataError(f"{pattern}: there is nothing at this URL; check it")
        return list(found)
    pattern = str(pattern)
    if not glob.has_magic(pattern):
        if not Path(pattern).exists():
            raise DataError(f"{pattern}: no such file or folder; check the path")
        return [Path(pattern)]
    # Path.glob takes no absolute pattern.
    files: list[FilePath] = sorted(Path(name) for name in glob.glob(pattern, recursive=True) if Path(name).is_file())  # noqa: PTH207
    if not files:
        raise DataError(f"{pattern}: no file matches this pattern; check the path")
    return files


def _in_folder(table: Table, folder: FilePath) -> list[FilePath]:
    """The file ``<table>.<ending>``, or all files of the folder ``<table>``."""
    candidates = [folder / (table.name + ending) for ending in ENDINGS]
    found = [path for path in candidates if path.is_file()]
    parts = folder / table.name
    if parts.is_dir():
        found += _parts(parts)
    elif len(found) > 1:
        raise DataError(
            f"{folder}: table {table.name!r} has more than one file: "
            f"{', '.join(path.name for path in found)}; leave one of them"
        )
    if parts.is_dir() and any(path.parent == folder for path in found):
        raise DataError(f"{folder}: table {table.name!r} has both a file and a folder; leave one of them")
    if not found:
        inside = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        shown = ", ".join(inside[:8]) + (", ..." if len(inside) > 8 else "") or "nothing"
        raise DataError(
            f"{folder}: no file for table {table.name!r}; expected {table.name}.csv (or {', '.join(ENDINGS[1:])}), "
            f"found {shown}"
        )
    return found


def _parts(folder: FilePath) -> Sequence[FilePath]:
    parts = sorted(path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS))
    if not parts:
        raise DataError(f"{folder}: this folder holds no part file ({', '.join(ENDINGS)})")
    return parts

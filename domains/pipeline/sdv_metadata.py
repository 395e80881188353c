"""SDV's metadata files in and out, and what a private run of such a schema would still need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domains.pipeline.drafting import write_new
from privacy.workload import categories_unknown, missing_declarations
from shared.codecs.table import modelled
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import LEARNED, read_schema, schema_to_yaml
from shared.corpus.sdv.exporting import Spec, metadata_of_schema
from shared.corpus.sdv.importing import schema_of_metadata
from shared.errors import SchemaError

_COMMENT = "From SDV's metadata. Add what you know besides: bounds, categories, and the unit of privacy under 'unit'."


@dataclass(frozen=True)
class Exchanged:
    """A schema, what was lost or should be looked at, and what a private run of it still needs; a line each."""

    schema: Schema
    notes: tuple[str, ...]
    needed: tuple[str, ...]


def import_metadata(path: Path, out: Path, *, ranges_declared: bool = False) -> Exchanged:
    """Write the schema of a metadata file to ``out``, a file that must not exist.

    Raises ``SchemaError`` for a file that holds no metadata, or whose metadata contradict themselves.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_once)
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: there is no such file; give SDV's metadata, a JSON file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise SchemaError(f"{path}: this is no JSON that can be read ({' '.join(str(error).split())})") from error
    try:
        imported = schema_of_metadata(content, name=path.stem, ranges_declared=ranges_declared)
        needed = tuple(line for table in imported.schema.tables for line in needed_of(table))
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error
    marked = any(column.learned for table in imported.schema.tables for column in table.columns)
    comment = f"{_COMMENT}\n{LEARNED}" if marked else _COMMENT
    write_new(out, schema_to_yaml(imported.schema, comment=comment))
    return Exchanged(imported.schema, imported.notes, needed)


def export_metadata(path: Path, out: Path, *, spec: Spec) -> Exchanged:
    """Write SDV's metadata of a schema file to ``out``, a file that must not exist."""
    schema = read_schema(path)
    exported = metadata_of_schema(schema, spec=spec)
    write_new(out, json.dumps(exported.content, indent=4, ensure_ascii=False) + "\n")
    return Exchanged(schema, exported.notes, ())


def needed_of(table: Table) -> list[str]:
    """What a private run of a table asks to be declared, and what it would pay for; a line each."""
    lines = [f"{table.name}: {line}" for line in missing_declarations(table)]
    if table.unit is None and not table.foreign_keys:  # rows below others are of the unit that those are of
        lines.append(f"{table.name}: no unit of privacy is named; name it under 'unit', or write 'unit: row' in CONFIG")
    unknown = [column.name for column in modelled(table) if categories_unknown(column)]
    if unknown:
        lines.append(f"{table.name}: categories of {', '.join(unknown)} are not declared; a private run pays for them")
    return lines


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """An object of JSON in which no key stands twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} stands twice")
        found[key] = value
    return found

"""JSON Lines files as batches of columns: one object a line, one key a column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from shared.corpus.checks import Place, check_columns, listed, shown
from shared.corpus.schema import Column, Kind, Table
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source
from shared.errors import DataError

_ROWS = 20_000
_NATIVE: Mapping[Kind, tuple[frozenset[type], pa.DataType]] = {
    "integer": (frozenset({int}), pa.int64()),
    "real": (frozenset({int, float}), pa.float64()),
    "boolean": (frozenset({bool}), pa.bool_()),
}


def json_batches(table: Table, path: FilePath, *, rows: int = _ROWS) -> Iterator[pa.RecordBatch]:
    """Batches of at most ``rows`` rows, whose columns are those of the table; a key left out has no value.

    Raises ``DataError`` for a line that is no JSON object, has unknown keys, nested values, NaN or
    infinities, and for a column that no line has.
    """
    seen: set[str] = set()
    known = frozenset(table.names)
    records: list[dict[str, Any]] = []
    place = Place(path)
    with open_source(path) as stream:
        for number, line in enumerate(stream, start=1):
            if line.isspace():
                continue
            record = _record(line, number, path)
            if not record.keys() <= known:
                extra = [repr(key) for key in record if key not in known]
                raise DataError(
                    f"{path}: line {number}: the schema lacks {listed(extra)} (table {table.name!r}); "
                    "add the column to the schema, or remove it from the file"
                )
            seen |= record.keys()
            records.append(record)
            if len(records) == min(rows, _ROWS):
                yield _batch(table, records, place)
                place = place.after(len(records))
                records = []
    if records:
        yield _batch(table, records, place)
    if seen:
        check_columns(table, path, sorted(seen))


def _record(line: bytes, number: int, path: FilePath) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise DataError(
            f"{path}: line {number}: byte 0x{byte:02x} is not utf-8; JSON is UTF-8: save the file so"
        ) from error
    except _NotFinite as error:
        raise DataError(f"{path}: line {number}: {error} is not a finite number; write null for no value") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: line {number}: this is no JSON ({error}); give one object a line") from error
    if not isinstance(record, dict):
        raise DataError(f"{path}: line {number}: {shown(record)} is no JSON object; give one object a line")
    return record


class _NotFinite(Exception):
    """NaN or an infinity, which JSON does not have but Python reads."""


def _refuse_constant(name: str) -> Any:
    raise _NotFinite(name)


def _batch(table: Table, rows: Sequence[dict[str, Any]], place: Place) -> pa.RecordBatch:
    columns = [_array([row.get(column.name) for row in rows], column, place) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=list(table.names))


def json_columns(path: FilePath) -> pa.Table:
    """A whole file without a schema: the keys in the order in which they first occur, text where types mix."""
    records: list[dict[str, Any]] = []
    with open_source(path) as stream:
        records += (_record(line, number, path) for number, line in enumerate(stream, start=1) if not line.isspace())
    place = Place(path)
    columns = {}
    for name in dict.fromkeys(key for record in records for key in record):
        values = [record.get(name) for record in records]
        types: set[type] = set(map(type, values)) - {type(None)}
        kind: Kind = next((kind for kind, (allowed, _) in _NATIVE.items() if types and types <= allowed), "identifier")
        columns[name] = _array(values, Column(name=name or "?", kind=kind), place)
    return pa.table(columns)


def _array(values: list[Any], column: Column, place: Place) -> pa.Array:
    """One Arrow array for values of one JSON type; text for mixed types, which is then parsed."""
    types: set[type] = set(map(type, values)) - {type(None)}
    if types & {dict, list}:
        position = next(index for index, value in enumerate(values) if isinstance(value, dict | list))
        raise place.error(
            position,
            column.name,
            f"{shown(values[position])} is nested, but a column holds plain values; spread it over columns",
        )
    allowed, native = _NATIVE.get(column.kind, (frozenset[type](), pa.string()))
    if types <= allowed:
        # Whole numbers too large for the type are left to the parser of text.
        with suppress(OverflowError, pa.ArrowInvalid):
            return pa.array(values, native)
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)

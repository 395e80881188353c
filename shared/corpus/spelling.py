"""Values as files spell them: the inverse of :mod:`shared.corpus.parsing`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shared.corpus.corpus import DTYPES
from shared.corpus.schema import SPELLED, Column, Kind, Table
from shared.errors import DataError

_ARROW_TYPES: Mapping[Kind, pa.DataType] = {
    "categorical": pa.string(),
    "identifier": pa.string(),
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us"),
    "date": pa.date32(),
}


def arrow_type(table: Table, column: Column) -> pa.DataType:
    """The type in which a column lies in a file of the table."""
    typed = column.stored == "integer" and table.format.kind != "csv"
    return pa.int64() if typed else _ARROW_TYPES[column.kind]


def to_arrow(values: pd.Series, table: Table, column: Column) -> pa.Array:
    """Typed values, null where there is none; shape ``(rows,)``.

    Raises ``DataError`` for what would be read back as something else: text that means "missing" or
    has blanks that the reader takes away, numbers that are not finite.
    """
    series = values.astype(DTYPES[column.kind])
    if column.kind in SPELLED:
        array = _flat(pa.Array.from_pandas(series)).cast(pa.string())
        _check_text(array, table, column)
        return array if arrow_type(table, column) == pa.string() else _integers(array, table, column)
    if column.kind == "real" and np.isinf(series.to_numpy()).any():
        raise DataError(f"table {table.name!r}, column {column.name!r}: an infinite number cannot be written")
    return _flat(pa.Array.from_pandas(series)).cast(arrow_type(table, column))


def to_text(array: pa.Array, table: Table, column: Column) -> pa.Array:
    """What :func:`to_arrow` gave, as text; a missing value is the first of the column's spellings of it."""
    text = _text(array, column)
    if not text.null_count:
        return text
    spellings = table.missing_of(column)
    if not spellings:
        raise DataError(
            f"table {table.name!r}, column {column.name!r}: a value is missing, but no spelling of a missing value is "
            "declared; list one under 'missing' in the schema"
        )
    return text.fill_null(spellings[0])


def to_json(array: pa.Array, column: Column) -> list[Any]:
    """What :func:`to_arrow` gave, as values of JSON."""
    return (_text(array, column) if column.kind in ("date", "datetime") else array).to_pylist()


def json_line(record: dict[str, Any]) -> str:
    """One line of a JSON Lines file, without its end."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _flat(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _check_text(array: pa.Array, table: Table, column: Column) -> None:
    words = array.unique().drop_null()
    blanks = pc.utf8_trim(words, " \t") if table.format.strip else words
    broken = pc.or_(
        pc.is_in(words, value_set=pa.array(table.missing_of(column), pa.string())), pc.not_equal(words, blanks)
    )
    if pc.any(broken).as_py():
        word = words.filter(broken)[0].as_py()
        raise DataError(
            f"table {table.name!r}, column {column.name!r}: {word!r} cannot be written, since it would be read back as "
            "something else (a spelling of 'missing', or blanks that 'strip' takes away); change the schema"
        )


def _integers(array: pa.Array, table: Table, column: Column) -> pa.Array:
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise DataError(
            f"table {table.name!r}, column {column.name!r}: a value is no integer, but the schema says "
            f"'stored: integer' ({' '.join(str(error).split())}); take that out of the schema"
        ) from error


def _text(array: pa.Array, column: Column) -> pa.Array:
    if column.kind in ("date", "datetime"):
        return time_text(array, column)
    if column.kind == "real":
        # The shortest text that reads back as the same number.
        return array.cast(pa.string())
    return array.cast(pa.string())


def time_text(array: pa.Array, column: Column) -> pa.Array:
    """ISO 8601, or the declared format; each distinct value is formatted once."""
    encoded = array.dictionary_encode()
    stamps = encoded.dictionary.cast(pa.timestamp("us"))
    if column.datetime_format is not None:
        words = [stamp.strftime(_padded_year(column.datetime_format, stamp.year)) for stamp in stamps.to_pylist()]
    elif column.kind == "date":
        words = np.datetime_as_string(stamps.to_numpy(zero_copy_only=False), unit="D").tolist()
    else:
        words = [word.removesuffix(".000000") for word in np.datetime_as_string(stamps.to_numpy(), unit="us").tolist()]
    return pa.array(words, pa.string()).take(encoded.indices)


def _padded_year(format: str, year: int) -> str:
    # The C library leaves the zeros of early years out, and then cannot read them back.
    return format.replace("%Y", f"{year:04d}") if year < 1000 else format

"""Values that a database driver gives, as Arrow arrays that :mod:`shared.corpus.parsing` reads."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shared.corpus.checks import Place
from shared.corpus.parsing import parse_column
from shared.corpus.schema import Column, Table
from shared.errors import DataError


def array_of(values: Sequence[Any], *, spelled: bool) -> pa.Array:
    """An Arrow array of driver values; what has no common type becomes text, as in an untyped SQLite column.

    ``spelled`` is for names (identifiers, categories): each becomes text by itself. A type that all values of a chunk
    have in common would let one record change how all others are spelled, and so who is in the holdout.
    """
    if spelled:
        return _texts(values)
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(values)


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    """The one spelling of a value: equal numbers have equal ones, whatever type the driver gave them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def frame_of(arrays: Sequence[pa.Array], table: Table, place: Place, *, padded: frozenset[str]) -> pd.DataFrame:
    """The checked rows of a chunk; ``padded`` names columns whose type pads text with blanks (CHAR)."""
    columns = {}
    for column, array in zip(table.columns, arrays, strict=True):
        if column.name in padded and pa.types.is_string(array.type):
            array = pc.utf8_rtrim(array, " ")
        columns[column.name] = _parsed(array, table, column, place)
    return pd.DataFrame(columns, copy=False)


def _parsed(array: pa.Array, table: Table, column: Column, place: Place) -> pd.Series:
    stored = array.type
    if column.kind == "boolean" and pa.types.is_integer(stored):
        array = array.cast(pa.string())
    if pa.types.is_nested(stored) or isinstance(stored, pa.BaseExtensionType):
        array = _texts(array.to_pylist())
    try:
        return parse_column(array, table, column, place, strip=table.format.strip)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{place.file}: column {column.name!r} is stored as {stored}, which cannot be read as {column.kind}; "
            "change its kind in the schema, or leave the column out of a view"
        ) from error


def as_iso(column: Column) -> Column:
    """The column as a typed column of a database holds it: dates and times are ISO 8601 there, whatever files say."""
    return dataclasses.replace(column, datetime_format=None) if column.datetime_format is not None else column

"""Columns as a file holds them, turned into columns of their kind; what does not fit is refused.

Text is parsed once for each distinct spelling and then spread over the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.corpus.checks import Place, check_values, listed, shown
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import SPELLED, Column, Kind, Table
from shared.errors import DataError

_BLANKS = " \t"
_INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
_REAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_FINITE = r"^[+-]?(nan|inf|infinity)$"
_ZONE = r":[0-9.]+ ?(Z|[+-][0-9]{2}:?([0-9]{2})?)$"
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")

Parsed = tuple[Any, NDArray[np.bool_]]


def parse_column(values: pa.Array, table: Table, column: Column, place: Place, *, strip: bool = False) -> pd.Series:
    """A series with the dtype of the column's kind, checked against what the schema declares.

    ``values`` is an Arrow array of shape ``(rows,)``: text, or a type that fits the kind. ``strip``
    takes blanks around text away.

    Raises ``DataError`` with file, row, column, value, what is allowed and what to do.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if column.kind in SPELLED:
        values = values.cast(pa.string())
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        series = _from_text(values, table, column, place, strip)
    else:
        series = _from_native(values, column, place)
    check_values(series, table, column, place)
    return series


def _from_text(values: pa.Array, table: Table, column: Column, place: Place, strip: bool) -> pd.Series:
    encoded = values.dictionary_encode()
    words = encoded.dictionary
    if strip:
        words = pc.utf8_trim(words, _BLANKS)
    missing = pc.is_in(words, value_set=pa.array(table.missing_of(column), pa.string())).to_numpy(zero_copy_only=False)
    codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
    parsed, bad = _PARSERS[column.kind](words, column)
    bad = bad & ~missing
    if bad.any():
        position = int(bad[codes].argmax()) if not encoded.null_count else int((bad[codes] & (codes >= 0)).argmax())
        raise place.error(position, column.name, _complaint(words[int(codes[position])].as_py(), column))
    index = np.append(np.where(missing, -1, np.arange(len(words))), -1)
    rows = index[codes]
    if isinstance(parsed, pa.Array):
        taken = parsed.take(pa.array(rows, mask=rows < 0)).cast(pa.large_string())
        return pd.Series(pd.array(taken, dtype=DTYPES[column.kind]), name=column.name)
    taken = pd.api.extensions.take(parsed, rows, allow_fill=True)
    return pd.Series(taken, name=column.name, dtype=DTYPES[column.kind])


def _parse_category(words: pa.Array, column: Column) -> Parsed:
    spelling = dict(column.spellings)
    if spelling:
        words = pa.array([spelling.get(word, word) for word in words.to_pylist()], pa.string())
    if column.categories is None:
        return words, np.zeros(len(words), dtype=bool)
    return words, ~pc.is_in(words, value_set=pa.array(column.categories, pa.string())).to_numpy(zero_copy_only=False)


def _parse_spelled(words: pa.Array, column: Column) -> Parsed:  # noqa: ARG001
    return words, np.zeros(len(words), dtype=bool)


def _parse_integer(words: pa.Array, column: Column) -> Parsed:  # noqa: ARG001
    bad = ~_matches(words, _INTEGER)
    digits = pc.replace_substring_regex(pc.if_else(bad, "0", words), r"^\+|\.0*$", "")
    try:
        numbers = digits.cast(pa.int64())
    except pa.ArrowInvalid:
        exact = [int(digit) for digit in digits.to_pylist()]
        outside = np.array([abs(number) >= 2**63 for number in exact])
        bad |= outside
        numbers = pa.array([0 if out else number for number, out in zip(exact, outside, strict=True)], pa.int64())
    return pd.array(numbers.to_numpy(), dtype="Int64"), bad


def _parse_real(words: pa.Array, column: Column) -> Parsed:  # noqa: ARG001
    bad = ~_matches(words, _REAL)
    numbers = pc.if_else(bad, "0", words).cast(pa.float64()).to_numpy()
    return numbers, bad | ~np.isfinite(numbers)


def _parse_boolean(words: pa.Array, column: Column) -> Parsed:  # noqa: ARG001
    lower = pc.utf8_lower(words)
    true, false = (
        pc.is_in(lower, value_set=pa.array(spellings)).to_numpy(zero_copy_only=False) for spellings in (_TRUE, _FALSE)
    )
    return pd.array(true, dtype="boolean"), ~(true | false)


def _parse_time(words: pa.Array, column: Column) -> Parsed:
    format = column.datetime_format or ("ISO8601" if column.kind == "datetime" else "%Y-%m-%d")
    # pandas reads words such as "now" as times.
    bad = ~_matches(words, "[0-9]")
    if column.datetime_format is None:
        bad |= _matches(words, _ZONE)
    text = pd.Series(pc.if_else(bad, "", words).to_pandas(), dtype=object).where(~bad, None)
    stamps = pd.to_datetime(text, format=format, errors="coerce").astype("datetime64[us]")
    bad |= stamps.isna().to_numpy()
    if column.kind == "date":
        bad |= (stamps != stamps.dt.normalize()).to_numpy()
    return stamps.to_numpy(), bad


_PARSERS: Mapping[Kind, Callable[[pa.Array, Column], Parsed]] = {
    "categorical": _parse_category,
    "identifier": _parse_spelled,
    "text": _parse_spelled,
    "integer": _parse_integer,
    "real": _parse_real,
    "boolean": _parse_boolean,
    "date": _parse_time,
    "datetime": _parse_time,
}


def parse_words(words: pa.Array, column: Column) -> Parsed:
    """Values of distinct spellings, and which of them the column's kind (or its categories) does not allow.

    ``words`` has shape ``(words,)`` and no nulls. The value of a spelling that is not allowed means nothing.
    """
    return _PARSERS[column.kind](words, column)


def _matches(words: pa.Array, pattern: str) -> NDArray[np.bool_]:
    return pc.match_substring_regex(words, pattern).to_numpy(zero_copy_only=False).astype(bool)


def _complaint(word: str, column: Column) -> str:
    """What is wrong with a word, what is allowed, what to do."""
    if column.kind == "categorical":
        categories = list(column.categories or ())
        return (
            f"{shown(word)} is not among the declared categories ({listed(categories)}); "
            "correct the value, or add it to 'categories' in the schema"
        )
    one = pa.array([word])
    remedy = f"correct the value, list it under 'missing', or declare another kind than {column.kind}"
    if column.kind in ("integer", "real") and _matches(pc.utf8_lower(one), _NOT_FINITE)[0]:
        return f"{shown(word)} is not a finite number; correct the value, or list it under 'missing' in the schema"
    if column.kind == "integer" and _matches(one, _INTEGER)[0]:
        return f"{shown(word)} does not fit into 64 bits; declare the column an identifier or a category"
    if column.kind == "real" and _matches(one, _REAL)[0]:
        return f"{shown(word)} is beyond the range of 64-bit floats (1.8e308); correct the value"
    if column.kind == "datetime" and column.datetime_format is None and _matches(one, _ZONE)[0]:
        return (
            f"{shown(word)} has a time zone, which this kind does not keep; write all times in one zone without it, "
            "or declare it as fixed text in 'datetime_format' (such as %Y-%m-%dT%H:%M:%SZ)"
        )
    allowed = {
        "integer": "an integer, such as 42",
        "real": "a number, such as 4.2",
        "boolean": "a boolean (true or false, yes or no, 1 or 0)",
        "date": "a date of the calendar, " + _format_hint(column, "2024-01-31"),
        "datetime": "a time of the calendar, " + _format_hint(column, "2024-01-31T09:30:00"),
    }[column.kind]
    return f"{shown(word)} is not {allowed}; {remedy}"


def _format_hint(column: Column, example: str) -> str:
    if column.datetime_format is not None:
        return f"in the declared datetime_format {column.datetime_format}"
    return f"such as {example}"


def _from_native(values: pa.Array, column: Column, place: Place) -> pd.Series:
    """Typed values of Parquet and JSON; a type that says another kind is refused."""
    kind, stored = column.kind, values.type
    number = pa.types.is_integer(stored) or pa.types.is_floating(stored) or pa.types.is_decimal(stored)
    timely = pa.types.is_date(stored) or pa.types.is_timestamp(stored)
    if kind == "integer" and number:
        return _native_integer(values, column, place)
    if kind == "real" and number:
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        _refuse(np.isinf(numbers), values, column, place, "is not a finite number; correct the value")
        return pd.Series(numbers, name=column.name, dtype="float64")
    if kind == "boolean" and pa.types.is_boolean(stored):
        mask = values.is_null().to_numpy(zero_copy_only=False)
        return pd.Series(
            pd.arrays.BooleanArray(values.fill_null(False).to_numpy(zero_copy_only=False).astype(bool), mask),
            name=column.name,
        )
    if kind in ("date", "datetime") and timely:
        micros = values.cast(pa.timestamp("us", getattr(stored, "tz", None)), safe=False).cast(pa.timestamp("us"))
        stamps = pd.Series(micros.to_numpy(zero_copy_only=False), name=column.name).astype(DTYPES[kind])
        late = (stamps != stamps.dt.normalize()) & stamps.notna()
        if kind == "date":
            message = "has a time of day; declare the column 'datetime'"
            _refuse(late.to_numpy(), values, column, place, message)
        return stamps
    raise DataError(
        f"{place.file}: column {column.name!r} is stored as {stored}, but the schema declares it {kind}; "
        "change its kind in the schema, or store it as text"
    )


def _native_integer(values: pa.Array, column: Column, place: Place) -> pd.Series:
    mask = values.is_null().to_numpy(zero_copy_only=False)
    if not pa.types.is_integer(values.type):
        floats = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        broken = ~mask & ~((np.rint(floats) == floats) & (np.abs(floats) < 2.0**63))
        _refuse(broken, values, column, place, "is not an integer; declare the column 'real', or correct the value")
        numbers = np.where(mask, 0.0, floats).astype(np.int64)
    else:
        unsigned = pa.types.is_uint64(values.type)
        broken = values.fill_null(0).to_numpy(zero_copy_only=False) >= 2**63 if unsigned else mask & False
        _refuse(broken, values, column, place, "does not fit into 64 bits; declare the column an identifier")
        numbers = values.fill_null(0).cast(pa.int64()).to_numpy()
    return pd.Series(pd.arrays.IntegerArray(numbers.copy(), mask.copy()), name=column.name)


def _refuse(broken: NDArray[np.bool_], values: pa.Array, column: Column, place: Place, what: str) -> None:
    if broken.any():
        position = int(broken.argmax())
        raise place.error(position, column.name, f"{values[position].as_py()} {what}")

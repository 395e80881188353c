"""Numbers for values: what a numeric, date or datetime column is on the real line.

Integers and reals stand for themselves, dates are days and datetimes seconds since 1970-01-01.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column
from shared.errors import SchemaError

_SECONDS_IN = {"date": 86_400.0, "datetime": 1.0}


def to_numbers(values: pd.Series, column: Column) -> NDArray[np.float64]:
    """Shape ``(rows,)``; NaN where there is no value.

    Of times, whole seconds are kept always, microseconds from 1834 to 2105 (2^32 seconds about 1970).
    """
    if column.kind in ("date", "datetime"):
        stamps = pd.to_datetime(values).astype("datetime64[us]")
        micros = stamps.to_numpy().astype("datetime64[us]").astype(np.int64).astype(np.float64)
        numbers = micros / 1e6 / _SECONDS_IN[column.kind]
        return np.where(stamps.isna().to_numpy(), np.nan, numbers)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def to_text(values: pd.Series) -> pd.Series:
    """Values of a categorical or boolean column as text, booleans as "false" and "true"; missing stays missing."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("boolean").map({True: "true", False: "false"}).astype("str")
    return values.astype("str")


def from_numbers(numbers: NDArray[np.float64], column: Column) -> pd.Series:
    """The inverse of :func:`to_numbers`, with the dtype of the column's kind; integers and dates are rounded."""
    missing = np.isnan(numbers)
    if column.kind == "real":
        return pd.Series(numbers, name=column.name, dtype="float64")
    filled = np.where(missing, 0.0, numbers)
    if column.kind == "integer":
        return pd.Series(pd.array(np.rint(filled).astype(np.int64), dtype="Int64"), name=column.name).mask(missing)
    if column.kind == "date":
        filled = np.rint(filled)
    micros = np.rint(filled * _SECONDS_IN[column.kind] * 1e6).astype(np.int64)
    stamps = pd.Series(micros.astype("datetime64[us]"), name=column.name)
    return stamps.mask(missing).astype(DTYPES[column.kind])


def bounds(column: Column) -> tuple[float | None, float | None]:
    """Declared low and high of a column as numbers; from the outermost edges where only a grid is declared."""
    low, high = (_number(bound, column) for bound in (column.low, column.high))
    if column.edges is not None:
        low = column.edges[0] if low is None else low
        high = column.edges[-1] if high is None else high
    return low, high


def _number(bound: float | str | None, column: Column) -> float | None:
    if bound is None or isinstance(bound, int | float):
        return None if bound is None else float(bound)
    if column.kind not in ("date", "datetime"):
        raise SchemaError(f"column {column.name!r}: bound {bound!r} is text; {column.kind} takes a number")
    try:
        stamp = pd.Timestamp(bound)
    except ValueError as error:
        raise SchemaError(f"column {column.name!r}: bound {bound!r} is no ISO 8601 date, such as 2024-01-31") from error
    return float(to_numbers(pd.Series([stamp]), column)[0])

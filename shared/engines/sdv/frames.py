"""Codes as the frames that SDV learns from, and its frames as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.sdv.exporting import metadata_of_schema
from shared.corpus.units import Chunk, Grouped
from shared.engines.encoded import Histories, Shape
from shared.engines.sdv.worker import TABLE
from shared.errors import DataError


class Translation(Protocol):
    """What stands between values and codes: the codec of a table."""

    @property
    def table(self) -> Table: ...

    @property
    def codecs(self) -> Mapping[str, Any]: ...

    @property
    def shape(self) -> Shape: ...

    def encode(self, data: Grouped) -> Histories: ...

    def decode(
        self, histories: Histories, random: np.random.Generator, *, first_unit: int, first_row: int
    ) -> pd.DataFrame: ...


def columns_of(translation: Translation) -> tuple[Column, ...]:
    """The columns that are learned, in order."""
    return tuple(column for column in translation.table.columns if column.name in translation.codecs)


def metadata_of(columns: Sequence[Column]) -> dict[str, Any]:
    """SDV's metadata (V1) of a table of these columns; times come as times, so they need no format."""
    plain = [Column(name=column.name, kind=column.kind) for column in columns]
    return metadata_of_schema(Schema(tables=(Table(name=TABLE, columns=tuple(plain)),))).content


def values_of(translation: Translation, data: Histories, random: np.random.Generator) -> pa.Table:
    """The rows of units as values, each with the columns of its unit."""
    frame = translation.decode(data, random, first_unit=0, first_row=0)
    names = [column.name for column in columns_of(translation)]
    return pa.Table.from_pandas(frame[names], preserve_index=False)


def codes_of(translation: Translation, table: pa.Table) -> Histories:
    """Rows of SDV's as units of one row each."""
    columns = columns_of(translation)
    frame = table.to_pandas()
    lacking = [column.name for column in columns if column.name not in frame.columns]
    if lacking:
        raise DataError(f"SDV gave rows without column {lacking[0]!r}; fit the model again")
    values = pd.DataFrame({column.name: _typed(frame[column.name], column) for column in columns})
    return translation.encode(Chunk(values, np.arange(len(values) + 1, dtype=np.int64)))


def _typed(values: pd.Series, column: Column) -> pd.Series:
    """Values with the dtype of the column's kind: SDV gives whole numbers as floats, booleans as objects."""
    if column.kind in ("date", "datetime"):
        stamps = pd.to_datetime(values).astype(DTYPES[column.kind])
        return stamps.dt.normalize() if column.kind == "date" else stamps
    if column.kind == "integer":
        return pd.to_numeric(values).round().astype("Int64")
    if column.kind == "real":
        return pd.to_numeric(values).astype("float64")
    return values.astype(object).where(values.notna(), None).astype(DTYPES[column.kind])

"""``--given FILE``: values that the generated units keep, one output unit (or row) for each row of the file.

With the unit's key among its columns, rows of one key are the rows of one unit; without it, each row of the file
is a unit, and what it says of columns of rows holds in all rows of the unit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from domains.base.constraints import Constraint
from domains.pipeline.conditions import Conditions, Told, check_modelled, described, shown_number
from shared.codecs.choices import categories_of, exactly, freed, missing_code, number_range
from shared.codecs.contract import Codec
from shared.codecs.number import NumberCodec
from shared.codecs.table import TableCodec
from shared.corpus.checks import shown
from shared.corpus.csv_reading import first_records
from shared.corpus.locating import format_of
from shared.corpus.reading import read_table
from shared.corpus.schema import Table
from shared.corpus.units import by_unit
from shared.corpus.values import from_numbers, to_numbers, to_text
from shared.errors import DataError


def conditions_given(
    path: Path, codec: TableCodec, constraints: Sequence[Constraint], *, fill_missing: bool
) -> tuple[Conditions, int]:
    """The conditions of a file, and how many units it gives.

    An empty cell is a missing value that is kept; with ``fill_missing`` it is drawn. Raises ``DataError`` for a file
    that does not fit the model's table, and for a value that the model cannot give.
    """
    table, frame = read_given(path, codec.table, fill_missing=fill_missing)
    return conditions_of(frame, table, codec, constraints, source=str(path), fill_missing=fill_missing)


def read_given(path: Path, table: Table, *, fill_missing: bool) -> tuple[Table, pd.DataFrame]:
    """The values of a file, and the table with the columns that it has."""
    found = _table_of(path, table, fill_missing=fill_missing)
    return found, read_table(found, [path])


def conditions_of(
    frame: pd.DataFrame,
    table: Table,
    codec: TableCodec,
    constraints: Sequence[Constraint],
    *,
    source: str,
    fill_missing: bool,
    never_missing: bool = False,
    lenient: bool = False,
) -> tuple[Conditions, int]:
    """The conditions of a frame with the columns of ``table``, a part of those of the model.

    ``source`` names it in messages. With ``never_missing``, what is drawn for an empty cell is a value. ``lenient``: a
    value that the model never gives is kept all the same; of a number follows what follows of the nearest that it
    gives, of a category nothing.
    """
    by_row = codec.table.unit is not None and codec.table.unit in table.names
    if by_row:
        data = by_unit(table, frame)
        frame, lengths, firsts = data.frame, data.rows_per_unit, data.offsets[:-1]
    else:
        lengths, firsts = np.ones(len(frame), dtype=np.int64), np.arange(len(frame))
    told, repeated, written = dict[str, Told](), dict[str, pd.Series](), dict[str, NDArray[np.bool_]]()
    for column in table.columns:
        values = frame[column.name]
        free = values.isna().to_numpy(dtype=bool) if fill_missing else np.zeros(len(values), dtype=bool)
        repeated[column.name], written[column.name] = values, ~free
        if column.name not in codec.codecs:
            _check_key(column.name, codec, constraints, by_row=by_row)
            continue
        own = codec.codecs[column.name]
        if lenient:
            values, free = _known(own, values, free)
        _check_values(source, own, values, free)
        if by_row and column.of_unit:
            _check_settled(source, table, column.name, values, lengths)
            values, free = values.iloc[firsts].reset_index(drop=True), free[firsts]
        filled = _filled(own, values, free)
        columns = exactly(own, filled, by_row=by_row and not column.of_unit)
        closed = missing_code(own) if never_missing else None
        told[column.name] = Told(column.name, freed(columns, free, closed) if free.any() else columns)
    rows_per_unit = lengths if by_row else None
    return Conditions(told, codec, rows_per_unit, repeated, written, by_row, source), len(lengths)


def _table_of(path: Path, table: Table, *, fill_missing: bool) -> Table:
    """The table with the columns that the file has."""
    format = dataclasses.replace(format_of(table.format, path), header=True)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; give a CSV or Parquet file of given values")
    if format.kind == "jsonl":
        raise DataError(f"{path}: given values are read from CSV or Parquet; write one of those")
    if format.kind == "parquet":
        found = list(pyarrow.parquet.read_schema(path).names)
    else:
        records = first_records(path, format, 1)
        found = records[0] if records else []
    unknown = [name for name in found if name not in table.names]
    if unknown or not found:
        raise DataError(
            f"{path}: column {shown(unknown[0]) if unknown else 'names are missing'}"
            f"{' is not one of the model' if unknown else ''}; columns can be {', '.join(table.names)}"
        )
    # An empty cell is a missing value, however the table's own files write one.
    columns = []
    for name in found:
        column = table.column(name)
        missing = None if column.missing is None else (*column.missing, "")
        of_unit = column.of_unit and table.unit in found
        columns.append(
            dataclasses.replace(column, nullable=column.nullable or fill_missing, missing=missing, of_unit=of_unit)
        )
    key, unit, order = (name if name in found else None for name in (table.primary_key, table.unit, table.order_by))
    return dataclasses.replace(
        table,
        columns=tuple(columns),
        missing=(*table.missing, ""),
        foreign_keys=(),
        format=format,
        primary_key=key,
        unit=unit,
        order_by=order,
    )


def _check_key(name: str, codec: TableCodec, constraints: Sequence[Constraint], *, by_row: bool) -> None:
    """A column that is not modelled is kept if it names the unit or row that it stands with."""
    table = codec.table
    column = table.column(name)
    if name in codec.excluded or (column.kind != "identifier" and name not in (table.unit, table.primary_key)):
        check_modelled(name, codec, constraints)
    if table.unit is not None and not by_row and not column.of_unit:
        raise DataError(
            f"given column {name!r} names rows, but the file does not say which unit they belong to; "
            f"give {table.unit!r} too, or leave {name!r} out"
        )


def _check_values(source: str, codec: Codec, values: pd.Series, free: NDArray[np.bool_]) -> None:
    """Raise ``DataError`` for the first value that the model cannot give."""
    missing = values.isna().to_numpy(dtype=bool)
    bad = missing & ~free if missing_code(codec) is None else np.zeros(len(values), dtype=bool)
    if isinstance(codec, NumberCodec):
        numbers, ends = to_numbers(values, codec.column), number_range(codec)
        if ends is not None:
            bad |= ~missing & ((numbers < ends[0]) | (numbers > ends[1]))
    elif codec.column.kind != "boolean" and getattr(codec, "other", None) in (None, 0.0):
        bad |= ~missing & ~to_text(values).isin(list(categories_of(codec) or ())).to_numpy(dtype=bool)
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    value = values.iloc[row]
    if missing[row]:
        what = "is empty, and the model never leaves it empty; give a value, or --fill-missing"
    else:
        text = shown_number(float(to_numbers(values.iloc[[row]], codec.column)[0]), codec.column)
        what = f"is {text if isinstance(codec, NumberCodec) else shown(value)}; the model gives {described(codec)}"
    raise DataError(f"{source}: row {row + 1}: {codec.column.name!r} {what}")


def _known(codec: Codec, values: pd.Series, free: NDArray[np.bool_]) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Values that the model gives, near the given ones; nothing where there are none."""
    if isinstance(codec, NumberCodec):
        ends = number_range(codec)
        if ends is not None:
            values = from_numbers(np.clip(to_numbers(values, codec.column), *ends), codec.column)
    elif codec.column.kind != "boolean" and getattr(codec, "other", None) in (None, 0.0):
        known = to_text(values).isin(list(categories_of(codec) or ()))
        unknown = (values.notna() & ~known).to_numpy(dtype=bool)
        return values.mask(unknown), free | unknown
    return values, free


def _check_settled(source: str, table: Table, name: str, values: pd.Series, lengths: NDArray[np.int64]) -> None:
    """A column of the unit must say one thing in all its rows."""
    unit = np.repeat(np.arange(len(lengths)), lengths)
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    differs = (np.diff(codes) != 0) & (np.diff(unit) == 0)
    if differs.any():
        row = int(np.flatnonzero(differs)[0]) + 1
        raise DataError(
            f"{source}: {name!r} is one value a unit, but rows of one {table.unit} say "
            f"{shown(values.iloc[row - 1])} and {shown(values.iloc[row])}; make them agree"
        )


def _filled(codec: Codec, values: pd.Series, free: NDArray[np.bool_]) -> pd.Series:
    """The values with something that can be encoded where nothing is given."""
    if not free.any() or missing_code(codec) is not None:
        return values
    known = values[~free]
    if len(known):
        return values.fillna(known.iloc[0])
    any_value = codec.decode(np.zeros((1, len(codec.sizes)), dtype=np.int32), np.random.default_rng(0))
    return values.fillna(any_value.iloc[0])

"""Codec of a table: its frame to histories of codes and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.contract import Statistics
from shared.access.questions import Answer, Categories, CategoryQuestion, Question, RowCountQuestion, RowCounts
from shared.codecs.applying import applies_of
from shared.codecs.content import Content, broken, checked
from shared.codecs.contract import Codec
from shared.codecs.identifier import IdentifierCodec
from shared.codecs.number import BINS, NumberCodec
from shared.codecs.registry import codec_class
from shared.codecs.words import words_of
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import UNCODED, Column, Table
from shared.corpus.units import Grouped
from shared.engines.encoded import CodeExclusion, Codes, Histories, Rows, Shape
from shared.errors import DataError, SchemaError
from shared.randomness import derive

_VERSION = 1


class _Content(Content):
    version: int
    table: str
    excluded: list[str]
    columns: dict[str, dict[str, Any]]
    rows_per_unit: list[float]


@dataclass(frozen=True, eq=False)
class TableCodec:
    """The codecs of a table's modelled columns.

    Not modelled are the unit, the primary key and identifiers, which are made up, and the ``excluded``
    columns and texts, which are left for the caller to derive or to write. Columns ``of_unit`` are coded once a
    unit, all others once a row, in the order of the table. ``rows_per_unit`` has shape ``(most rows + 1,)``.
    """

    table: Table
    excluded: tuple[str, ...]
    codecs: Mapping[str, Codec]
    rows_per_unit: NDArray[np.float64]

    @classmethod
    def learn(
        cls,
        table: Table,
        statistics: Statistics,
        *,
        excluded: Sequence[str] = (),
        bins: int = BINS,
        row_counts: int | None = None,
        known: Mapping[str, Codec] | None = None,
    ) -> Self:
        """Ask what the columns' codecs must know, in at most two calls.

        The first call finds categories that are not declared, if there are any; the second asks all
        else: their counts, numbers, declared categories and, up to ``row_counts`` rows, the number of rows of a
        unit (``None``: every unit has one row). Nothing is asked of columns whose codec is ``known``.
        """
        known = {} if known is None else known
        columns = [column for column in modelled(table, excluded) if column.name not in known]
        unknown = [column for column in columns if column.kind == "categorical" and column.categories is None]
        found: dict[str, Categories] = {}
        if unknown:
            answers = statistics.answer([CategoryQuestion(column) for column in unknown])
            found = {c.name: _as_categories(a) for c, a in zip(unknown, answers, strict=True)}
        questions: dict[str, Question] = {}
        for column in columns:
            question = codec_class(column.kind).question(_with_categories(column, found))
            # Where no category at all was found, there is nothing to count.
            if question is not None and not (column.name in found and not found[column.name].values):
                questions[column.name] = question
        counting = [] if row_counts is None else [RowCountQuestion(row_counts)]
        asked = [*questions.values(), *counting]
        replies = statistics.answer(asked) if asked else []
        by_name: dict[str, Answer] = {**found, **dict(zip(questions, replies, strict=False))}
        codecs = {
            column.name: known.get(column.name) or _learned(column, by_name.get(column.name), bins)
            for column in modelled(table, excluded)
        }
        rows_per_unit = np.array([0.0, 1.0])
        if counting and isinstance(replies[-1], RowCounts):
            rows_per_unit = np.maximum(replies[-1].counts, 0.0)
        return cls(table, tuple(excluded), codecs, rows_per_unit)

    def _part(self, of_unit: bool) -> list[Codec]:
        return [codec for codec in self.codecs.values() if codec.column.of_unit == of_unit]

    @property
    def shape(self) -> Shape:
        """Names, sizes, marginals and positions of the code columns; ``x#0``, ``x#1`` where ``x`` has several."""
        parts = []
        for of_unit in (True, False):
            codecs = self._part(of_unit)
            names = tuple(name for codec in codecs for name in code_names(codec))
            marginals = tuple(marginal for codec in codecs for marginal in codec.marginals)
            parts.append((names, marginals, tuple(place for codec in codecs for place in codec.positions)))
        (unit_names, unit_marginals, unit_positions), (row_names, row_marginals, row_positions) = parts
        return Shape(
            unit_names,
            unit_marginals,
            row_names,
            row_marginals,
            self.rows_per_unit,
            unit_positions=unit_positions,
            row_positions=row_positions,
            words=words_of([codec for of_unit in (True, False) for codec in self._part(of_unit)]),
            applies=applies_of(self.codecs, {name: code_names(codec) for name, codec in self.codecs.items()}),
        )

    def encode(self, data: Grouped) -> Histories:
        """Codes of units and rows; a unit's own columns are read from its first row."""
        firsts = data.frame.iloc[data.offsets[:-1]]
        return Histories(self._encoded(firsts, True), self._encoded(data.frame, False), data.offsets)

    def _encoded(self, frame: pd.DataFrame, of_unit: bool) -> Rows:
        codecs = self._part(of_unit)
        parts = [codec.encode(frame[codec.column.name]) for codec in codecs]
        codes: Codes = np.concatenate([np.zeros((len(frame), 0), dtype=np.int32), *parts], axis=1)
        sizes = tuple(size for codec in codecs for size in codec.sizes)
        return Rows(codes, sizes, tuple(name for codec in codecs for name in code_names(codec)))

    def decode(
        self,
        histories: Histories,
        random: np.random.Generator,
        *,
        first_unit: int,
        first_row: int,
        identifier_key: int = 0,
        units: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """A frame with the table's columns, unit by unit.

        ``first_unit`` and ``first_row`` are the numbers of units and rows in the batches before, and
        ``identifier_key`` is the same for all batches of a corpus: units, primary keys and
        identifiers follow from them. Columns in ``excluded`` are missing throughout. Where the order of a unit's rows
        is that of a modelled column, its values are put into that order. ``units``, one row a unit, has values that
        are taken as they are.
        """
        unit_of_row = np.repeat(np.arange(len(histories)), histories.rows_per_unit)
        of_units = self._decoded(histories.units, True, random) if units is None else dict(units.items())
        columns = {str(name): values.take(unit_of_row) for name, values in of_units.items()}
        columns |= self._decoded(histories.rows, False, random)
        for column in self.table.columns:
            if column.name in columns:
                continue
            if column.name in self.excluded or column.kind == "text":
                columns[column.name] = pd.Series(index=range(len(unit_of_row)), dtype=DTYPES[column.kind])
            elif column.name not in self.codecs:
                by_unit = column.of_unit or column.name == self.table.unit
                numbers = first_unit + unit_of_row if by_unit else first_row + np.arange(len(unit_of_row))
                columns[column.name] = self._made_up(column, numbers, identifier_key)
        order = self.table.order_by
        if order is not None and order in self.codecs:
            columns[order] = _in_order(columns[order], unit_of_row)
        return pd.DataFrame({name: columns[name].array for name in self.table.names})

    def _decoded(self, rows: Rows, of_unit: bool, random: np.random.Generator) -> dict[str, pd.Series]:
        decoded, at = {}, 0
        for codec in self._part(of_unit):
            width = len(codec.sizes)
            codes = rows.codes[:, at : at + width].astype(np.int32, copy=False)
            decoded[codec.column.name] = codec.decode(codes, random)
            at += width
        if at != rows.codes.shape[1]:
            raise DataError(f"there are {rows.codes.shape[1]} code columns, but table {self.table.name!r} has {at}")
        return decoded

    def _made_up(self, column: Column, numbers: NDArray[np.int64], key: int) -> pd.Series:
        """Identifiers of running numbers; a key of another kind counts from 1."""
        if column.kind != "identifier":
            return (
                pd.Series(numbers + 1)
                .astype("int64" if column.kind == "integer" else "str")
                .astype(DTYPES[column.kind])
            )
        return IdentifierCodec(column).generate(
            numbers,
            key=derive(key, self.table.name, column.name),
            ascending=column.name == self.table.order_by,
            unique=column.name in (self.table.unit, self.table.primary_key),
        )

    def compile_exclusions(
        self, parts: Mapping[str, frozenset[str]], last_row: bool | None = None
    ) -> tuple[CodeExclusion, ...]:
        """The exclusion of values in terms of codes; several where columns have two digits.

        None at all if it cannot occur, a column having none of its values. Raises ``SchemaError`` for a
        column that is not modelled, and for values that share their code with others.
        """
        columns = [self._alternatives(name, values) for name, values in parts.items()]
        return tuple(
            CodeExclusion(tuple(part for alternative in chosen for part in alternative), last_row)
            for chosen in product(*columns)
        )

    def _alternatives(self, name: str, values: frozenset[str]) -> list[tuple[tuple[str, frozenset[int]], ...]]:
        """Code columns with their codes; the column has one of the values where one of the alternatives holds."""
        if name not in self.codecs:
            self.table.column(name)
            raise SchemaError(
                f"table {self.table.name!r}: column {name!r} is in a constraint, but it is derived "
                "or an identifier; constrain modelled columns"
            )
        codec = self.codecs[name]
        return [
            tuple((code_names(codec)[place], codes) for place, codes in alternative.items())
            for alternative in codec.codes_of(values)
        ]

    @property
    def never(self) -> tuple[CodeExclusion, ...]:
        """Codes that nothing generated needs: closed, what decoding would draw blindly is drawn given all else."""
        return tuple(
            CodeExclusion(((code_names(codec)[0], codec.never),)) for codec in self.codecs.values() if codec.never
        )

    def to_json(self) -> Mapping[str, Any]:
        """Plain values from which :meth:`from_json` makes an equal codec."""
        return {
            "version": _VERSION,
            "table": self.table.name,
            "excluded": list(self.excluded),
            "columns": {name: dict(codec.to_json()) for name, codec in self.codecs.items()},
            "rows_per_unit": self.rows_per_unit.tolist(),
        }

    @classmethod
    def from_json(cls, table: Table, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json` for the same table; raises ``DataError`` for anything else."""
        what = f"the codec of table {table.name!r}"
        read = checked(_Content, content, what)
        if read.version != _VERSION:
            raise broken(what, f"version {read.version}; this release reads version {_VERSION}")
        if read.table != table.name:
            raise broken(what, f"it belongs to table {read.table!r}")
        columns = modelled(table, read.excluded)
        if [column.name for column in columns] != list(read.columns):
            raise broken(what, "its columns are not those of the schema")
        if len(read.rows_per_unit) < 2 or min(read.rows_per_unit) < 0:
            raise broken(what, "rows_per_unit must hold two or more counts")
        codecs = {
            column.name: codec_class(column.kind).from_json(column, read.columns[column.name]) for column in columns
        }
        return cls(table, tuple(read.excluded), codecs, np.array(read.rows_per_unit, dtype=np.float64))


def modelled(table: Table, excluded: Sequence[str] = ()) -> tuple[Column, ...]:
    """The columns that an engine learns; raises ``SchemaError`` for a key that cannot be made up."""
    for name in excluded:
        table.column(name)
    keys = {table.unit, table.primary_key}
    for column in table.columns:
        if column.name in keys and column.kind not in ("identifier", "integer", "categorical"):
            raise SchemaError(
                f"table {table.name!r}: key {column.name!r} is of kind {column.kind}; "
                "use identifier, integer or categorical"
            )
    return tuple(
        column
        for column in table.columns
        if column.kind not in UNCODED and column.name not in keys and column.name not in excluded
    )


def _with_categories(column: Column, found: Mapping[str, Categories]) -> Column:
    """The column as the second call asks for it; other spellings are the reader's affair."""
    if column.name not in found or not found[column.name].values:
        return column
    return replace(column, categories=found[column.name].values, spellings=())


def _as_categories(answer: Answer) -> Categories:
    if not isinstance(answer, Categories):
        raise DataError("a question for categories was answered with something else")
    return answer


def _learned(column: Column, answer: Answer | None, bins: int) -> Codec:
    kind = codec_class(column.kind)
    return NumberCodec.learn(column, answer, bins=bins) if kind is NumberCodec else kind.learn(column, answer)


def renamed(codec: Codec, column: Column) -> Codec:
    """The codec for a column of another name that holds the same values."""
    return codec_class(column.kind).from_json(column, codec.to_json())


def code_names(codec: Codec) -> tuple[str, ...]:
    """Names of a codec's code columns."""
    name = codec.column.name
    return (name,) if len(codec.sizes) == 1 else tuple(f"{name}#{place}" for place in range(len(codec.sizes)))


def _in_order(values: pd.Series, unit_of_row: NDArray[np.int64]) -> pd.Series:
    """The values of each unit in ascending order, missing first as ``by_unit`` has them; rows keep their places."""
    return values.take(np.lexsort((pd.factorize(values, sort=True)[0], unit_of_row)))

"""Rows that stand twice, rows that nearly do, and units that were entered under two names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA

from shared.cleaning.actions import DropRows, Replace
from shared.cleaning.plan import Step, proposal
from shared.cleaning.spelling import normal_form
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import NUMERIC, Column, Table
from shared.corpus.values import to_numbers

_FEWEST_COLUMNS = 6  # with a value, from which chance does not make rows equal
_LARGEST_BLOCK = 60  # a block of candidates that is larger says nothing
_DIFFERENT = 2  # columns in which near duplicates may differ
_ALIKE = 0.75  # similarity of spellings that may be one
_CLOSE = 0.02  # relative difference of numbers that may be one


def repeated_rows(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rows that are equal in every column to an earlier one."""
    frame = corpus.tables[table.name]
    again = frame.duplicated(keep="first").to_numpy()
    return proposal(
        corpus, table.name, None, DropRows(rows=tuple(frame.index[again].tolist())), rule="duplicate row",
        basis="declared", reason="equal in every column to an earlier row", confidence=1.0, enabled=True,
    )  # fmt: skip


def repeated_contents(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rows that differ from an earlier one in the primary key alone."""
    if table.primary_key is None:
        return []
    frame = corpus.tables[table.name].drop(columns=table.primary_key)
    filled = frame.notna().sum(axis=1).to_numpy() >= _FEWEST_COLUMNS
    again = frame.duplicated(keep="first").to_numpy()
    steps = []
    for rows, on in ((again & filled, True), (again & ~filled, False)):
        steps += proposal(
            corpus, table.name, None, DropRows(rows=tuple(frame.index[rows].tolist())), rule="duplicate content",
            # Where each row is a unit of its own, one unit decides here whether another one stays.
            basis="declared" if table.unit is not None else "learned",
            reason=f"equal to an earlier row in all but the primary key {table.primary_key!r}"
            + ("" if on else "; with so few values that may be chance"), confidence=0.9 if on else 0.4, enabled=on,
        )  # fmt: skip
    return steps


def repeated_keys(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rows whose primary key an earlier row has, with other content."""
    if table.primary_key is None:
        return []
    frame = corpus.tables[table.name]
    keys = frame[table.primary_key]
    again = (keys.notna() & keys.duplicated(keep="first")).to_numpy() & ~frame.duplicated(keep="first").to_numpy()
    return proposal(
        corpus, table.name, None, DropRows(rows=tuple(frame.index[again].tolist())), rule="repeated key",
        basis="declared", reason=f"the primary key {table.primary_key!r} is already in an earlier row with other "
        "content; no reader takes both: correct the key, or drop the later row", confidence=0.5, enabled=False,
    )  # fmt: skip


def near_rows(corpus: TextCorpus, table: Table) -> list[Step]:
    """Pairs of rows of one unit (of any, if rows are units) that differ in one or two values, and in these a little.

    Candidates agree in at least one of three groups of columns, which rows that differ in two columns do.
    """
    keys = {table.primary_key, *((table.unit, table.order_by) if table.unit else ())}
    columns = [column for column in table.columns if column.name not in keys]
    if len(columns) < _FEWEST_COLUMNS:
        return []
    frame = corpus.tables[table.name]
    fixed = [name for name in (table.unit, table.order_by) if name is not None and table.unit]
    if fixed:
        codes = frame[fixed].apply(lambda values: pd.factorize(values)[0])
        blocks: Iterable[list[int]] = _blocks(codes)
    else:
        coded = frame[[column.name for column in columns]].apply(lambda values: pd.factorize(values)[0])
        blocks = _grouped_blocks(coded)
    rows = _Rows(corpus, table, columns)
    later = sorted({second for block in blocks for first, second in combinations(block, 2) if rows.near(first, second)})
    if not later:
        return []
    return proposal(
        corpus, table.name, None, DropRows(rows=tuple(frame.index[later].tolist())), rule="near duplicate",
        basis="declared" if table.unit else "learned", confidence=0.7, enabled=False,
        reason=f"differs little, and in at most {_DIFFERENT} values, from an earlier row"
        + (f" of the same {' and '.join(fixed)}" if fixed else ""),
    )  # fmt: skip


def repeated_units(corpus: TextCorpus, table: Table) -> list[Step]:
    """Units that look like one under two names: their own columns agree, or differ by a typing error in one."""
    own = [column for column in table.columns if column.of_unit and column.name != table.unit]
    if table.unit is None or len(own) < 4 or not any(column.kind == "identifier" for column in own):
        return []
    frame = corpus.tables[table.name]
    units = frame.dropna(subset=[table.unit]).drop_duplicates(table.unit)[[table.unit, *(c.name for c in own)]]
    coded = units[[column.name for column in own]].apply(lambda values: pd.factorize(values.map(_normal))[0])
    rows = _Rows(TextCorpus(corpus.schema, {**corpus.tables, table.name: units}), table, own)
    merged: dict[str, str | None] = {}
    names = units[table.unit].tolist()
    for block in _grouped_blocks(coded):
        for first, second in combinations(block, 2):
            if rows.near(first, second, different=1) and names[first] not in merged:
                merged[names[second]] = names[first]
    return proposal(
        corpus, table.name, table.unit, Replace(values=merged), rule="duplicate unit", basis="learned", confidence=0.7,
        reason="what is the same in all rows of a unit is, but for one typing error at most, that of an earlier unit",
        enabled=False,
    ) if merged else []  # fmt: skip


def _normal(word: object) -> object:
    return normal_form(word) if isinstance(word, str) else word


def _blocks(codes: pd.DataFrame) -> Iterator[list[int]]:
    """Positions of rows that agree in all columns of ``codes`` and have a value in each."""
    usable = np.flatnonzero((codes >= 0).all(axis=1).to_numpy())
    if not len(usable):
        return
    keys = codes.iloc[usable].groupby(list(codes.columns), sort=False).ngroup().to_numpy()
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    for block in np.split(usable[order], cuts):
        if 1 < len(block) <= _LARGEST_BLOCK:
            yield block.tolist()


def _grouped_blocks(codes: pd.DataFrame) -> Iterator[list[int]]:
    """Blocks of rows that agree in one of three groups of columns; columns with many values are spread over all."""
    names = sorted(codes.columns, key=lambda name: -int(codes[name].max()))
    for group in range(_DIFFERENT + 1):
        chosen = names[group :: _DIFFERENT + 1]
        if chosen:
            filled = codes[chosen].where(codes[chosen] >= 0, codes[chosen].max() + 1, axis=1)
            yield from _blocks(filled)


class _Rows:
    """Compares rows of a table in the named columns; positions count from 0."""

    def __init__(self, corpus: TextCorpus, table: Table, columns: Sequence[Column]) -> None:
        self._texts = {c.name: corpus.tables[table.name][c.name].astype(object).tolist() for c in columns}
        self._numbers = {
            c.name: to_numbers(corpus.parsed(table.name, c.name)[0], c).tolist() for c in columns if c.kind in NUMERIC
        }
        self._columns = columns

    def near(self, first: int, second: int, *, different: int = _DIFFERENT) -> bool:
        differing, equal = 0, 0
        for column in self._columns:
            texts = self._texts[column.name]
            one, two = texts[first], texts[second]
            if one == two and isinstance(one, str):
                equal += 1
            elif isinstance(one, str) or isinstance(two, str):
                differing += 1
                if differing > different or not self._alike(column, first, second):
                    return False
        return equal >= max(3, 2 * differing) and (differing > 0 or equal >= _FEWEST_COLUMNS // 2)

    def _alike(self, column: Column, first: int, second: int) -> bool:
        one, two = (self._texts[column.name][row] for row in (first, second))
        if not (isinstance(one, str) and isinstance(two, str)):
            return True  # one of the entries is more complete
        if column.kind in NUMERIC:
            left, right = (self._numbers[column.name][row] for row in (first, second))
            return bool(abs(left - right) <= _CLOSE * max(abs(left), abs(right)))
        return bool(OSA.normalized_similarity(normal_form(one), normal_form(two)) >= _ALIKE)

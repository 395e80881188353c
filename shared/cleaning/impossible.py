"""Impossible values: what the schema does not allow, whatever other records hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from shared.cleaning.actions import Blank, BlankOutside, DropRows, Look
from shared.cleaning.plan import Step, proposal
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import NUMERIC, Column, Table
from shared.corpus.values import bounds, to_numbers

MOST_SHARE = 0.2  # where more of a column is impossible, the schema is likelier to be wrong than the records
_DOUBT = "; so many that the schema may be wrong: look before you turn this on"

Finder = Callable[[TextCorpus, Table], list[Step]]


def unreadable(corpus: TextCorpus, table: Table) -> list[Step]:
    """Cells that their column's kind cannot read, and categories that are not declared."""
    steps = []
    for column in table.columns:
        bad = corpus.parsed(table.name, column.name)[1]
        reason = "no declared category" if column.kind == "categorical" else f"cannot be read as {column.kind}"
        if bad.any():
            steps += _blank(corpus, table, column, Blank(), float(bad.mean()), reason)
    return steps


def out_of_bounds(corpus: TextCorpus, table: Table) -> list[Step]:
    """Numbers, dates and times outside the declared bounds."""
    steps = []
    for column in table.columns:
        low, high = bounds(column) if column.kind in NUMERIC else (None, None)
        if low is None and high is None:
            continue
        numbers = to_numbers(corpus.parsed(table.name, column.name)[0], column)
        outside = (numbers < (-np.inf if low is None else low)) | (numbers > (np.inf if high is None else high))
        if outside.any():
            action = BlankOutside(low=low, high=high)
            reason = f"outside the declared bounds, {_shown(column.low, low)} to {_shown(column.high, high)}"
            steps += _blank(corpus, table, column, action, float(outside.mean()), reason)
    return steps


def future_until(now: pd.Timestamp) -> Finder:
    """Dates and times after ``now``; off where the declared upper bound says that they may be."""

    def future(corpus: TextCorpus, table: Table) -> list[Step]:
        steps = []
        for column in table.columns:
            if column.kind not in ("date", "datetime"):
                continue
            _, high = bounds(column)
            limit = float(to_numbers(pd.Series([now]), dataclasses.replace(column, kind="datetime"))[0])
            limit = limit if column.kind == "datetime" else float(np.floor(limit / 86_400))
            numbers = to_numbers(corpus.parsed(table.name, column.name)[0], column)
            later = numbers > limit
            if later.any():
                allowed = high is not None and high > limit
                reason = f"in the future of {now:%Y-%m-%d}" + ("; the declared bounds allow it" if allowed else "")
                action = BlankOutside(high=limit)
                steps += _blank(corpus, table, column, action, float(later.mean()), reason, doubted=allowed)
        return steps

    return future


def missing_but_required(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rows that lack a value that the schema requires; without a key or a unit a row belongs to nobody."""
    steps = []
    frame = corpus.tables[table.name]
    for column in table.columns:
        role = {table.primary_key: "the primary key", table.unit: "the unit"}.get(column.name)
        if column.nullable and role is None:
            continue
        rows = frame.index[frame[column.name].isna().to_numpy()]
        few = len(rows) <= MOST_SHARE * len(frame)
        reason = f"a value of {column.name!r} is missing, which {'is ' + role if role else 'is declared as required'}"
        steps += proposal(
            corpus, table.name, None, DropRows(rows=tuple(rows.tolist())), rule="missing", basis="declared",
            reason=reason + ("" if few else _DOUBT), confidence=1.0 if few else 0.5, enabled=few,
        )  # fmt: skip
    return steps


def dangling_keys(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rows whose foreign key names a row that the other table does not have."""
    steps = []
    for key in table.foreign_keys:
        target = corpus.schema.table(key.table).primary_key
        assert target is not None
        values = corpus.tables[table.name][key.column]
        rows = values.index[(values.notna() & ~values.isin(corpus.tables[key.table][target])).to_numpy()]
        # Whose row is lost, the key or the other table's row, only people know.
        steps += proposal(
            corpus, table.name, None, DropRows(rows=tuple(rows.tolist())), rule="dangling key", basis="declared",
            reason=f"{key.column!r} names a row that table {key.table!r} does not have", confidence=0.5, enabled=False,
        )  # fmt: skip
    return steps


def contradictions(corpus: TextCorpus, table: Table) -> list[Step]:
    """Units whose rows contradict each other in a column that is declared to be the same in all rows of a unit."""
    steps = []
    if table.unit is None:
        return []
    units = corpus.tables[table.name][table.unit]
    for column in table.columns:
        if not column.of_unit or column.name == table.unit:
            continue
        values = corpus.parsed(table.name, column.name)[0].astype("str")
        several = values.groupby(units).transform("nunique") > 1
        rows = tuple(values.index[(several & values.notna()).to_numpy()].tolist())
        steps += proposal(
            corpus, table.name, column.name, Look(rows=rows), rule="contradiction", basis="declared",
            reason=f"different {column.name!r} in rows of one {table.unit!r}; a release takes the first that is known",
            confidence=1.0, enabled=False,
        )  # fmt: skip
    return steps


def _blank(
    corpus: TextCorpus,
    table: Table,
    column: Column,
    action: Blank | BlankOutside,
    share: float,
    reason: str,
    *,
    doubted: bool = False,
) -> list[Step]:
    few = share <= MOST_SHARE
    sure = few and not doubted
    return proposal(
        corpus, table.name, column.name, action, rule="impossible value", basis="declared",
        reason=reason + ("" if few else _DOUBT), confidence=1.0 if sure else 0.5, enabled=sure,
    )  # fmt: skip


def _shown(declared: float | str | None, number: float | None) -> str:
    bound = number if declared is None else declared
    return "any" if bound is None else f"{bound:g}" if isinstance(bound, float | int) else str(bound)

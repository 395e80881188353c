"""A plan of cleaning: steps in order, each a proposal that someone may turn off, and what carrying it out changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from shared.cleaning.actions import Action, DropRows, Look
from shared.corpus.lenient import TextCorpus
from shared.errors import DataError

Basis = Literal["declared", "learned"]
EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Example:
    """One cell that a step would change: its row in the source, what it holds, what it would hold."""

    row: int
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One proposed change.

    ``rule`` names the kind of finding. ``basis`` is ``declared`` if what happens to a unit's rows follows from them and
    the schema alone, ``learned`` if other units' records had a say. ``confidence`` lies in [0, 1]. Only steps that are
    ``enabled`` are carried out; ``column`` of ``None`` concerns whole rows. ``count`` is of cells, or of rows.
    """

    rule: str
    table: str
    column: str | None = None
    basis: Basis
    enabled: bool
    confidence: float
    count: int
    reason: str
    action: Action
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of the change log; ``column`` of ``None`` says that the row was left out."""

    table: str
    row: int
    column: str | None
    old: str | None
    new: str | None
    rule: str
    reason: str


def carry_out(corpus: TextCorpus, step: Step) -> tuple[TextCorpus, list[Change]]:
    """The corpus after a step, and what it changed; rows that are gone and cells that hold the value are no change."""
    action, frame = step.action, corpus.tables[step.table]
    if isinstance(action, Look):
        return corpus, []
    if isinstance(action, DropRows):
        gone = frame.index[frame.index.isin(list(action.rows))]
        changes = [_change(step, row, None, None) for row in gone.tolist()]
        return (corpus.with_table(step.table, frame.drop(index=gone)), changes) if len(gone) else (corpus, [])
    if step.column is None:
        raise DataError(f"step {step.rule!r} of table {step.table!r} changes cells, but names no column; name one")
    old, new = cell_changes(corpus, step)
    if not len(new):
        return corpus, []
    text = frame[step.column].astype(object)
    text.loc[new.index] = new
    mended = frame.assign(**{step.column: text.astype("str")})
    cells = zip(new.index.tolist(), old.tolist(), new.tolist(), strict=True)
    changes = [_change(step, row, before, after) for row, before, after in cells]
    return corpus.with_table(step.table, mended, (step.column,)), changes


def cell_changes(corpus: TextCorpus, step: Step) -> tuple[pd.Series, pd.Series]:
    """Old and new text of the cells that a step on cells changes, by row; a missing value is ``None``."""
    assert step.column is not None
    assert not isinstance(step.action, DropRows | Look)
    text = corpus.tables[step.table][step.column]
    new = step.action.new(text, corpus.schema.table(step.table).column(step.column)).astype(object)
    new = new.where(new.notna(), None)
    old = text.loc[new.index].astype(object)
    old = old.where(old.notna(), None)
    differs = [before != after for before, after in zip(old.tolist(), new.tolist(), strict=True)]
    return old[differs], new[differs]


def proposal(
    corpus: TextCorpus,
    table: str,
    column: str | None,
    action: Action,
    *,
    rule: str,
    reason: str,
    basis: Basis,
    confidence: float,
    enabled: bool,
) -> list[Step]:
    """The step with its count and examples; none if it would change nothing."""
    step = Step(
        rule=rule, table=table, column=column, basis=basis, enabled=bool(enabled),
        confidence=round(float(confidence), 3), count=0, reason=reason, action=action,
    )  # fmt: skip
    if isinstance(action, DropRows | Look):
        rows = action.rows
        examples: Iterable[Example] = (Example(row=row) for row in rows[:EXAMPLES])
        count = len(rows)
    else:
        old, new = cell_changes(corpus, step)
        count = len(new)
        # Different values tell more than the same one five times.
        first = old[~old.astype("str").duplicated()].index[:EXAMPLES]
        examples = (Example(row=int(row), old=old.at[row], new=new.at[row]) for row in first)
    return [_counted(step, count, tuple(examples))] if count else []


def learned(steps: Sequence[Step]) -> bool:
    """Whether a step that is on lets records of one unit change those of another."""
    return any(step.enabled and step.basis == "learned" and not isinstance(step.action, Look) for step in steps)


def _counted(step: Step, count: int, examples: tuple[Example, ...]) -> Step:
    return dataclasses.replace(step, count=count, examples=examples)


def _change(step: Step, row: int, old: str | None, new: str | None) -> Change:
    dropped = isinstance(step.action, DropRows)
    return Change(
        table=step.table,
        row=int(row),
        column=None if dropped else step.column,
        old=old,
        new=new,
        rule=step.rule,
        reason=step.reason,
    )

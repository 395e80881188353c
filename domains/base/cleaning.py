"""What a domain adds to cleaning: its constraints, and how its laboratories write amounts of one substance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from domains.base.constraints import Constraint, Derived
from shared.cleaning.actions import DropRows, SetCells
from shared.cleaning.conversions import Substance
from shared.cleaning.impossible import MOST_SHARE, Finder
from shared.cleaning.plan import Step, proposal
from shared.corpus.corpus import DTYPES
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Table
from shared.corpus.spelling import to_arrow, to_text
from shared.corpus.units import by_unit

_ROW = "\x1frow"


@runtime_checkable
class KnowsSubstances(Protocol):
    """A domain may say how amounts of a substance are written in two units."""

    def substances(self) -> Sequence[Substance]:
        """Conversions that depend on the substance."""
        ...


def recomputed(constraint: Derived) -> Finder:
    """Cells of a derived column that differ from what the other columns of the row give."""

    def finder(corpus: TextCorpus, table: Table) -> list[Step]:
        if table.name != constraint.table:
            return []
        frame = corpus.typed(table.name)
        column = table.column(constraint.column)
        expected = constraint.value(frame).astype(DTYPES[column.kind])
        actual = frame[constraint.column]
        wrong = expected.notna() & (actual.isna() | (actual.astype("str") != expected.astype("str")))
        # What cannot be read is another finding, and its inputs may be the wrong ones.
        wrong &= frame[list(constraint.inputs)].notna().any(axis=1)
        rows = frame.index[wrong.to_numpy(dtype=bool)]
        if not len(rows):
            return []
        words = to_text(to_arrow(expected.loc[rows], table, column), table, column).to_pylist()
        few = len(rows) <= MOST_SHARE * len(frame)
        return proposal(
            corpus, table.name, column.name, SetCells(cells=tuple(zip(rows.tolist(), words, strict=True))),
            rule="derived value", basis="declared", confidence=0.9 if few else 0.5, enabled=few,
            reason=f"{constraint.name}: {constraint.description or 'computed from ' + ', '.join(constraint.inputs)}",
        )  # fmt: skip

    return finder


def broken(constraints: Sequence[Constraint]) -> Finder:
    """Rows that break a constraint; which of their values is wrong, only people know."""

    def finder(corpus: TextCorpus, table: Table) -> list[Step]:
        own = [constraint for constraint in constraints if constraint.table == table.name]
        if not own:
            return []
        frame = corpus.typed(table.name).assign(**{_ROW: corpus.tables[table.name].index.to_numpy()})
        if table.unit is not None:
            frame = frame[frame[table.unit].notna()]
        data = by_unit(table, frame.reset_index(drop=True))
        steps = []
        for constraint in own:
            rows = np.sort(data.frame[_ROW].to_numpy()[constraint.violations(data)])
            steps += proposal(
                corpus, table.name, None, DropRows(rows=tuple(rows.tolist())), rule="broken constraint",
                reason=constraint.name + (f" ({constraint.description})" if constraint.description else ""),
                basis="declared", confidence=0.5, enabled=False,
            )  # fmt: skip
        return steps

    return finder


def constraint_finders(constraints: Sequence[Constraint]) -> tuple[tuple[Finder, ...], tuple[Finder, ...]]:
    """Finders that mend derived columns, and finders that report what breaks any other constraint."""
    menders = tuple(recomputed(constraint) for constraint in constraints if isinstance(constraint, Derived))
    others = [constraint for constraint in constraints if not isinstance(constraint, Derived)]
    return menders, (broken(others),)

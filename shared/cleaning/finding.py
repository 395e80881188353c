"""All finders in order, asked again and again until what they propose leaves nothing to propose.

So a plan that is carried out gives a corpus in which the same rules find nothing: cleaning is idempotent, unless
there is something left after the last of the passes, which another plan then finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from shared.cleaning.conversions import PhysicalUnits
from shared.cleaning.duplicates import near_rows, repeated_contents, repeated_keys, repeated_rows, repeated_units
from shared.cleaning.formats import date_formats, number_formats
from shared.cleaning.impossible import (
    Finder,
    contradictions,
    dangling_keys,
    future_until,
    missing_but_required,
    out_of_bounds,
    unreadable,
)
from shared.cleaning.outliers import column_outliers, joint_outliers
from shared.cleaning.plan import Step, carry_out
from shared.cleaning.spelling import category_spellings, learned_spellings, surrounding_blanks
from shared.cleaning.units import mixed_units, written_units
from shared.corpus.lenient import TextCorpus
from shared.training.reporter import Reporter

_MOST_PASSES = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Rules:
    """What is looked for: ``menders`` propose changes that are on, ``watchers`` look at what the menders leave."""

    menders: tuple[Finder, ...]
    watchers: tuple[Finder, ...] = field(default=())


def rules(
    *,
    now: pd.Timestamp,
    units: PhysicalUnits,
    seed: int,
    menders: Sequence[Finder] = (),
    watchers: Sequence[Finder] = (),
) -> Rules:
    """All rules of the suite, and those of a domain. Dates after ``now`` are in the future."""
    return Rules(
        menders=(
            surrounding_blanks,
            number_formats,
            date_formats,
            written_units(units),
            category_spellings,
            learned_spellings,
            mixed_units(units),
            unreadable,
            out_of_bounds,
            future_until(now),
            *menders,
            repeated_rows,
            repeated_contents,
            missing_but_required,
        ),
        watchers=(
            *watchers,
            repeated_keys,
            near_rows,
            repeated_units,
            contradictions,
            dangling_keys,
            column_outliers,
            joint_outliers(seed),
        ),
    )


def find(corpus: TextCorpus, rules: Rules, reporter: Reporter) -> tuple[Step, ...]:
    """The steps of a plan, in the order in which they are carried out; the corpus stays as it is."""
    steps: list[Step] = []
    waiting: list[Step] = []
    tables = corpus.schema.tables
    with reporter.stage("looking for errors", _MOST_PASSES * len(rules.menders) + len(rules.watchers)) as stage:
        for _ in range(_MOST_PASSES):
            waiting, mended = [], False
            for finder in rules.menders:
                for table in tables:
                    for step in finder(corpus, table):
                        if not step.enabled:
                            waiting.append(step)
                            continue
                        corpus, changes = carry_out(corpus, step)
                        if changes:
                            mended = True
                            steps.append(step)
                stage.advance()
            if not mended:
                break
        for finder in rules.watchers:
            waiting += [step for table in tables for step in finder(corpus, table)]
            stage.advance()
    return (*steps, *waiting)

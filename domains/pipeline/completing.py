"""Records with gaps, completed many times over: what is missing is drawn given what is there.

Several completions of the same records show how sure the model is of what it fills in (multiple imputation, Rubin
1987). They repeat real records, so they are internal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from domains.pipeline.given_file import conditions_of, read_given
from domains.pipeline.model import Model
from domains.pipeline.sampling import internal_folder, prepare, write_stream
from shared.corpus.schema import Table
from shared.randomness import derive
from shared.training.reporter import Reporter

_NOTICE = """\
These tables are completions of real records: what was there is repeated, what was missing was drawn. No privacy
promise covers them: do not publish them, and give them to nobody who may not see the records themselves.
"""


def complete_to(
    model: Model, folder: Path, records: Path, out: Path, *, times: int, seed: int, reporter: Reporter
) -> int:
    """Write ``times`` completions of the records in a file to ``out/internal/1``, ``2``, …; gives the number of rows.

    ``folder`` is that of the model. Columns that the file lacks are drawn too. Raises ``DataError`` for records that
    do not fit the model.
    """
    table, frame = read_given(records, model.only.codec.table, fill_missing=True)
    rows = 0
    with internal_folder(out, _NOTICE) as target:
        drawn = _completions(model, folder, frame, table, times, str(records), seed=seed, reporter=reporter)
        for number, completion in enumerate(drawn, start=1):
            (target / str(number)).mkdir()
            rows = sum(write_stream(model.schema, target / str(number), completion).values())
    return rows


def completed(
    model: Model,
    folder: Path,
    frame: pd.DataFrame,
    times: int,
    *,
    never_missing: bool = True,
    seed: int,
    reporter: Reporter,
) -> Iterator[pd.DataFrame]:
    """Completions of the rows of a frame, each row a unit; with ``never_missing`` no gap is left."""
    columns = tuple(
        dataclasses.replace(model.only.table.column(name), nullable=True, of_unit=False) for name in frame.columns
    )
    table = dataclasses.replace(
        model.only.table, columns=columns, foreign_keys=(), primary_key=None, unit=None, order_by=None
    )
    for batches in _completions(
        model, folder, frame, table, times, "the records", never_missing=never_missing, seed=seed, reporter=reporter
    ):
        yield pd.concat([batch[model.only.name] for batch in batches], ignore_index=True)


def _completions(
    model: Model,
    folder: Path,
    frame: pd.DataFrame,
    table: Table,
    times: int,
    source: str,
    *,
    never_missing: bool = True,
    seed: int,
    reporter: Reporter,
) -> Iterator[Iterator[dict[str, pd.DataFrame]]]:
    own = model.only
    conditions, units = conditions_of(
        frame,
        table,
        own.codec,
        own.constraints,
        source=source,
        fill_missing=True,
        never_missing=never_missing,
        lenient=True,
    )
    prepare(model, folder, conditions, units, reporter, internal=True)
    for number in range(times):
        yield model.sample(units, seed=derive(seed, "completion", number), reporter=reporter, conditions=conditions)

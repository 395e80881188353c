"""Columns that are declared to be the same in all rows of a unit, made so."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from shared.corpus.corpus import Corpus
from shared.corpus.schema import Table
from shared.corpus.units import by_unit

_LOG = logging.getLogger(__name__)


def settle(corpus: Corpus) -> Corpus:
    """A corpus in which each column ``of_unit`` holds one value a unit: the first that is known in the unit's order.

    Records of one person contradict each other now and then (a race noted at one visit and not at
    another). Looks at one unit at a time, so it is no statistic over records. How many units were
    changed is logged, not published.
    """
    tables = dict(corpus.tables)
    for table in corpus.schema.tables:
        if any(column.of_unit for column in table.columns):
            tables[table.name] = _settled(table, corpus.tables[table.name])
    return Corpus(corpus.schema, tables)


def _settled(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    if table.unit is None or frame.empty:
        return frame
    ordered = by_unit(table, frame.assign(**{_POSITION: np.arange(len(frame))}))
    unit = pd.Series(ordered.unit_of_row)
    place = ordered.frame[_POSITION].to_numpy()
    settled = frame.copy()
    for column in table.columns:
        if not column.of_unit or column.name == table.unit:
            continue
        values = ordered.frame[column.name]
        first = values.groupby(unit).transform("first").set_axis(place).sort_index().set_axis(frame.index)
        contradicts = frame[column.name].notna() & (frame[column.name] != first).fillna(False)
        if contradicts.any():
            units = int(frame.loc[contradicts, table.unit].nunique())
            _LOG.info("table %s: %d units contradict themselves in %s", table.name, units, column.name)
        settled[column.name] = first.astype(frame[column.name].dtype)
    return settled


_POSITION = "\x1fposition"

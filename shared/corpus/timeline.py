"""Several tables of events below one row as one sequence of events, and back.

An event has its kind (the table it is from), the time since the event before it, of the first the time itself, and the
columns of its table; those of other tables are missing, which :class:`~shared.corpus.schema.OnlyWhere` declares, so
that nothing is learned of them and nothing stands there. Rows of a set are events with no time between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.relations import tree_of
from shared.corpus.schema import Column, OnlyWhere, Schema, Table, Timeline
from shared.corpus.values import bounds, from_numbers, to_numbers
from shared.errors import DataError, SchemaError

KIND, START, GAP = "event", "first time", "time since"
_TIMES = ("date", "datetime", "integer")
_UNITS = {"date": "days", "datetime": "seconds"}


def merged_schema(schema: Schema) -> Schema:
    """The schema with a table of events in place of each time line's tables.

    Raises ``SchemaError`` for tables that form no time line.
    """
    tables = {table.name: table for table in schema.tables}
    for timeline in schema.timelines:
        _check(schema, timeline)
        parts = [tables[name] for name in timeline.tables]
        place = min(list(tables).index(name) for name in timeline.tables)
        left = [table for name, table in tables.items() if name not in timeline.tables]
        if timeline.name in {table.name for table in left}:
            raise SchemaError(f"timelines: {timeline.name!r} is the name of a table; give the table of events another")
        before = sum(name not in timeline.tables for name in list(tables)[:place])
        left.insert(before, _events(timeline, parts))
        tables = {table.name: table for table in left}
    return replace(schema, tables=tuple(tables.values()), timelines=())


def merged(corpus: Corpus) -> Corpus:
    """The corpus with its time lines as tables of events, below each row in the order of their times.

    Events of one time stand in the order of the tables, rows of one table in theirs. Raises ``DataError`` for an event
    without a time.
    """
    found = dated(corpus)
    tables = dict(found.tables)
    for timeline in corpus.schema.timelines:
        table = found.schema.table(timeline.name)
        events = tables[timeline.name]
        tables[timeline.name] = timed(table, events, events[table.foreign_keys[0].column])
    return Corpus(found.schema, tables)


def dated(corpus: Corpus) -> Corpus:
    """As :func:`merged`, but every event still has its own time in place of that since the one before.

    So events may be left out before :func:`timed` counts what lies between those that stay.
    """
    if not corpus.schema.timelines:
        return corpus
    schema, frames = merged_schema(corpus.schema), dict(corpus.tables)
    for timeline in corpus.schema.timelines:
        parts = [corpus.schema.table(name) for name in timeline.tables]
        frames[timeline.name] = _merged(schema.table(timeline.name), parts, [frames.pop(part.name) for part in parts])
    return Corpus(schema, {table.name: frames[table.name] for table in schema.tables})


def timed(table: Table, events: pd.DataFrame, parents: pd.Series) -> pd.DataFrame:
    """Dated events, of each of ``parents`` one after another, with their times from one to the next."""
    names = parents.astype("str").to_numpy(dtype=object)
    first = np.ones(len(events), dtype=bool)
    first[1:] = names[1:] != names[:-1]
    time = to_numbers(events[START], replace(table.column(START), nullable=True))
    start = from_numbers(np.where(first, time, np.nan), table.column(START))
    gap = from_numbers(np.where(first, np.nan, np.diff(time, prepend=np.nan)), table.column(GAP))
    return events.assign(**{START: start.set_axis(events.index), GAP: gap.set_axis(events.index)})


def apart(schema: Schema, frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of ``schema`` from those of :func:`merged_schema`; rows stand in the order of their events."""
    found = dict(frames)
    for timeline in schema.timelines:
        events = found.pop(timeline.name)
        parts = [schema.table(name) for name in timeline.tables]
        found |= {part.name: _part(part, parts[0], events) for part in parts}
    return {table.name: found[table.name] for table in schema.tables}


def _check(schema: Schema, timeline: Timeline) -> None:
    where = f"timelines: {timeline.name!r}"
    if len(timeline.tables) < 2 or len(set(timeline.tables)) < len(timeline.tables):
        raise SchemaError(f"{where} has the tables {', '.join(timeline.tables)}; give two or more different ones")
    parts = [schema.table(name) for name in timeline.tables]
    below = {key.table for table in schema.tables for key in table.foreign_keys}
    if any(len(part.foreign_keys) != 1 or part.name in below for part in parts):
        raise SchemaError(f"{where}: each of its tables needs one foreign key, and no table may lie below it")
    if len({part.foreign_keys[0].table for part in parts}) > 1:
        raise SchemaError(f"{where}: its tables lie below different tables; events of one time line share their parent")
    kinds = {_time(part, where).kind for part in parts}
    if len(kinds) > 1:
        raise SchemaError(f"{where}: its times are of kinds {', '.join(sorted(kinds))}; they must be of one")
    tree_of(schema)


def _time(part: Table, where: str) -> Column:
    if part.order_by is None or part.column(part.order_by).kind not in _TIMES:
        raise SchemaError(f"{where}: table {part.name!r} needs order_by, a column of kind {', '.join(_TIMES)}")
    return part.column(part.order_by)


def _label(part: Table, column: str) -> str:
    return f"{part.name}.{column}"


def _events(timeline: Timeline, parts: list[Table]) -> Table:
    times = [_time(part, timeline.name) for part in parts]
    key = parts[0].foreign_keys[0]
    ends = [bounds(time) for time in times]
    lows, highs = [low for low, _ in ends if low is not None], [high for _, high in ends if high is not None]
    known = len(lows) == len(highs) == len(parts)
    first = replace(times[0], name=START, nullable=True, edges=None, atoms=(), description="Time of the first event")
    if known:
        first = replace(first, low=_least([t.low for t in times]), high=_greatest([t.high for t in times]))
    steps = {time.step for time in times}
    gap = Column(
        name=GAP,
        kind="integer" if times[0].kind != "datetime" else "real",
        low=0,
        high=max(highs) - min(lows) if known else None,
        step=steps.pop() if len(steps) == 1 else None,
        atoms=(0,),
        physical_unit=_UNITS.get(times[0].kind),
        only_where=OnlyWhere(required=True),
        description="Time since the event before",
    )
    columns = [
        replace(parts[0].column(key.column), name=key.column),
        Column(name=KIND, kind="categorical", nullable=False, categories=timeline.tables, description="Kind of event"),
        replace(first, only_where=OnlyWhere(first_row=True, required=True)),
        gap,
    ]
    for part in parts:
        for column in part.columns:
            if column.name not in (part.order_by, part.foreign_keys[0].column):
                where = OnlyWhere(column=KIND, values=(part.name,), required=not column.nullable)
                columns.append(replace(column, name=_label(part, column.name), nullable=True, only_where=where))
    return Table(name=timeline.name, columns=tuple(columns), foreign_keys=(key,))


def _least(ends: list[float | str | None]) -> float | str | None:
    return min(ends)  # type: ignore[type-var]


def _greatest(ends: list[float | str | None]) -> float | str | None:
    return max(ends)  # type: ignore[type-var]


def _merged(table: Table, parts: list[Table], frames: list[pd.DataFrame]) -> pd.DataFrame:
    key, rows = table.foreign_keys[0].column, []
    for number, (part, frame) in enumerate(zip(parts, frames, strict=True)):
        time = to_numbers(frame[str(part.order_by)], part.column(str(part.order_by)))
        if np.isnan(time).any():
            row = int(np.flatnonzero(np.isnan(time))[0]) + 1
            raise DataError(f"table {part.name!r}, row {row}: {part.order_by} is empty; an event needs its time")
        rows.append(
            pd.DataFrame({"parent": frame[part.foreign_keys[0].column].astype("str"), "time": time, "kind": number})
        )
    events = pd.concat(rows, ignore_index=True)
    order = np.lexsort((events["kind"], events["time"], pd.factorize(events["parent"])[0]))
    events = events.iloc[order]
    columns: dict[str, pd.Series] = {
        key: events["parent"].reset_index(drop=True),
        KIND: pd.Series([parts[kind].name for kind in events["kind"]], dtype="str"),
        START: from_numbers(events["time"].to_numpy(dtype=np.float64), table.column(START)),
        GAP: from_numbers(np.full(len(events), np.nan), table.column(GAP)),
    }
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    start = 0
    for part, frame in zip(parts, frames, strict=True):
        mine = places[start : start + len(frame)]
        start += len(frame)
        taken = np.full(len(events), -1)
        taken[mine] = np.arange(len(frame))
        for column in part.columns:
            if column.name not in (part.order_by, part.foreign_keys[0].column):
                values = frame[column.name].reset_index(drop=True).reindex(taken).reset_index(drop=True)
                columns[_label(part, column.name)] = values.astype(DTYPES[column.kind])
    return pd.DataFrame({name: columns[name].astype(DTYPES[table.column(name).kind]) for name in table.names})


def _part(part: Table, first: Table, events: pd.DataFrame) -> pd.DataFrame:
    time = part.column(str(part.order_by))
    parent = events[first.foreign_keys[0].column]
    begins = (parent != parent.shift()).to_numpy(dtype=bool) if len(parent) else np.zeros(0, dtype=bool)
    start = to_numbers(events[START], replace(time, name=START))
    gaps = events[GAP].to_numpy(dtype=np.float64, na_value=0.0)
    total = np.cumsum(np.where(begins, 0.0, gaps))
    number = np.cumsum(begins) - 1
    times = (start[begins] - total[begins])[number] + total if len(events) else np.zeros(0)
    times = np.clip(times, *bounds(time))  # sums of drawn times may leave what is declared
    mine = np.flatnonzero(events[KIND] == part.name)
    columns = {}
    for column in part.columns:
        if column.name == part.order_by:
            values = from_numbers(times[mine], column)
        elif column.name == part.foreign_keys[0].column:
            values = parent.iloc[mine]
        else:
            values = events[_label(part, column.name)].iloc[mine]
        columns[column.name] = values.reset_index(drop=True).astype(DTYPES[column.kind])
    return pd.DataFrame(columns)

"""Several tables of events as one sequence of events, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Column, ForeignKey, Kind, Schema, Table, Timeline
from shared.corpus.schema_file import parse_schema, schema_to_yaml
from shared.corpus.timeline import GAP, KIND, START, apart, dated, merged, merged_schema, timed
from shared.corpus.values import from_numbers
from shared.errors import DataError, SchemaError


def schema_of(kind: Kind) -> Schema:
    def events(name: str, *columns: Column) -> Table:
        return Table(
            name=name,
            order_by="at",
            foreign_keys=(ForeignKey(column="user", table="users"),),
            columns=(Column(name="user", kind="identifier"), Column(name="at", kind=kind, nullable=False), *columns),
        )

    return Schema(
        tables=(
            Table(name="users", primary_key="user", columns=(Column(name="user", kind="identifier"),)),
            events("clicks", Column(name="page", kind="categorical", nullable=False)),
            events("buys", Column(name="price", kind="real"), Column(name="page", kind="categorical")),
        ),
        timelines=(Timeline(name="events", tables=("clicks", "buys")),),
    )


Event = tuple[int, int, str | None, float | None]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 10**6), st.sampled_from(["a", "b"]), st.none() | st.integers(0, 9).map(float)
    ),
    max_size=20,
)


def corpus_of(schema: Schema, clicks: list[Event], buys: list[Event]) -> Corpus:
    """Rows by user, in order of their times."""
    frames = {"users": pd.DataFrame({"user": pd.Series([str(user) for user in range(4)], dtype="str")})}
    for name, events in (("clicks", clicks), ("buys", buys)):
        ordered = sorted(events, key=lambda event: event[:2])
        table = schema.table(name)
        times = from_numbers(np.array([event[1] for event in ordered], dtype=np.float64), table.column("at"))
        columns = {
            "user": pd.Series([str(event[0]) for event in ordered], dtype="str"),
            "at": times,
            "page": pd.Series([e[2] if name == "clicks" or e[3] != 3.0 else None for e in ordered], dtype="str"),
            "price": pd.Series([event[3] for event in ordered], dtype="float64"),
        }
        frames[name] = pd.DataFrame({c.name: columns[c.name].astype(DTYPES[c.kind]) for c in table.columns})
    return Corpus(schema, frames)


@pytest.mark.parametrize("kind", ["integer", "date", "datetime"])
@given(clicks=EVENTS, buys=EVENTS)
def test_tables_come_back_as_they_were(kind: Kind, clicks: list[Event], buys: list[Event]) -> None:
    corpus = corpus_of(schema_of(kind), clicks, buys)
    together = merged(corpus)
    assert [table.name for table in together.schema.tables] == ["users", "events"]
    frames = apart(corpus.schema, together.tables)
    for name, frame in corpus.tables.items():
        order = ["user", "at"] if name != "users" else ["user"]
        pd.testing.assert_frame_equal(
            frames[name].sort_values(order, kind="stable").reset_index(drop=True),
            frame.sort_values(order, kind="stable").reset_index(drop=True),
        )


def test_events_have_their_kind_the_time_since_the_one_before_and_the_columns_of_their_table() -> None:
    corpus = corpus_of(schema_of("date"), [(0, 5, "a", None), (1, 2, "b", None)], [(0, 3, "b", 7.0), (0, 5, "b", 1.0)])
    events = merged(corpus).tables["events"].sort_values("user", kind="stable")
    assert events[KIND].tolist() == ["buys", "clicks", "buys", "clicks"]
    assert events[GAP].fillna(-1).tolist() == [-1, 2, 0, -1]
    assert events[START].notna().tolist() == [True, False, False, True]
    assert events["buys.price"].isna().tolist() == [False, True, False, True]
    assert events["clicks.page"].isna().tolist() == [True, False, True, False]


def test_declared_bounds_of_the_times_bound_the_gap() -> None:
    schema = schema_of("date")
    at = Column(name="at", kind="date", nullable=False, low="2020-01-01", high="2020-12-31")
    tables = [
        replace(table, columns=tuple(at if c.name == "at" else c for c in table.columns)) for table in schema.tables
    ]
    events = merged_schema(replace(schema, tables=tuple(tables))).table("events")
    assert (events.column(GAP).low, events.column(GAP).high) == (0, 365)
    assert (events.column(START).low, events.column(START).high) == ("2020-01-01", "2020-12-31")


def test_a_time_line_is_kept_in_the_schema_file() -> None:
    schema = schema_of("date")
    assert parse_schema(schema_to_yaml(schema)) == schema


def test_what_is_no_time_line_is_refused() -> None:
    schema = schema_of("date")
    alone = replace(schema, timelines=(Timeline(name="events", tables=("clicks",)),))
    with pytest.raises(SchemaError, match="two or more"):
        merged_schema(alone)
    with pytest.raises(SchemaError, match="needs one foreign key"):
        merged_schema(replace(schema, timelines=(Timeline(name="events", tables=("clicks", "users")),)))
    with pytest.raises(SchemaError, match="is the name of a table"):
        merged_schema(replace(schema, timelines=(Timeline(name="users", tables=("clicks", "buys")),)))
    untimed = [replace(table, order_by=None) if table.name == "buys" else table for table in schema.tables]
    with pytest.raises(SchemaError, match="needs order_by"):
        merged_schema(replace(schema, tables=tuple(untimed)))


def test_an_event_needs_its_time() -> None:
    corpus = corpus_of(schema_of("integer"), [(0, 5, "a", None)], [])
    corpus.tables["clicks"].loc[0, "at"] = pd.NA
    with pytest.raises(DataError, match="table 'clicks', row 1: at is empty"):
        merged(corpus)


def test_events_that_stay_keep_their_times_when_others_are_left_out() -> None:
    schema = schema_of("integer")
    clicks: list[Event] = [(0, 10, "a", None), (0, 25, "b", None), (0, 70, "a", None), (1, 5, "a", None)]
    found = dated(corpus_of(schema, clicks, [(0, 40, None, 1.0)]))
    events = found.tables["events"].iloc[[1, 2, 3, 4]].reset_index(drop=True)  # without the first
    left = timed(found.schema.table("events"), events, events["user"])
    assert left[START].tolist()[0] == 25
    assert left[GAP].fillna(-1).tolist() == [-1, 15, 30, -1]
    tables = apart(schema, {"users": found.tables["users"], "events": left})
    assert tables["clicks"]["at"].tolist() == [25, 70, 5]
    assert tables["buys"]["at"].tolist() == [40]

"""A value marked learned leaves only if it was confirmed, whatever the column is for"""

from __future__ import annotations

from typing import Any

import pytest

from domains.base.registry import domain_named
from domains.pipeline.declaring import Declaration, declared_for
from privacy.workload import declared
from shared.corpus.schema import Column, ForeignKey, Schema, Table, Timeline
from shared.errors import UndeclaredError


def test_a_learned_pattern_of_a_foreign_key_is_not_taken_for_declared() -> None:
    patient = Column(name="patient", kind="identifier", nullable=False)
    foreign = Column(name="patient", kind="identifier", nullable=False, pattern="K7-99", learned=("pattern", "kind"))
    schema = Schema(
        tables=(
            Table(name="patients", columns=(patient, Column(name="sex", kind="boolean")), primary_key="patient"),
            Table(
                name="visits",
                columns=(foreign, Column(name="paid", kind="boolean")),
                foreign_keys=(ForeignKey(column="patient", table="patients"),),
            ),
        )
    )
    try:
        declaration = declared_for(domain_named("plain"), schema, "patient", where="unit", rows=lambda _: 3)
    except UndeclaredError:
        return
    # The schema of the model, which is published, is made of these (training.fit_model).
    published = declaration.tables[1].view.source.column("patient")
    assert published.pattern is None or "pattern" in published.learned, published


@pytest.mark.parametrize(
    "column",
    [
        Column(name="d", kind="real", low=0, high=9, step=0.125, learned=("step",)),
        Column(
            name="d",
            kind="date",
            low="2000-01-01",
            high="2001-01-01",
            datetime_format="%d/%m/%y",
            learned=("datetime_format",),
        ),
        Column(name="d", kind="identifier", pattern="K7-99", learned=("pattern",)),
    ],
)
def test_learned_values_of_columns_that_are_not_asked_are_not_taken_for_declared(column: Column) -> None:
    table = Table(name="t", columns=(Column(name="b", kind="boolean"), column))
    try:
        found = declared(table, ("d",)).column("d")
    except UndeclaredError:
        return
    for attribute in column.learned:
        assert getattr(found, attribute) is None, (attribute, getattr(found, attribute))


def time_line(**time: Any) -> Declaration:
    """A private run's declaration of clicks and buys as one time line; ``time`` changes that of the buys."""

    def events(name: str, at: dict[str, Any], more: Column) -> Table:
        known = {"name": "at", "kind": "integer", "nullable": False, "low": 0, "high": 1000, "step": 1}
        return Table(
            name=name,
            order_by="at",
            foreign_keys=(ForeignKey(column="user", table="users"),),
            columns=(Column(name="user", kind="identifier"), Column(**{**known, **at}), more),
        )

    schema = Schema(
        tables=(
            Table(name="users", primary_key="user", columns=(Column(name="user", kind="identifier"),)),
            events("clicks", {}, Column(name="page", kind="boolean", nullable=False)),
            events("buys", time, Column(name="big", kind="boolean", nullable=False, learned=("nullable",))),
        ),
        timelines=(Timeline(name="events", tables=("clicks", "buys")),),
    )
    return declared_for(domain_named("plain"), schema, "user", where="unit", rows=lambda _: 5)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ({"low": -17, "learned": ("low",)}, "table 'buys'.* column 'at': declare low"),
        ({"high": 1337, "learned": ("high",)}, "table 'buys'.* column 'at': declare high"),
        ({"step": 7, "learned": ("step",)}, "table 'buys'.* column 'at': step was read off records"),
    ],
)
def test_learned_times_of_a_time_line_are_refused_before_a_charge(time: dict[str, Any], message: str) -> None:
    with pytest.raises(UndeclaredError, match=message):
        time_line(**time)


def test_that_no_event_lacked_a_value_is_not_taken_for_declared() -> None:
    """One unit with one missing value would have changed it."""
    table = time_line().tables[1].table
    required = {column.name: column.only_where.required for column in table.columns if column.only_where is not None}
    assert (required["clicks.page"], required["buys.big"]) == (True, False)

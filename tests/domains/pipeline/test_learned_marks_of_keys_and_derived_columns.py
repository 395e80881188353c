"""A value marked learned leaves only if it was confirmed, whatever the column is for"""

from __future__ import annotations

import pytest

from domains.base.registry import domain_named
from domains.pipeline.declaring import declared_for
from privacy.workload import declared
from shared.corpus.schema import Column, ForeignKey, Schema, Table
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

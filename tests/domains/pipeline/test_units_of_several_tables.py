"""What a schema of several tables says of its units must not be passed over."""

from __future__ import annotations

import pandas as pd
import pytest

from domains.base.registry import domain_named
from domains.pipeline.declaring import declared_for
from domains.pipeline.records import _joined, _prepare
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from shared.errors import ConfigurationError, SchemaError


def key(name: str) -> Column:
    return Column(name=name, kind="identifier", nullable=False)


def schema(*, root_unit: str | None = "patient", child_unit: str | None = None, of_unit: bool = True) -> Schema:
    return Schema(
        tables=(
            Table(
                name="encounters",
                columns=(
                    key("encounter"),
                    key("patient"),
                    Column(name="race", kind="categorical", categories=("a", "b"), of_unit=of_unit),
                ),
                primary_key="encounter",
                unit=root_unit,
            ),
            Table(
                name="diagnoses",
                columns=(
                    key("encounter"),
                    key("doctor"),
                    Column(name="code", kind="categorical", categories=("x", "y")),
                ),
                foreign_keys=(ForeignKey(column="encounter", table="encounters"),),
                unit=child_unit,
            ),
        )
    )


def test_a_unit_that_is_not_the_key_of_the_top_table_is_refused() -> None:
    # Otherwise the release protects encounters, though the schema says that rows belong to patients.
    with pytest.raises((ConfigurationError, SchemaError), match="patient"):
        declared_for(domain_named("plain"), schema(), "encounter", where="unit", rows=lambda _: 3)


def test_a_unit_of_a_table_below_that_is_not_the_key_of_the_top_table_is_refused() -> None:
    given = schema(root_unit=None, child_unit="doctor", of_unit=False)
    with pytest.raises((ConfigurationError, SchemaError), match="doctor"):
        declared_for(domain_named("plain"), given, "encounter", where="unit", rows=lambda _: 3)


def test_one_row_of_the_top_table_moves_no_other() -> None:
    """The promise is made for encounters; removing the first must leave the second as it was."""
    try:
        declaration = declared_for(domain_named("plain"), schema(), "encounter", where="unit", rows=lambda _: 3)
    except (ConfigurationError, SchemaError):
        return
    assert declaration.unit == "encounter"
    frames = {
        "encounters": pd.DataFrame({"encounter": ["e1", "e2"], "patient": ["p", "p"], "race": ["a", "b"]}).astype(
            "str"
        ),
        "diagnoses": pd.DataFrame({"encounter": ["e2"], "doctor": ["d"], "code": ["x"]}).astype("str"),
    }
    less = {name: frame[frame["encounter"] != "e1"].reset_index(drop=True) for name, frame in frames.items()}
    seen = []
    for part in (frames, less):
        joined = _joined(
            _prepare(declaration, Corpus(declaration.file_schema, part)), declaration, {"diagnoses": 3}, b"k"
        )
        seen.append(joined["encounters"].frame.set_index("encounter").loc["e2", "race"])
    assert seen[0] == seen[1], seen

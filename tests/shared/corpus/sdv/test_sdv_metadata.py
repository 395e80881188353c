"""Schemas as SDV's metadata and back: what is carried, what is said not to be, and what SDV itself makes of it."""

from __future__ import annotations

import copy
import json
import re
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.codecs.identifier import IdentifierCodec
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from shared.corpus.sdv.exporting import metadata_of_schema
from shared.corpus.sdv.importing import schema_of_metadata
from shared.corpus.sdv.patterns import pattern_of, regex_of
from shared.errors import SchemaError
from tests.shared.corpus.sdv.any_schemas import PATTERNS, schemas

CHECK = """
import json, sys, warnings
warnings.simplefilter("ignore")
from sdv.metadata import Metadata
said = []
for content in json.load(sys.stdin):
    try:
        metadata = Metadata.load_from_dict(content)
        metadata.validate()
        said.append(None)
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
print(json.dumps(said))
"""


def through_json(content):
    return json.loads(json.dumps(content))


@given(schemas(ranges=False))
def test_v1_holds_names_kinds_formats_patterns_and_keys(schema: Schema) -> None:
    exported = metadata_of_schema(schema)
    assert exported.notes == ()
    assert schema_of_metadata(through_json(exported.content)).schema == schema


@given(schemas(ranges=True))
def test_v2_holds_ranges_too(schema: Schema) -> None:
    exported = metadata_of_schema(schema, spec="V2")
    assert exported.notes == ()
    assert schema_of_metadata(through_json(exported.content), ranges_declared=True).schema == schema


@given(schemas(ranges=True))
def test_metadata_that_were_imported_are_exported_as_they_were(schema: Schema) -> None:
    content = through_json(metadata_of_schema(schema, spec="V2").content)
    again = schema_of_metadata(content, ranges_declared=True).schema
    assert through_json(metadata_of_schema(again, spec="V2").content) == content


@given(PATTERNS.filter(bool), st.integers(0, 2**40))
def test_a_pattern_and_its_regular_expression_allow_the_same(pattern: str, seed: int) -> None:
    regex = regex_of(pattern)
    made = IdentifierCodec(Column(name="i", kind="identifier", pattern=pattern)).generate(
        np.arange(1), key=seed, unique=False
    )
    assert re.fullmatch(regex, made[0])
    assert regex_of(pattern_of(f"^{regex}$")) == regex


@pytest.mark.parametrize(
    ("regex", "pattern"),
    [
        (r"\d{3}-\d{2}", "999-99"),
        ("ID_[0-9]{4}", "ID_9999"),
        ("[A-Za-z0-9]{2}", "XX"),
        (r"A\.9", "\\A.\\9"),
        ("[A-Z]+", None),
        ("[a-f]{2}", None),
        ("a|b", None),
        ("(ab)", None),
        ("[A-Za-z]{5}", None),
        (r"\w", None),
        ("x{1,3}", None),
    ],
)
def test_regular_expressions_that_a_pattern_cannot_say_are_told_from_those_it_can(regex, pattern) -> None:
    assert pattern_of(regex) == pattern


def test_sdv_takes_what_is_exported(sdv_python) -> None:
    contents: list[dict] = []

    @settings(max_examples=30, derandomize=True, database=None)
    @given(schemas(ranges=True))
    def gather(schema: Schema) -> None:
        contents.extend(metadata_of_schema(schema, spec=spec).content for spec in ("V1", "V2"))

    gather()
    contents.append(metadata_of_schema(full_schema()).content)
    contents.append(metadata_of_schema(full_schema(), spec="V2").content)
    broken = copy.deepcopy(contents[-1])
    broken["tables"]["visits"]["primary_key"] = "nowhere"
    done = subprocess.run(
        [str(sdv_python), "-I", "-c", CHECK],
        input=json.dumps([*contents, broken]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert [line for line in said[:-1] if line] == []
    assert "Unknown primary key" in said[-1]


def full_schema() -> Schema:
    """Every attribute, among them those that SDV has no place for."""
    patients = Table(
        name="patients",
        primary_key="id",
        unit="id",
        columns=(Column(name="id", kind="integer", nullable=False, low=1, high=99), Column(name="sex", kind="boolean")),
    )
    visits = Table(
        name="visits",
        primary_key="visit",
        unit="patient",
        order_by="ward",
        foreign_keys=(
            ForeignKey(column="patient", table="patients"),
            ForeignKey(column="before", table="visits"),
        ),
        missing=("", "NA"),
        columns=(
            Column(name="visit", kind="identifier", pattern="V999", nullable=False, learned=("pattern",)),
            Column(name="patient", kind="integer", nullable=False),
            Column(name="before", kind="identifier"),
            Column(name="ward", kind="categorical", categories=("a", "b"), spellings=(("B", "b"),), coding="x"),
            Column(name="age", kind="integer", low=0, high=110, atoms=(0.0,), physical_unit="a", learned=("high",)),
            Column(name="dose", kind="real", step=0.25, edges=(0.0, 1.0), nullable=False),
        ),
    )
    return Schema(tables=(patients, visits), licence="MIT", cleaning="declared")


def test_what_metadata_cannot_hold_is_said_a_line_each() -> None:
    notes = metadata_of_schema(full_schema(), spec="V2").notes
    for said in (
        "licence, cleaning of the schema",
        "patients.id: its kind integer",
        "patients.id: low, high not carried",
        "'id' is the unit of privacy",
        "'before' to 'visits' not carried",
        "visits: missing",
        "order_by 'ward'",
        "visits.visit: the mark that pattern",
        "visits.ward: spellings, coding",
        "visits.age: atoms, physical_unit",
        "visits.age: high was read off records",
        "visits.dose: edges",
        "visits.dose: step",
    ):
        assert sum(said in note for note in notes) == 1, (said, notes)
    assert all("\n" not in note for note in notes)


def test_values_read_off_records_do_not_leave_in_metadata() -> None:
    column = metadata_of_schema(full_schema(), spec="V2").content["tables"]["visits"]["columns"]["age"]
    assert column == {"sdtype": "numerical", "decimal_places": 0, "range_min": 0}


def test_ranges_count_as_read_off_records_unless_they_are_said_to_be_declared() -> None:
    content = {
        "METADATA_SPEC_VERSION": "V2",
        "tables": {
            "t": {
                "columns": {
                    "n": {"sdtype": "numerical", "range_min": 1, "range_max": 2.5, "decimal_places": 1},
                    "k": {"sdtype": "numerical", "decimal_places": 0},
                    "c": {"sdtype": "categorical", "range_values": [1, 2], "range_is_nullable": False},
                    "b": {"sdtype": "categorical", "range_values": [True, False]},
                    "d": {"sdtype": "datetime", "datetime_format": "%d/%m/%Y", "range_max": "31/12/2020"},
                }
            }
        },
    }
    columns = schema_of_metadata(content).schema.tables[0].columns
    assert [column.learned for column in columns] == [
        ("step", "low", "high"), ("kind",), ("categories", "nullable"), (), ("high",),
    ]  # fmt: skip
    assert (columns[0].low, columns[0].high, columns[0].step) == (1, 2.5, 0.1)
    assert (columns[1].kind, columns[3].kind, columns[4].high) == ("integer", "boolean", "2020-12-31")
    assert (columns[2].categories, columns[2].stored, columns[2].nullable) == (("1", "2"), "integer", False)
    declared = schema_of_metadata(content, ranges_declared=True).schema.tables[0].columns
    assert all(column.learned == () for column in declared)


def v1(columns, **more):
    return {
        "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1", "columns": columns, **more,
    }  # fmt: skip


def test_what_a_schema_cannot_hold_is_said_a_line_each() -> None:
    columns = {
        "mail": {"sdtype": "email", "pii": True},
        "town": {"sdtype": "city", "pii": False},
        "what": {"sdtype": "unknown"},
        "code": {"sdtype": "id", "regex_format": "[A-Z]+"},
        "when": {"sdtype": "datetime", "datetime_format": "%Y-%m-%dT%H:%M:%S%z"},
        "size": {"sdtype": "categorical", "order": ["s", "m"]},
        "many": {"sdtype": "categorical", "order_by": "alphabetical"},
        "age": {"sdtype": "numerical"},
    }
    imported = schema_of_metadata(
        v1(columns, alternate_keys=["mail"], primary_key=["code", "what"], constraints=[{"x": 1}])
    )
    for said in (
        "name no table",
        "alternate_keys (mail)",
        "primary_key of several columns",
        "constraints",
        "mail: sdtype 'email' became identifier",
        "town: sdtype 'city' became categorical",
        "what: sdtype 'unknown' became identifier",
        "code: regex_format '[A-Z]+'",
        "when: datetime_format",
        "many: order_by",
        "age: taken for real",
    ):
        assert sum(said in note for note in imported.notes) == 1, (said, imported.notes)
    assert imported.schema.tables[0].column("size").categories == ("s", "m")
    assert imported.schema.tables[0].column("size").learned == ()


ID, NUMBER = {"sdtype": "id"}, {"sdtype": "numerical"}


def related(**relation):
    tables = {
        "p": {"columns": {"id": ID, "n": NUMBER}, "primary_key": "id"},
        "c": {"columns": {"of": ID, "n": NUMBER}},
    }
    right = {
        "parent_table_name": "p", "child_table_name": "c", "parent_primary_key": "id", "child_foreign_key": "of",
    }  # fmt: skip
    return {"METADATA_SPEC_VERSION": "V1", "tables": tables, "relationships": [right | relation]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be an object"),
        ({"tables": {}}, "METADATA_SPEC_VERSION is None; it must be one of V1"),
        ({"METADATA_SPEC_VERSION": "V1", "tables": {}}, "the schema has no tables"),
        (v1({"a": {}}), "column 'table.a' has sdtype None"),
        (v1({"a": ID}, primary_key="b"), "primary_key 'b' is not one of its columns"),
        (v1({"a": NUMBER}, primary_key="a"), "a key must be of sdtype 'id'"),
        (v1({"a": ID}, primary_key="a", sequence_key="a"), "both primary_key and sequence_key"),
        (v1({"a": ID, "b": NUMBER}, sequence_index="b"), "without a sequence_key"),
        (v1({"a": ID, "b": ID}, sequence_key="a", sequence_index="b"), "must be datetime or numerical"),
        (v1({"a": {"sdtype": "id", "regex_format": "["}}), "no regular expression"),
        (v1({"a": {"sdtype": "datetime", "datetime_format": "%Q"}}), "no format of times"),
        (v1({"a": {"sdtype": "numerical", "computer_representation": "Int12"}}), "use Float, Int8"),
        (v1({"a": {"sdtype": "numerical", "range_min": "1"}}), "give a number"),
        (v1({"a": {"sdtype": "numerical", "range_min": 2, "range_max": 1}}), "low 2.0 is above high 1.0"),
        (v1({"a": {"sdtype": "categorical", "range_values": [1, "1"]}}), "a category is listed twice"),
        (v1({"a": {"sdtype": "categorical", "range_values": []}}), "one or more values"),
        (
            v1({"a": {"sdtype": "datetime", "datetime_format": "%Y", "range_min": "2020-01"}}),
            "not written in its datetime_format",
        ),
        (v1({"a": {"sdtype": "email", "pii": "yes"}}), "use true or false"),
        (related(parent_table_name="x"), "parent_table_name is 'x'; it must be a table: p, c"),
        (related(parent_primary_key="n"), "but the primary_key of 'p' is 'id'"),
        (related(child_foreign_key="x"), "'x' is not a column of 'c'"),
        (related(child_foreign_key="n"), "c.n is real, but p.id, which it holds, is identifier"),
    ],
)
def test_contradictions_are_refused(content, message) -> None:
    with pytest.raises(SchemaError, match=re.escape(message)) as caught:
        schema_of_metadata(content)
    assert "\n" not in str(caught.value)

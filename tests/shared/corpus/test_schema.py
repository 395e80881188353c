"""What a schema refuses."""

import pytest

from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from shared.errors import SchemaError

AGE = Column(name="age", kind="integer")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "empty name"),
        ({"kind": "categorical", "low": 0.0}, "low is for integer, real, datetime, date, not for categorical"),
        ({"kind": "categorical", "categories": ("a", "a")}, "a category is listed twice"),
        ({"kind": "categorical", "categories": ()}, "the list of categories is empty"),
        ({"kind": "categorical", "categories": ("a",), "spellings": (("b", "c"),)}, "'c', which is no category"),
        ({"kind": "categorical", "categories": ("a", "b"), "spellings": (("a", "b"),)}, "both a category and another"),
        ({"step": 0.0}, "step 0.0 is not positive"),
        ({"low": 2.0, "high": 1.0}, "low 2.0 is above high 1.0"),
        ({"kind": "date", "low": "2024-02-01", "high": "2024-01-01"}, "low 2024-02-01 is above high 2024-01-01"),
        ({"edges": (1.0, 1.0)}, "two or more ascending numbers"),
        ({"low": 0.0, "edges": (1.0, 2.0)}, "low 0 lies outside edges 1 to 2"),
        ({"low": float("-inf")}, "must be finite numbers"),
        ({"atoms": (float("nan"),)}, "must be finite numbers"),
        ({"stored": "integer"}, "stored is for categorical, identifier, not for integer"),
        ({"kind": "datetime", "datetime_format": "%Y-%m-%d %H:%M%z"}, "reads a time zone"),
    ],
)
def test_column_that_contradicts_itself_is_refused(arguments, message):
    with pytest.raises(SchemaError, match=message):
        Column(**{"name": "c", "kind": "integer"} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delimiter": ""}, "is not one ASCII character"),
        ({"delimiter": ";;"}, "is not one ASCII character"),
        ({"delimiter": '"'}, "is not one ASCII character"),
        ({"encoding": "utf-9"}, "encoding 'utf-9' is not known"),
    ],
)
def test_format_that_no_file_can_have_is_refused(arguments, message):
    with pytest.raises(SchemaError, match=message):
        Format(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ()}, "has no columns"),
        ({"columns": (AGE, AGE)}, "column 'age' stands twice"),
        ({"primary_key": "id"}, "primary_key 'id' is not one of its columns: age"),
        ({"unit": "patient"}, "unit 'patient' is not one of its columns"),
        ({"foreign_keys": (ForeignKey(column="x", table="t"),)}, "foreign key column 'x' is not one"),
        ({"columns": (Column(name="sex", kind="categorical", of_unit=True),)}, "no unit column is named"),
        (
            {"columns": (Column(name="a", kind="categorical", categories=("?",), missing=("?",)),)},
            "also means 'missing'",
        ),
        ({"columns": (Column(name="a", kind="categorical", categories=("",)),)}, "'' is a category and also means"),
        ({"name": "../t"}, "hold a slash or begin with"),
        ({"name": ".t"}, "hold a slash or begin with"),
    ],
)
def test_table_that_contradicts_itself_is_refused(arguments, message):
    with pytest.raises(SchemaError, match=message):
        Table(**{"name": "t", "columns": (AGE,)} | arguments)


def test_schema_refuses_keys_that_point_outside_and_tables_of_one_name():
    table = Table(name="t", columns=(AGE,), foreign_keys=(ForeignKey(column="age", table="u"),))
    with pytest.raises(SchemaError, match="foreign key to 'u', which is not in the schema"):
        Schema(tables=(table,))
    with pytest.raises(SchemaError, match="foreign key to 'u', which declares no primary_key"):
        Schema(tables=(table, Table(name="u", columns=(AGE,))))
    with pytest.raises(SchemaError, match="table 'u' stands twice"):
        Schema(tables=(Table(name="u", columns=(AGE,)),) * 2)
    with pytest.raises(SchemaError, match="has no tables"):
        Schema(tables=())


def test_names_that_do_not_exist_are_answered_with_those_that_do():
    schema = Schema(tables=(Table(name="t", columns=(AGE,)),))
    with pytest.raises(SchemaError, match="no table 'x'; it has t"):
        schema.table("x")
    with pytest.raises(SchemaError, match="no column 'x'; it has age"):
        schema.table("t").column("x")

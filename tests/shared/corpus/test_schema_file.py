"""Schemas as YAML: round trips, text as written, and errors of one line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from shared.corpus.schema_file import parse_schema, read_schema, schema_to_yaml, write_schema
from shared.errors import OutputError, SchemaError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=8)
SCALARS = "0 010 1.50 1e5 0o17 0x1F yes No on null ~ None 2024-01-31 12:30:45 .inf # &a *a !t | > % @ ' = << 1_000"
TRICKY = st.sampled_from(
    [*SCALARS.split(), "- a", "a: b", '"', "\n", " a ", "", "\x85", "\u2028", "a # b", "{a", "[", "a,b"]
)
WORDS = st.one_of(TRICKY, TEXT)
NAMES = WORDS.filter(bool)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def columns(draw, name):
    kind = draw(st.sampled_from(["categorical", "integer", "real", "date", "boolean", "identifier"]))
    extra = {}
    if kind == "categorical":
        extra["categories"] = draw(st.none() | st.lists(WORDS, min_size=1, max_size=5, unique=True).map(tuple))
        extra["stored"] = draw(st.sampled_from(["text", "integer"]))
        extra["missing"] = ("\x00missing",)
        if extra["categories"]:
            extra["spellings"] = (("\x00other", extra["categories"][0]),)
    if kind in ("integer", "real"):
        low, high = sorted([draw(NUMBERS), draw(NUMBERS)])
        extra |= {"low": low, "high": high, "atoms": tuple(draw(st.lists(NUMBERS, max_size=3)))}
        extra["step"] = draw(st.none() | st.floats(1e-6, 1e6))
        extra["learned"] = ("low", "high")
    if kind == "date":
        extra |= {"low": "2024-01-31", "datetime_format": draw(st.sampled_from([None, "%d.%m.%Y"]))}
    if kind == "identifier":
        extra["pattern"] = draw(st.none() | WORDS)
    return Column(
        name=name,
        kind=kind,
        nullable=draw(st.booleans()),
        description=draw(WORDS),
        of_unit=draw(st.booleans()),
        **extra,
    )


@st.composite
def schemas(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    parts = tuple(draw(columns(name)) for name in names)
    delimiter, encoding = draw(st.sampled_from([",", ";", "\t"])), draw(st.sampled_from(["utf-8", "latin-1"]))
    kind = draw(st.sampled_from(["csv", "parquet", "jsonl"]))
    format = Format(kind=kind, delimiter=delimiter, encoding=encoding, header=draw(st.booleans()))
    first = Table(name="a", columns=parts, unit=names[0], primary_key=names[-1], missing=("\x00", "?"), format=format)
    second = Table(
        name="b", columns=(Column(name="k", kind="identifier"),), foreign_keys=(ForeignKey(column="k", table="a"),)
    )
    return Schema(name=draw(WORDS), tables=(first, second), description=draw(WORDS), licence=draw(WORDS))


@given(schemas())
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back_equal(schema):
    text = schema_to_yaml(schema)
    assert parse_schema(text) == schema
    # Another reader of YAML sees the same text.
    assert yaml.safe_load(text)["tables"][0]["columns"][0]["name"] == schema.tables[0].columns[0].name


def test_defaults_are_left_out():
    schema = Schema(tables=(Table(name="t", columns=(Column(name="age", kind="integer", low=0.0, high=120.0),)),))
    assert schema_to_yaml(schema) == (
        "name: corpus\ntables:\n- name: t\n  columns:\n  - {name: age, kind: integer, low: 0, high: 120}\n"
    )


def test_categories_stay_text_as_they_are_written():
    schema = parse_schema(
        "tables: [{name: t, missing: [null, -9, 0.0], columns: [{name: 007, kind: categorical, "
        "categories: [0, 1, 010, 1.50, yes, No, ~, 2024-01-31, None, 1e3]}]}]"
    )
    column = schema.tables[0].columns[0]
    assert column.name == "007"
    assert column.categories == ("0", "1", "010", "1.50", "yes", "No", "~", "2024-01-31", "None", "1e3")
    assert schema.tables[0].missing == ("null", "-9", "0.0")


def test_numbers_and_booleans_in_categories_are_quoted_when_written():
    column = Column(name="c", kind="categorical", categories=("0", "true", "1.5", "null", "2024-01-31"))
    text = schema_to_yaml(Schema(tables=(Table(name="t", columns=(column,)),)))
    assert "['0', 'true', '1.5', 'null', '2024-01-31']" in text


def test_dates_need_no_quotes():
    schema = parse_schema("tables: [{name: t, columns: [{name: d, kind: date, low: 2024-01-31, high: 2024-12-31}]}]")
    assert schema.tables[0].columns[0].low == "2024-01-31"


def test_learned_values_are_explained_in_the_head():
    column = Column(name="age", kind="integer", low=0.0, learned=("low",))
    text = schema_to_yaml(Schema(tables=(Table(name="t", columns=(column,)),)))
    assert text.startswith("#")
    assert "budget" in text.split("name:")[0]
    assert schema_to_yaml(Schema(tables=(Table(name="t", columns=(column,)),)), comment="own\nwords").startswith(
        "# own\n# words\n"
    )


TABLE = "tables: [{name: t, columns: [{name: a, kind: integer%s}]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the schema is empty; give 'name' and 'tables'"),
        ("a: [", "this is no valid YAML"),
        ("- 1", r"top level: \['1'\] is given, but a mapping"),
        ("name: x", "tables: this key is missing; add it"),
        ("tables: 5", "tables: '5' is not allowed; a list is needed"),
        ("tables: [5]", r"tables\[0\]: '5' is given, but a mapping"),
        ("tables: []", "the schema has no tables"),
        ("tables: [{name: t}]", r"tables\[0\].columns \(t\): this key is missing"),
        (
            "tables: [{name: t, columns: [{name: a, kind: int}]}]",
            r"columns\[0\].kind \(t.a\): 'int' is not allowed; use one",
        ),
        (
            TABLE % ", lo: 5",
            r"tables\[0\].columns\[0\].lo \(t.a\): unknown key; did you mean 'low'\? \(allowed: name, kind",
        ),
        (TABLE % ", low: x", "table 't': column 'a': bound 'x' is text; integer takes a number"),
        (TABLE % ", low: [1]", r"low \(t.a\): \[1\] is not allowed; a number is needed"),
        (TABLE % ", nullable: perhaps", r"nullable \(t.a\): 'perhaps' is not allowed; use true or false"),
        (TABLE % ", step: x", r"step \(t.a\): 'x' is not allowed; a number is needed"),
        (TABLE % ", high: .inf", "column 'a': bounds, step, edges and atoms must be finite"),
        (TABLE % ", missing: x", r"missing \(t.a\): 'x' is not allowed; a list is needed"),
        (TABLE % ", name: b", r"tables\[0\].columns\[0\].name: the key stands twice \(line 1\); remove one"),
        (TABLE.replace("integer", "date") % ", low: 2024-99-01", "bound '2024-99-01' is no ISO 8601 date"),
        (TABLE.replace("integer", "date") % ", low: 2024", "bound 2024 is a number; a date takes an ISO 8601 date"),
        ("tables: &a [*a]", "nested deeper than a schema can be"),
        ("tables: [{name: t, format: {delimiter: ab}, columns: []}]", "delimiter 'ab' is not one ASCII character"),
    ],
)
def test_mistakes_are_named_on_one_line_with_file_and_key(tmp_path, text, message):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(SchemaError, match=message) as caught:
        read_schema(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_schema_files_that_cannot_be_read_or_written_are_named(tmp_path):
    with pytest.raises(SchemaError, match=r"nowhere.yaml: no such schema file; draft one"):
        read_schema(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(SchemaError, match="cannot be read as a UTF-8 text file"):
        read_schema(tmp_path / "latin.yaml")
    schema = Schema(tables=(Table(name="t", columns=(Column(name="a", kind="real"),)),))
    with pytest.raises(OutputError, match="the schema cannot be written"):
        write_schema(schema, tmp_path / "no" / "folder.yaml")
    write_schema(schema, tmp_path / "schema.yaml")
    assert read_schema(tmp_path / "schema.yaml") == schema

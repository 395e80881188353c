import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.access.plain import PlainAccess
from shared.access.questions import CategoryQuestion, NumberQuestion, RowCountQuestion
from shared.codecs.table import TableCodec
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.engines.encoded import CodeExclusion
from shared.errors import DataError, SchemaError

VISITS = Table(
    name="visits",
    unit="patient",
    primary_key="visit",
    order_by="visit",
    columns=(
        Column(name="visit", kind="identifier", pattern="V9999"),
        Column(name="patient", kind="identifier"),
        Column(name="sex", kind="categorical", of_unit=True),
        Column(name="born", kind="date", of_unit=True),
        Column(name="ward", kind="categorical", categories=("A", "B", "C"), nullable=False),
        Column(name="cost", kind="real"),
        Column(name="again", kind="boolean"),
        Column(name="total", kind="integer"),
    ),
)


def visits(patients: int = 40, seed: int = 0) -> UnitFrame:
    random = np.random.default_rng(seed)
    rows = random.integers(1, 5, patients)
    unit, count = np.repeat(np.arange(patients), rows), int(rows.sum())
    sexes, born = random.choice(["f", "m"], patients), random.integers(-20_000, 10_000, patients)
    frame = pd.DataFrame(
        {
            "visit": [f"V{place:04d}" for place in range(count)],
            "patient": unit.astype(str),
            "sex": pd.Series(sexes[unit], dtype="str").mask(unit == 1),
            "born": pd.to_datetime(born[unit], unit="D"),
            "ward": random.choice(["A", "B", "C"], count),
            "cost": pd.Series(random.integers(0, 30, count) / 4).mask(random.random(count) < 0.1),
            "again": pd.Series(random.random(count) < 0.3, dtype="boolean").mask(random.random(count) < 0.1),
            "total": np.arange(count),
        }
    )
    return by_unit(VISITS, frame.astype({column.name: DTYPES[column.kind] for column in VISITS.columns}))


class Recorded:
    """Statistics that remember what was asked."""

    def __init__(self, data: UnitFrame) -> None:
        self.calls: list[list] = []
        self._statistics = PlainAccess(data).statistics

    def answer(self, questions):
        self.calls.append(list(questions))
        return self._statistics.answer(questions)


def learned(data: UnitFrame) -> TableCodec:
    return TableCodec.learn(data.table, PlainAccess(data).statistics, excluded=["total"], row_counts=5)


def decoded(codec: TableCodec, histories, **numbers) -> pd.DataFrame:
    return codec.decode(histories, np.random.default_rng(0), **({"first_unit": 0, "first_row": 0} | numbers))


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_what_is_modelled_comes_back(patients, seed):
    data = visits(patients, seed)
    codec = learned(data)
    frame = decoded(codec, codec.encode(data))
    modelled = ["sex", "born", "ward", "cost", "again"]
    pd.testing.assert_frame_equal(frame[modelled], data.frame[modelled])
    assert tuple(frame.columns) == VISITS.names
    assert frame.dtypes.astype(str).to_dict() == {
        c.name: str(pd.Series(dtype=DTYPES[c.kind]).dtype) for c in VISITS.columns
    }


def test_unit_columns_are_coded_once_a_unit_and_the_rest_once_a_row():
    data = visits()
    codec = learned(data)
    histories, shape = codec.encode(data), codec.shape
    assert shape.unit_names == histories.units.names == ("sex", "born")
    assert shape.row_names == histories.rows.names == ("ward", "cost", "again")
    assert (shape.unit_sizes, shape.row_sizes) == (histories.units.sizes, histories.rows.sizes)
    assert len(histories) == len(data)
    assert len(histories.rows) == len(data.frame)
    assert shape.rows_per_unit.tolist() == np.bincount(data.rows_per_unit, minlength=6).tolist()
    assert shape.unit_marginals[0].sum() == len(data)
    assert shape.row_marginals[0].sum() == len(data.frame)


def test_all_is_asked_in_two_calls_and_found_categories_are_declared_in_the_second():
    statistics = Recorded(visits())
    TableCodec.learn(VISITS, statistics, excluded=["total"], row_counts=5)
    first, second = statistics.calls
    assert first == [CategoryQuestion(VISITS.column("sex"))]
    assert [type(question) for question in second] == [
        CategoryQuestion, NumberQuestion, CategoryQuestion, NumberQuestion, CategoryQuestion, RowCountQuestion,
    ]  # fmt: skip
    assert set(second[0].column.categories) == {"f", "m"}
    assert second[4].column.categories == ("false", "true")
    assert second[5].most == 5


def test_a_table_with_nothing_to_find_is_asked_once():
    table = Table(name="t", columns=(Column(name="n", kind="integer"), Column(name="b", kind="boolean")))
    frame = pd.DataFrame({"n": pd.array([1, 2], dtype="Int64"), "b": pd.array([True, False], dtype="boolean")})
    statistics = Recorded(by_unit(table, frame))
    codec = TableCodec.learn(table, statistics)
    assert len(statistics.calls) == 1
    assert codec.shape.rows_per_unit.tolist() == [0.0, 1.0]


def test_a_column_of_many_categories_has_two_named_code_columns():
    table = Table(name="t", columns=(Column(name="code", kind="categorical"),))
    data = by_unit(table, pd.DataFrame({"code": pd.Series([f"c{i}" for i in range(1500)], dtype="str")}))
    codec = TableCodec.learn(table, PlainAccess(data).statistics)
    assert codec.shape.row_names == ("code#0", "code#1")
    pd.testing.assert_frame_equal(decoded(codec, codec.encode(data)), data.frame)


def test_an_exclusion_of_many_categories_becomes_several_that_cover_it_exactly():
    table = Table(name="t", columns=(Column(name="code", kind="categorical"), Column(name="b", kind="boolean")))
    frame = pd.DataFrame({"code": pd.Series([f"c{i}" for i in range(1500)], dtype="str"), "b": [True, False] * 750})
    data = by_unit(table, frame.astype({"b": "boolean"}))
    codec = TableCodec.learn(table, PlainAccess(data).statistics)
    banned = frozenset(f"c{i}" for i in range(0, 1500, 7))
    compiled = codec.compile_exclusions({"code": banned, "b": frozenset({"true"})})
    rows = codec.encode(data).rows
    broken = np.zeros(len(rows), dtype=bool)
    for exclusion in compiled:
        parts = [np.isin(rows.codes[:, rows.names.index(name)], list(codes)) for name, codes in exclusion.parts]
        broken |= np.all(parts, axis=0)
    assert (broken == (data.frame["code"].isin(list(banned)) & data.frame["b"]).to_numpy(dtype=bool)).all()


def test_codes_that_nothing_generated_needs_are_exclusions_by_themselves():
    data = visits()
    codec = learned(data)
    codes = {name: codes for exclusion in codec.never for name, codes in exclusion.parts}
    assert codes == {"sex": {3}, "born": {len(data.frame["born"].unique())}}
    for name, rows in (("sex", codec.encode(data).units), ("born", codec.encode(data).units)):
        assert not np.isin(rows.codes[:, rows.names.index(name)], list(codes[name])).any()


def test_batches_of_a_stream_have_units_and_keys_of_their_own():
    data = visits()
    codec = learned(data)
    histories = codec.encode(data)
    one = decoded(codec, histories)
    two = decoded(codec, histories, first_unit=len(data), first_row=len(data.frame))
    both = pd.concat([one, two], ignore_index=True)
    assert both["visit"].is_unique
    assert both["visit"].str.fullmatch(r"V\d{4}").all()
    assert both["patient"].nunique() == 2 * len(data)
    assert (one.groupby("patient", sort=False).size().to_numpy() == data.rows_per_unit).all()


def test_rows_of_a_unit_ascend_in_the_key_that_orders_them():
    data = visits()
    codec = learned(data)
    frame = decoded(codec, codec.encode(data), first_unit=5, first_row=900)
    pd.testing.assert_frame_equal(
        by_unit(VISITS, frame).frame, by_unit(VISITS, frame.sample(frac=1, random_state=1)).frame
    )
    assert all(visits["visit"].is_monotonic_increasing for _, visits in frame.groupby("patient"))


def test_a_modelled_column_that_orders_rows_ascends_inside_each_unit():
    table = Table(
        name="t", unit="who", order_by="day", columns=(
            Column(name="who", kind="identifier"), Column(name="day", kind="date"), Column(name="n", kind="integer"),
        ),
    )  # fmt: skip
    days = pd.to_datetime(["2024-01-01", "2024-01-03", None, "2023-05-05", "2023-05-06"]).astype("datetime64[us]")
    frame = pd.DataFrame({"who": ["a", "a", "a", "b", "b"], "day": days, "n": pd.array(range(5), dtype="Int64")})
    data = by_unit(table, frame.astype({"who": "str"}))
    codec = TableCodec.learn(table, PlainAccess(data).statistics, row_counts=3)
    histories = codec.encode(data)
    histories.rows.codes[:] = histories.rows.codes[[2, 1, 0, 4, 3]]
    made = decoded(codec, histories)
    pd.testing.assert_series_equal(made["day"], data.frame["day"])
    assert made["n"].tolist() == data.frame["n"].iloc[[2, 1, 0, 4, 3]].tolist()


def test_the_key_of_identifiers_changes_them_and_nothing_else():
    table = Table(name="t", primary_key="id", columns=(
        Column(name="id", kind="identifier", pattern="AA-9999"), Column(name="n", kind="integer"),
    ))  # fmt: skip
    frame = pd.DataFrame({"id": pd.Series(["x", "y"], dtype="str"), "n": pd.array([1, 2], dtype="Int64")})
    codec = TableCodec.learn(table, PlainAccess(by_unit(table, frame)).statistics)
    histories = codec.encode(by_unit(table, frame))
    one, two = (decoded(codec, histories, identifier_key=key) for key in (1, 2))
    assert (one["id"] != two["id"]).all()
    assert (one["n"] == two["n"]).all()


def test_a_key_that_counts_is_made_up_too():
    table = Table(
        name="t", primary_key="id", columns=(Column(name="id", kind="integer"), Column(name="n", kind="real"))
    )
    data = by_unit(table, pd.DataFrame({"id": pd.array([70, 80], dtype="Int64"), "n": [0.5, 1.5]}))
    codec = TableCodec.learn(table, PlainAccess(data).statistics)
    assert decoded(codec, codec.encode(data), first_row=10)["id"].tolist() == [11, 12]


def test_a_key_that_cannot_be_made_up_is_refused():
    table = Table(name="t", primary_key="day", columns=(Column(name="day", kind="date"),))
    data = by_unit(table, pd.DataFrame({"day": pd.to_datetime(["2024-01-01"])}))
    with pytest.raises(SchemaError, match="'t': key 'day' is of kind date; use identifier, integer or categorical"):
        TableCodec.learn(table, PlainAccess(data).statistics)


def test_exclusions_are_compiled_to_codes_of_named_columns():
    codec = learned(visits())
    made = codec.compile_exclusions({"ward": frozenset({"A", "C"}), "again": frozenset({"true"})}, last_row=True)
    assert made == (CodeExclusion((("ward", frozenset({0, 2})), ("again", frozenset({1}))), True),)
    assert codec.compile_exclusions({"ward": frozenset({"B"})}) == (CodeExclusion((("ward", frozenset({1})),)),)
    assert codec.compile_exclusions({"ward": frozenset({"A"}), "sex": frozenset({"other"})}) == ()


@pytest.mark.parametrize("column", ["total", "visit"])
def test_an_exclusion_of_what_is_not_modelled_is_refused(column):
    with pytest.raises(SchemaError, match=f"column '{column}' is in a constraint, but it is derived or an identifier"):
        learned(visits()).compile_exclusions({column: frozenset({"1"})})


def test_excluded_columns_are_left_missing_and_must_exist():
    codec = learned(visits())
    frame = decoded(codec, codec.encode(visits()))
    assert frame["total"].isna().all()
    with pytest.raises(SchemaError, match="has no column 'nothing'"):
        TableCodec.learn(VISITS, PlainAccess(visits()).statistics, excluded=["nothing"])


def test_codes_of_another_table_are_refused():
    codec = learned(visits())
    histories = TableCodec.learn(VISITS, PlainAccess(visits()).statistics).encode(visits())
    with pytest.raises(DataError, match="there are 4 code columns, but table 'visits' has 3"):
        decoded(codec, histories)


def test_what_is_saved_makes_an_equal_codec():
    data = visits()
    codec = learned(data)
    again = TableCodec.from_json(VISITS, json.loads(json.dumps(codec.to_json())))
    assert again.to_json() == codec.to_json()
    assert (again.encode(data).rows.codes == codec.encode(data).rows.codes).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 99; this release reads version 1"),
        ({"table": "other"}, "it belongs to table 'other'"),
        ({"columns": {}}, "its columns are not those of the schema"),
        ({"excluded": []}, "its columns are not those of the schema"),
        ({"rows_per_unit": [1.0]}, "rows_per_unit must hold"),
        ({"rows_per_unit": "many"}, "rows_per_unit"),
        ({"more": 1}, "more"),
    ],
)
def test_a_changed_file_is_refused(change, message):
    with pytest.raises(DataError, match=f"the codec of table 'visits' as it was saved cannot be used .*{message}"):
        TableCodec.from_json(VISITS, dict(learned(visits()).to_json()) | change)


def test_a_file_that_was_cut_is_refused():
    saved = json.loads(json.dumps(learned(visits()).to_json()))
    for key in list(saved):
        cut = {name: value for name, value in saved.items() if name != key}
        with pytest.raises(DataError, match=key):
            TableCodec.from_json(VISITS, cut)
    del saved["columns"]["cost"]["starts"]
    with pytest.raises(DataError, match="the codec of column 'cost' .*starts"):
        TableCodec.from_json(VISITS, saved)


def test_thirty_two_thousand_rows_of_fifteen_columns_are_encoded_in_half_a_second():
    random = np.random.default_rng(0)
    numbers = {f"n{i}": pd.array(random.integers(0, 50_000, 32_000), dtype="Int64") for i in range(7)}
    texts = {f"c{i}": pd.Series(random.integers(0, 40, 32_000)).astype("str") for i in range(8)}
    columns = [Column(name=name, kind="integer") for name in numbers]
    columns += [Column(name=name, kind="categorical") for name in texts]
    table = Table(name="t", columns=tuple(columns))
    data = UnitFrame(table, pd.DataFrame(numbers | texts), np.arange(32_000).astype(object), np.arange(32_001))
    codec = TableCodec.learn(table, PlainAccess(data).statistics)
    start = time.process_time()
    codec.encode(data)
    assert time.process_time() - start < 0.5

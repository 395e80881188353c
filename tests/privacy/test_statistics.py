"""Statistics with privacy: what is asked and paid, the sensitivity of the answers, and their noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.noise import Noise
from privacy.statistics import PrivateStatistics
from privacy.workload import workload_of
from shared.access.questions import CategoryQuestion, Cells, NumberQuestion, RowCountQuestion
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.errors import BudgetRefused, DataError, UndeclaredError

SEX = Column(name="sex", kind="categorical", categories=("f", "m"), of_unit=True)
AGE = Column(name="age", kind="integer", low=0, high=9)
COST = Column(name="cost", kind="real", edges=(0.0, 1.0, 10.0), nullable=False)
DIED = Column(name="died", kind="boolean")
CODE = Column(name="code", kind="categorical")
COLUMNS = (SEX, AGE, COST, DIED)


def _records(units: list[int], value: int = 0) -> dict[str, object]:
    ids = np.repeat(np.arange(len(units)), units)
    rows = len(ids)
    return {
        "id": ids, "sex": ["f"] * rows, "age": [value] * rows, "cost": [0.5] * rows,
        "died": [True] * rows, "code": ["c"] * rows,
    }  # fmt: skip


def _questions(columns: tuple[Column, ...], most: int = 4) -> list[object]:
    asked = [
        NumberQuestion(c) if c.kind in ("integer", "real") else CategoryQuestion(c) for c in columns
    ]  # fmt: skip
    return [*asked, RowCountQuestion(most)]


@pytest.fixture
def statistics(calibrated, unit_frame):
    """``statistics(records, columns)``: private statistics whose mechanisms fit the columns' own workload."""

    def build(records, columns=COLUMNS, noise=None, **fields):
        data = unit_frame(columns, records)
        fields = {"workload": workload_of(data.table), **fields}
        return PrivateStatistics(data, calibrated(**fields), noise or Noise())

    return build


def _vector(answers) -> np.ndarray:
    parts = []
    for answer in answers:
        ends = [getattr(answer, name) for name in ("other", "missing") if hasattr(answer, name)]
        parts += [answer.counts, np.asarray(ends, dtype=float)]
    return np.concatenate(parts)


def test_answers_have_the_declared_cells_and_no_others(statistics, silent):
    sex, age, cost, died, rows = statistics(_records([1, 3]), noise=silent).answer(_questions(COLUMNS))
    assert (sex.values, sex.counts.tolist(), sex.other, sex.missing) == (("f", "m"), [2, 0], 0, 0)
    assert (age.lows.tolist(), age.counts.tolist()) == (list(range(10)), [4] + [0] * 9)
    assert (cost.lows.tolist(), cost.highs.tolist(), cost.counts.tolist()) == ([0, 1], [1, 10], [4, 0])
    assert (died.values, died.counts.tolist()) == (("false", "true"), [0, 4])
    assert rows.counts.tolist() == [0, 1, 0, 1, 0]


def test_only_nullable_columns_have_a_noisy_missing_count(statistics):
    answers = [statistics(_records([1])).answer(_questions(COLUMNS)) for _ in range(40)]
    assert {a[2].missing for a in answers} == {0.0}
    assert len({a[1].missing for a in answers}) > 1


def test_that_no_value_was_missing_among_the_records_is_not_known(statistics):
    column = replace(AGE, nullable=False, learned=("nullable",))
    answers = [statistics(_records([1]), (column,)).answer(_questions((column,))) for _ in range(40)]
    assert len({a[0].missing for a in answers}) > 1


@pytest.fixture(scope="module")
def exact(calibrated, silent):
    """``exact(others, unit)``: all answers about some units and one more, without noise; and their sensitivity."""

    def answers(others, unit):
        lengths = [rows for rows, _ in others] + [len(unit)]
        ids = np.repeat(np.arange(len(lengths)), lengths)
        rows = [("m", age, 2.0) for length, age in others for _ in range(length)] + unit
        frame = pd.DataFrame({"id": pd.Series(ids, dtype="str")})
        for place, column in enumerate(COLUMNS[:3]):
            frame[column.name] = pd.Series([row[place] for row in rows], dtype=DTYPES[column.kind])
        frame["died"] = pd.Series([True] * len(rows), dtype="boolean")
        table = Table(name="visits", columns=(Column(name="id", kind="identifier"), *COLUMNS), unit="id")
        mechanisms = calibrated(workload=workload_of(table))
        private = PrivateStatistics(by_unit(table, frame), mechanisms, silent)
        return _vector(private.answer(_questions(COLUMNS))), mechanisms.statistics_sensitivity

    return answers


@given(
    others=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), max_size=4),
    unit=st.lists(st.tuples(st.sampled_from("fmx"), st.integers(-3, 14), st.floats(-1, 20)), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_one_unit_changes_all_answers_together_by_at_most_the_sensitivity(exact, others, unit):
    """L2 over all cells of all columns, for a unit of up to four rows and any values."""
    (with_it, sensitivity), (without, _) = exact(others, unit), exact(others, [])
    assert np.linalg.norm(with_it - without) <= sensitivity + 1e-9


def test_the_sensitivity_is_attained_by_a_unit_of_equal_rows(exact):
    (with_it, sensitivity), (without, _) = exact([(1, 3)], [("f", 5, 0.5)] * 4), exact([(1, 3)], [])
    assert np.linalg.norm(with_it - without) == pytest.approx(sensitivity)
    # A sensitivity that forgets that units have several rows is not one.
    assert np.linalg.norm(with_it - without) > np.sqrt(len(COLUMNS) + 1) + 1


def test_noise_is_that_of_the_joint_sensitivity_and_not_another(statistics, normal_fit, unlikely):
    column = Column(name="age", kind="integer", low=0, high=400)
    answers = []
    for _ in range(20):
        private = statistics(_records([1] * 3), (column,), statistics_multiplier=500.0)
        answers.append(private.answer(_questions((column,)))[0].counts)
    counts, scale = np.concatenate(answers), 500.0 * np.sqrt(4**2 + 1)
    # Counts are cut at zero: the upper half of a normal distribution is left, about a median of 0.
    kept = counts[counts > 0]
    signs = np.where(np.arange(len(kept)) % 2 == 0, 1.0, -1.0)
    assert abs(len(kept) / len(counts) - 0.5) < 0.05
    assert normal_fit(kept * signs, scale) > unlikely
    assert normal_fit(kept * signs, scale * 2 / 3) < unlikely
    assert normal_fit(kept * signs, scale * 3 / 2) < unlikely


def test_counts_are_whole_and_never_negative(statistics):
    answers = statistics(_records([1, 2])).answer(_questions(COLUMNS))
    vector = _vector(answers)
    assert (vector >= 0).all()
    assert (vector == np.rint(vector)).all()


def test_no_answer_is_an_exact_count(statistics):
    column = Column(name="age", kind="integer", low=0, high=300)
    records = {"id": np.arange(3010), "age": np.repeat(np.arange(301), 10)}
    answer = statistics(records, (column,), statistics_multiplier=1000.0).answer(_questions((column,)))[0]
    assert isinstance(answer, Cells)
    assert np.count_nonzero(answer.counts == 10) < 5


def test_histograms_are_answered_once(statistics):
    private = statistics(_records([1]))
    private.answer(_questions(COLUMNS))
    with pytest.raises(BudgetRefused, match="asking twice would spend twice"):
        private.answer(_questions(COLUMNS))


def test_a_column_is_asked_once_in_a_call(statistics):
    with pytest.raises(BudgetRefused, match="'age' is asked twice"):
        statistics(_records([1])).answer([NumberQuestion(AGE), NumberQuestion(AGE)])


def test_no_question_costs_nothing(statistics):
    private = statistics(_records([1]))
    assert private.answer([]) == []
    private.answer(_questions(COLUMNS))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"unit_columns": 0}, "1 columns of units are asked, but the budget was calibrated for 0"),
        ({"row_columns": 2}, "3 columns of rows are asked, but the budget was calibrated for 2"),
        ({"row_counts": False}, "1 histograms of rows per unit are asked"),
    ],
)
def test_questions_beyond_the_workload_are_refused(statistics, unit_frame, change, wanted):
    work = workload_of(unit_frame(COLUMNS, _records([1])).table)
    private = statistics(_records([1]), workload=replace(work, **change))
    with pytest.raises(BudgetRefused, match=wanted):
        private.answer(_questions(COLUMNS))


def test_histograms_without_a_budget_are_refused(statistics):
    with pytest.raises(BudgetRefused, match="no budget was set aside for histograms"):
        statistics(_records([1]), statistics_multiplier=0.0).answer(_questions(COLUMNS))


def test_units_with_rows_beyond_the_cap_are_refused(statistics):
    with pytest.raises(DataError, match="more rows than the declared cap of 4; leave surplus rows out"):
        statistics(_records([1, 5]))


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (Column(name="age", kind="integer"), "column 'age': declare low and high"),
        (replace(AGE, learned=("high",)), "column 'age': declare high \\(read off records so far\\)"),
        (replace(AGE, learned=("kind",)), "kind integer was read off records; confirm it"),
    ],
)
def test_what_is_neither_declared_nor_paid_for_is_refused(statistics, column, wanted):
    with pytest.raises(UndeclaredError, match=wanted):
        statistics(_records([1]), (column,)).answer(_questions((column,)))


def test_a_question_cannot_bring_bounds_of_its_own(statistics, silent):
    """What a question says of a column is not believed: only the schema of the records is declared."""
    column = Column(name="age", kind="integer")
    with pytest.raises(UndeclaredError, match="column 'age'"):
        statistics(_records([1]), (column,)).answer([NumberQuestion(AGE)])


def test_learned_bounds_give_way_to_declared_edges(statistics, silent):
    column = Column(name="cost", kind="real", edges=(0.0, 5.0, 9.0), low=0.4, high=0.6, learned=("low", "high"))
    answer = statistics(_records([1]), (column,), noise=silent).answer(_questions((column,)))[0]
    assert answer.lows.tolist() == [0.0, 5.0]


def test_a_question_that_does_not_fit_the_declared_kind_is_refused(statistics):
    with pytest.raises(UndeclaredError, match="a CategoryQuestion does not fit its declared kind integer"):
        statistics(_records([1])).answer([CategoryQuestion(AGE)])

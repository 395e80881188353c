import numpy as np
import pandas as pd
import pytest
import torch

from shared.access.contract import BatchPlan, Phase, RowLosses
from shared.access.plain import PlainAccess
from shared.access.questions import CategoryQuestion, NumberQuestion, RowCountQuestion
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.errors import TrainingDiverged

TABLE = Table(
    name="visits",
    unit="patient",
    columns=(
        Column(name="patient", kind="identifier"),
        Column(name="sex", kind="categorical", of_unit=True),
        Column(name="born", kind="integer", of_unit=True),
        Column(name="ward", kind="categorical", categories=("A", "B", "C")),
        Column(name="cost", kind="real", low=0.0, high=100.0),
        Column(name="again", kind="boolean"),
    ),
)


def visits() -> UnitFrame:
    frame = pd.DataFrame(
        {
            "patient": pd.Series(["1", "1", "2", "3", "3", "3"], dtype="str"),
            "sex": pd.Series(["f", "f", "m", "f", "f", "f"], dtype="str"),
            "born": pd.array([1950, 1950, 1960, None, None, None], dtype="Int64"),
            "ward": pd.Series(["C", "A", "C", None, "Z", "C"], dtype="str"),
            "cost": [2.5, 2.5, 1.0, np.nan, 7.0, 1.0],
            "again": pd.array([True, None, False, True, True, True], dtype="boolean"),
        }
    )
    return by_unit(TABLE, frame)


def answer(question):
    return PlainAccess(visits()).statistics.answer([question])[0]


def test_numbers_are_counted_by_distinct_value_even_where_bounds_are_declared():
    cells = answer(NumberQuestion(TABLE.column("cost")))
    assert cells.lows.tolist() == cells.highs.tolist() == [1.0, 2.5, 7.0]
    assert (cells.counts.tolist(), cells.missing) == ([2, 2, 1], 1)


def test_columns_of_a_unit_are_counted_once_a_unit():
    cells = answer(NumberQuestion(TABLE.column("born")))
    assert (cells.lows.tolist(), cells.counts.tolist(), cells.missing) == ([1950, 1960], [1, 1], 1)
    categories = answer(CategoryQuestion(TABLE.column("sex")))
    assert (categories.values, categories.counts.tolist()) == (("f", "m"), [2, 1])


def test_declared_categories_are_counted_in_their_order_and_the_rest_as_other():
    categories = answer(CategoryQuestion(TABLE.column("ward")))
    assert categories.values == ("A", "B", "C")
    assert (categories.counts.tolist(), categories.other, categories.missing) == ([1, 0, 3], 1, 1)


def test_found_categories_fall_in_frequency_and_ties_rise_in_value():
    found = answer(CategoryQuestion(Column(name="ward", kind="categorical")))
    assert (found.values, found.counts.tolist(), found.other) == (("C", "A", "Z"), [3, 1, 1], 0)


def test_booleans_are_the_categories_false_and_true():
    flags = answer(CategoryQuestion(Column(name="again", kind="categorical", categories=("false", "true"))))
    assert (flags.counts.tolist(), flags.other, flags.missing) == ([1, 4], 0, 1)


def test_rows_of_units_are_counted_and_the_last_count_takes_the_longer_ones():
    assert answer(RowCountQuestion(4)).counts.tolist() == [0, 1, 1, 1, 0]
    assert answer(RowCountQuestion(2)).counts.tolist() == [0, 1, 2]


def test_the_number_of_units_is_exact_and_the_preferred_plan_is_taken():
    access, plan = PlainAccess(visits()), BatchPlan(batch_units=2, steps=7)
    assert access.units == 3
    assert access.plan(plan) is plan


def drawn(units: int, batch: int, steps: int, seed: int = 0) -> list[np.ndarray]:
    return list(PlainAccess(visits()).batches(units, BatchPlan(batch_units=batch, steps=steps), seed))


@pytest.mark.parametrize(("units", "batch"), [(10, 5), (10, 3), (7, 7), (100, 1)])
def test_every_epoch_sees_every_unit_once(units, batch):
    batches = drawn(units, batch, steps=60)
    assert [len(chosen) for chosen in batches] == [batch] * 60
    stream = np.concatenate(batches)
    epochs = len(stream) // units
    for epoch in stream[: epochs * units].reshape(epochs, units):
        assert sorted(epoch) == list(range(units))


def test_a_table_smaller_than_a_batch_is_given_whole():
    assert all(sorted(batch) == [0, 1, 2, 3] for batch in drawn(4, 256, steps=5))
    assert [len(batch) for batch in drawn(0, 256, steps=2)] == [0, 0]


def test_the_order_follows_the_seed():
    assert all((a == b).all() for a, b in zip(drawn(50, 7, 20), drawn(50, 7, 20), strict=True))
    assert any((a != b).any() for a, b in zip(drawn(50, 7, 20), drawn(50, 7, 20, seed=1), strict=True))


def phase(scale: float = 1.0) -> tuple[torch.nn.Linear, Phase]:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(module.weight)

    def losses(units):
        rows = torch.tensor([[1.0], [2.0], [3.0]])[: 3 * min(1, len(units))]
        return RowLosses(module(rows).squeeze(1) * scale, torch.zeros(len(rows), dtype=torch.int64))

    return module, Phase(module, losses)


def test_a_step_leaves_the_gradient_of_the_mean_over_rows_and_nothing_of_the_step_before():
    module, one = phase()
    access = PlainAccess(visits())
    for _ in range(2):
        assert access.step(one, np.array([0])) == pytest.approx(2.0)
        assert module.weight.grad.item() == pytest.approx(2.0)
    assert access.step(one, np.array([], dtype=np.int64)) == 0.0
    assert module.weight.grad is None


def test_a_loss_that_is_no_number_stops_the_training():
    _, one = phase(scale=float("nan"))
    with pytest.raises(TrainingDiverged, match="the loss of a step is nan, not a finite number; use a lower learning"):
        PlainAccess(visits()).step(one, np.array([0]))

"""Mixed units are found where they are, and not where a column has a long tail or two kinds of units of its own."""

from __future__ import annotations

import numpy as np
import pytest

from shared.cleaning.conversions import PhysicalUnits, Substance
from shared.cleaning.units import mixed_units, written_units
from shared.corpus.schema import Column
from tests.shared.cleaning.tables import corpus_of, found, mended

UNITS = PhysicalUnits([Substance(names="gluc", unit="mg/dL", other="mmol/L", factor=18.016)])
WEIGHT = Column(name="weight", kind="real", physical_unit="kg", step=0.1)


def column(name: str, unit: str, step: float | None = 0.1) -> Column:
    return Column(name=name, kind="real", physical_unit=unit, step=step)


def texts(numbers: np.ndarray) -> list[str | None]:
    return [f"{number:.2f}" for number in numbers]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("72 kg", "72.0"),
        ("72KG", "72.0"),
        ("158.7 lb", "72.0"),
        ("158.7lbs", "72.0"),
        ("72000 g", "72.0"),
        ("6 ft", "6 ft"),
    ],
)
def test_a_unit_beside_the_number_is_believed(given: str, expected: str) -> None:
    assert mended(written_units(UNITS), corpus_of([WEIGHT], {"weight": [given]}), "weight") == [expected]


@pytest.mark.parametrize(
    ("column", "centre", "spread", "convert"),
    [
        (WEIGHT, 75.0, 12.0, lambda x: x / 0.45359237),
        (column("height", "cm"), 170.0, 10.0, lambda x: x / 2.54),
        (column("height", "m", 0.01), 1.7, 0.1, lambda x: x * 100),
        (column("temperature", "Cel"), 37.0, 0.7, lambda x: x * 1.8 + 32),
        (column("pressure", "mm[Hg]", 1.0), 125.0, 18.0, lambda x: x * 0.133322),
        (column("glucose", "mg/dL", 1.0), 105.0, 22.0, lambda x: x / 18.016),
        (column("glucose", "mmol/L"), 5.8, 1.2, lambda x: x * 18.016),
    ],
    ids=["lb", "in", "cm for m", "degF", "kPa", "mmol/L", "mg/dL"],
)
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_second_unit_is_found_and_converted(
    column: Column, centre: float, spread: float, convert, share: float
) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(5)
    truth = random.normal(centre, spread, 600)
    other = random.random(600) < share
    corpus = corpus_of([column], {column.name: texts(np.where(other, convert(truth), truth))})
    (step,) = found(mixed_units(UNITS), corpus)
    assert step.enabled
    assert step.basis == "learned"
    back = np.array(mended(mixed_units(UNITS), corpus, column.name), dtype=float)
    near = np.abs(back - truth) <= 0.02 * centre
    assert near.mean() >= 0.99


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.normal(75, 12, 3000),
        lambda random: random.lognormal(4.3, 0.5, 3000),
        lambda random: random.exponential(60, 3000) + 1,
        lambda random: random.pareto(1.5, 3000) * 20 + 1,
        lambda random: random.uniform(3, 250, 3000),
        lambda random: np.r_[random.normal(75, 12, 2400), random.normal(18, 5, 600).clip(3)],  # children
        lambda random: np.r_[random.normal(75, 8, 2900), random.uniform(100, 250, 100)],
    ],
    ids=["normal", "lognormal", "exponential", "pareto", "uniform", "children", "heavy"],
)
@pytest.mark.parametrize("seed", range(4))
def test_a_column_in_one_unit_is_left_alone(draw, seed: int) -> None:  # type: ignore[no-untyped-def]
    numbers = draw(np.random.default_rng(seed))
    assert found(mixed_units(UNITS), corpus_of([WEIGHT], {"weight": texts(numbers)})) == []


def test_a_unit_that_measures_something_else_is_not_converted() -> None:
    assert UNITS.written("cm", WEIGHT) is None
    assert UNITS.written("no unit", WEIGHT) is None


def test_factors_and_offsets_lead_into_the_declared_unit() -> None:
    fahrenheit = UNITS.written("°F", column("t", "Cel"))
    assert fahrenheit is not None
    assert fahrenheit.factor * 212 + fahrenheit.offset == pytest.approx(100)
    millimoles = UNITS.written("mmol/L", column("glucose", "mg/dL"))
    assert millimoles is not None
    assert millimoles.factor == pytest.approx(18.016)

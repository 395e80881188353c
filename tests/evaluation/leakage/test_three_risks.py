"""Singling out, linkability, inference: sure of planted copies in every draw, silent on independent units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.evaluate import evaluate_table
from evaluation.gate import Thresholds
from evaluation.leakage.inference import inference
from evaluation.leakage.linkability import halves, linkability
from evaluation.leakage.risk import CONFIDENCE
from evaluation.leakage.singling_out import lone, singling_out
from evaluation.score import Score
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.training.reporter import SilentReporter

TABLE = Table(
    name="stays",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="age", kind="integer"),
        Column(name="place", kind="categorical"),
        Column(name="ward", kind="categorical"),
        Column(name="cost", kind="real"),
        Column(name="pulse", kind="integer"),
        Column(name="dose", kind="real"),
        Column(name="again", kind="boolean"),
    ),
    unit="id",
)
RISKS = [singling_out, linkability, inference]
DRAWS = 20


def population(units: int, seed: int, most: int = 1) -> UnitFrame:
    """Independent units with one to ``most`` rows: correlated columns of every kind, some missing."""
    random = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), random.integers(1, most + 1, size=units))
    rows = len(unit)
    age = np.clip(random.normal(60, 15, units), 18, 99).astype(int)[unit]
    ward = np.where(random.random(rows) < age / 120, "medicine", random.choice(["surgery", "births"], rows))
    cost = np.round(random.gamma(2, age * 40.0))
    frame = {
        "id": pd.Series([f"{seed}-{name:06d}" for name in unit], dtype="str"),
        "age": pd.array(age, dtype="Int64"),
        "place": pd.Series((random.gamma(2, 8, rows)).astype(int).astype(str), dtype="str"),
        "ward": pd.Series(ward, dtype="str").mask(random.random(rows) < 0.1),
        "cost": cost,
        "pulse": pd.array(np.rint(random.normal(75, 12, rows)).astype(int), dtype="Int64"),
        "dose": np.where(random.random(rows) < 0.2, np.nan, np.round(cost / 900 + random.normal(0, 1, rows), 1)),
        "again": pd.array(random.random(rows) < 1 / (1 + np.exp(4 - cost / 1500)), dtype="boolean"),
    }
    return by_unit(TABLE, pd.DataFrame(frame))


def draw(seed: int, units: int = 1500, most: int = 1) -> Comparison:
    return Comparison(TABLE, *(population(units, 7919 * (seed + 1) + part, most) for part in range(3)))


def with_copies(data: Comparison, share: float, source: str = "train") -> Comparison:
    """So many of the units of ``source`` stand in the synthetic data in place of its own."""
    units = data.part(source)
    copies = int(share * len(units))
    own = data.synthetic.take(np.arange(copies, len(data.synthetic)))
    frame = pd.concat([own.frame, units.take(np.arange(copies)).frame], ignore_index=True)
    return replace(data, synthetic=by_unit(TABLE, frame))


def covers_zero(score: Score) -> bool:
    return score.interval[0] <= 0.0 <= score.interval[1]


@pytest.mark.parametrize("measure", RISKS)
@pytest.mark.parametrize(("units", "most"), [(900, 1), (500, 3)])
def test_on_independent_units_every_interval_covers_zero(measure, units: int, most: int) -> None:
    scores = [measure(draw(seed, units, most), seed=seed) for seed in range(DRAWS)]
    assert all(covers_zero(score) for score in scores)
    risks = [attack["risk"] for score in scores for attack in score.detail["attacks"].values()]
    assert np.mean(risks) == pytest.approx(0.0, abs=0.012)


@pytest.mark.parametrize("measure", RISKS)
@pytest.mark.parametrize(("share", "units", "most"), [(0.05, 1000, 1), (0.05, 800, 2), (0.15, 400, 1)])
def test_copied_units_are_found_in_every_draw(measure, share: float, units: int, most: int) -> None:
    scores = [measure(with_copies(draw(seed, units, most), share), seed=seed) for seed in range(DRAWS)]
    assert min(score.interval[0] for score in scores) > 0
    assert np.mean([score.value for score in scores]) == pytest.approx(share, abs=0.2 * share)


@pytest.mark.parametrize("measure", RISKS)
def test_one_unit_with_many_rows_is_one_target(measure) -> None:
    """Rows of a unit that are all but equal: counted as rows, every third draw would be an alarm."""
    for seed in range(DRAWS):
        data = Comparison(TABLE, *(repeated(population(60, 7919 * seed + part), seed + part) for part in range(3)))
        score = measure(data, seed=seed)
        assert score.detail["targets"] == 60
        assert covers_zero(score)


def repeated(units: UnitFrame, seed: int) -> UnitFrame:
    """Each unit with twenty rows that differ in the dose alone."""
    frame = units.frame.loc[units.frame.index.repeat(20)].reset_index(drop=True)
    return by_unit(TABLE, frame.assign(dose=np.random.default_rng(seed).normal(size=len(frame)).round(3)))


@pytest.mark.parametrize("measure", RISKS)
def test_a_copied_holdout_is_a_risk_to_nobody_in_train(measure) -> None:
    score = measure(with_copies(draw(0, 900), 0.15, "holdout"), seed=0)
    assert score.interval[1] < 0


@pytest.mark.parametrize("measure", RISKS)
def test_copies_with_numbers_a_hair_apart_are_found(measure) -> None:
    data = with_copies(draw(0, 900), 0.15)
    moved = data.synthetic.frame.assign(cost=data.synthetic.frame["cost"] + 0.01)
    assert measure(replace(data, synthetic=replace(data.synthetic, frame=moved)), seed=0).interval[0] > 0.05


@pytest.mark.parametrize("measure", [linkability, inference])
def test_copies_beyond_the_searched_sample_are_found(measure) -> None:
    data = replace(with_copies(draw(0, 900), 0.1), effort=Effort(references=100))
    assert measure(data, seed=0).interval[0] > 0


@pytest.mark.parametrize("measure", RISKS)
def test_a_holdout_smaller_than_train_gives_as_many_targets_and_no_alarm(measure) -> None:
    for seed in range(5):
        train, holdout, synthetic = (population(n, 97 * seed + n) for n in (1200, 300, 1201))
        score = measure(Comparison(TABLE, train, holdout, synthetic), seed=seed)
        assert score.detail["targets"] == 300
        assert covers_zero(score)


@pytest.mark.parametrize("measure", RISKS)
def test_the_risk_is_the_excess_over_the_control_as_a_share_of_what_was_left(measure) -> None:
    score = measure(with_copies(draw(1, 600), 0.3), seed=1)
    for attack in score.detail["attacks"].values():
        assert attack["risk"] == pytest.approx((attack["rate"] - attack["control"]) / (1 - attack["control"]))
        assert attack["interval"][0] <= attack["risk"] <= attack["interval"][1]
    chosen = score.detail["attacks"][score.detail["attack"]]
    assert (score.value, list(score.interval)) == (chosen["risk"], chosen["interval"])


@pytest.mark.parametrize("measure", RISKS)
def test_one_seed_gives_one_result(measure) -> None:
    first, second = (measure(draw(0, 300, 2), seed=5) for _ in range(2))
    assert (first, first.detail) == (second, second.detail)


def test_a_naive_attacker_links_and_infers_less_than_one_who_has_the_synthetic_rows() -> None:
    data = draw(0, 900)
    linked = linkability(data, seed=0).detail["attacks"]["10 nearest rows"]
    assert linked["naive"] < linked["control"]
    guessed = inference(data, seed=0).detail["attacks"]["all guesses"]
    assert guessed["naive"] < guessed["control"] - 0.02
    torn = singling_out(with_copies(data, 0.15), seed=0).detail["attacks"]["several columns"]
    assert torn["naive"] < torn["rate"] - 0.1


def test_the_secret_that_leaks_is_named_by_its_column() -> None:
    """Of copies one column is drawn anew: it is the one that cannot be inferred."""
    data = with_copies(draw(0, 900), 0.3)
    frame = data.synthetic.frame
    fresh = frame.assign(pulse=frame["pulse"].iloc[np.random.default_rng(0).permutation(len(frame))].to_numpy())
    score = inference(replace(data, synthetic=replace(data.synthetic, frame=fresh)), seed=0)
    columns = score.detail["attacks"]["surest guesses"]["columns"]
    assert set(columns) == set(data.names)
    assert columns["place"]["interval"][0] > 0.0
    # What is guessed more often is also hit more often by luck, within five percent of the rows.
    assert columns["pulse"]["risk"] < columns["place"]["risk"] / 2


def test_halves_are_dealt_so_that_both_tell_rows_apart() -> None:
    data = draw(0, 900)
    first, second = ({data.names[column] for column in half} for half in halves(data.records))
    assert first | second == set(data.names)
    assert first.isdisjoint(second)
    assert "cost" in first
    assert {"age", "pulse"} & second


def test_a_key_is_lone_that_one_unit_has_in_any_number_of_rows() -> None:
    keys, unit = lone(np.array([7, 7, 5, 9, 5, 3], dtype=np.uint64), np.array([0, 0, 0, 1, 2, 2]))
    assert dict(zip(keys.tolist(), unit.tolist(), strict=True)) == {7: 0, 9: 1, 3: 2}


def test_the_gate_has_no_threshold_for_the_three_risks_and_a_table_of_one_column_only_singles_out() -> None:
    data = draw(0, 120)
    thresholds = Thresholds.defaults(private=False)
    assert all(thresholds.apply(measure(data, seed=0)).threshold is None for measure in RISKS)
    narrow = replace(TABLE, columns=(TABLE.columns[0], TABLE.columns[4]))
    parts = [
        replace(part, table=narrow, frame=part.frame[["id", "cost"]])
        for part in (data.train, data.holdout, data.synthetic)
    ]
    names = [score.name for score in evaluate_table(narrow, *parts, seed=0, reporter=SilentReporter()).leakage]
    assert "singling out" in names
    assert not {"linkability", "inference"} & set(names)


def test_the_three_risks_of_twenty_releases_that_leak_nothing_hold_together_at_95_percent() -> None:
    assert 1 - (1 - CONFIDENCE) * len(RISKS) * 20 == pytest.approx(0.95)
    assert singling_out(draw(0, 120), seed=0).detail["confidence"] == CONFIDENCE

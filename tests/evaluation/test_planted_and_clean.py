"""Every judge on clean data, where it must find nothing, and on planted errors, which it must find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domains.base.contract import Task
from evaluation.comparison import Comparison
from evaluation.evaluate import evaluate_table
from evaluation.fidelity.column_agreement import column_agreement
from evaluation.fidelity.correlation import correlation_difference
from evaluation.fidelity.missingness import missingness_difference
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.rows_per_unit import rows_per_unit_agreement
from evaluation.fidelity.two_sample import two_sample_auc
from evaluation.gate import Thresholds, judge
from evaluation.leakage.clearest_neighbours import clearest_neighbours_share
from evaluation.leakage.exact_copies import exact_copies
from evaluation.leakage.membership import membership_by_density, membership_by_distance
from evaluation.leakage.nearest_neighbour import nearest_neighbour_share
from evaluation.score import Score
from evaluation.utility.every_column import every_column
from evaluation.utility.task import NotMeasurable
from evaluation.utility.tasks import task_score
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter

TABLE = Table(
    name="visits",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="age", kind="integer"),
        Column(name="ward", kind="categorical"),
        Column(name="dose", kind="real"),
        Column(name="score", kind="real"),
        Column(name="again", kind="boolean"),
    ),
    unit="id",
)
TASK = Task(name="again", table="visits", target="again", positive=("true",))


def drawn(units: int, seed: int, *, most: int = 1) -> UnitFrame:
    """Independent units of one population, with one to ``most`` rows each."""
    random = np.random.default_rng(seed)
    rows = random.integers(1, most + 1, size=units)
    unit = np.repeat(np.arange(units), rows)
    age = np.clip(random.normal(55, 18, units), 0, 100).astype(int)[unit]
    ward = random.choice(list("ABCD"), len(unit), p=[0.4, 0.3, 0.2, 0.1])
    dose = np.round(age / 10 + (ward == "A") * 3 + random.normal(0, 1, len(unit)), 3)
    again = random.random(len(unit)) < 1 / (1 + np.exp(-(dose - 6)))
    frame = pd.DataFrame(
        {
            "id": pd.Series([f"{seed}-{u}" for u in unit], dtype="str"),
            "age": pd.array(age, dtype="Int64"),
            "ward": pd.Series(ward, dtype="str").mask((age > 70) & (random.random(len(unit)) < 0.4)),
            "dose": dose,
            "score": random.normal(0, 1, len(unit)),
            "again": pd.array(again, dtype="boolean"),
        }
    )
    return by_unit(TABLE, frame)


def compared(seed: int = 0, units: int = 2500, *, most: int = 1) -> Comparison:
    return Comparison(TABLE, *(drawn(units, 1000 * seed + part, most=most) for part in (1, 2, 3)))


def with_copies(data: Comparison, share: float) -> Comparison:
    """The same comparison in which so many of the train units stand in the synthetic data too, word for word."""
    copies = int(share * len(data.train))
    kept = data.synthetic.take(np.arange(copies, len(data.synthetic)))
    copied = data.train.take(np.arange(copies))
    frame = pd.concat([copied.frame, kept.frame], ignore_index=True)
    return Comparison(TABLE, data.train, data.holdout, by_unit(TABLE, frame))


def changed(data: Comparison, **columns: object) -> Comparison:
    synthetic = replace(data.synthetic, frame=data.synthetic.frame.assign(**columns))
    return Comparison(TABLE, data.train, data.holdout, synthetic)


def covers(score: Score, value: float) -> bool:
    return score.interval[0] <= value <= score.interval[1]


@pytest.fixture(scope="module")
def clean() -> Comparison:
    return compared(most=3)


def test_clean_data_agree_as_well_as_the_holdout(clean: Comparison) -> None:
    for measure in (column_agreement, pair_agreement, rows_per_unit_agreement):
        score = measure(clean, seed=0)
        assert score.value == pytest.approx(score.baseline, abs=0.02)
        assert score.interval[0] <= score.value <= score.interval[1]
    for measure in (correlation_difference, missingness_difference):
        assert measure(clean, seed=0).value < 0.02


def test_shuffled_columns_break_pairs_and_relations_alone(clean: Comparison) -> None:
    random = np.random.default_rng(0)
    frame = clean.synthetic.frame
    shuffled = changed(clean, **{n: frame[n].iloc[random.permutation(len(frame))].to_numpy() for n in ("dose", "ward")})
    assert column_agreement(shuffled, seed=0).value == pytest.approx(column_agreement(clean, seed=0).value, abs=1e-9)
    assert pair_agreement(shuffled, seed=0).value < pair_agreement(clean, seed=0).interval[0]
    assert correlation_difference(shuffled, seed=0).interval[0] > correlation_difference(clean, seed=0).interval[1]
    assert two_sample_auc(shuffled, seed=0).interval[0] > 0.6


def test_a_shifted_column_lowers_its_agreement(clean: Comparison) -> None:
    score = column_agreement(changed(clean, score=clean.synthetic.frame["score"] + 1.0), seed=0)
    columns = score.detail["columns"]
    assert columns["score"]["value"] < 0.75
    assert columns["age"]["value"] > 0.9


def test_values_missing_at_random_are_noticed(clean: Comparison) -> None:
    ward = clean.synthetic.frame["ward"].mask(np.arange(len(clean.synthetic.frame)) % 4 == 0)
    score = missingness_difference(changed(clean, ward=ward), seed=0)
    assert score.interval[0] > missingness_difference(clean, seed=0).interval[1]


def test_another_number_of_rows_is_noticed(clean: Comparison) -> None:
    other = Comparison(TABLE, clean.train, clean.holdout, drawn(2500, 9, most=1))
    assert rows_per_unit_agreement(other, seed=0).value < 0.5


def test_the_two_sample_interval_covers_one_half_on_clean_data() -> None:
    scores = [two_sample_auc(compared(seed, 800), seed=seed) for seed in range(6)]
    assert sum(covers(score, 0.5) for score in scores) >= 5


def test_utility_is_kept_by_clean_data_and_lost_by_noise(clean: Comparison) -> None:
    good = task_score(clean, TASK, seed=0)
    assert abs(good.value) < 0.02
    assert covers(good, 0.0)
    random = np.random.default_rng(0)
    frame = clean.synthetic.frame
    noise = changed(clean, again=frame["again"].iloc[random.permutation(len(frame))].to_numpy())
    assert task_score(noise, TASK, seed=0).interval[0] > 0.1
    assert abs(every_column(clean, seed=0).value) < 0.02
    assert every_column(noise, seed=0).interval[0] > 0.02


def test_metrics_of_a_task_are_those_of_scikit_learn(clean: Comparison) -> None:
    metrics = task_score(clean, TASK, seed=0).detail["metrics"]
    assert set(metrics) >= {"AUC", "accuracy", "precision", "recall", "F1", "Brier", "calibration error"}
    for real, synthetic in metrics.values():
        assert 0 <= real <= 1
        assert 0 <= synthetic <= 1
    assert metrics["AUC"][0] > 0.75


def test_a_target_that_is_not_there_is_refused(clean: Comparison) -> None:
    with pytest.raises(ConfigurationError, match="target 'death' is not one of"):
        task_score(clean, replace(TASK, target="death"), seed=0)


def test_a_task_that_the_records_cannot_measure_is_said_and_refused_by_the_gate(clean: Comparison) -> None:
    hopeless = replace(TASK, positive=("perhaps",))
    with pytest.raises(NotMeasurable, match="no two classes"):
        task_score(clean, hopeless, seed=0)
    small = [part.take(np.arange(300)) for part in (clean.train, clean.holdout, clean.synthetic)]
    result = evaluate_table(TABLE, *small, tasks=[hopeless], seed=0, reporter=SilentReporter())
    assert len(result.unmeasured) == 1
    open_gate = {"pair_agreement": 0, "utility_gap": 1, "membership_auc": 1, "nearest_neighbour_share": 1}
    _, verdict = judge(result, Thresholds.declared({**open_gate, "copies_above_holdout": 1}, private=False))
    assert verdict.reasons == result.unmeasured


LEAKAGE = [exact_copies, nearest_neighbour_share, clearest_neighbours_share, membership_by_distance]


@pytest.mark.parametrize("measure", LEAKAGE)
@pytest.mark.parametrize("most", [1, 3])
def test_copied_units_are_found(measure, most: int) -> None:
    units = 9000 if measure is nearest_neighbour_share else 6000
    for seed in range(2):
        score = measure(with_copies(compared(seed, units, most=most), 0.05), seed=seed)
        assert score.interval[0] > score.baseline, f"seed {seed}: {score}"


@pytest.mark.parametrize("measure", LEAKAGE)
def test_on_independent_data_the_interval_covers_the_baseline(measure) -> None:
    scores = [measure(compared(seed, 1500), seed=seed) for seed in range(20)]
    assert sum(covers(score, score.baseline) for score in scores) >= 16


def test_a_density_that_learned_its_units_by_heart_is_found(clean: Comparison) -> None:
    known = set(clean.train.units[: len(clean.train) // 2])

    def by_heart(units: UnitFrame) -> np.ndarray:
        return np.array([10.0 if unit in known else 0.0 for unit in units.units])

    score = membership_by_density(clean, by_heart, seed=0)
    assert score.interval[0] > 0.7
    assert score.detail["tpr_at_1_fpr"][0] > 0.4
    honest = membership_by_density(clean, lambda units: units.rows_per_unit.astype(float), seed=0)
    assert covers(honest, 0.5)


def test_the_whole_evaluation_runs_and_small_parts_are_refused(clean: Comparison) -> None:
    result = evaluate_table(
        TABLE, clean.train, clean.holdout, clean.synthetic, tasks=[TASK], seed=0, reporter=SilentReporter()
    )
    names = [score.name for score in result.scores]
    assert names == [
        "column agreement",
        "pair agreement",
        "correlation difference",
        "missingness difference",
        "two-sample AUC",
        "rows per unit agreement",
        "task: again",
        "every column from the others",
        "exact copies",
        "nearest-neighbour share",
        "clearest neighbours share",
        "membership (distance)",
        "singling out",
        "linkability",
        "inference",
    ]
    with pytest.raises(DataError, match="the synthetic part has 3 units"):
        Comparison(TABLE, clean.train, clean.holdout, clean.synthetic.take(np.arange(3)))

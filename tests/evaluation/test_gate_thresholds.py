"""The gate refuses just beyond a threshold and lets pass just inside."""

from __future__ import annotations

import pytest

from evaluation.evaluation import Evaluation, together
from evaluation.gate import Thresholds, judge
from evaluation.score import Score
from shared.errors import ConfigurationError


def judged(name: str, value: float, *, private: bool = False, baseline: float = 0.0, low: float | None = None) -> bool:
    score = Score(name=name, value=value, interval=(value if low is None else low, value), baseline=baseline)
    _, verdict = judge(Evaluation(fidelity=(score,), utility=(), leakage=()), Thresholds.defaults(private=private))
    assert verdict.passes == (verdict.reasons == ())
    return verdict.passes


@pytest.mark.parametrize(
    ("name", "passes", "refused", "private"),
    [
        ("pair agreement", 0.951, 0.949, False),
        ("pair agreement", 0.901, 0.899, True),
        ("task: readmission", 0.019, 0.021, False),
        ("task: readmission", 0.049, 0.051, True),
        ("every column from the others", 0.019, 0.021, False),
        ("nearest-neighbour share", 0.529, 0.531, False),
        ("membership (density)", 0.549, 0.551, False),
        ("membership (distance)", 0.549, 0.551, True),
    ],
)
def test_each_threshold_lets_pass_inside_and_refuses_beyond(
    name: str, passes: float, refused: float, private: bool
) -> None:
    assert judged(name, passes, private=private)
    assert not judged(name, refused, private=private)


def test_membership_is_judged_by_its_lower_limit() -> None:
    assert judged("membership (density)", 0.58, low=0.54)


def test_copies_are_judged_against_the_holdouts_own_rate() -> None:
    assert judged("exact copies", 0.0209, baseline=0.02)
    assert not judged("exact copies", 0.0211, baseline=0.02)


def test_copies_in_a_coarse_table_are_judged_by_their_lower_limit() -> None:
    # Four rows in ten equal another by chance: neither rate is known to 0.1 points.
    assert judged("exact copies", 0.43, baseline=0.42, low=0.41)
    assert not judged("exact copies", 0.45, baseline=0.42, low=0.43)
    assert not judged("exact copies", 0.06, baseline=0.049, low=0.049), "below 5 % the share itself is judged"


def test_scores_of_several_tables_are_judged_and_named_each() -> None:
    def found(value: float) -> Evaluation:
        score = Score(name="pair agreement", value=value, interval=(0.4, 0.6), baseline=1.0)
        return Evaluation(fidelity=(score,), utility=(), leakage=(), unmeasured=("no class",) if value < 1 else ())

    both = together({"shops": found(1.0), "orders": found(0.5)})
    assert [score.label for score in both.scores] == ["shops: pair agreement", "orders: pair agreement"]
    _, verdict = judge(both, Thresholds())
    assert verdict.reasons == ("orders: no class", "orders: pair agreement is 0.5000, at least 0.9500 is allowed")
    assert together({"shops": found(1.0)}).scores[0].label == "pair agreement"


def test_a_reason_names_the_score_and_what_is_allowed() -> None:
    score = Score(name="pair agreement", value=0.5, interval=(0.4, 0.6), baseline=1.0)
    evaluation, verdict = judge(Evaluation(fidelity=(score,), utility=(), leakage=()), Thresholds())
    assert verdict.reasons == ("pair agreement is 0.5000, at least 0.9500 is allowed",)
    assert evaluation.fidelity[0].threshold == 0.95


def test_loosened_thresholds_are_listed_and_tightened_ones_are_not() -> None:
    given = {"pair_agreement": 0.8, "utility_gap": 0.01, "membership_auc": 0.9}
    thresholds = Thresholds.declared(given, private=False)
    assert thresholds.loosened(private=False) == {"pair_agreement": 0.8, "membership_auc": 0.9}
    assert Thresholds.defaults(private=True).loosened(private=True) == {}


@pytest.mark.parametrize("value", [-0.1, 1.5, "high", True])
def test_values_out_of_range_are_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"gate\.pair_agreement is .* between 0 and 1"):
        Thresholds.declared({"pair_agreement": value}, private=False)


def test_an_unknown_threshold_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"gate\.novelty is unknown; there are copies_above_holdout"):
        Thresholds.declared({"novelty": 0.5}, private=False)

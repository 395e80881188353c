"""Marginals under privacy: noise of the declared scale, answers that are paid for, and what all of it composes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from privacy.access import PrivateAccess
from privacy.budget.accountant import Accountant
from privacy.budget.calibration import calibrate
from privacy.budget.events import EpsilonDelta, Gaussian, release_events
from privacy.budget.promise import MarginalNoise, Promise, Spending, Workload
from privacy.marginals import PrivateMarginals
from privacy.noise import Noise
from shared.access.marginals import Candidate, MarginalQuestion, counted
from shared.corpus.schema import Column
from shared.engines.encoded import Histories, Rows, Shape
from shared.engines.marginal.config import MarginalConfig
from shared.engines.marginal.engine import MarginalEngine
from shared.errors import BudgetRefused, DataError
from shared.training.reporter import SilentReporter

NOISE = MarginalNoise(singles_multiplier=5.0, selection_epsilon=0.5, measure_multiplier=8.0)
WORK = Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=False, training=False, rounds=3)
ROWS = 2


def histories(codes: list[tuple[int, int, int]], offsets: list[int]) -> Histories:
    rows = Rows(np.array(codes, dtype=np.int32).reshape(-1, 3), (4, 5, 60), ("a", "b", "c"))
    return Histories(Rows(np.zeros((len(offsets) - 1, 0), dtype=np.int32), (), ()), rows, np.array(offsets))


DATA = histories([(0, 1, 2), (0, 1, 2), (3, 4, 50), (1, 0, 9)], [0, 2, 3, 4])


@pytest.fixture
def mechanisms(calibrated):
    return calibrated(rows=ROWS, units_about=3, workload=WORK, marginals=NOISE)


def marginals(mechanisms, data: Histories = DATA, noise: Noise | None = None) -> PrivateMarginals:
    return PrivateMarginals(data.rows_per_unit, mechanisms, Noise() if noise is None else noise)


def test_noise_has_the_declared_scale(mechanisms, normal_fit, unlikely):
    """Of single columns m √c times their multiplier, of others m times theirs, but for rounding."""
    singles = marginals(mechanisms).singles(DATA)
    draws = np.concatenate([one.counts - counted(DATA.rows, one.question) for one in singles])
    measured = [marginals(mechanisms).measure(DATA, MarginalQuestion((1, 2))) for _ in range(3)]
    more = np.concatenate([(one.counts - counted(DATA.rows, one.question)).ravel() for one in measured])
    for found, scale in ((draws, 5.0 * ROWS * np.sqrt(3)), (more, 8.0 * ROWS)):
        smooth = found + np.random.default_rng(0).uniform(-0.5, 0.5, len(found))
        assert normal_fit(smooth, scale) > unlikely
    assert normal_fit(more, 8.0) < unlikely  # and would be found if it forgot the rows of a unit
    assert measured[0].deviation == 8.0 * ROWS


def test_a_unit_moves_counts_by_no_more_than_is_declared(mechanisms, silent):
    """Neighbours: with and without a unit that has all its rows in one cell."""
    less = histories([(3, 4, 50), (1, 0, 9)], [0, 1, 2])
    both = [marginals(mechanisms, data, silent).singles(data) for data in (DATA, less)]
    moved = np.concatenate([one.counts - other.counts for one, other in zip(*both, strict=True)])
    assert np.linalg.norm(moved) == pytest.approx(ROWS * np.sqrt(3))  # the worst case is reached and not passed
    pair = MarginalQuestion((0, 1))
    two = [marginals(mechanisms, data, silent).measure(data, pair).counts for data in (DATA, less)]
    assert np.linalg.norm(two[0] - two[1]) == pytest.approx(ROWS)


def candidates() -> list[Candidate]:
    questions = [MarginalQuestion((0, 1)), MarginalQuestion((0, 2)), MarginalQuestion((1, 2))]
    expected = [np.zeros((4, 5)), counted(DATA.rows, questions[1]), np.full((5, 60), 0.01)]
    return [Candidate(q, e, penalty=p) for q, e, p in zip(questions, expected, (0.0, 0.0, 1.0), strict=True)]


def test_selections_are_those_of_the_exponential_mechanism(mechanisms):
    """Chances go with exp(ε score / (2 Δ)), Δ being the rows of a unit."""
    paid = replace(mechanisms, workload=replace(WORK, rounds=3_000))
    asked = marginals(paid)
    found = Counter(asked.select(DATA, candidates()) for _ in range(3_000))
    scores = np.array([4.0, 0.0, np.abs(counted(DATA.rows, MarginalQuestion((1, 2))) - 0.01).sum() - 1])
    chances = np.exp(0.5 * scores / (2 * ROWS))
    chances /= chances.sum()
    for place in range(3):
        deviation = np.sqrt(3_000 * chances[place] * (1 - chances[place]))
        assert abs(found[place] - 3_000 * chances[place]) < 5 * deviation


def test_a_unit_changes_no_choice_by_more_than_a_factor_of_epsilon(mechanisms):
    """Exact chances with and without each unit; a score that moved twice as far would break it."""
    less = [DATA.take(np.delete(np.arange(3), unit)) for unit in range(3)]

    def chances(data: Histories) -> np.ndarray:
        scores = [np.abs(counted(data.rows, c.question) - c.expected).sum() - c.penalty for c in candidates()]
        weights = np.exp(0.5 * np.array(scores) / (2 * ROWS))
        return weights / weights.sum()

    ratios = [np.abs(np.log(chances(DATA) / chances(other))).max() for other in less]
    assert 0.1 < max(ratios) <= 0.5


def test_answers_are_given_as_often_as_was_paid_for(mechanisms):
    asked = marginals(mechanisms)
    assert asked.rounds(99) == 3
    asked.singles(DATA)
    with pytest.raises(BudgetRefused, match="single columns were measured already"):
        asked.singles(DATA)
    for _ in range(3):
        asked.measure(DATA, MarginalQuestion((0, 1)))
        asked.select(DATA, candidates())
    with pytest.raises(BudgetRefused, match="3 marginals were paid for"):
        asked.measure(DATA, MarginalQuestion((0, 1)))
    with pytest.raises(BudgetRefused, match="3 selections were paid for"):
        asked.select(DATA, candidates())


def test_without_a_budget_nothing_is_answered(calibrated):
    asked = marginals(calibrated(rows=ROWS, units_about=3))
    with pytest.raises(BudgetRefused, match="no budget was set aside for marginals"):
        asked.singles(DATA)


def test_rows_of_other_units_are_refused(mechanisms):
    asked = marginals(mechanisms)
    with pytest.raises(DataError, match="not those of this access"):
        asked.singles(DATA.take(np.array([0, 1])))
    grouped = Histories(DATA.units, DATA.rows, DATA.offsets, np.array([0, 1, 3]))
    with pytest.raises(DataError, match="not those of this access"):
        asked.measure(grouped, MarginalQuestion((0, 1)))


class Ledgering(PrivateMarginals):
    """Notes what really ran."""

    def __init__(self, *given) -> None:
        super().__init__(*given)
        self.ran: Counter[str] = Counter()

    def singles(self, data):
        self.ran["singles"] += 1
        return super().singles(data)

    def select(self, data, candidates):
        self.ran["select"] += 1
        return super().select(data, candidates)

    def measure(self, data, question):
        self.ran["measure"] += 1
        return super().measure(data, question)


@pytest.fixture(scope="module")
def kept():
    """Mechanisms that keep a promise of ε = 1, with two rounds."""
    return calibrate(Promise(epsilon=1.0, units_about=400, rows=1), Spending(), replace(WORK, rounds=2))


@pytest.mark.parametrize("algorithm", ["mst", "aim"])
def test_a_fit_runs_no_more_than_composes_to_the_declared_epsilon(algorithm, kept, unit_frame):
    mechanisms, promise = kept, kept.promise
    random = np.random.default_rng(0)
    a = random.integers(0, 3, 400)
    rows = Rows(np.stack([a, a, random.integers(0, 2, 400)], axis=1).astype(np.int32), (3, 3, 2), ("a", "b", "c"))
    data = Histories(Rows(np.zeros((400, 0), dtype=np.int32), (), ()), rows, np.arange(401))
    units = unit_frame([Column(name="x", kind="integer")], {"id": [str(i) for i in range(400)], "x": [1] * 400})
    access = PrivateAccess(units, mechanisms)
    access._marginals = Ledgering(data.rows_per_unit, mechanisms, Noise())
    shape = Shape((), (), rows.names, tuple(np.ones(size) for size in rows.sizes), np.array([0.0, 1.0]))
    engine = MarginalEngine.fresh(MarginalConfig(algorithm=algorithm, iterations=100), shape, seed=0)
    engine.fit(data, access, seed=0, reporter=SilentReporter())
    ran = access._marginals.ran
    assert ran["singles"] == 1
    assert 0 < ran["select"] == ran["measure"] <= 2
    noise = mechanisms.marginals
    events = [
        Gaussian(noise.singles_multiplier),
        EpsilonDelta(noise.selection_epsilon, 0.0, ran["select"]),
        Gaussian(noise.measure_multiplier, ran["measure"]),
    ]
    spent = Accountant().epsilon(events, promise.declared_delta)
    assert spent <= mechanisms.epsilon * (1 + 1e-9)
    assert mechanisms.epsilon <= 1.0
    assert mechanisms.epsilon > 0.99  # and nothing is left unspent
    assert set(release_events(mechanisms)) == {*events[:1], replace(events[1], count=2), replace(events[2], count=2)}
    assert next(engine.sample(10, seed=1)).rows.codes.shape == (10, 3)


def test_training_and_marginals_in_one_table_are_refused():
    with pytest.raises(Exception, match="has one of them"):
        calibrate(Promise(epsilon=1.0, units_about=400, rows=1), Spending(), replace(WORK, training=True))

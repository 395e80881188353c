from __future__ import annotations

import numpy as np
import pytest

from evaluation.fidelity.drift import population_stability


def counts(random: np.random.Generator, shares: np.ndarray, size: int) -> np.ndarray:
    return random.multinomial(size, shares).astype(np.float64)


@pytest.mark.parametrize("ordered", [True, False])
def test_samples_of_one_distribution_are_stable_and_near_what_chance_gives(ordered: bool) -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(60))
    shifts = [
        population_stability("x", counts(random, shares, 2000), counts(random, shares, 1000), ordered=ordered)
        for _ in range(200)
    ]
    assert not any(shift.moved for shift in shifts)
    assert np.mean([shift.index for shift in shifts]) == pytest.approx(shifts[0].chance, rel=0.2)


@pytest.mark.parametrize("ordered", [True, False])
def test_a_planted_shift_is_seen(ordered: bool) -> None:
    random = np.random.default_rng(0)
    before = np.linspace(1, 3, 40)
    after = before[::-1]
    shift = population_stability(
        "x", counts(random, before / before.sum(), 2000), counts(random, after / after.sum(), 500), ordered=ordered
    )
    assert shift.moved


def test_two_groups_give_the_textbook_value() -> None:
    shift = population_stability("x", np.array([5e6, 5e6]), np.array([8e6, 2e6]), ordered=False)
    assert shift.index == pytest.approx((0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5), rel=1e-4)


def test_a_code_that_is_new_is_finite_and_moves() -> None:
    shift = population_stability("x", np.array([1000.0, 0.0]), np.array([500.0, 500.0]), ordered=False)
    assert np.isfinite(shift.index)
    assert shift.moved


def test_a_small_batch_does_not_cry_wolf() -> None:
    random = np.random.default_rng(1)
    shares = np.full(50, 1 / 50)
    false = [
        population_stability("x", counts(random, shares, 20_000), counts(random, shares, 40), ordered=True).moved
        for _ in range(300)
    ]
    assert np.mean(false) < 0.2

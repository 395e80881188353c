import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from privacy.budget.accountant import Accountant, delta, epsilon
from privacy.budget.events import EpsilonDelta, Event, Gaussian, Laplace, PoissonSampledGaussian
from shared.errors import ConfigurationError

TRAINING = PoissonSampledGaussian(256 / 50_000, 1.0, 2000)
HISTOGRAMS = [Laplace(12.0, 3), EpsilonDelta(0.0, 5e-9, 3)]


def gaussian_delta(epsilon: float, multiplier: float) -> float:
    """Balle and Wang (2018), theorem 8."""
    low, high = 0.5 / multiplier - epsilon * multiplier, -0.5 / multiplier - epsilon * multiplier
    return float(ndtr(low) - np.exp(epsilon + log_ndtr(high)))


def gaussian_epsilon(delta: float, multiplier: float) -> float:
    return float(brentq(lambda epsilon: gaussian_delta(epsilon, multiplier) - delta, 0, 1000, xtol=1e-13))


@pytest.mark.parametrize("target", [1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("multiplier", [0.3, 1.0, 5.0, 50.0])
def test_a_gaussian_mechanism_costs_what_its_closed_form_says(multiplier: float, target: float) -> None:
    exact = gaussian_epsilon(target, multiplier)

    assert exact <= epsilon([Gaussian(multiplier)], target) <= 1.0002 * exact


def test_a_gaussian_mechanism_has_the_delta_of_its_closed_form() -> None:
    exact = gaussian_delta(2.0, 2.0)

    assert exact <= delta([Gaussian(2.0)], 2.0) <= 1.0002 * exact


def test_repeated_gaussians_cost_what_one_of_their_joint_precision_costs() -> None:
    exact = gaussian_epsilon(1e-6, 5 / math.sqrt(10))

    assert exact <= epsilon([Gaussian(5.0, 4), Gaussian(5.0, 6)], 1e-6) <= 1.0002 * exact


def test_dp_sgd_costs_what_is_known_under_add_and_remove_of_one_unit() -> None:
    assert epsilon([TRAINING], 1e-6) == pytest.approx(1.44, abs=0.005)  # 2.24 under replace-one


def test_rounding_of_a_hundred_thousand_steps_never_makes_them_cheaper() -> None:
    """Steps that sample all but surely everyone: the Gaussian of their joint precision bounds them from below."""
    steps = [PoissonSampledGaussian(1 - 1e-9, 400.0, 100_000)]
    exact = gaussian_delta(5.0, 400 / math.sqrt(100_000))

    assert exact <= delta(steps, 5.0) <= exact + 3e-11


def test_sampling_everyone_is_no_sampling() -> None:
    sampled = epsilon([PoissonSampledGaussian(1.0, 8.0, 16)], 1e-6)

    assert sampled == pytest.approx(gaussian_epsilon(1e-6, 2.0), rel=2e-4)


def test_one_laplace_mechanism_costs_its_closed_form() -> None:
    one = [Laplace(2.0)]

    assert epsilon(one, 1e-6) == pytest.approx(0.5 + 2 * math.log1p(-1e-6), rel=1e-4)
    assert delta(one, 0.2) == pytest.approx(1 - math.exp((0.2 - 0.5) / 2), rel=1e-4)


def test_laplace_mechanisms_never_cost_more_than_the_sum_of_their_epsilons() -> None:
    assert epsilon([Laplace(2.0, 4)], 1e-9) <= 2.0 * 1.0002
    assert epsilon([Laplace(20.0, 100)], 1e-6) < 3.0  # the sum is 5


@pytest.mark.parametrize("values", [2, 3, 8])
def test_a_change_spread_over_several_counts_costs_no_more_than_one_count_that_moves_as_far(values: int) -> None:
    """The L1 sensitivity of a stable histogram is what counts: k counts that move by 1 cost no more than one by k."""
    accountant, grid = Accountant(), 1e-5
    for at in np.linspace(0.0, 1.1, 12):
        together = accountant.delta([Laplace(1.0)], float(at))
        assert accountant.delta([Laplace(float(values), values)], float(at)) <= together + grid


def test_a_mechanism_of_known_epsilon_and_delta_costs_just_that() -> None:
    known = [EpsilonDelta(0.7, 1e-7)]

    assert 0.7 * (1 - 1e-4) <= epsilon(known, 1.5e-7) <= 0.7 * 1.0002
    assert delta(known, 0.71) == pytest.approx(1e-7, rel=1e-3)
    assert epsilon(known, 0.9e-7) == math.inf


def test_a_delta_of_its_own_is_taken_from_delta_exactly() -> None:
    together = epsilon([Gaussian(2.0), EpsilonDelta(0.0, 4e-7)], 1e-6)
    alone = gaussian_epsilon((1e-6 - 4e-7) / (1 - 4e-7), 2.0)

    assert alone <= together <= 1.0002 * alone


def test_the_deltas_of_many_releases_use_up_the_cap() -> None:
    assert epsilon([Gaussian(50.0), EpsilonDelta(0.0, 5e-8, 30)], 1e-6) == math.inf


def test_nothing_costs_nothing() -> None:
    assert epsilon([], 1e-6) == 0
    assert delta([], 0.0) == 0


def test_releases_compose_to_less_than_the_sum_of_their_epsilons() -> None:
    release = [TRAINING, Gaussian(8.0), *HISTOGRAMS]
    accountant = Accountant()
    one, four, twelve = (accountant.epsilon(release * times, 1e-6) for times in (1, 4, 12))

    assert one < four < 0.75 * 4 * one
    assert four < twelve < 0.6 * 12 * one


def test_twelve_different_releases_compose_in_seconds() -> None:
    releases: list[Event] = []
    for release in range(12):
        releases += [PoissonSampledGaussian(2048 / 57_000, 2.5 + release / 100, 800), Laplace(12.0 + release, 3)]
    begun = time.process_time()

    assert math.isfinite(epsilon(releases, 1e-6))
    assert time.process_time() - begun < 5


def test_the_order_of_events_and_how_repeats_are_written_do_not_matter() -> None:
    repeated = [TRAINING, Laplace(12.0, 3), Gaussian(3.0, 2), EpsilonDelta(0.1, 1e-9)]
    written_out = [Gaussian(3.0), *[Laplace(12.0)] * 3, EpsilonDelta(0.1, 1e-9), TRAINING, Gaussian(3.0)]

    assert epsilon(repeated, 1e-6) == epsilon(written_out, 1e-6)


def test_an_accountant_that_forgets_gives_the_same_answers() -> None:
    events = [TRAINING, *HISTOGRAMS]
    forgetful = Accountant(remembered=1)

    assert forgetful.epsilon(events, 1e-6) == forgetful.epsilon(events, 1e-6) == epsilon(events, 1e-6)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.8, 30), st.floats(1, 50), st.integers(1, 6), st.sampled_from([1e-8, 1e-5, 1e-2]))
def test_epsilon_and_delta_agree(multiplier: float, parameter: float, count: int, target: float) -> None:
    events = [Gaussian(multiplier), Laplace(parameter, count)]
    proved = epsilon(events, target)

    assert delta(events, proved) <= target * 1.02
    assert epsilon([*events, Gaussian(multiplier)], target) >= proved


def test_a_coarser_grid_costs_more_never_less() -> None:
    values = [Accountant(cells=cells).epsilon([TRAINING, *HISTOGRAMS], 1e-6) for cells in (20_000, 2_000, 200)]

    assert all(fine <= coarse * (1 + 1e-6) for fine, coarse in pairwise(values))
    assert values[1] < 1.01 * values[0]


@pytest.mark.parametrize(
    "event", [Gaussian(0.01, 1000), PoissonSampledGaussian(0.9, 0.05, 100_000_000), Laplace(0.01, 1_000_000)]
)
def test_events_without_any_protection_are_infinite_at_once(event: Event) -> None:
    assert epsilon([event], 1e-6) == math.inf
    assert delta([event], 1.0) == 1.0


@pytest.mark.parametrize("target", [0.0, -1.0, 1.0, 1e-11, math.nan])
def test_a_delta_that_cannot_be_composed_at_is_refused(target: float) -> None:
    with pytest.raises(ConfigurationError, match=f"delta is {target}; the accountant takes 1e-10 to 1"):
        epsilon([Gaussian(1.0)], target)


@pytest.mark.parametrize("target", [-0.1, math.inf, math.nan])
def test_an_epsilon_that_is_no_number_is_refused(target: float) -> None:
    with pytest.raises(ConfigurationError, match=f"epsilon is {target}; it must be a number from 0 up"):
        delta([Gaussian(1.0)], target)

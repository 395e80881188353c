"""Noise: its distribution, and that it comes from nowhere that could be looked up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from privacy.noise import Noise, fresh_generator, whole


def test_gaussian_noise_has_the_scale_that_was_asked_and_not_another(normal_fit, unlikely):
    draws = Noise().gaussian(7.0, (100, 200))
    assert draws.shape == (100, 200)
    assert normal_fit(draws, 7.0) > unlikely
    assert normal_fit(draws, 7.0 * 2 / 3) < unlikely
    assert normal_fit(draws, 7.0 * 3 / 2) < unlikely


def test_laplace_noise_has_the_scale_that_was_asked_and_not_another(unlikely):
    draws = Noise().laplace(5.0, 20_000)
    assert stats.kstest(draws / 5.0, "laplace").pvalue > unlikely
    assert stats.kstest(draws / 5.0 * 2 / 3, "laplace").pvalue < unlikely
    assert stats.kstest(draws / 5.0 * 3 / 2, "laplace").pvalue < unlikely


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_is_added_to_every_number_of_a_tensor(dtype, normal_fit, unlikely):
    tensor = torch.full((1025, 1024), 3.0, dtype=dtype)  # more than is drawn at a time
    Noise().add_gaussian_(tensor, 2.0)
    assert tensor.dtype == dtype
    noise = tensor.double().numpy() - 3.0
    assert normal_fit(noise[:20], 2.0) > unlikely
    assert normal_fit(noise[-20:], 2.0) > unlikely
    assert np.count_nonzero(noise == 0) < 5


def test_no_seed_repeats_the_noise():
    draws = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        draws.append(Noise().gaussian(1.0, 4))
    assert not np.any(draws[0] == draws[1])


def test_arrays_of_one_source_are_unrelated(unlikely):
    noise = Noise()
    first, second = noise.gaussian(1.0, 10_000), noise.gaussian(1.0, 10_000)
    assert stats.pearsonr(first, second).pvalue > unlikely


def test_nothing_is_stored():
    assert vars(Noise()) == {"_entropy": fresh_generator}


def test_units_are_chosen_each_by_its_own_coin(unlikely):
    noise = Noise()
    draws = np.stack([np.bincount(noise.chosen(0.3, 500), minlength=500) for _ in range(400)])
    assert set(np.unique(draws)) == {0, 1}
    assert stats.binomtest(int(draws.sum()), draws.size, 0.3).pvalue > unlikely
    below = stats.chi2.cdf(np.square(draws.sum(0) - 120).sum() / (400 * 0.3 * 0.7), 500)
    assert unlikely < below < 1 - unlikely


def test_probability_one_chooses_all_and_zero_none():
    assert Noise().chosen(1.0, 5).tolist() == [0, 1, 2, 3, 4]
    assert Noise().chosen(0.0, 5).tolist() == []


def test_noisy_counts_become_whole_and_not_negative():
    assert whole(np.array([-3.2, 0.4, 2.6])).tolist() == [0.0, 0.0, 3.0]

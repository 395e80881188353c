from __future__ import annotations

import numpy as np
import pytest

from shared.training.curves import Curves, verdict


def curve(values):
    return list(enumerate(values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.exp(-np.linspace(0, 8, 200)), "settled"),
        (np.linspace(5, 1, 200), "still falling"),
        (np.r_[np.linspace(5, 1, 100), np.linspace(1, 9, 100)], "rising"),
        ([3.0, 2.0, 1.0], "settled"),
    ],
)
def test_a_curve_says_how_training_went(values, said):
    assert verdict(curve(values)) == said


def test_noise_does_not_change_what_is_said():
    noise = np.random.default_rng(0).normal(scale=0.02, size=200)
    assert verdict(curve(np.exp(-np.linspace(0, 8, 200)) + noise)) == "settled"


def test_curves_come_back_from_plain_values():
    curves = Curves()
    curves.log(0, loss=2.0)
    curves.log(3, loss=1.0, validation=1.5)
    assert Curves(curves.to_mapping()).to_mapping() == {"loss": ((0, 2.0), (3, 1.0)), "validation": ((3, 1.5),)}

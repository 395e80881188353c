"""Engines of rows under a private access: what a unit adds is its own, and bounded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from privacy.access import PrivateAccess
from shared.access.contract import BatchPlan, Phase
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.engines.encoded import Histories, Rows, Shape
from shared.engines.gan.config import GanConfig
from shared.engines.gan.engine import GanEngine
from shared.engines.gan.game import Game
from shared.engines.rows.layout import Examples
from shared.engines.vae.config import VaeConfig
from shared.engines.vae.engine import VaeEngine
from shared.errors import BudgetRefused
from shared.training.reporter import SilentReporter

ANY = BatchPlan(batch_units=1, steps=1)
SIZES, NAMES = (3, 40), ("a", "x")
SMALL = {"latent": 3, "hidden": 8, "prior_hidden": 4, "mixture": 2, "embedding": 4}


def _data(counts: list[int], seed: int = 0) -> Histories:
    random = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    codes = np.stack([random.integers(0, size, offsets[-1]) for size in SIZES], axis=1).astype(np.int32)
    none = Rows(np.zeros((len(counts), 0), dtype=np.int32), (), ())
    return Histories(none, Rows(codes, SIZES, NAMES), offsets)


def _shape(most: int) -> Shape:
    marginals = tuple(np.ones(size) for size in SIZES)
    return Shape((), (), NAMES, marginals, np.r_[0.0, np.ones(most)], row_positions=(None, np.arange(40.0)))


@pytest.fixture
def private(calibrated):
    """``private(counts, noise, **fields)``: an access to units of so many rows."""

    def build(counts, noise=None, **fields):
        table = Table(name="t", columns=(Column(name="u", kind="identifier"),), unit="u")
        units = pd.DataFrame({"u": np.repeat(np.arange(len(counts)), counts).astype(str)}, dtype="str")
        return PrivateAccess(by_unit(table, units), calibrated(**fields), noise=noise)

    return build


@pytest.fixture
def vae():
    settings = VaeConfig.with_settings(SMALL, private=True)
    return VaeEngine.fresh(settings, _shape(4), seed=0)


@pytest.fixture
def gan():
    settings = GanConfig.with_settings({"hidden": 8, "noise": 4, "condition": 4}, private=True)
    return GanEngine.fresh(settings, _shape(4), seed=0)


def test_the_vae_learns_under_a_private_access(vae, private):
    summary = vae.fit(_data([1, 2, 1, 4] * 5), private([1, 2, 1, 4] * 5), seed=0, reporter=SilentReporter())
    assert summary.steps == 20
    made = next(vae.sample(50, seed=0))
    assert len(made) == 50


@pytest.mark.parametrize("count", [1, 4])
def test_what_a_unit_adds_to_the_vaes_gradient_is_its_own_and_bounded(vae, private, silent, count):
    """The closed form of its norm is autograd's, and beyond the clipping norm nothing is added."""
    examples, norm = Examples(_data([count]), vae.state.layout, vae.device), 0.2

    def losses(drawn):
        return vae.row_losses(examples, drawn, torch.Generator().manual_seed(0))

    access = private([count], silent, units_about=2, batch_units=1, clipping_norm=norm)
    phase = Phase(vae.network.train(), losses)
    drawn = next(batch for batch in access.batches(1, access.plan(ANY), 0) if len(batch))
    access.step(phase, drawn)
    got = torch.cat([p.grad.flatten() for p in vae.network.parameters()])
    vae.network.zero_grad()
    (losses(drawn).values.sum() / 4).backward()
    plain = torch.cat([p.grad.flatten() for p in vae.network.parameters()])
    assert float(plain.norm()) > norm
    assert float(got.norm()) == pytest.approx(norm, rel=1e-3)
    assert torch.allclose(got, plain * norm / plain.norm(), atol=1e-5)


def test_the_gan_learns_under_a_private_access(gan, private):
    counts = [1, 2, 1, 4] * 5
    summary = gan.fit(_data(counts), private(counts), seed=0, reporter=SilentReporter())
    assert summary.steps == 20
    assert len(next(gan.sample(50, seed=0))) == 50


def _critic_gradient(gan, access, phase, drawn):
    access.step(phase, drawn)
    return torch.cat([p.grad.flatten() for p in gan.critic.parameters()])


@pytest.mark.parametrize("count", [1, 4])
def test_what_a_unit_adds_to_the_critics_gradient_is_its_own_and_bounded(gan, private, silent, count):
    """The closed form of its norm, spectral layers included, is autograd's."""
    norm = 0.02
    phase = _critic_phase(gan, _data([count]))
    access = private([count], silent, units_about=2, batch_units=1, clipping_norm=norm)
    drawn = next(batch for batch in access.batches(1, access.plan(ANY), 0) if len(batch))
    got = _critic_gradient(gan, access, phase, drawn)
    gan.critic.zero_grad()
    (phase.losses(drawn).values.sum() / 4).backward()
    plain = torch.cat([p.grad.flatten() for p in gan.critic.parameters()])
    assert float(plain.norm()) > norm
    assert float(got.norm()) == pytest.approx(norm, rel=1e-3)
    assert torch.allclose(got, plain * norm / plain.norm(), atol=1e-6)


def test_settings_that_mix_rows_are_refused_under_a_private_access(private):
    mixing = GanEngine.fresh(GanConfig(hidden=8, noise=4, condition=4), _shape(4), seed=0)
    with pytest.raises(BudgetRefused, match="the losses of a unit depend on other units"):
        mixing.fit(_data([1] * 20), private([1] * 20), seed=0, reporter=SilentReporter())


def test_the_generators_step_is_the_same_however_many_units_are_drawn(gan):
    """Its losses know neither records nor how many were drawn."""
    phase = _game(gan).generator_phase()
    assert not phase.touches_records
    first = phase.losses(np.arange(3)).values
    second = _game(gan).generator_phase().losses(np.arange(0)).values
    assert torch.equal(first, second)


def _game(gan):
    randomness = torch.Generator().manual_seed(0)
    return Game(gan.generator, gan.critic.train(), gan.seen_as, gan.conditions, gan.state.settings, randomness)


def _critic_phase(gan, data):
    """The critic's phase, with the same noise at every call."""
    game, examples = _game(gan), Examples(data, gan.state.layout, gan.device)
    phase = game.critic_phase(examples)

    def losses(drawn):
        game.randomness.manual_seed(0)
        return phase.losses(drawn)

    return Phase(gan.critic, losses)

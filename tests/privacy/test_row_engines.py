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
from shared.engines.rows.layout import Examples
from shared.engines.vae.config import VaeConfig
from shared.engines.vae.engine import VaeEngine
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

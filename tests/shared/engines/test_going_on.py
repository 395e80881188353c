"""Every engine that goes on learning after it was fitted: on a population that moved, with other settings."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from shared.engines.contract import Continues
from shared.engines.encoded import Histories, flat
from shared.engines.gan.config import GanConfig
from shared.engines.gan.engine import GanEngine
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.vae.config import VaeConfig
from shared.engines.vae.engine import VaeEngine
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

ENGINES = {
    "sequence": (SequenceEngine, SequenceConfig(hidden=16, context=8, epochs=30, batch_units=128)),
    "vae": (VaeEngine, VaeConfig(hidden=32, latent=4, prior_hidden=8, mixture=4, batch_units=128, least_steps=300)),
    "gan": (
        GanEngine,
        GanConfig(
            hidden=64, noise=16, condition=16, batch_units=128, generator_batch=128, epochs=1, least_steps=250,
            critic_steps=1, critic_rate=4e-3, learning_rate=3e-3, averaging=(0.1, 0.03),
        ),
    ),
}  # fmt: skip
NOW_COMMON = (0.1, 0.3, 0.6)  # of the codes of ``a``, which were 0.6, 0.3 and 0.1
OTHER = {"learning_rate": 2e-2, "epochs": 30}


@pytest.fixture(params=list(ENGINES), scope="module")
def learned(request, row_shape, row_access, mixed_rows, mixed_positions):
    """An engine that has learned ``mixed_rows``, once for all tests."""
    kind, settings = ENGINES[request.param]
    engine = kind.fresh(settings, row_shape(mixed_rows, mixed_positions), seed=0)
    engine.fit(mixed_rows, row_access(mixed_rows), seed=0, reporter=SilentReporter())
    return engine


@pytest.fixture
def begun(learned):
    """A copy of it, which the test may change."""
    return copy.deepcopy(learned)


@pytest.fixture(scope="module")
def moved_rows() -> Histories:
    """As ``mixed_rows``, with other shares of ``a``, and ``b`` no longer its like."""
    random = np.random.default_rng(1)
    a = random.choice(3, size=1000, p=NOW_COMMON)
    x = np.clip(np.rint(random.normal(np.array([6, 20, 34])[a], 1.5)), 0, 39).astype(np.int64)
    return flat(np.stack([a, 2 - a, x], axis=1).astype(np.int32), (3, 3, 40), ("a", "b", "x"))


def _drawn(engine, seed=0):
    return Histories.joined(list(engine.sample(3000, seed=seed))).rows.codes


def _apart(codes) -> float:
    """Total variation between the shares of ``a`` and those of the population that moved."""
    return float(np.abs(np.bincount(codes[:, 0], minlength=3) / len(codes) - np.array(NOW_COMMON)).sum() / 2)


def test_it_moves_towards_the_new_population_and_keeps_its_codes(
    begun, moved_rows, row_shape, row_access, mixed_positions, tmp_path
):
    before, columns = _drawn(begun), begun.columns
    assert isinstance(begun, Continues)
    settings = dataclasses.replace(begun.state.settings, **OTHER)
    further = begun.continued(settings, row_shape(moved_rows, mixed_positions))
    further.fit(moved_rows, row_access(moved_rows), seed=1, reporter=SilentReporter())
    after = _drawn(further)
    assert _apart(before) > 0.35
    assert _apart(after) < 0.1
    assert (before[:, 1] == 2 - before[:, 0]).mean() < 0.5 < (after[:, 1] == 2 - after[:, 0]).mean()
    assert further.columns == columns
    further.save(tmp_path / "further")
    assert np.array_equal(_drawn(type(begun).load(tmp_path / "further")), after)


def test_numbers_of_rows_are_those_of_the_further_data(begun, mixed_rows, row_shape, mixed_positions):
    shape = row_shape(mixed_rows, mixed_positions)
    further = begun.continued(begun.state.settings, dataclasses.replace(shape, rows_per_unit=np.array([0.0, 1.0, 3.0])))
    drawn = Histories.joined(list(further.sample(2000, seed=0)))
    assert drawn.rows_per_unit.mean() == pytest.approx(1.75, abs=0.05)


def test_settings_of_another_network_are_refused_with_those_to_write(begun, mixed_rows, row_shape, mixed_positions):
    own = begun.state.settings
    other = dataclasses.replace(own, hidden=own.hidden + 1)
    with pytest.raises(ConfigurationError, match=rf"hidden {other.hidden} would .* write hidden: {own.hidden}"):
        begun.continued(other, row_shape(mixed_rows, mixed_positions))


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_other_columns_are_refused(kind, mixed_rows, row_shape, mixed_positions):
    engine, settings = ENGINES[kind]
    begun = engine.fresh(settings, row_shape(mixed_rows, mixed_positions), seed=0)
    other = flat(mixed_rows.rows.codes[:, :2], (3, 4), ("a", "b"))
    with pytest.raises(ConfigurationError, match="the codes are a of 3, b of 4, and the model learned a of 3, b of 3"):
        begun.continued(settings, row_shape(other))


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_a_code_that_was_never_seen_becomes_common(kind, row_shape, row_access):
    """All rows had the first code of ``a``; now all have the second."""
    engine, settings = ENGINES[kind]
    random = np.random.default_rng(0)
    other = random.integers(0, 3, 1000)
    first, then = (
        flat(np.stack([np.full(1000, code), other], axis=1).astype(np.int32), (2, 3), ("a", "b")) for code in (0, 1)
    )
    begun = engine.fresh(settings, row_shape(first), seed=0)
    begun.fit(first, row_access(first), seed=0, reporter=SilentReporter())
    assert _drawn(begun)[:, 0].mean() < 0.05
    further = begun.continued(dataclasses.replace(settings, least_steps=60), row_shape(then))
    further.fit(then, row_access(then), seed=1, reporter=SilentReporter())
    assert _drawn(further)[:, 0].mean() > 0.9

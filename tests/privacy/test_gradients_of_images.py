"""Steps on images under privacy: gradients of single units are those of autograd, and only the critic sees records."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from privacy import per_example
from privacy.access import PrivateAccess
from shared.corpus.schema import Column
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine, ImageShape
from shared.engines.image.phases import Batches, bound_slope
from shared.errors import ConfigurationError
from shared.training.loop import train
from shared.training.reporter import SilentReporter

GROUPS = np.array([0, 2, 3, 3, 5])  # four units with two, one, no and two images
CAP, NORM = 2, 0.01
KINDS = ("gan", "vae")


def made(kind: str, *, channels: int = 1, **settings: object) -> ImageEngine:
    small = {"kind": kind, "width": 8, "latent": 3, "batch_units": 2, **settings}
    shape = ImageShape(size=(6, 6, channels), names=("a", "b"), counts=(3.0, 2.0))
    engine = ImageEngine.fresh(ImageConfig.with_settings(small, private=True), shape, seed=1)
    engine.network.train()
    return engine


def images(groups: np.ndarray | None = GROUPS, channels: int = 1) -> Images:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (5, 6, 6, channels)).astype(np.uint8)
    return Images(pixels, np.array([0, 1, 0, 1, 1], dtype=np.int32), ("a", "b"), groups)


def records(engine: ImageEngine, data: Images, seed: int = 3):
    """The phase that touches records, and what reseeds its noise."""
    noise = torch.Generator().manual_seed(seed)
    parts = engine._parts(Batches(data, 3, noise, torch.device("cpu")))
    (phase,) = [part.phase for part in parts if part.phase.touches_records]
    return phase, noise


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_clipped_sum_over_units_is_that_of_a_loop_with_autograd(kind, channels):
    phase, noise = records(made(kind, channels=channels), images(channels=channels))
    parameters = [p for p in phase.module.parameters() if p.requires_grad]
    noise.manual_seed(3)
    losses = phase.losses(np.arange(4))
    expected = [torch.zeros_like(p) for p in parameters]
    for unit in (0, 1, 3):
        loss = losses.values[losses.unit_of_row == unit].sum() / CAP
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
        norm = torch.sqrt(sum(g.square().sum() for g in gradients))
        assert norm > NORM  # or nothing would be clipped
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient * min(1.0, NORM / float(norm))
    noise.manual_seed(3)
    per_example.accumulate_clipped(phase, np.arange(4), cap=CAP, norm=NORM)
    for parameter, total in zip(parameters, expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, total, atol=1e-7, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_one_image_has_no_part_in_the_loss_of_another(kind):
    data = images(None)
    other = Images(data.pixels.copy(), data.labels, data.names)
    other.pixels[2] = 255 - other.pixels[2]
    values = []
    for part in (data, other):
        phase, _ = records(made(kind), part)
        values.append(phase.losses(np.arange(5)).values.detach())
    differs = ~torch.isclose(values[0], values[1], atol=1e-6)
    assert differs.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_private_steps_run_as_many_as_were_paid_for(kind, calibrated, unit_frame):
    units = unit_frame([Column(name="x", kind="integer")], {"id": list("aabdd"), "x": [1] * 5})
    mechanisms = calibrated(rows=CAP, units_about=3, batch_units=2, steps=6)
    data = images(np.array([0, 2, 3, 5]))
    engine = made(kind)
    before = [value.clone() for value in engine.network.state_dict().values()]
    summary = engine.fit(data, PrivateAccess(units, mechanisms), seed=1, reporter=SilentReporter())
    assert summary.steps == 6
    moved = [not torch.equal(a, b) for a, b in zip(before, engine.network.state_dict().values(), strict=True)]
    assert all(moved)
    assert next(engine.sample(3, seed=1)).pixels.shape == (3, 6, 6, 1)


def test_only_the_critic_s_gradients_carry_noise(calibrated, unit_frame):
    units = unit_frame([Column(name="x", kind="integer")], {"id": list("abcde"), "x": [1] * 5})
    access = PrivateAccess(units, calibrated(rows=1, units_about=5, batch_units=2, steps=2))
    engine, data = made("gan"), images(None)
    noise = torch.Generator()
    critic, generator = engine._parts(Batches(data, 3, noise, torch.device("cpu")))
    gradients = []
    bound_slope(engine.network.critic, engine.state.settings)
    for _ in range(2):
        noise.manual_seed(1)
        access.step(generator.phase, np.array([0]))
        gradients.append([p.grad.clone() for p in generator.phase.module.parameters()])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))
    for drawn in access.batches(5, access.plan(None), 0):
        noise.manual_seed(1)
        access.step(critic.phase, drawn)
        assert all(bool((p.grad != 0).all()) for p in critic.phase.module.parameters())


def test_a_gradient_penalty_is_refused_by_the_private_step_itself(calibrated, unit_frame):
    engine = made("gan")
    settings = ImageConfig.with_settings({"kind": "gan", "width": 8, "latent": 3}, private=False)
    object.__setattr__(engine.state, "settings", settings)
    phase, _ = records(engine, images(None))
    with pytest.raises(ConfigurationError, match="opacus"):
        per_example.accumulate_clipped(phase, np.arange(5), cap=1, norm=1.0)


@pytest.mark.parametrize("lipschitz", ["spectral", "clip"])
def test_how_the_critic_is_held_does_not_tell_whether_anybody_was_drawn(lipschitz, calibrated, unit_frame, silent):
    """Neighbours of which one draws nobody: without noise, and of hardly a gradient, their critics are the same."""
    units = unit_frame([Column(name="x", kind="integer")], {"id": list("abcde"), "x": [1] * 5})
    mechanisms = calibrated(rows=1, units_about=5, batch_units=1, steps=1, clipping_norm=1e-20)
    critics = []
    for drawn in ([], [0]):
        engine, noise = made("gan", lipschitz=lipschitz), torch.Generator()
        critic, _ = engine._parts(Batches(images(None), 3, noise, torch.device("cpu")))
        access = PrivateAccess(units, mechanisms, noise=silent)
        access._draws = lambda units, drawn=drawn, access=access: iter([_drawn(access, drawn)])
        told = {"seed": 1, "reporter": SilentReporter(), "randomness": noise}
        train([critic], access, plan=access.plan(None), units=5, **told)
        critics.append([value.clone() for value in engine.network.critic.state_dict().values()])
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*critics, strict=True))


def _drawn(access: PrivateAccess, units: list[int]) -> np.ndarray:
    access._drawn = np.array(units, dtype=np.int64)
    return access._drawn.copy()

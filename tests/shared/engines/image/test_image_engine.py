"""What an engine of images promises, for a GAN and for a VAE."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from shared.access.contract import Access, BatchPlan, Phase
from shared.access.plain import PlainAccess
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine, ImageShape
from shared.engines.image.networks import layers_of
from shared.engines.image.phases import Batches, bound_slope
from shared.errors import ConditionError, ConfigurationError, DataError
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import SilentReporter

KINDS = ("gan", "vae")


class StepsAlone(PlainAccess):
    """A plain access to so many units, of which nothing is asked but steps."""

    def __init__(self, units: int) -> None:
        self._units = units


class Killed(Exception):
    pass


class KilledAt(StepsAlone):
    """Dies at one step."""

    def __init__(self, units: int, step: int) -> None:
        super().__init__(units)
        self._left = step

    def step(self, phase: Phase, units: np.ndarray) -> float:
        if self._left == 0:
            raise Killed
        self._left -= 1
        return super().step(phase, units)


def learned(engine: ImageEngine, data: Images, *, access: Access | None = None, seed: int = 5, **more) -> ImageEngine:
    engine.fit(data, access or StepsAlone(data.examples), seed=seed, reporter=SilentReporter(), **more)
    return engine


def weights(engine: ImageEngine) -> list[torch.Tensor]:
    return [value.clone() for value in engine.network.state_dict().values()]


def drawn(engine: ImageEngine, n: int, *, seed: int = 2, **more) -> Images:
    return Images.joined(list(engine.sample(n, seed=seed, **more)))


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("vae", {"epochs": 20.0}),
        ("gan", {"epochs": 20.0, "shift": 0, "generator_every": 1, "learning_rate": 5e-3, "averaging": (0.1, 0.05)}),
    ],
)
def test_images_show_the_label_that_was_given(kind, settings, image_engine, bar_images, stands):
    data = bar_images(96)
    assert np.array_equal(stands(data), data.labels == 1)  # the judge knows real ones
    before = image_engine(kind, data, **settings)
    given = np.arange(200, dtype=np.int32) % 2
    assert 0.2 < (stands(drawn(before, 200, given=given)) == (given == 1)).mean() < 0.8
    images = drawn(learned(before, data), 200, given=given)
    assert (stands(images) == (given == 1)).mean() > 0.9
    assert np.array_equal(images.labels, given)
    assert len(np.unique(images.pixels.reshape(200, -1), axis=0)) > 20  # and they are not all alike


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_images(kind, image_engine, bar_images):
    data = bar_images(32)
    one, again = (learned(image_engine(kind, data, epochs=2.0), data) for _ in range(2))
    assert same(weights(one), weights(again))
    assert np.array_equal(drawn(one, 20).pixels, drawn(again, 20).pixels)
    assert not np.array_equal(drawn(one, 20).pixels, drawn(one, 20, seed=3).pixels)
    assert not same(weights(one), weights(learned(image_engine(kind, data, epochs=2.0), data, seed=6)))


@pytest.mark.parametrize("kind", KINDS)
def test_global_randomness_has_no_part_in_it(kind, image_engine, bar_images):
    data = bar_images(32)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    drawn(learned(image_engine(kind, data, epochs=1.0), data), 5)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_training_that_goes_on_ends_with_the_weights_of_the_unbroken_one(
    kind, image_engine, bar_images, tmp_path
):
    data = bar_images(48)
    unbroken = learned(image_engine(kind, data, epochs=4.0), data)
    kept = Checkpoints(tmp_path, seconds=0)
    with pytest.raises(Killed):
        learned(image_engine(kind, data, epochs=4.0), data, access=KilledAt(48, 7), checkpoints=kept)
    again = learned(image_engine(kind, data, epochs=4.0), data, checkpoints=Checkpoints(tmp_path))
    assert same(weights(unbroken), weights(again))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_what_is_loaded(kind, image_engine, bar_images, tmp_path):
    data = bar_images(32, channels=3)
    engine = learned(image_engine(kind, data, epochs=1.0, levels=5), data)
    engine.save(tmp_path)
    again = ImageEngine.load(tmp_path)
    assert again.state == engine.state
    assert np.array_equal(drawn(engine, 30).pixels, drawn(again, 30).pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("height", "width"), [(4, 4), (7, 11), (28, 28)])
def test_images_have_the_size_of_those_that_were_learned(kind, height, width):
    shape = ImageShape(size=(height, width, 2), names=("a",), counts=(1.0,))
    engine = ImageEngine.fresh(ImageConfig.with_settings({"kind": kind, "width": 8}, private=False), shape, seed=0)
    assert drawn(engine, 3).pixels.shape == (3, height, width, 2)


def test_labels_are_as_frequent_as_they_were_counted(image_engine, bar_images):
    shape = ImageShape(size=(4, 4, 1), names=("a", "b", "c"), counts=(6.0, 0.0, 2.0))
    engine = ImageEngine.fresh(ImageConfig.with_settings({"width": 8}, private=False), shape, seed=0)
    shares = np.bincount(drawn(engine, 4000).labels, minlength=3) / 4000
    assert shares == pytest.approx([0.75, 0, 0.25], abs=0.03)


def test_pixels_have_the_declared_levels_alone(image_engine, bar_images):
    engine = image_engine("vae", bar_images(8), levels=4)
    assert set(np.unique(drawn(engine, 50).pixels)) <= {0, 85, 170, 255}


def test_samples_stream_in_batches_and_none_at_all_is_none(image_engine, bar_images):
    engine = image_engine("vae", bar_images(8), width=8)
    assert [len(batch) for batch in engine.sample(2500, seed=1)] == [1024, 1024, 452]
    assert list(engine.sample(0, seed=1)) == []


def test_epochs_are_told_as_they_end_without_changing_what_is_learned(image_engine, bar_images):
    data, seen = bar_images(32), []
    engine = image_engine("vae", data, epochs=3.0)
    learned(engine, data, watch=lambda epoch: seen.append((epoch, drawn(engine, 4).pixels.sum())))
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert same(weights(engine), weights(learned(image_engine("vae", data, epochs=3.0), data)))


def test_both_curves_of_a_gan_are_told(image_engine, bar_images):
    data = bar_images(32)
    engine = image_engine("gan", data, epochs=2.0)
    summary = engine.fit(data, StepsAlone(32), seed=1, reporter=SilentReporter())
    assert {"critic loss", "generator loss"} <= set(summary.curves)


@pytest.mark.parametrize("lipschitz", ["spectral", "clip"])
def test_a_critic_that_is_held_by_its_weights_stays_in_its_bounds(lipschitz, image_engine, bar_images):
    data = bar_images(32)
    engine = image_engine("gan", data, lipschitz=lipschitz, clip=0.02, epochs=5.0)
    learned(engine, data)
    bound_slope(engine.network.critic, engine.state.settings)
    for layer in layers_of(engine.network.critic):
        if lipschitz == "clip":
            assert float(layer.weight.detach().abs().max()) <= 0.02
        else:
            assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) <= 1 + 1e-5


def test_a_generator_steps_as_many_images_as_declared_whatever_was_drawn(image_engine, bar_images):
    data = bar_images(32)
    engine = image_engine("gan", data)
    parts = engine._parts(Batches(data, 4, torch.Generator().manual_seed(0), torch.device("cpu")))
    assert [part.phase.touches_records for part in parts] == [True, False]
    for units in (0, 1, 30):
        assert len(parts[1].phase.losses(np.arange(units)).values) == 16


def test_a_label_that_there_is_not_is_told(image_engine, bar_images):
    engine = image_engine("vae", bar_images(8))
    with pytest.raises(ConditionError, match="label 7 is none of the 2 that were learned.*lying, standing") as error:
        list(engine.sample(2, seed=1, given=np.array([0, 7])))
    assert error.value.unit == 1
    with pytest.raises(DataError, match="3 images were asked for, with 2 labels"):
        list(engine.sample(3, seed=1, given=np.array([0, 1])))


def test_images_of_another_size_are_refused(image_engine, bar_images):
    with pytest.raises(DataError, match=r"size \(8, 8, 1\).*made for \(6, 6, 1\)"):
        learned(image_engine("vae", bar_images(8)), bar_images(8, size=8))


def test_a_folder_that_holds_no_engine_is_refused(image_engine, bar_images, tmp_path):
    with pytest.raises(DataError, match="holds no image engine"):
        ImageEngine.load(tmp_path)
    engine = image_engine("vae", bar_images(8))
    engine.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"size": [8, 8, 1]}))
    with pytest.raises(DataError, match="weights do not fit"):
        ImageEngine.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"format": 9}))
    with pytest.raises(DataError, match="format 9, this version reads 1"):
        ImageEngine.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with torch.no_grad():
        next(engine.network.parameters()).fill_(float("nan"))
    engine.save(tmp_path)
    with pytest.raises(DataError, match="NaN or infinity"):
        ImageEngine.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "flow"}, "kind is 'flow'; it is one of gan, vae"),
        ({"width": 6}, "width is 6; it must be a multiple of 8"),
        ({"levels": 1}, "levels is 1"),
        ({"epochs": 0.0}, "epochs is 0.0; it must be positive"),
        ({"shift": 99}, "shift is 99"),
        ({"latent": 0}, "latent is 0"),
        ({"depth": 3}, "its settings are kind, latent"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        ImageConfig.with_settings(settings, private=False)


def test_a_gradient_penalty_is_refused_in_a_private_run():
    assert ImageConfig.with_settings({"kind": "gan"}, private=True).lipschitz == "spectral"
    with pytest.raises(ConfigurationError, match="no gradients of single images"):
        ImageConfig.with_settings({"kind": "gan", "lipschitz": "penalty"}, private=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_run_has_defaults_of_its_own_which_settings_change(kind):
    plain, private = (ImageConfig.with_settings({"kind": kind}, private=private) for private in (False, True))
    assert private.width < plain.width
    assert private.batch_units > plain.batch_units
    assert ImageConfig.with_settings({"kind": kind, "width": 16}, private=True).width == 16


def test_images_too_small_for_a_network_are_refused():
    with pytest.raises(DataError, match="3 by 8 pixels"):
        ImageShape(size=(3, 8, 1), names=("a",), counts=(1.0,))


def test_a_plan_counts_examples_and_not_images(image_engine, bar_images):
    data = bar_images(32)
    grouped = Images(data.pixels, data.labels, data.names, np.arange(0, 33, 4))
    engine = image_engine("vae", data, epochs=2.0, batch_units=4)
    summary = engine.fit(grouped, StepsAlone(8), seed=1, reporter=SilentReporter())
    assert summary.steps == BatchPlan(batch_units=4, steps=4).steps

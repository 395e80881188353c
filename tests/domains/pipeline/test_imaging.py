"""What is told of a model of images."""

from __future__ import annotations

import numpy as np

from domains.pipeline.imaging import copied, shape_of, units_of
from shared.access.plain import PlainAccess
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine


class Copier(ImageEngine):
    """Gives training images back, or others."""

    def __init__(self, engine: ImageEngine, images: Images) -> None:
        super().__init__(engine.state, engine.network, engine.device)
        self._images = images

    def sample(self, n, *, seed, given=None):
        yield self._images.take(np.arange(n) % len(self._images))


def pictures(seed: int) -> Images:
    levels = np.random.default_rng(seed).integers(0, 17, (40, 4, 4, 1))
    return Images(np.rint(levels * (255 / 16)).astype(np.uint8), np.arange(40, dtype=np.int32) % 2, ("a", "b"))


def test_copies_are_counted_and_others_are_not():
    real = pictures(0)
    settings = ImageConfig.with_settings({"width": 8, "levels": 17}, private=False)
    engine = ImageEngine.fresh(settings, shape_of(real, PlainAccess(units_of(real))), seed=0)
    assert copied(Copier(engine, real), real, seed=0) == 1000
    assert copied(Copier(engine, pictures(1)), real, seed=0) == 0


def test_the_shape_has_the_counts_of_labels():
    real = pictures(0)
    shape = shape_of(real, PlainAccess(units_of(real)))
    assert shape.counts == (20.0, 20.0)
    assert shape.size == (4, 4, 1)

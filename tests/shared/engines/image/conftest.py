"""Tiny images whose label can be seen: bars that stand or lie, at a place that varies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine, ImageShape


def bars(n: int, *, seed: int = 0, size: int = 6, channels: int = 1) -> Images:
    random = np.random.default_rng(seed)
    labels, places = np.arange(n) % 2, random.integers(1, size - 1, n)
    pixels = np.zeros((n, size, size, channels), dtype=np.uint8)
    for image, label, place in zip(pixels, labels, places, strict=True):
        image[(slice(None), place) if label else place] = 255
    return Images(pixels, labels.astype(np.int32), ("lying", "standing"))


def standing(images: Images) -> np.ndarray:
    """Of each image whether its brightest column outshines its brightest row."""
    pixels = images.pixels.astype(float).mean(axis=3)
    return pixels.sum(axis=1).max(axis=1) > pixels.sum(axis=2).max(axis=1)


@pytest.fixture(scope="session")
def bar_images() -> Callable[..., Images]:
    return bars


@pytest.fixture(scope="session")
def stands() -> Callable[[Images], np.ndarray]:
    return standing


@pytest.fixture(scope="session")
def image_engine() -> Callable[..., ImageEngine]:
    def build(kind: str, data: Images, *, seed: int = 1, private: bool = False, **settings: object) -> ImageEngine:
        small = {"kind": kind, "width": 8, "latent": 4, "batch_units": 16, **settings}
        counts = tuple(np.bincount(data.labels, minlength=len(data.names)).astype(float).tolist())
        shape = ImageShape(size=data.size, names=data.names, counts=counts)
        return ImageEngine.fresh(ImageConfig.with_settings(small, private=private), shape, seed=seed)

    return build

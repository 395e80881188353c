"""The image engine: images under a label, from a convolutional GAN or VAE."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from shared.access.contract import Access, BatchPlan
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import AnyCodes, Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.networks import LEAST_SIDE, Adversaries, Autoencoder, reset
from shared.engines.image.phases import Batches, adversarial_parts, variational_parts
from shared.engines.image.watching import WatchingReporter
from shared.errors import ConditionError, DataError
from shared.randomness import numpy_generator, torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, train
from shared.training.reporter import Reporter

FORMAT = 1
BATCH_IMAGES = 1024  # drawn at once

Watch = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class ImageShape:
    """What the engine must know of images before it sees any.

    ``size`` is height, width and channels; ``names`` are those of the labels, ``counts`` how often each occurs, as the
    access answered it (exact, or noisy and clipped at zero).
    """

    size: tuple[int, int, int]
    names: tuple[str, ...]
    counts: tuple[float, ...]

    def __post_init__(self) -> None:
        if min(self.size[:2]) < LEAST_SIDE or self.size[2] < 1:
            raise DataError(
                f"images of {self.size[0]} by {self.size[1]} pixels; give {LEAST_SIDE} by {LEAST_SIDE} or more"
            )
        if not self.names or len(self.names) != len(self.counts) or min(self.counts) < 0:
            raise DataError(f"{len(self.counts)} counts for {len(self.names)} labels; give one of at least 0 for each")

    @property
    def shares(self) -> tuple[float, ...]:
        """How frequent each label is; all alike if nothing was counted."""
        total = sum(self.counts)
        return tuple(count / total if total > 0 else 1 / len(self.counts) for count in self.counts)


@dataclass(frozen=True, kw_only=True)
class ImageState:
    """What is saved beside the weights: plain values, none of them an exact count of records in a private run."""

    format: int
    settings: ImageConfig
    size: tuple[int, int, int]
    names: tuple[str, ...]
    shares: tuple[float, ...]


class ImageEngine:
    """Learns images under labels. Build one with :meth:`fresh`, or :meth:`load` it."""

    name = "image"
    software = "Simulacra"

    def __init__(self, state: ImageState, network: Adversaries | Autoencoder, device: torch.device) -> None:
        self.state = state
        self.network = network.to(device)
        self.device = device

    @property
    def columns(self) -> dict[str, int]:
        """The label, with the number of its values."""
        return {"label": len(self.state.names)}

    @classmethod
    def fresh(cls, settings: ImageConfig, shape: ImageShape, *, seed: int, device: str = "cpu") -> Self:
        """An untrained engine for images of that shape."""
        state = ImageState(format=FORMAT, settings=settings, size=shape.size, names=shape.names, shares=shape.shares)
        network = _network(state)
        reset(network, torch_generator(seed, "weights"))
        return cls(state, network.eval(), device_named(device))

    def fit(
        self,
        data: Images,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
        watch: Watch | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``; see the contract.

        ``watch`` is called with the number of each epoch when it is over, and may draw samples.
        """
        self._check(data)
        settings = self.state.settings
        batch = min(settings.batch_units, access.units)
        preferred = BatchPlan(batch_units=batch, steps=max(1, math.ceil(settings.epochs * access.units / batch)))
        plan = access.plan(preferred)
        randomness = torch_generator(seed, "noise", device=self.device.type)
        parts = self._parts(Batches(data, settings.latent, randomness, self.device))
        if watch is not None:
            reporter = WatchingReporter(reporter, watch, max(1, round(access.units / plan.batch_units)))
        self.network.train()
        trained = train(
            parts,
            access,
            plan=plan,
            units=data.examples,
            seed=seed,
            reporter=reporter,
            randomness=randomness,
            checkpoints=checkpoints,
        )
        self.network.eval()
        return FitSummary(trained.steps, sum(p.numel() for p in self.network.parameters()), trained.curves)

    def _parts(self, batches: Batches) -> Sequence[Part]:
        settings = self.state.settings
        if isinstance(self.network, Autoencoder):
            return variational_parts(self.network, batches, settings)
        return adversarial_parts(self.network, batches, settings, np.asarray(self.state.shares))

    def sample(self, n: int, *, seed: int, given: AnyCodes | None = None) -> Iterator[Images]:
        """Give ``n`` images as a stream of batches, each under its ``given`` label or one drawn by the counts.

        ``given`` has shape ``(n,)``; raises ``ConditionError`` for a label that there is not.
        """
        if n < 0 or (given is not None and given.shape != (n,)):
            raise DataError(
                f"{n} images were asked for, with {0 if given is None else len(given)} labels; give as many"
            )
        labels = self._drawn(n, seed) if given is None else np.asarray(given).astype(np.int32)
        strange = np.flatnonzero((labels < 0) | (labels >= len(self.state.names)))
        if len(strange):
            raise ConditionError(
                f"label {labels[strange[0]]} is none of the {len(self.state.names)} that were learned; they are "
                f"numbered from 0: {', '.join(self.state.names)}",
                int(strange[0]),
            )
        for start in range(0, n, BATCH_IMAGES):
            part = labels[start : start + BATCH_IMAGES]
            yield Images(self._painted(part, torch_generator(seed, "images", start)), part, self.state.names)

    def _drawn(self, n: int, seed: int) -> NDArray[np.int32]:
        chances = np.asarray(self.state.shares)
        return numpy_generator(seed, "labels").choice(len(chances), n, p=chances / chances.sum()).astype(np.int32)

    def _painted(self, labels: NDArray[np.int32], generator: torch.Generator) -> NDArray[np.uint8]:
        """Images under labels, rounded to the levels that there are."""
        latent = torch.randn(len(labels), self.state.settings.latent, generator=generator).to(self.device)
        hot = F.one_hot(torch.from_numpy(labels.astype(np.int64)), len(self.state.names)).float().to(self.device)
        with torch.no_grad():
            images = self.network.painter(latent, hot).permute(0, 2, 3, 1).cpu().double().numpy()
        most = self.state.settings.levels - 1
        return np.rint(np.rint(images * most) * (255 / most)).astype(np.uint8)

    def _check(self, data: Images) -> None:
        if data.size != self.state.size or data.names != self.state.names:
            raise DataError(
                f"images of size {data.size} under {len(data.names)} labels, and the engine was made for "
                f"{self.state.size} under {len(self.state.names)}; make one for these"
            )

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors``."""
        storing.save(folder, self.state, self.network)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that."""
        state = storing.load_state(folder, ImageState, "image", version=FORMAT)
        ImageShape(size=state.size, names=state.names, counts=state.shares)  # checks them
        network = _network(state)
        storing.fill(folder / storing.WEIGHTS, network)
        return cls(state, network.eval(), device_named(device))


def _network(state: ImageState) -> Adversaries | Autoencoder:
    kind = Adversaries if state.settings.kind == "gan" else Autoencoder
    # Built without storage first: what layers draw when they are made would come from torch's global state.
    with torch.device("meta"):
        network = kind(state.size, len(state.names), state.settings.width, state.settings.latent)
    return network.to_empty(device="cpu")

"""The contract that every engine fulfils: arrays in, arrays out.

How an engine is built and how it is read again is its own: some need the codec beside the codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shared.access.contract import Access
from shared.engines.encoded import CodeExclusion, Encoded, Given, Shape
from shared.training.checkpoints import Checkpoints
from shared.training.curves import Curve
from shared.training.reporter import Reporter


@dataclass(frozen=True)
class FitSummary:
    """What a fit did: steps taken, parameters, and by name the curves of what was logged, (step, value) pairs.

    Curves are internal: losses and gradients are computed on records.
    """

    steps: int
    parameters: int
    curves: Mapping[str, Curve]


class Engine(Protocol):
    """Learns arrays and gives arrays. It never asks whether the access is private."""

    @property
    def name(self) -> str:
        """What a configuration calls it."""
        ...

    @property
    def software(self) -> str:
        """Whose software it is, with the version: ours, or that of others which it hands the data to."""
        ...

    @property
    def columns(self) -> Mapping[str, int]:
        """The code columns that it was built for, those of units first, and their sizes."""
        ...

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``.

        An engine that was fitted before goes on from where it stands. With ``checkpoints``, a fit whose process was
        killed is taken up again by the same call on an engine made the same way; without privacy it ends with the
        same weights.
        """
        ...

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; no exclusion is ever broken.

        ``given`` fixes a part of them; the rest is drawn from the engine's own distribution, exclusions
        included, given that part.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors`` into ``folder``."""
        ...


@runtime_checkable
class HasDensity(Protocol):
    """An engine that tells how probable data are: attacks that hold the model ask it."""

    def log_density(self, data: Encoded) -> NDArray[np.float64]:
        """Natural log of the probability of each unit under the engine, shape ``(units,)``."""
        ...


@runtime_checkable
class Continues(Protocol):
    """An engine that goes on learning after it was fitted."""

    def continued(self, settings: Any, shape: Shape) -> Engine:
        """Itself with other settings, for further data of ``shape``, whose codes mean the same.

        The shape's numbers of rows a unit and its row marginals are those of the further data. The two share their
        weights, so the one before is no longer to be used. Raises ``ConfigurationError`` for settings that make another
        network.
        """
        ...


@runtime_checkable
class Augments(Protocol):
    """An engine that makes variants of given rows by moving them in a latent space."""

    def augment(
        self,
        data: Encoded,
        *,
        seed: int,
        share: float = 1.0,
        fixed: Sequence[str] = (),
        exclusions: Sequence[CodeExclusion] = (),
    ) -> Encoded:
        """A row for each of ``data`` of which a ``share`` of the code columns, and none that is ``fixed``, is new."""
        ...

"""A synthesizer of SDV as an engine.

It learns rows, not units: how many rows a unit has is drawn from the counts that the codec learned,
what is of the unit is taken from its first row, and the rows of a unit know nothing of one another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.access.contract import Access
from shared.access.plain import PlainAccess
from shared.engines.contract import FitSummary
from shared.engines.encoded import CodeExclusion, Encoded, Given
from shared.engines.sdv.batch import Batch
from shared.engines.sdv.config import SDV_CONFIGS, SdvConfig
from shared.engines.sdv.environment import sdv_python
from shared.engines.sdv.frames import Translation, columns_of, metadata_of, values_of
from shared.engines.sdv.process import fit_synthesizer, sampling
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import Reporter

SAVED = "synthesizer.pkl"
_BATCH = 8_192  # units drawn at once
_CHUNK = 50_000  # units decoded at once
_SEEDS = 2**31


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: str
    settings: dict[str, Any]
    version: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    sha256: str


@dataclass(eq=False)
class SdvEngine:
    """Hands values to SDV and takes values from it; see :mod:`shared.engines.sdv.frames`.

    ``version`` is SDV's own, empty until it is fitted. It has no density and draws nothing under conditions.
    """

    settings: SdvConfig
    translation: Translation
    saved: bytes = b""
    version: str = ""

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data``; ``ConfigurationError`` for any but a plain access, since SDV asks none.

        SDV keeps no checkpoints: a fit that was killed begins anew.
        """
        del checkpoints
        if not isinstance(access, PlainAccess):
            raise ConfigurationError(f"{self.settings.name} learns without privacy; it takes a plain access only")
        random = numpy_generator(seed, "values")
        question = {
            "synthesizer": self.settings.synthesizer,
            "settings": self.settings.settings | ({"enable_gpu": False} if self._epochs > 1 else {}),
            "metadata": metadata_of(columns_of(self.translation)),
            "seed": derive(seed, "sdv") % _SEEDS,
        }
        tables = (
            values_of(self.translation, data.take(np.arange(first, min(first + _CHUNK, len(data)))), random)
            for first in range(0, len(data), _CHUNK)
        )
        fitted = fit_synthesizer(sdv_python(), question, tables, epochs=self._epochs, reporter=reporter)
        self.saved, self.version = fitted.saved, fitted.version
        return FitSummary(self._epochs, 0, {"loss": fitted.losses} if fitted.losses else {})

    @property
    def name(self) -> str:
        """As the settings have it."""
        return self.settings.name

    @property
    def software(self) -> str:
        """SDV, with the version that fitted it."""
        return f"SDV {self.version}"

    @property
    def columns(self) -> dict[str, int]:
        """The code columns, those of units first, and their sizes."""
        shape = self.translation.shape
        return dict(zip(shape.names, shape.unit_sizes + shape.row_sizes, strict=True))

    @property
    def _epochs(self) -> int:
        return int(self.settings.settings.get("epochs", 1))

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; rows that break an exclusion are drawn anew.

        Raises ``ConfigurationError`` for conditions, ``DataError`` where rows break an exclusion again and again.
        """
        if given is not None:
            raise ConfigurationError(
                f"the model's engine is {self.settings.name}, which draws nothing under conditions; leave them out, or "
                "fit a model with the engine 'sequence'"
            )
        shape, random = self.translation.shape, numpy_generator(seed, "rows per unit")
        counts = np.maximum(shape.rows_per_unit, 0.0)
        counts = np.where(np.arange(len(counts)) >= (0 if shape.empty_units else 1), counts, 0.0)
        with sampling(sdv_python(), self.saved, seed=derive(seed, "sdv") % _SEEDS) as sampler:
            for first in range(0, n, _BATCH):
                sizes = random.choice(len(counts), size=min(_BATCH, n - first), p=counts / counts.sum())
                yield Batch(self.translation, sampler, sizes.astype(np.int64), exclusions).drawn()

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and what SDV saves, a pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        shape = self.translation.shape
        content = _Content(
            name=self.settings.name,
            settings=self.settings.settings,
            version=self.version,
            names=shape.unit_names + shape.row_names,
            sizes=shape.unit_sizes + shape.row_sizes,
            sha256=hashlib.sha256(self.saved).hexdigest(),
        )
        (folder / "config.json").write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (folder / SAVED).write_bytes(self.saved)

    @classmethod
    def load(cls, folder: Path, translation: Translation) -> Self:
        """Read what :meth:`save` wrote. The pickle is opened in SDV's interpreter only, when something is drawn.

        Raises ``DataError`` for what is damaged or does not fit the codec.
        """
        try:
            content = _Content.model_validate_json((folder / "config.json").read_bytes(), strict=False)
            saved = (folder / SAVED).read_bytes()
            kind = next(kind for kind in SDV_CONFIGS if kind.name == content.name)
            settings = kind(**content.settings)
        except (OSError, ValidationError, StopIteration, TypeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{folder} holds no engine of SDV ({first}); give a folder that fit wrote") from error
        shape = translation.shape
        expected = (shape.unit_names + shape.row_names, shape.unit_sizes + shape.row_sizes)
        if (content.names, content.sizes) != expected or hashlib.sha256(saved).hexdigest() != content.sha256:
            raise DataError(f"{folder}: the synthesizer is damaged or does not fit the codec; fit the model again")
        return cls(settings, translation, saved, content.version)

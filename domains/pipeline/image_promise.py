"""What a model of images may promise: one image is one unit, and all else that shapes the model is declared.

A table's schema and configuration say what is public knowledge; a folder of PNGs has neither, so sizes, labels and
about how many images there are come with the command.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from domains.pipeline.budgeting import Account, Charge
from domains.pipeline.config import Cap
from domains.pipeline.model import PromiseMade
from domains.pipeline.versions import SUITE, suite_version
from privacy.budget.calibration import calibrate
from privacy.budget.promise import RELATION, Mechanisms, Promise, Spending, Workload
from privacy.workload import workload_of
from shared.corpus.schema import Column, Table
from shared.engines.image.config import ImageConfig
from shared.engines.image.files import UNLABELLED
from shared.engines.image.networks import LEAST_SIDE
from shared.errors import ConfigurationError

IMAGES: Final = "images"  # the name of their one mechanism, and of their table
MODEL = "model.json"
_LABEL = "label"
_SIZE = re.compile(r"(\d+)x(\d+)x([1-4])")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class ImagePromise:
    """(ε, δ) by image, under add or remove of one.

    ``source`` is the id that budgets are charged to, ``images_about`` the declared number of images, ``size`` their
    declared height, width and channels, ``labels`` the declared labels, none for images without. ``cap`` is the ε
    that the source may spend over all its releases; ``None`` leaves it to the ledger.
    """

    source: str
    images_about: int
    size: tuple[int, int, int]
    labels: tuple[str, ...]
    epsilon: float
    delta: float | None = None
    cap: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that the engine knows."""
        return self.labels or (UNLABELLED,)

    def mechanisms(self, settings: ImageConfig) -> Mechanisms:
        """Of steps as many as the epochs make of the declared images, and of how frequent labels are if there are
        several; ``ConfigurationError`` for a promise that cannot be kept. A few CPU-seconds."""
        batch = min(settings.batch_units, self.images_about)
        spending = Spending(batch_units=batch, steps=max(1, math.ceil(settings.epochs * self.images_about / batch)))
        promise = Promise(epsilon=self.epsilon, delta=self.delta, units_about=self.images_about, rows=1)
        alone = Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=False)
        return calibrate(promise, spending, workload_of(label_table(self.names)) if len(self.names) > 1 else alone)

    def account(self, ledger: str | Path, fingerprint: str) -> Account:
        """Where it is charged."""
        return Account(
            source=self.source,
            ledger=ledger,
            cap=None if self.cap is None else Cap(epsilon=self.cap, delta=None),
            cap_key="--cap",
            cap_example="--cap 10",
            fingerprint=fingerprint,
        )


class ImageProvenance(BaseModel):
    """``model.json`` of a model of images; ``images_about`` and ``source`` are declared, and ``None`` without a
    promise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["simulacra-image-model/1"] = "simulacra-image-model/1"
    suite: str = SUITE
    version: str
    source: str | None
    images_about: int | None
    promise: PromiseMade | None

    @classmethod
    def of(cls, promise: ImagePromise | None, charge: Charge) -> ImageProvenance:
        """Of a model of this version."""
        if promise is None:
            return cls(version=suite_version(), source=None, images_about=None, promise=None)
        assert charge.mechanisms is not None
        made = PromiseMade(
            epsilon=promise.epsilon,
            delta=charge.mechanisms[IMAGES].delta,
            unit="image",
            relation=RELATION,
            mechanisms=charge.events,
        )
        return cls(version=suite_version(), source=promise.source, images_about=promise.images_about, promise=made)

    def save(self, folder: Path) -> None:
        """Write it into the folder of the model."""
        (folder / MODEL).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def label_table(names: Sequence[str]) -> Table:
    """The labels of images as a table whose rows are the units: what statistics are asked of."""
    column = Column(name=_LABEL, kind="categorical", categories=tuple(names), nullable=False)
    return Table(name=IMAGES, columns=(column,), unit=None)


def declared_promise(
    *,
    epsilon: float | None,
    delta: float | None,
    source: str | None,
    images_about: int | None,
    size: str | None,
    labels: Sequence[str],
    cap: float | None,
) -> ImagePromise | None:
    """The promise that the options of a command declare; ``None`` without ``--epsilon``.

    Raises ``ConfigurationError`` for what a promise needs declared and is not, or is declared for no promise.
    """
    given = {
        "--delta": delta,
        "--source": source,
        "--images-about": images_about,
        "--size": size,
        "--label": tuple(labels) or None,
        "--cap": cap,
    }
    if epsilon is None:
        idle = [option for option, value in given.items() if value is not None]
        if idle:
            raise ConfigurationError(f"{idle[0]} declares a part of a promise, and none is asked for; give --epsilon")
        return None
    if source is None or images_about is None or size is None:
        needed = ("--source", "--images-about", "--size")
        missing = ", ".join(option for option in needed if given[option] is None)
        raise ConfigurationError(
            f"--epsilon promises privacy, and what is public must be declared: {missing} missing; such as --source "
            "scans --images-about 2000 --size 28x28x1, and --label for each label there is"
        )
    return ImagePromise(
        source=_source(source),
        images_about=images_about,
        size=_size(size),
        labels=_labels(labels),
        epsilon=epsilon,
        delta=delta,
        cap=cap,
    )


def _source(name: str) -> str:
    if not _SOURCE.fullmatch(name):
        raise ConfigurationError(
            f"--source is {name!r}; budgets are charged to it: give a name of letters, digits, '.', '_' and '-'"
        )
    return name


def _size(text: str) -> tuple[int, int, int]:
    found = _SIZE.fullmatch(text)
    if found is None or min(int(found[1]), int(found[2])) < LEAST_SIDE:
        raise ConfigurationError(
            f"--size is {text!r}; give WIDTHxHEIGHTxCHANNELS of the images, sides from {LEAST_SIDE} pixels on and "
            "1 to 4 channels, such as 28x28x1"
        )
    return int(found[2]), int(found[1]), int(found[3])


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1 or name in ("", ".", "..") or "/" in name:
            raise ConfigurationError(f"--label {name!r} is given twice or cannot name a folder; give each label once")
    return tuple(names)

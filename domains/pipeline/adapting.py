"""A model that goes on learning: fine-tuned on a small target, or brought up to date with a newer batch.

The codecs stay those of the first model, so that its codes mean the same; the engine goes on from its weights. What
the first model learned of its records stays in the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from domains.pipeline.budgeting import charged
from domains.pipeline.config import Config
from domains.pipeline.declaring import declare
from domains.pipeline.model import Model, load_model
from domains.pipeline.records import read_records
from domains.pipeline.training import check_start, fit_model
from domains.pipeline.unfinished import unfinished
from domains.pipeline.workspace import workspace
from evaluation.fidelity.drift import Shift, population_stability
from shared.codecs.encoding import encode_units
from shared.codecs.number import NumberCodec
from shared.codecs.table import TableCodec, code_names
from shared.corpus.folders import fresh_folder
from shared.corpus.scratch import Scratch
from shared.corpus.units import Units
from shared.engines.encoded import Histories
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """How far each column had moved, the furthest first, and whether the model was brought up to date."""

    drift: tuple[Shift, ...]
    updated: bool

    @property
    def moved(self) -> tuple[Shift, ...]:
        """The columns that moved by more than is commonly called stable."""
        return tuple(shift for shift in self.drift if shift.moved)


def adapt_to(
    config: Config, start: Path, out: Path, reporter: Reporter, *, now: datetime, only_if_moved: bool = False
) -> Adapted:
    """Measure how far the records of ``config`` are from what ``start`` learned, and train it further on them.

    The new model is saved in a new folder ``out``; with ``only_if_moved``, not where no column moved. Raises
    ``ConfigurationError`` under a promise, for another schema, or for an engine that cannot go on.
    """
    if config.privacy is not None:
        raise ConfigurationError(
            f"{config.path}: privacy is declared, and a model is adapted without a promise; write 'privacy: none', or "
            "fit a model of its own"
        )
    declaration = declare(config)
    model = load_model(start, device=config.device)
    check_start(declaration, config, model)
    with (
        workspace(out) as work,
        unfinished(out, f"adapt {_digest(start)}", config) as state,
        charged(config, None, run=f"adapt-{now:%Y%m%dT%H%M%SZ}", state=state) as charge,
    ):
        scratch = Scratch(work, config.memory)
        records = read_records(config, declaration, charge.key, scratch, reporter)
        train = {name: found.train for name, found in records.items()}
        drift = drift_of(model, train, scratch, reporter)
        adapted = Adapted(drift=drift, updated=not only_if_moved or any(shift.moved for shift in drift))
        if adapted.updated:
            with fresh_folder(out) as folder:
                fitted = fit_model(config, declaration, train, charge, scratch, reporter, state, start=model)
                fitted.model.save(folder)
    return adapted


def drift_of(model: Model, units: Mapping[str, Units], scratch: Scratch, reporter: Reporter) -> tuple[Shift, ...]:
    """How far each column of the first table has moved since the model was fitted, the furthest first.

    It is computed on records: internal.
    """
    table = model.tables[0]
    data = units[table.name]
    encoded = encode_units(table.codec, data, scratch, reporter)
    shifts = [
        shift
        for name, codec in table.codec.codecs.items()
        for shift in _shifts(table.codec, name, isinstance(codec, NumberCodec), encoded)
    ]
    return tuple(sorted(shifts, key=lambda shift: shift.chance - shift.index))


def _shifts(codec: TableCodec, name: str, ordered: bool, encoded: Histories) -> list[Shift]:
    own = codec.codecs[name]
    rows = encoded.units if own.column.of_unit else encoded.rows
    shifts = []
    for label, before in zip(code_names(own), own.marginals, strict=True):
        codes = rows.codes[:, rows.names.index(label)]
        now = np.bincount(codes, minlength=len(before)).astype(np.float64)
        shifts.append(population_stability(label, np.asarray(before, dtype=np.float64), now, ordered=ordered))
    return shifts


def _digest(folder: Path) -> str:
    """SHA-256 of all files of a model."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()

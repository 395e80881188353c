"""Variants of given records: some of their values are drawn anew, given all others, or moved in a latent space.

They are made from real records, and each is near one of them: they are internal.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from domains.pipeline.completing import completed
from domains.pipeline.model import Model
from shared.codecs.table import code_names
from shared.corpus.units import by_unit
from shared.engines.contract import Augments
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

AUGMENTED = "augmented"


def augmented(
    model: Model,
    folder: Path,
    real: pd.DataFrame,
    copies: int,
    redrawn: float,
    kept: Collection[str],
    *,
    seed: int,
    reporter: Reporter,
) -> pd.DataFrame:
    """``copies`` variants of each real row, with the column ``provenance``.

    Each value is drawn anew with the chance ``redrawn``; those of the columns ``kept`` always stay. An engine with a
    latent space draws them near the row's place in it, any other given the values that stay. Raises
    ``ConfigurationError`` for units of several rows, or a share that is none.
    """
    table = model.only.table
    if table.unit is not None:
        raise ConfigurationError("variants are made of single rows; this table has units of several, so leave them out")
    if not 0 < redrawn <= 1:
        raise ConfigurationError(f"the share of values that are drawn anew is {redrawn}; it must lie above 0, up to 1")
    parts = []
    for copy in range(copies):
        if isinstance(model.only.engine, Augments):
            parts.append(_moved(model, real, redrawn, kept, derive(seed, "augment", copy), reporter))
            continue
        blanked = _blanked(real, model, redrawn, kept, numpy_generator(seed, "augment", copy))
        (variant,) = completed(
            model, folder, blanked, 1, never_missing=False, seed=derive(seed, "augment", copy), reporter=reporter
        )
        parts.append(variant)
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(provenance=AUGMENTED)


def _moved(
    model: Model, real: pd.DataFrame, redrawn: float, kept: Collection[str], seed: int, reporter: Reporter
) -> pd.DataFrame:
    """Variants near the rows' places in the latent space of the engine."""
    table, codec = model.only, model.only.codec
    assert isinstance(table.engine, Augments)
    fixed = [name for column in kept if column in codec.codecs for name in code_names(codec.codecs[column])]
    encoded = codec.encode(by_unit(table.table, real[list(table.table.names)].reset_index(drop=True)))
    drawn = table.engine.augment(encoded, seed=seed, share=redrawn, fixed=fixed, exclusions=table.exclusions)
    frame = codec.decode(drawn, numpy_generator(seed, "decode"), first_unit=0, first_row=0, identifier_key=seed)
    return table.written(table.drawn(frame, drawn, seed=seed, reporter=reporter))


def _blanked(
    real: pd.DataFrame, model: Model, redrawn: float, kept: Collection[str], random: np.random.Generator
) -> pd.DataFrame:
    """The rows with some values taken out, and without the columns that are made up or computed."""
    frame = real[list(model.only.codec.codecs)].copy()
    for name in frame.columns:
        if name not in kept:
            frame[name] = frame[name].mask(random.random(len(frame)) < redrawn)
    return frame

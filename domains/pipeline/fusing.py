"""Real and synthetic records together: a training set with a declared mix of classes, and a test set of real ones.

::

    OUT/internal/train    the training units of the source, and synthetic ones (column ``provenance``)
    OUT/internal/test     the holdout of the source: real units alone, which neither model nor training set ever saw

It repeats real records, so all of it is internal.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from domains.pipeline.augmenting import AUGMENTED, augmented
from domains.pipeline.budgeting import charged
from domains.pipeline.config import Config
from domains.pipeline.declaring import declare
from domains.pipeline.mixing import checked_classes, class_column, draw_with_classes
from domains.pipeline.model import Model, load_model
from domains.pipeline.records import read_records
from domains.pipeline.sampling import internal_folder, write_stream
from domains.pipeline.workspace import workspace
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.scratch import Scratch
from shared.corpus.units import Units
from shared.corpus.values import to_text
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

PROVENANCE = "provenance"
REAL, SYNTHETIC = "real", "synthetic"
TRAIN, TEST = "train", "test"
_ATTEMPTS = 5  # to draw units whose made-up names no real unit has
_NOTICE = """\
These tables repeat real records beside synthetic ones (column provenance). No privacy promise covers them: do not
publish them, and give them to nobody who may not see the records themselves.
"""


@dataclass(frozen=True, kw_only=True)
class Fused:
    """What was written: units of the training set by provenance and class, and units of the test set."""

    train: Mapping[str, Mapping[str, int]]
    test: int


def fuse_to(
    config: Config,
    model_folder: Path,
    out: Path,
    *,
    column: str,
    mix: Mapping[str, float],
    copies: int = 0,
    redrawn: float = 0.3,
    seed: int,
    reporter: Reporter,
) -> Fused:
    """Fill the classes of ``column`` up with synthetic units until ``mix`` holds in the training set; see the module.

    All real training units stay; as few units as possible are added. ``copies`` variants of every real training unit
    are added first, each with a share ``redrawn`` of its values drawn anew (:mod:`domains.pipeline.augmenting`).
    Raises ``ConfigurationError`` for a mix that cannot be, or a model of another source.
    """
    model = load_model(model_folder)
    _check_source(config, model)
    class_column(model, column)
    checked_classes(model, column, list(mix))
    declaration = declare(config)
    table = declaration.only.table
    if PROVENANCE in table.names:
        raise ConfigurationError(f"table {table.name!r} has a column {PROVENANCE!r} of its own; rename it")
    with workspace(out) as work, charged(config, None, run="fuse") as charge:
        records = read_records(config, declaration, charge.key, Scratch(work, config.memory), reporter)[table.name]
        real = _whole(records.train)
        parts = [real.assign(**{PROVENANCE: REAL})]
        if copies:
            parts.append(augmented(model, model_folder, real, copies, redrawn, {column}, seed=seed, reporter=reporter))
        lacking = fill_counts(_counts(pd.concat(parts), table, column), mix)
        words = [word for word, count in lacking.items() for _ in range(count)]
        if words:
            drawn = _apart(model, model_folder, real, {column: words}, seed=seed, reporter=reporter)
            parts.append(drawn.assign(**{PROVENANCE: SYNTHETIC}))
        train = _shuffled(pd.concat(parts, ignore_index=True), table, seed)
        test = _whole(records.holdout).assign(**{PROVENANCE: REAL})
        schema = _with_provenance(model.schema, table.name)
        with internal_folder(out, _NOTICE) as folder:
            for name, frame in ((TRAIN, train), (TEST, test)):
                (folder / name).mkdir()
                write_stream(schema, folder / name, [{table.name: frame}])
    counted = {name: _counts(part, table, column) for name, part in train.groupby(PROVENANCE)}
    return Fused(train={str(name): dict(counts) for name, counts in counted.items()}, test=len(records.holdout))


def fill_counts(have: Mapping[str, int], mix: Mapping[str, float]) -> dict[str, int]:
    """How many units to add to each class so that the classes stand in the shares of ``mix``, as few as possible.

    Raises ``ConfigurationError`` for shares that do not add up to 1, or a class that is there and should not be.
    """
    if any(not share >= 0 for share in mix.values()) or not math.isclose(sum(mix.values()), 1.0, abs_tol=1e-6):
        given = ", ".join(f"{name}={share:g}" for name, share in mix.items())
        raise ConfigurationError(f"the shares {given} are not zero or more with the sum 1; correct them")
    unwanted = [name for name, count in have.items() if count and not mix.get(name)]
    if unwanted:
        raise ConfigurationError(
            f"the mix gives {unwanted[0]!r} no share, and {have[unwanted[0]]:,} real units have it; real units stay, "
            "so give every class that occurs a share"
        )
    total = max(have.get(name, 0) / share for name, share in mix.items() if share)
    return {name: max(0, round(total * share) - have.get(name, 0)) for name, share in mix.items()}


def _check_source(config: Config, model: Model) -> None:
    """The test set is the holdout of the model: another source's model may have seen it."""
    if model.provenance.source != config.source.id:
        raise ConfigurationError(
            f"the model was fitted to source {model.provenance.source!r}, and {config.path} names "
            f"{config.source.id!r}; fuse a source with its own model, which never saw its holdout"
        )


def _whole(units: Units) -> pd.DataFrame:
    return pd.concat([chunk.frame for chunk in units.chunks()], ignore_index=True)


def _firsts(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The first row of each unit."""
    return frame if table.unit is None else frame.drop_duplicates([*{PROVENANCE} & {*frame.columns}, table.unit])


def _counts(frame: pd.DataFrame, table: Table, column: str) -> dict[str, int]:
    """Units of each class; a missing class counts as none."""
    words = to_text(_firsts(frame, table)[column]).dropna()
    return {str(word): int(count) for word, count in words.value_counts().items()}


def _apart(
    model: Model, folder: Path, real: pd.DataFrame, classes: Mapping[str, list[str]], *, seed: int, reporter: Reporter
) -> pd.DataFrame:
    """Synthetic units of these classes; their made-up names are none of real units."""
    table = model.only.table
    keys = [key for key in (table.unit, table.primary_key) if key is not None]
    parts = list[pd.DataFrame]()
    ((column, words),) = classes.items()
    for attempt in range(_ATTEMPTS):
        drawn = draw_with_classes(model, folder, {column: words}, seed=derive(seed, "fuse", attempt), reporter=reporter)
        taken = np.zeros(len(drawn), dtype=bool)
        for key in keys:
            seen = pd.concat([real[key], *(part[key] for part in parts)])
            taken |= drawn[key].isin(seen).to_numpy(dtype=bool)
        if table.unit is not None:
            taken = drawn[table.unit].isin(drawn.loc[taken, table.unit]).to_numpy(dtype=bool)
        words = to_text(_firsts(drawn[taken], table)[column]).tolist()
        parts.append(drawn[~taken])
        if not words:
            return pd.concat(parts, ignore_index=True)
    raise DataError(
        f"the names that are made up for {' and '.join(keys)} are those of real units again and again; declare a "
        "pattern that allows more names"
    )


def _shuffled(frame: pd.DataFrame, table: Table, seed: int) -> pd.DataFrame:
    """The units in an order drawn at random, the rows of each in their own."""
    unit = np.arange(len(frame)) if table.unit is None else pd.factorize(frame[table.unit])[0]
    rank = numpy_generator(seed, "fuse", "order").permutation(int(unit.max()) + 1)
    return frame.iloc[np.argsort(rank[unit], kind="stable")].reset_index(drop=True)


def _with_provenance(schema: Schema, table: str) -> Schema:
    """The schema with the column that says where a row comes from."""
    words = (REAL, SYNTHETIC, AUGMENTED)
    extra = Column(name=PROVENANCE, kind="categorical", nullable=False, categories=words)
    tables = tuple(
        dataclasses.replace(own, columns=(*own.columns, extra)) if own.name == table else own for own in schema.tables
    )
    return dataclasses.replace(schema, tables=tables)

"""From a model to a corpus on disk, batch by batch."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from domains.pipeline.conditions import Conditions
from domains.pipeline.impossible import check_constraints, explained, too_improbable
from domains.pipeline.model import Model, engine_folder
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.corpus.targets import Writer, open_target_corpus
from shared.corpus.writing import CorpusWriter
from shared.engines.encoded import Given
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConditionError
from shared.training.reporter import Reporter

INTERNAL = "internal"
NOTICE = "INTERNAL.txt"
_NOTICE = """\
These tables repeat values that were given to 'simulacra sample --given'. Unless that file holds no real records, they
tell of real people: no privacy promise covers them. Do not publish them, and give them to nobody who may not see the
given file.
"""
_LOG = logging.getLogger(__name__)
_SURE = 0.1  # effective share of particles from which on conditions need no proposal
_KINDS = 32  # kinds of conditions that are tried before a proposal is learned


def sample_to(
    model: Model,
    units: int,
    out: Path | str,
    *,
    seed: int,
    reporter: Reporter,
    replace: bool = False,
    conditions: Conditions | None = None,
    internal: bool = False,
) -> dict[str, int]:
    """Generate into a new folder or the database of a URL, whole or not at all; gives the rows of each table.

    ``internal``: what comes out tells of real records; it goes to ``out/internal``, for the owner's eyes only.
    Raises ``ConditionError`` for conditions of which it says which part stands in the way.
    """
    frames = model.sample(units, seed=seed, reporter=reporter, conditions=conditions)
    try:
        if internal:
            with internal_folder(Path(out), _NOTICE) as folder:
                return write_stream(model.schema, folder, frames)
        with open_target_corpus(model.schema, out, replace=replace) as writer:
            return _stream(model.schema, writer, frames)
    except ConditionError as error:
        if conditions is None:
            raise
        table = model.only
        engine = table.engine
        if not isinstance(engine, SequenceEngine):
            raise
        found = explained(engine, conditions, error.unit, table.exclusions)
        raise found or too_improbable(engine, conditions, error.unit, table.exclusions) from error


@contextmanager
def internal_folder(out: Path, notice: str) -> Iterator[Path]:
    """``out/internal`` to fill, new and for its owner alone, with a notice of why it must not leave."""
    with fresh_folder(out) as folder:
        folder.chmod(0o700)
        target = folder / INTERNAL
        target.mkdir(mode=0o700)
        (target / NOTICE).write_text(notice, encoding="utf-8")
        yield target
        for path in target.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)


def prepare(
    model: Model, folder: Path, conditions: Conditions, units: int, reporter: Reporter, *, internal: bool
) -> None:
    """Check what can be checked before anything is drawn, and see to it that what is given can be drawn well.

    Where a proposal is needed that the model in ``folder`` lacks, it is learned from the model's own samples, which
    costs no privacy, and kept there if the folder can be written; not where what is given is ``internal``, since
    whether the model's folder has a proposal would tell of it. Raises ``ConditionError``.
    """
    table = model.only
    check_constraints(conditions, table.constraints, table.codec)
    engine, given = table.engine, conditions.given
    if not isinstance(engine, SequenceEngine):
        return  # it keeps what is given in its own way, or refuses
    alike = given.rows_per_unit is None and all(allowed.which is None for allowed in given.columns.values())
    if alike:
        found = explained(engine, conditions, 0, table.exclusions)
        if found is not None:
            raise found
    if engine.proposal is not None or engine.direct(units, given):
        return
    kinds = _kinds(given, units)
    if kinds is not None:
        count, some = kinds
        effective = engine.assess(count, some, seed=0, exclusions=table.exclusions, particles=2048).effective
        if effective.min() > _SURE:
            return
    engine.learn_proposal(seed=0, reporter=reporter, exclusions=table.exclusions)
    if internal:
        return
    try:
        engine.save_proposal(engine_folder(folder, table.name))
    except OSError as error:
        _LOG.info("%s: the proposal could not be kept (%s); it is learned again next time", folder, error)


def _kinds(given: Given, units: int) -> tuple[int, Given] | None:
    """One unit of each kind of condition, if there are few kinds: how many, and what is given of them."""
    if given.rows_per_unit is not None:
        return None
    told = [np.zeros(units, np.int64) if part.which is None else part.which for part in given.columns.values()]
    kinds, first = np.unique(np.stack(told), axis=1, return_index=True)
    if kinds.shape[1] > _KINDS:
        return None
    some = {
        name: part if part.which is None else dataclasses.replace(part, which=part.which[first])
        for name, part in given.columns.items()
    }
    return len(first), Given(some, never=given.never)


def write_stream(schema: Schema, folder: Path, frames: Iterable[Mapping[str, pd.DataFrame]]) -> dict[str, int]:
    """Write the schema, and batches of frames by table one after another."""
    with CorpusWriter(schema, folder) as writer:
        return _stream(schema, writer, frames)


def _stream(schema: Schema, writer: Writer, frames: Iterable[Mapping[str, pd.DataFrame]]) -> dict[str, int]:
    rows = dict.fromkeys((table.name for table in schema.tables), 0)
    for batch in frames:
        for name, frame in batch.items():
            writer.write(name, frame)
            rows[name] += len(frame)
    return rows

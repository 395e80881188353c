"""From a model to a corpus on disk, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from domains.pipeline.model import Model
from shared.corpus.schema import Schema
from shared.corpus.targets import Writer, open_target_corpus
from shared.corpus.writing import CorpusWriter
from shared.training.reporter import Reporter


def sample_to(
    model: Model, units: int, out: Path | str, *, seed: int, reporter: Reporter, replace: bool = False
) -> dict[str, int]:
    """Generate into a new folder or the database of a URL, whole or not at all; gives the rows of each table."""
    with open_target_corpus(model.schema, out, replace=replace) as writer:
        return _stream(model.schema, writer, model.sample(units, seed=seed, reporter=reporter))


def write_stream(schema: Schema, folder: Path, frames: Iterable[pd.DataFrame]) -> dict[str, int]:
    """Write the schema, and frames of its one table one after another."""
    with CorpusWriter(schema, folder) as writer:
        return _stream(schema, writer, frames)


def _stream(schema: Schema, writer: Writer, frames: Iterable[pd.DataFrame]) -> dict[str, int]:
    table, rows = schema.tables[0].name, 0
    for frame in frames:
        writer.write(table, frame)
        rows += len(frame)
    return {table: rows}

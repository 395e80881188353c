"""From a model to a corpus on disk, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from domains.pipeline.model import Model
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.corpus.writing import CorpusWriter
from shared.training.reporter import Reporter


def sample_to(model: Model, units: int, out: Path, *, seed: int, reporter: Reporter) -> dict[str, int]:
    """Generate into a new folder ``out``; gives the number of rows of each table."""
    with fresh_folder(out) as folder:
        return write_stream(model.schema, folder, model.sample(units, seed=seed, reporter=reporter))


def write_stream(schema: Schema, folder: Path, frames: Iterable[pd.DataFrame]) -> dict[str, int]:
    """Write the schema, and frames of its one table one after another."""
    table, rows = schema.tables[0].name, 0
    with CorpusWriter(schema, folder) as writer:
        for frame in frames:
            writer.write(table, frame)
            rows += len(frame)
    return {table: rows}

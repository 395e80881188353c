"""Fit an engine of rows on a table and sample as many rows; runs in a process of its own, as the peers do.

Usage: python -m benchmarks.engines.ours ENGINE DATASET FOLDER TRAIN.parquet OUT.parquet SEED
Settings are the engine's defaults. Prints one JSON line: see benchmarks/peers/measure.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.engines.data import data_of, flat
from benchmarks.peers.measure import Clock
from domains.base.constraints import Derived
from domains.pipeline.engines import ENGINES, build
from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.corpus.units import by_unit
from shared.randomness import derive, numpy_generator
from shared.training.reporter import SilentReporter

CAP = 1800.0


def main() -> None:
    engine_name, name, folder, train, out, seed = sys.argv[1:]
    del train
    torch.set_num_threads(1)
    data = data_of(name, Path(folder))
    declared = data.declaration.only
    table = flat(declared.table)
    rows = by_unit(table, data.train.frame[list(table.names)])
    clock, silent = Clock(CAP), SilentReporter()
    access = PlainAccess(rows)
    codec = TableCodec.learn(table, access.statistics, excluded=declared.derived)
    settings = ENGINES[engine_name].config.with_settings({}, private=False)
    engine = build(settings, codec.shape, codec, seed=derive(int(seed), "weights"), device="cpu")
    engine.fit(codec.encode(rows), access, seed=derive(int(seed), "training"), reporter=silent)
    clock.end_fit()
    random, frames, count = numpy_generator(int(seed), "decode"), [], 0
    for batch in engine.sample(len(rows), seed=derive(int(seed), "sample"), exclusions=codec.never):
        frames.append(codec.decode(batch, random, first_unit=count, first_row=count))
        count += len(batch)
    made = pd.concat(frames, ignore_index=True)
    for constraint in declared.constraints:
        if isinstance(constraint, Derived):
            made[constraint.column] = np.asarray(constraint.value(made))
    clock.end_sampling()
    made.to_parquet(out, index=False)
    print(json.dumps({**clock.measured(), "note": f"{settings.epochs:g} epochs"}))


if __name__ == "__main__":
    main()

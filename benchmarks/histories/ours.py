"""Fit ours on units with their rows and sample as many; runs in a process of its own, as the peer does.

Usage: python -m benchmarks.histories.ours DATASET TRAIN.parquet OUT.parquet SEED [SETTINGS]
Settings are the defaults but for what :data:`SETTINGS` says; SETTINGS, a JSON object, changes more.
Prints one JSON line: see benchmarks/peers/measure.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.histories.data import corpus, units_of
from benchmarks.peers.measure import Clock
from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.randomness import derive, numpy_generator
from shared.training.reporter import SilentReporter

CAP = 1800.0
SETTINGS: dict[str, dict[str, object]] = {"diabetes130": {}, "sgd": {"epochs": 20}}  # few dialogues: more epochs


def main() -> None:
    name, train, out, number, *changes = sys.argv[1:]
    torch.set_num_threads(1)
    seed, silent = int(number), SilentReporter()
    table = corpus(name).schema.tables[0]
    units = units_of(Path(train), table)
    settings = {**SETTINGS[name], **(json.loads(changes[0]) if changes else {})}
    clock = Clock(CAP)
    access = PlainAccess(units)
    codec = TableCodec.learn(table, access.statistics, row_counts=int(units.rows_per_unit.max()))
    config = SequenceConfig.with_settings(settings, private=False)
    engine = SequenceEngine.fresh(config, codec.shape, seed=derive(seed, "weights"))
    engine.fit(codec.encode(units), access, seed=derive(seed, "training"), reporter=silent)
    clock.end_fit()
    random = numpy_generator(seed, "decode")
    frames, first_unit, first_row = [], 0, 0
    for batch in engine.sample(len(units), seed=derive(seed, "sample")):
        frames.append(codec.decode(batch, random, first_unit=first_unit, first_row=first_row))
        first_unit, first_row = first_unit + len(batch), first_row + len(batch.rows)
    clock.end_sampling()
    pd.concat(frames, ignore_index=True).to_parquet(out, index=False)
    print(json.dumps({**clock.measured(), "note": f"{config.epochs:g} epochs, {np.sum(units.rows_per_unit):,} rows"}))


if __name__ == "__main__":
    main()

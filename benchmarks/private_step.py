"""What a private step costs over a plain one, in CPU-seconds on one thread; run with `make bench-dp`."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import torch

from privacy.access import PrivateAccess
from privacy.budget.promise import Mechanisms, Promise, Workload
from shared.access.contract import Access, BatchPlan, Phase, RowLosses
from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.sequence.inputs import Examples

COLUMNS, CATEGORIES, UNITS, BATCH, STEPS, ROUNDS = 15, 40, 20_000, 2048, 12, 3
LIMITS = {1: 2.0, 3: 3.0}


def table_of(rows: int) -> UnitFrame:
    """Independent categories, units of 1 to ``rows`` rows."""
    random = np.random.default_rng(0)
    counts = random.integers(1, rows + 1, size=UNITS)
    unit = np.repeat(np.arange(UNITS), counts)
    names = [f"c{index}" for index in range(COLUMNS)]
    categories = tuple(str(value) for value in range(CATEGORIES))
    columns = [Column(name=name, kind="categorical", categories=categories, nullable=False) for name in names]
    table = Table(name="t", columns=(Column(name="unit", kind="identifier"), *columns), unit="unit")
    frame = pd.DataFrame({name: random.integers(0, CATEGORIES, len(unit)).astype(str) for name in names})
    frame.insert(0, "unit", unit.astype(str))
    return by_unit(table, frame.astype("str"))


def mechanisms(rows: int) -> Mechanisms:
    """Noise as at about ε = 3; the cost of a step does not depend on it."""
    return Mechanisms(
        promise=Promise(epsilon=3, units_about=UNITS, rows=rows),
        workload=Workload(unknown_categories=0, unit_columns=0, row_columns=COLUMNS, row_counts=True),
        category_scale=0.0,
        category_threshold=0.0,
        category_delta=0.0,
        statistics_multiplier=5.0,
        training_multiplier=3.0,
        batch_units=BATCH,
        steps=STEPS * ROUNDS,
        clipping_norm=1.0,
        epsilon=3.0,
        delta=1e-6,
    )


def seconds_a_step(access: Access, data: UnitFrame, rows: int) -> list[float]:
    """CPU-seconds of a step with its optimiser, one number a round."""
    codec = TableCodec.learn(data.table, PlainAccess(data).statistics, row_counts=rows)
    encoded = codec.encode(data)
    engine = SequenceEngine.fresh(SequenceConfig(hidden=48), codec.shape, seed=0)
    examples = Examples(encoded, engine.state.network, engine.device)

    def losses(drawn: np.ndarray) -> RowLosses:
        return engine._losses(examples, drawn)

    phase = Phase(engine.network, losses)
    optimiser = torch.optim.Adam(engine.network.parameters(), fused=True)
    batches = access.batches(len(encoded), BatchPlan(batch_units=BATCH, steps=STEPS * ROUNDS), seed=0)
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(STEPS):
            access.step(phase, next(batches))
            optimiser.step()
        taken.append((time.process_time() - start) / STEPS)
    return taken


if __name__ == "__main__":
    torch.set_num_threads(1)
    for rows, limit in LIMITS.items():
        data = table_of(rows)
        plain = min(seconds_a_step(PlainAccess(data), data, rows))
        private = min(seconds_a_step(PrivateAccess(data, mechanisms(rows)), data, rows))
        print(
            f"cap of {rows} rows a unit, batches of {BATCH} units: plain {plain * 1e3:.1f} ms, private "
            f"{private * 1e3:.1f} ms, ratio {private / plain:.2f} (at most {limit:g})"
        )

"""Conditional draws against filtered unconditional ones, Adult and a simulated hospital; `make bench-conditions`.

The two-sample AUC of conditional draws against unconditional draws of the same model that happen to fulfil the
conditions: 0.5 within its interval if conditions are exact. Times are CPU-seconds on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from benchmarks.adult import DATA, EFFORT, ROOT, scores
from domains.base.constraints import Derived
from domains.medical.domain import MedicalDomain
from domains.medical.simulator import hospital_schema
from domains.pipeline.conditions import Conditions, conditions_where
from domains.pipeline.engines import sequence_engine
from domains.pipeline.model import Model, provenance
from domains.pipeline.table_model import TableModel
from domains.pipeline.where import parse_where
from domains.plain.domain import PlainDomain
from evaluation.comparison import Comparison
from evaluation.fidelity.two_sample import two_sample_auc
from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.corpus.reading import read_corpus
from shared.corpus.relations import alone
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.units import UnitFrame, by_unit
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.training.reporter import SilentReporter

QUIET = SilentReporter()
POOL = 4_000_000  # unconditional units that are looked through, at most
WANTED = 8_000  # units on either side
PATIENTS = 8_000
ADULT = {
    "one column": ["income=>50K"],
    "two columns": ["sex=Female", "income=>50K"],
    "five columns": [
        "age>=30",
        "education in {Bachelors, Masters, HS-grad}",
        "sex=Female",
        "hours-per-week>=45",
        "income=>50K",
    ],
}
HOSPITAL = {
    "one unit column": ["birth_year>=1980"],
    "one row column": ["encounter_type=outpatient"],
    "two": ["region=West", "systolic_bp>=130"],
    "five": ["sex=Female", "birth_year<1960", "encounter_type=outpatient", "encounter_date>=2021-01-01", "bmi>=20"],
}


@dataclass(frozen=True, eq=False)
class Result:
    """One condition: AUC with its interval, effective share of particles with and without the proposal, seconds."""

    auc: float
    interval: tuple[float, float]
    chance: float
    effective: tuple[float, float]
    seconds: float
    rows: int


def fitted(
    schema: Schema, data: UnitFrame, domain: MedicalDomain | PlainDomain, settings: SequenceConfig
) -> tuple[Model, float]:
    """A model of a table, and the CPU-seconds of its fit."""
    start = time.process_time()
    table = data.table
    constraints = tuple(domain.constraints(schema))
    access = PlainAccess(data)
    derived = [constraint.column for constraint in constraints if isinstance(constraint, Derived)]
    counts = None if table.unit is None else int(data.rows_per_unit.max())
    codec = TableCodec.learn(table, access.statistics, excluded=derived, row_counts=counts)
    engine = SequenceEngine.fresh(settings, codec.shape, seed=0)
    engine.fit(codec.encode(data), access, seed=0, reporter=QUIET)
    made = provenance(
        source="bench",
        domain=domain.name,
        tables={table.name: "sequence"},
        most_rows=None,
        units=len(data),
        promise=None,
    )
    return Model(
        made, Schema(tables=(table,)), (TableModel(alone(table), constraints, codec, engine),)
    ), time.process_time() - start


def filtered(model: Model, keep: Callable[[pd.DataFrame], pd.Series], wanted: int) -> pd.DataFrame:
    """Unconditional units all of whose rows fulfil the conditions, as many as wanted (or as ``POOL`` has)."""
    parts, found = [], 0
    unit = model.only.table.unit
    for frame in model.frames(POOL, seed=1, reporter=QUIET):
        kept = keep(frame)
        if unit is not None:
            kept = kept.groupby(frame[unit]).transform("all")
        parts.append(frame[kept])
        found += int(kept.sum()) if unit is None else parts[-1][unit].nunique()
        if found >= wanted:
            break
    return first_units(pd.concat(parts, ignore_index=True), model.only.table, wanted)


def first_units(frame: pd.DataFrame, table: Table, wanted: int) -> pd.DataFrame:
    """The rows of the first units."""
    if table.unit is None:
        return frame.head(wanted)
    return frame[frame[table.unit].isin(frame[table.unit].drop_duplicates().head(wanted))]


def measured(model: Model, texts: Sequence[str]) -> Result:
    """One condition on a model that has a proposal."""
    conditions = conditions_where(
        [parse_where(t, model.only.table.names) for t in texts], model.only.codec, model.only.constraints
    )
    engine = sequence_engine(model.only.engine)
    proposal = engine.proposal
    effective = []
    for chosen in (None, proposal):
        engine.proposal = chosen
        found = engine.assess(1, conditions.given, seed=0, exclusions=model.only.exclusions, particles=20_000)
        effective.append(float(found.effective[0]))
    real = filtered(model, lambda frame: fulfilled(frame, conditions), WANTED)
    units = len(real) if model.only.table.unit is None else real[model.only.table.unit].nunique()
    start = time.process_time()
    made = pd.concat(model.frames(units, seed=2, reporter=QUIET, conditions=conditions), ignore_index=True)
    seconds = time.process_time() - start
    assert fulfilled(made, conditions).all()
    sides = [by_unit(model.only.table, side) for side in (real, made)]
    score = two_sample_auc(Comparison(model.only.table, sides[0], sides[0], sides[1], EFFORT), seed=0)
    return Result(
        score.value,
        score.interval,
        float(np.exp(found.log_chances[0])),
        (effective[0], effective[1]),
        seconds,
        len(made),
    )


def fulfilled(frame: pd.DataFrame, conditions: Conditions) -> pd.Series:
    """Which rows fulfil the conditions, read off their words by pandas."""
    kept = pd.Series(True, index=frame.index)
    for told in conditions.told.values():
        for text in told.words.split(" and "):
            kept &= _holds(frame, text)
    return kept


def _holds(frame: pd.DataFrame, text: str) -> pd.Series:
    clause = parse_where(text, tuple(frame.columns))
    values = frame[clause.column]
    if clause.operator in ("=", "in"):
        return values.astype("str").isin(clause.values)
    bound: float | pd.Timestamp = (
        pd.Timestamp(clause.values[0]) if pd.api.types.is_datetime64_any_dtype(values) else float(clause.values[0])
    )
    compared = {"<": values < bound, "<=": values <= bound, ">": values > bound, ">=": values >= bound}
    return compared[clause.operator].fillna(False).astype(bool)


def models() -> Iterator[tuple[str, Model, dict[str, list[str]], float]]:
    schema = read_schema(ROOT / "examples/tabular/adult.schema.yaml")
    table = schema.tables[0]
    train, test = (
        by_unit(table, read_corpus(schema, DATA / f"adult-{part}.csv.gz").tables[table.name])
        for part in ("train", "test")
    )
    model, seconds = fitted(schema, train, PlainDomain(), SequenceConfig())
    synthetic = pd.concat(model.frames(len(train), seed=0, reporter=QUIET), ignore_index=True)
    found = ", ".join(f"{value:.4f}" for value in scores(train, test, by_unit(table, synthetic), 0))
    print(f"adult, unconditional (pair agreement, TSTR AUC, two-sample AUC, neighbour share): {found}", flush=True)
    yield "adult", model, ADULT, seconds
    domain = MedicalDomain()
    schema = hospital_schema()
    corpus = domain.simulate(PATIENTS, seed=0, reporter=QUIET)
    data = by_unit(schema.tables[0], domain.prepare(corpus).tables[schema.tables[0].name])
    model, seconds = fitted(schema, data, domain, SequenceConfig(batch_units=64))
    yield "hospital", model, HOSPITAL, seconds


def main() -> None:
    torch.set_num_threads(1)
    for name, model, cases, seconds in models():
        start = time.process_time()
        sequence_engine(model.only.engine).learn_proposal(seed=0, reporter=QUIET, exclusions=model.only.exclusions)
        print(f"{name}: fit {seconds:.1f} CPU-s, proposal {time.process_time() - start:.1f} CPU-s, once", flush=True)
        for case, texts in cases.items():
            result = measured(model, texts)
            low, high = result.interval
            inside = "within" if low <= 0.5 <= high else "NOT within"
            print(
                f"{name}, {case} ({'; '.join(texts)}): chance {result.chance:.2g}; two-sample AUC {result.auc:.3f} "
                f"[{low:.3f}, {high:.3f}], 0.5 {inside}; {result.rows:,} rows in {result.seconds:.1f} CPU-s; effective "
                f"particles {result.effective[1]:.2f} (without the proposal {result.effective[0]:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""A small bundle to publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from domains.pipeline.bundle import assemble
from domains.pipeline.manifest import Manifest, PublishedPromise
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Format, Schema, Table
from shared.corpus.writing import write_corpus
from shared.training.reporter import SilentReporter

PROMISE = PublishedPromise(
    epsilon=3.0,
    delta=1e-6,
    unit="patient",
    relation="add-or-remove-one-unit",
    mechanisms=({"name": "dp-sgd", "noise_multiplier": 1.9, "steps": 800},),
)


def schema() -> Schema:
    return Schema(
        name="encounters",
        description="Encounters of patients.",
        licence="CC-BY-4.0",
        tables=(
            Table(
                name="encounters",
                columns=(
                    Column(name="patient", kind="identifier", pattern="999"),
                    Column(name="a1c", kind="categorical", categories=("None", "high")),
                    Column(name="days", kind="integer", low=0, high=99, physical_unit="days"),
                ),
                unit="patient",
                missing=("?",),
                format=Format(delimiter=";", compression="gz"),
                description="One row an encounter.",
            ),
        ),
    )


def with_format(layout: Format, **changes: object) -> Schema:
    """The schema with its table in another layout."""
    table = replace(schema().tables[0], format=layout, **changes)  # type: ignore[arg-type]
    return replace(schema(), tables=(table,))


def corpus(rows: int = 20, declared: Schema | None = None) -> Corpus:
    frame = pd.DataFrame(
        {
            "patient": pd.array([f"{row:03d}" for row in range(rows)], dtype="str"),
            "a1c": pd.array(["None", None] * (rows // 2), dtype="str"),
            "days": pd.array(range(rows), dtype="Int64"),
        }
    )
    return Corpus(declared or schema(), {"encounters": frame})


def manifest(release: str = "r1", *, passed: bool = True, promise: PublishedPromise | None = PROMISE) -> Manifest:
    return Manifest(
        release=release,
        title="Encounters, synthetic",
        created="2026-01-02T03:04:05+00:00",
        source="hospital-a",
        configuration={"domain": "medical", "holdout": {"fraction": 0.2}},
        versions={"simulacra": "0.1.0", "torch": "2.13.0"},
        promise=promise,
        passed=passed,
        loosened={"nearest-neighbour share": 0.55},
        ledger_head="ab" * 32,
        rows={"encounters": 20},
        engines={"encounters": {"name": "sequence"}},
    )


def bundle(
    folder: Path, release: str = "r1", *, passed: bool = True, model: bool = False, data: Corpus | None = None
) -> Path:
    """A bundle in ``folder``, as the pipeline makes it."""
    data = data or corpus()
    work = folder.parent / f"work-{folder.name}"
    tables = work / "tables"
    tables.mkdir(parents=True)
    write_corpus(data, tables)
    trained = None
    if model:
        trained = work / "model"
        trained.mkdir()
        (trained / "config.json").write_text("{}")
    assemble(
        folder,
        tables=tables,
        schema=data.schema,
        manifest=manifest(release, passed=passed),
        report="<!DOCTYPE html><p>report</p>",
        scores={"fidelity": []},
        training={"encounters": {"loss": ((0, 2.0), (1, 1.5))}},
        model=trained,
        reporter=SilentReporter(),
    )
    return folder

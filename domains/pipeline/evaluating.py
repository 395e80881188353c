"""Where real and synthetic records meet: scores, verdict, report. All of it is internal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domains.base.registry import domain_named
from domains.pipeline.budgeting import Charge
from domains.pipeline.config import Config
from domains.pipeline.declaring import Declaration, Records, TableDeclaration, declared_for
from domains.pipeline.model import Model
from domains.pipeline.records import units_at
from domains.pipeline.training import Fitted
from domains.pipeline.workspace import workspace
from evaluation.comparison import compared_units
from evaluation.effort import Effort
from evaluation.evaluate import evaluate_table
from evaluation.evaluation import ConstraintRate, Evaluation, together
from evaluation.gate import Verdict, judge
from evaluation.report import Counts, PromiseLines, ReportContent, render, scores_json
from privacy.budget.promise import RELATION, Mechanisms
from shared.corpus.folders import fresh_folder
from shared.corpus.joining import histories_of
from shared.corpus.schema_file import read_schema
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame, Units
from shared.randomness import derive
from shared.training.reporter import Reporter

Density = Callable[[UnitFrame], NDArray[np.float64]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Judgement:
    """Scores, and whether they keep the thresholds that were declared before the run."""

    evaluation: Evaluation
    verdict: Verdict
    loosened: Mapping[str, float]


def evaluate(
    declaration: Declaration,
    records: Mapping[str, Records],
    synthetic: Mapping[str, Units],
    *,
    densities: Mapping[str, Density],
    seed: int,
    reporter: Reporter,
) -> Evaluation:
    """All scores of each table; of large parts, those of as many units as the effort declares."""
    found = {}
    for table in declaration.tables:
        own = seed if len(declaration.tables) == 1 else derive(seed, table.name)
        real, made = records[table.name], synthetic[table.name]
        found[table.name] = _evaluated(table, real, made, densities.get(table.name), own, reporter)
    return together(found)


def _evaluated(
    declared: TableDeclaration,
    records: Records,
    synthetic: Units,
    density: Density | None,
    seed: int,
    reporter: Reporter,
) -> Evaluation:
    effort = Effort()
    train, holdout, generated = (
        compared_units(units, effort.rows, seed=seed, consumer=part)
        for part, units in (("train", records.train), ("holdout", records.holdout), ("synthetic", synthetic))
    )
    return evaluate_table(
        declared.table,
        train,
        holdout,
        generated,
        tasks=declared.tasks,
        density=density,
        constraints=constraint_rates(declared, train, generated),
        derived=declared.unlearned,  # what is given was judged in the table it is from
        effort=effort,
        seed=seed,
        reporter=reporter,
    )


def constraint_rates(declared: TableDeclaration, real: UnitFrame, synthetic: UnitFrame) -> tuple[ConstraintRate, ...]:
    """How often each constraint is broken, as shares of rows."""
    # Constraints look at the rows below one row, which are those of a unit in a corpus of one table.
    sides = [histories_of(declared.view, side) for side in (real, synthetic)]
    return tuple(
        ConstraintRate(
            name=constraint.name,
            real=float(constraint.violations(sides[0]).mean()),
            synthetic=float(constraint.violations(sides[1]).mean()),
            description=constraint.description,
        )
        for constraint in declared.constraints
    )


def judge_release(
    config: Config,
    declaration: Declaration,
    records: Mapping[str, Records],
    synthetic: Mapping[str, Units],
    model: Model,
    reporter: Reporter,
) -> Judgement:
    """Evaluate a release with its model's own density, and judge it by the declared thresholds."""
    evaluation = evaluate(
        declaration,
        records,
        synthetic,
        densities={table.name: table.log_density for table in model.tables if table.has_density},
        seed=derive(config.seed, "evaluation"),
        reporter=reporter,
    )
    judged, verdict = judge(evaluation, config.thresholds)
    loosened = config.thresholds.loosened(private=config.privacy is not None)
    return Judgement(evaluation=judged, verdict=verdict, loosened=loosened)


def report_of(
    declaration: Declaration,
    records: Mapping[str, Records],
    synthetic: Mapping[str, Units],
    judgement: Judgement,
    fitted: Fitted,
    charge: Charge,
    *,
    name: str,
    now: datetime,
) -> str:
    """The report of a release, for a data steward."""
    return render(
        ReportContent(
            title=name,
            created=now,
            evaluation=judgement.evaluation,
            verdict=judgement.verdict,
            promise=_promise_lines(charge, declaration),
            train=_counts([part.train for part in records.values()]),
            holdout=_counts([part.holdout for part in records.values()]),
            synthetic=_counts(list(synthetic.values())),
            unit=declaration.unit,
            training={name: summary.curves for name, summary in fitted.summaries.items()},
            loosened=tuple(f"{score}: {value:g}" for score, value in judgement.loosened.items()),
        )
    )


def evaluate_to(
    out: Path,
    *,
    schema: Path,
    domain: str,
    unit: str | None,
    train: Path | str,
    holdout: Path | str,
    synthetic: Path | str,
    seed: int,
    memory: int,
    now: datetime,
    reporter: Reporter,
) -> dict[str, Any]:
    """Evaluate corpora from anywhere into a new folder ``out``: ``report.html`` and ``scores.json``; gives the scores.

    All three are in the layout of the schema; the domain prepares them alike.
    """
    declaration = declared_for(domain_named(domain), read_schema(schema), unit, where="--unit")
    with fresh_folder(out) as folder, workspace(out) as work:
        scratch = Scratch(work, memory)
        train_units, held, generated = (units_at(path, declaration, scratch) for path in (train, holdout, synthetic))
        records = {name: Records(train=units, holdout=held[name]) for name, units in train_units.items()}
        evaluation = evaluate(declaration, records, generated, densities={}, seed=seed, reporter=reporter)
        content = ReportContent(
            title=f"Evaluation of {declaration.schema.name}",
            created=now,
            evaluation=evaluation,
            verdict=None,
            promise=None,
            train=_counts(list(train_units.values())),
            holdout=_counts(list(held.values())),
            synthetic=_counts(list(generated.values())),
            unit=declaration.unit,
        )
        scores = scores_json(evaluation)
        (folder / "report.html").write_text(render(content), encoding="utf-8")
        text = json.dumps(scores, indent=2, allow_nan=False) + "\n"
        (folder / "scores.json").write_text(text, encoding="utf-8")
    return scores


def _counts(tables: Sequence[Units]) -> Counts:
    """Rows of all tables, and units: those of the first."""
    return Counts(rows=sum(units.rows for units in tables), units=len(tables[0]))


def _promise_lines(charge: Charge, declaration: Declaration) -> PromiseLines | None:
    if charge.mechanisms is None:
        return None
    any_table = next(iter(charge.mechanisms.values()))
    several = len(charge.mechanisms) > 1
    return PromiseLines(
        epsilon=any_table.promise.epsilon,
        delta=any_table.delta,
        unit=declaration.unit,
        relation=RELATION,
        spent=charge.spent,
        cap=charge.cap,
        left=charge.left,
        mechanisms=tuple(
            f"{name}: {line}" if several else line
            for name, mechanisms in charge.mechanisms.items()
            for line in _in_words(mechanisms)
        ),
    )


def _in_words(mechanisms: Mechanisms) -> list[str]:
    """What was done to the records, a line a mechanism."""
    promise, work = mechanisms.promise, mechanisms.workload
    lines = [
        f"At most {promise.rows} rows of a unit were learned from; about {promise.units_about:,} units (declared)."
    ]
    if work.unknown_categories:
        lines.append(
            f"Categories of {work.unknown_categories} columns: stable histograms, Laplace scale "
            f"{mechanisms.category_scale:.3g}, threshold {mechanisms.category_threshold:.3g} units."
        )
    columns = work.unit_columns + work.row_columns
    if columns:
        lines.append(
            f"Histograms of {columns} columns: one Gaussian mechanism, noise multiplier "
            f"{mechanisms.statistics_multiplier:.3g}."
        )
    if work.rounds and mechanisms.marginals is not None:
        noise = mechanisms.marginals
        lines.append(
            f"Marginals: of all single columns with noise multiplier {noise.singles_multiplier:.3g}; {work.rounds} "
            f"more, each selected by an exponential mechanism of ε {noise.selection_epsilon:.3g} and measured with "
            f"noise multiplier {noise.measure_multiplier:.3g}."
        )
    if work.training:
        lines.append(
            f"Training: {mechanisms.steps} steps of about {mechanisms.batch_units:,} units drawn by Poisson sampling, "
            f"clipped to {mechanisms.clipping_norm:g}, noise multiplier {mechanisms.training_multiplier:.3g}."
        )
    return lines

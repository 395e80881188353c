"""The flow of a fit and of a release: records go one way and never come back.

source → corpus → train and holdout → surplus left out → codecs → codes → engine → model; from there only the
model is used: samples → corpus. Evaluation is where real and synthetic meet, and what it learns stays internal.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from domains.pipeline.budgeting import charged, plan
from domains.pipeline.bundle import TENSORBOARD, assemble
from domains.pipeline.config import Config
from domains.pipeline.declaring import Records, declare
from domains.pipeline.engines import terms_of
from domains.pipeline.evaluating import Judgement, judge_release, report_of
from domains.pipeline.manifest import Manifest, PublishedPromise, public_configuration
from domains.pipeline.model import PromiseMade, Provenance
from domains.pipeline.publication import check_target, keep_refused, publish
from domains.pipeline.records import read_records, units_at
from domains.pipeline.sampling import write_stream
from domains.pipeline.signing import read_signing_key
from domains.pipeline.training import Fitted, fit_model
from domains.pipeline.unfinished import SECONDS, Unfinished, unfinished
from domains.pipeline.versions import versions
from domains.pipeline.workspace import workspace
from evaluation.report import scores_json
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.corpus.scratch import Scratch
from shared.corpus.units import Units
from shared.errors import GateRefused
from shared.randomness import derive
from shared.training.reporter import Reporter
from shared.training.tensorboard import check_tensorboard, with_tensorboard


@dataclass(frozen=True, kw_only=True)
class Released:
    """A release that was published. ``folder`` has ``public/`` and ``internal/``."""

    name: str
    folder: Path
    rows: dict[str, int]
    promise: PromiseMade | None


def fit_to(
    config: Config,
    out: Path,
    reporter: Reporter,
    *,
    now: datetime,
    tensorboard: Path | None = None,
    checkpoint_seconds: float = SECONDS,
) -> Provenance:
    """Train a model and save it in a new folder ``out``; gives what ``model.json`` says.

    A private run reserves its budget before a record is touched, and a run that fails has spent it. A run that was
    killed goes on from its last checkpoint when it is called again (:mod:`domains.pipeline.unfinished`). Training
    curves go to the folder ``tensorboard``, if there is one; they are internal.
    """
    if tensorboard is not None:
        check_tensorboard(tensorboard)
    declaration = declare(config)
    mechanisms = plan(config, declaration)
    with (
        fresh_folder(out) as folder,
        workspace(out) as work,
        unfinished(out, "fit", config, seconds=checkpoint_seconds) as state,
        charged(config, mechanisms, run=_run(state, config, "fit", now), state=state) as charge,
    ):
        scratch = Scratch(work, config.memory)
        records = read_records(config, declaration, charge.key, scratch, reporter)
        with with_tensorboard(reporter, tensorboard) as watched:
            fitted = fit_model(config, declaration, _train(records), charge, scratch, watched, state)
        fitted.model.save(folder)
    return fitted.model.provenance


def release_to(
    config: Config,
    out: Path,
    reporter: Reporter,
    *,
    now: datetime,
    tensorboard: bool = False,
    checkpoint_seconds: float = SECONDS,
) -> Released:
    """Fit, sample, evaluate, judge, and publish to ``out``; with ``tensorboard``, ``internal/`` has its logs.

    Raises ``GateRefused`` if a declared threshold is missed: nothing is published, the budget is spent, and
    ``out`` keeps the internal report of the refused release. It is signed if the configuration names a key.
    """
    check_target(out)
    key = None if config.signing_key is None else read_signing_key(config.signing_key)
    if tensorboard:
        check_tensorboard(out / TENSORBOARD)
    declaration = declare(config)
    mechanisms = plan(config, declaration)
    with (
        workspace(out) as work,
        unfinished(out, "release", config, seconds=checkpoint_seconds) as state,
    ):
        name = _run(state, config, "release", now)
        with charged(config, mechanisms, run=name, state=state) as charge:
            scratch = Scratch(_made(work / "scratch"), config.memory)
            records = read_records(config, declaration, charge.key, scratch, reporter)
            logs = work / TENSORBOARD if tensorboard else None
            with with_tensorboard(reporter, logs) as watched:
                fitted = fit_model(config, declaration, _train(records), charge, scratch, watched, state)
            model = fitted.model
            _made(work / "model")
            model.save(work / "model")
            frames = model.sample(model.provenance.units, seed=derive(config.seed, "sample"), reporter=reporter)
            rows = write_stream(model.schema, _made(work / "tables"), frames)
            synthetic = units_at(work / "tables", declaration, scratch, prepare=False)
            judgement = judge_release(config, declaration, records, synthetic, model, reporter)
            report = report_of(declaration, records, synthetic, judgement, fitted, charge, name=name, now=now)
            assemble(
                work / "bundle",
                tables=work / "tables",
                schema=model.schema,
                manifest=_manifest(config, model.schema, fitted, judgement, rows, charge.head, name=name, now=now),
                report=report,
                scores=scores_json(judgement.evaluation),
                training={name: summary.curves for name, summary in fitted.summaries.items()},
                model=work / "model",
                logs=logs,
                extract=charge.extract,
                key=key,
                reporter=reporter,
            )
            if not judgement.verdict.passes:
                kept = keep_refused(work / "bundle", out, name)
                reasons = "; ".join(judgement.verdict.reasons)
                raise GateRefused(f"not published: {reasons}; read {kept / 'internal' / 'report.html'}")
        # Now that the charge is settled: of two runs that took it up, one comes here.
        folder = publish(work / "bundle", out, name)
    return Released(name=name, folder=folder, rows=rows, promise=model.provenance.promise)


def _manifest(
    config: Config,
    schema: Schema,
    fitted: Fitted,
    judgement: Judgement,
    rows: dict[str, int],
    head: str | None,
    *,
    name: str,
    now: datetime,
) -> Manifest:
    made = fitted.model.provenance.promise
    promise = None
    if made is not None:
        promise = PublishedPromise(
            epsilon=made.epsilon,
            delta=made.delta,
            unit=made.unit,
            relation=made.relation,
            mechanisms=made.mechanisms,
            learned_cleaning=made.learned_cleaning,
        )
    return Manifest(
        release=name,
        title=schema.description or f"{schema.name}, synthetic",
        created=now.isoformat(timespec="seconds"),
        source=config.source.id,
        configuration=public_configuration(config.written),
        versions=versions(),
        promise=promise,
        passed=judgement.verdict.passes,
        loosened=judgement.loosened,
        ledger_head=head,
        rows=rows,
        engines={table.name: terms_of(table.engine) for table in fitted.model.tables},
    )


def _train(records: Mapping[str, Records]) -> dict[str, Units]:
    return {name: found.train for name, found in records.items()}


def _run(state: Unfinished | None, config: Config, what: str, now: datetime) -> str:
    """The name of the run that is taken up, or a new one."""
    return _name(config, what, now) if state is None or state.run is None else state.run


def _name(config: Config, what: str, now: datetime) -> str:
    """A name that no other run has, and that sorts by time."""
    return f"{config.source.id}-{what}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder

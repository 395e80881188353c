"""``simulacra clean``."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, Seed, progress, report
from domains.pipeline.cleaning import apply_cleaning, plan_cleaning
from domains.pipeline.labelling import label_corpus
from shared.errors import ConfigurationError


def clean(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A file, or a folder with one for each table.")],
    schema: Annotated[Path, typer.Option("--schema", help="What is declared about it.", show_default=False)],
    out: Out,
    apply: Annotated[
        Path | None,
        typer.Option("--apply", metavar="PLAN", help="Carry out this (edited) plan.", show_default=False),
    ] = None,
    label: Annotated[
        Path | None,
        typer.Option("--label", metavar="FILE", help="Label rows as this file says.", show_default=False),
    ] = None,
    domain: Annotated[str, typer.Option("--domain", help="Brings constraints and conversions of units.")] = "plain",
    now: Annotated[
        datetime | None,
        typer.Option("--now", help="Later dates are in the future (default: now).", show_default=False),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find errors and say what would mend them; with --apply, mend them.

    Without --apply nothing is changed: --out gets report.html to read and plan.yaml to edit. With --apply, --out gets
    the cleaned corpus and a log of every change. Both hold real records and are internal.
    """
    if label is not None:
        if apply is not None:
            raise ConfigurationError("--apply and --label do not go together; clean first, then label the result")
        with progress(as_json=as_json) as reporter:
            labelled = label_corpus(source, schema=schema, labels=label, out=out, seed=seed, reporter=reporter)
        result = {"out": str(out), "by": labelled.by, "abstained": labelled.abstained}
        said = ", ".join(f"{count:,} rows by {name}" for name, count in labelled.by.items())
        if labelled.report is not None:
            result["model"] = dataclasses.asdict(labelled.report)
            said += f"; cross-validated accuracy {labelled.report.accuracy:.3f}"
        report(result, f"{out}: {said or 'no row labelled'}; {labelled.abstained:,} without a label", as_json=as_json)
        return
    clock = datetime.now(UTC) if now is None else now
    with progress(as_json=as_json) as reporter:
        if apply is None:
            planned = plan_cleaning(
                source, schema=schema, domain=domain, out=out, now=clock, seed=seed, reporter=reporter
            )
        else:
            cleaned = apply_cleaning(source, schema=schema, plan=apply, out=out, now=clock, reporter=reporter)
    if apply is None:
        steps = [
            {
                "rule": step.rule,
                "table": step.table,
                "column": step.column,
                "count": step.count,
                "confidence": step.confidence,
                "basis": step.basis,
                "enabled": step.enabled,
            }
            for step in planned.steps
        ]
        enabled = sum(step.enabled for step in planned.steps)
        report(
            {"out": str(out), "rows": planned.rows, "steps": steps},
            f"{out}: {len(steps)} proposals, {enabled} of them enabled; nothing was changed. "
            f"Read {out / 'report.html'}, edit {out / 'plan.yaml'}, then run with --apply {out}",
            as_json=as_json,
        )
        return
    report(
        {"out": str(out), "rows": cleaned.rows, "changes": cleaned.changes, "learned": cleaned.learned},
        f"{out}: {sum(cleaned.changes.values()):,} changes, "
        + ", ".join(f"{count:,} rows of {table}" for table, count in cleaned.rows.items())
        + ("; learned rules were used: no privacy promise covers them" if cleaned.learned else ""),
        as_json=as_json,
    )

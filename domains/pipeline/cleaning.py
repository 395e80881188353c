"""Cleaning in two steps: a plan that says what would change, and the corpus that an (edited) plan gives.

::

    PLAN/plan.yaml, report.html          what would change; nothing has
    OUT/<tables>, schema.yaml            the cleaned corpus
    OUT/cleaning-log/                    changes.csv, plan.yaml as it was carried out, marker.json, report.html

Everything here is made from real records: folders are their owner's alone.
"""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from domains.base.cleaning import KnowsSubstances, constraint_finders
from domains.base.registry import domain_named
from domains.pipeline.cleaning_marker import LOG, Cleaning, Marker, learned_rules, write_marker
from domains.pipeline.cleaning_plan import PLAN, PlanFile, read_plan, write_plan
from domains.pipeline.cleaning_report import REPORT, CleaningReport, render_cleaning
from shared.cleaning.conversions import PhysicalUnits
from shared.cleaning.finding import Rules, find, rules
from shared.cleaning.plan import Change, Step, carry_out, learned
from shared.corpus.folders import fresh_folder
from shared.corpus.lenient import TextCorpus, fingerprint, read_texts
from shared.corpus.schema import Schema
from shared.corpus.schema_file import read_schema
from shared.corpus.writing import write_corpus
from shared.errors import DataError
from shared.training.reporter import Reporter

CHANGES = "changes.csv"
_OWNER_ONLY = 0o700


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan that was written."""

    folder: Path
    rows: dict[str, int]
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A cleaned corpus that was written: rows of each table, number of changes of each rule, and what they stand on."""

    folder: Path
    rows: dict[str, int]
    changes: dict[str, int]
    learned: bool


def plan_cleaning(
    source: Path, *, schema: Path, domain: str, out: Path, now: datetime, seed: int, reporter: Reporter
) -> Planned:
    """Look for errors and write what would mend them into a new folder ``out``; the source stays as it is."""
    declared = read_schema(schema)
    with fresh_folder(out) as folder:
        folder.chmod(_OWNER_ONLY)
        corpus = _read(declared, source, reporter)
        steps = find(corpus, rules_for(domain, declared, now=now, seed=seed), reporter)
        rows = _rows(corpus)
        write_plan(folder / PLAN, steps, source=fingerprint(corpus), rows=rows)
        report = CleaningReport(title=f"Cleaning plan for {declared.name}", created=now, rows=rows, steps=steps)
        (folder / REPORT).write_text(render_cleaning(report), encoding="utf-8")
    return Planned(folder=out, rows=rows, steps=steps)


def apply_cleaning(source: Path, *, schema: Path, plan: Path, out: Path, now: datetime, reporter: Reporter) -> Cleaned:
    """Carry out the steps of a plan that are enabled, and write the cleaned corpus into a new folder ``out``.

    Raises ``DataError`` if the plan was made from other records.
    """
    declared = read_schema(schema)
    chosen = read_plan(plan, declared)
    with fresh_folder(out) as folder:
        folder.chmod(_OWNER_ONLY)
        corpus = _read(declared, source, reporter)
        if fingerprint(corpus) != chosen.source:
            raise DataError(
                f"{plan}: this plan was made from other records, or with another schema, than {source}; "
                "make a plan of these records first: simulacra clean SOURCE --schema SCHEMA --out PLAN"
            )
        cleaned, changes = _carried_out(corpus, chosen.steps, reporter)
        earlier = learned_rules(source, declared)
        by_learned = learned(chosen.steps) or bool(earlier)
        marked = dataclasses.replace(declared, cleaning=_mark(declared, changes, by_learned=by_learned))
        write_corpus(dataclasses.replace(cleaned, schema=marked).corpus(), folder)
        _write_log(folder / LOG, chosen, changes, marked, earlier)
        report = CleaningReport(
            title=f"Cleaning of {declared.name}", created=now, rows=_rows(corpus), steps=chosen.steps,
            changed=len(changes), left=_rows(cleaned),
        )  # fmt: skip
        (folder / LOG / REPORT).write_text(render_cleaning(report), encoding="utf-8")
    counts = Counter(change.rule for change in changes)
    return Cleaned(folder=out, rows=_rows(cleaned), changes=dict(counts), learned=by_learned)


def rules_for(domain: str, schema: Schema, *, now: datetime, seed: int) -> Rules:
    """The rules of the suite and of a domain."""
    named = domain_named(domain)
    menders, watchers = constraint_finders(named.constraints(schema))
    substances = named.substances() if isinstance(named, KnowsSubstances) else ()
    return rules(
        now=pd.Timestamp(now.replace(tzinfo=None)),
        units=PhysicalUnits(substances),
        seed=seed,
        menders=menders,
        watchers=watchers,
    )


def _read(schema: Schema, source: Path, reporter: Reporter) -> TextCorpus:
    with reporter.stage("reading", 0):
        return read_texts(schema, source)


def _carried_out(corpus: TextCorpus, steps: Sequence[Step], reporter: Reporter) -> tuple[TextCorpus, list[Change]]:
    changes: list[Change] = []
    with reporter.stage("cleaning", len(steps)) as stage:
        for step in steps:
            if step.enabled:
                corpus, made = carry_out(corpus, step)
                changes += made
            stage.advance()
    for name, frame in corpus.tables.items():
        if not len(frame):
            raise DataError(f"table {name!r} would have no rows left; turn steps that drop rows off in the plan")
    return corpus, changes


def _mark(schema: Schema, changes: Sequence[Change], *, by_learned: bool) -> Cleaning:
    if by_learned:
        return "learned"
    return "declared" if changes else schema.cleaning


def _write_log(folder: Path, plan: PlanFile, changes: Sequence[Change], schema: Schema, earlier: Sequence[str]) -> None:
    folder.mkdir(mode=_OWNER_ONLY)
    with (folder / CHANGES).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in dataclasses.fields(Change)])
        writer.writerows(dataclasses.astuple(change) for change in changes)
    write_plan(folder / PLAN, plan.steps, source=plan.source, rows=plan.rows)
    rules_used = {
        basis: sorted({step.rule for step in plan.steps if step.enabled and step.basis == basis})
        for basis in ("declared", "learned")
    }
    rules_used["learned"] = sorted({*rules_used["learned"], *earlier})  # what learned rules changed stays changed
    write_marker(folder, Marker(cleaning=schema.cleaning, rules=rules_used))


def _rows(corpus: TextCorpus) -> dict[str, int]:
    return {name: len(frame) for name, frame in corpus.tables.items()}

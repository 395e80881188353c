"""A labelled corpus: columns ``label``, ``label_confidence`` and ``label_by``, by rules and by a model.

::

    OUT/<tables>, schema.yaml
    OUT/cleaning-log/labels.json, marker.json     how many were labelled and by what, cross-validated accuracy
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from domains.pipeline.cleaning_marker import LOG, Marker, learned_rules, write_marker
from domains.pipeline.yaml_file import checked, load_mapping
from shared.corpus.corpus import Corpus
from shared.corpus.folders import fresh_folder
from shared.corpus.reading import read_corpus
from shared.corpus.schema import UNCODED, Column, Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError
from shared.labelling.model import LabelReport, label_by_model
from shared.labelling.rules import Condition, LabelRule, label_by_rules
from shared.randomness import derive
from shared.training.reporter import Reporter

_OWNER_ONLY = 0o700


class ConditionFile(BaseModel):
    """One of ``when``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    contains: tuple[str, ...] | None = None
    missing: bool | None = None


class RuleFile(BaseModel):
    """One of ``rules``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    when: Annotated[tuple[ConditionFile, ...], Field(min_length=1)]
    label: str
    confidence: Annotated[float, Field(gt=0, le=1)] = 1.0


class ModelFile(BaseModel):
    """``model``: trained on rows that have a label; ``threshold`` is the confidence from which it labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...] | None = None
    text: tuple[str, ...] = ()
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.8


class LabelFile(BaseModel):
    """A label file. ``given`` names a column that has labels in some rows; these are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str | None = None
    given: str | None = None
    rules: tuple[RuleFile, ...] = ()
    model: ModelFile | None = None


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """How many rows were labelled, by what, and what cross-validation says of the model."""

    by: dict[str, int]
    abstained: int
    report: LabelReport | None


def label_corpus(source: Path, *, schema: Path, labels: Path, out: Path, seed: int, reporter: Reporter) -> Labelled:
    """Write the corpus with its labels into a new folder ``out``; what is not sure stays without a label."""
    declared, told = read_schema(schema), checked(LabelFile, load_mapping(labels), labels)
    table = declared.table(told.table) if told.table is not None else declared.tables[0]
    _check(told, table, labels)
    with fresh_folder(out) as folder:
        folder.chmod(_OWNER_ONLY)
        corpus = read_corpus(declared, source)
        frame = corpus.tables[table.name]
        with reporter.stage("labelling", 0):
            made, report = _labelled(frame, table, told, seed)
        by_learned = [*learned_rules(source, declared), *(["labels by a model"] if told.model else [])]
        marked = _with_labels(declared, table, made, told, learned=bool(by_learned))
        tables = {**corpus.tables, table.name: pd.concat([frame, made], axis=1)}
        write_corpus(Corpus(marked, tables), folder)
        counts = Counter(made["label_by"].dropna())
        result = Labelled(by=dict(counts), abstained=int(made["label"].isna().sum()), report=report)
        (folder / LOG).mkdir(mode=_OWNER_ONLY)
        text = json.dumps(dataclasses.asdict(result), indent=2, allow_nan=False) + "\n"
        (folder / LOG / "labels.json").write_text(text, encoding="utf-8")
        used = {"declared": ["labels by rules"], "learned": by_learned}
        write_marker(folder / LOG, Marker(cleaning=marked.cleaning, rules=used))
    return result


def _labelled(frame: pd.DataFrame, table: Table, told: LabelFile, seed: int) -> tuple[pd.DataFrame, LabelReport | None]:
    rules = [
        LabelRule(
            name=rule.name,
            when=tuple(Condition(**condition.model_dump()) for condition in rule.when),
            label=rule.label,
            confidence=rule.confidence,
        )
        for rule in told.rules
    ]
    made = label_by_rules(frame, rules)
    if told.given is not None:
        given = frame[told.given].notna().to_numpy()
        made.loc[given, "label"] = frame.loc[given, told.given].astype("str").astype(object)
        made.loc[given, "confidence"], made.loc[given, "by"] = 1.0, "given"
    report = None
    if told.model is not None:
        units = frame[table.unit].tolist() if table.unit is not None else list(range(len(frame)))
        columns = _features(table, told)
        found = label_by_model(
            frame, made["label"], units, columns, told.model.text, threshold=told.model.threshold,
            seed=derive(seed, "labels"),
        )  # fmt: skip
        report = found.report
        sure = made["label"].isna().to_numpy() & (found.confidence >= told.model.threshold)
        made.loc[sure, "label"], made.loc[sure, "by"] = found.labels[sure], "model"
        made.loc[sure, "confidence"] = np.round(found.confidence[sure], 4)
    named = made.rename(columns={"confidence": "label_confidence", "by": "label_by"})
    return named.astype({"label": "str", "label_confidence": "float64", "label_by": "str"}), report


def _features(table: Table, told: LabelFile) -> list[Column]:
    assert told.model is not None
    keys = {table.unit, table.primary_key, told.given, *(key.column for key in table.foreign_keys)}
    # A model that sees what the rules look at learns the rules.
    chosen = told.model.features
    if chosen is None:
        ruled = {condition.column for rule in told.rules for condition in rule.when}
        chosen = tuple(c.name for c in table.columns if c.kind not in UNCODED and c.name not in keys | ruled)
    names = dict.fromkeys((*chosen, *told.model.text))
    return [table.column(name) for name in names]


def _check(told: LabelFile, table: Table, path: Path) -> None:
    if not told.rules and told.model is None:
        raise ConfigurationError(f"{path}: give 'rules', a 'model', or both")
    model = told.model or ModelFile()
    used = [condition.column for rule in told.rules for condition in rule.when]
    used += [*(model.features or ()), *model.text, *([told.given] if told.given else [])]
    for name in used:
        if name not in table.names:
            raise ConfigurationError(f"{path}: column {name!r} is not one of {', '.join(table.names)}")
    for name in ("label", "label_confidence", "label_by"):
        if name in table.names:
            raise ConfigurationError(f"{path}: table {table.name!r} has a column {name!r} already; rename it")


def _with_labels(schema: Schema, table: Table, made: pd.DataFrame, told: LabelFile, *, learned: bool) -> Schema:
    """The schema with the new columns; which rules apply to some record is no knowledge that may stand in it."""
    labels = {rule.label for rule in told.rules}
    found = set() if told.given is None else set(made["label"].dropna().unique())
    ways = [rule.name for rule in told.rules]
    ways += [word for word, used in (("given", told.given), ("model", told.model)) if used is not None]
    added = (
        Column(
            name="label",
            kind="categorical",
            categories=tuple(sorted(labels | found)) or None,
            learned=("categories",) if told.given is not None else (),
        ),
        Column(name="label_confidence", kind="real", low=0, high=1),
        Column(name="label_by", kind="categorical", categories=tuple(dict.fromkeys(ways))),
    )
    grown = dataclasses.replace(table, columns=(*table.columns, *added))
    tables = tuple(grown if other.name == table.name else other for other in schema.tables)
    return dataclasses.replace(schema, tables=tables, cleaning="learned" if learned else schema.cleaning)

"""The bundle of a release: ``public/``, which is published, beside ``internal/``, which must not leave.

::

    BUNDLE/public/     the tables in the layout of the input and as Parquet, schema.yaml, README.md (the card),
                       croissant.json, privacy.md and privacy.json (the statement), ledger.json (what the release
                       shows of the ledger, with a promise), manifest.json, manifest.json.sig (if it is signed)
    BUNDLE/internal/   report.html, scores.json, training.json, model/ (every number computed on real records),
                       tensorboard/ if it was asked for, manifest.json (a copy: what is kept of a refused release
                       tells how it was made)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from domains.pipeline.card import CARD, render_card
from domains.pipeline.croissant import CROISSANT, croissant
from domains.pipeline.manifest import MANIFEST, SIGNATURE, Manifest, inventory
from domains.pipeline.parquet import parquet_files
from domains.pipeline.signing import SigningKey
from domains.pipeline.statement import FACTS, STATEMENT, facts_json, privacy_facts, statement
from privacy.budget.extract import LEDGER, Extract
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.errors import OutputError
from shared.training.curves import Curve
from shared.training.reporter import Reporter

REPORT = "report.html"
SCORES = "scores.json"
TRAINING = "training.json"
TENSORBOARD = "tensorboard"
_NAMES = (CARD, CROISSANT, STATEMENT, FACTS, LEDGER, MANIFEST, SIGNATURE)
_OWNER_ONLY = 0o700


def assemble(
    folder: Path,
    *,
    tables: Path,
    schema: Schema,
    manifest: Manifest,
    report: str,
    scores: Mapping[str, Any],
    training: Mapping[str, Mapping[str, Curve]] | None = None,
    model: Path | None = None,
    logs: Path | None = None,
    extract: Extract | None = None,
    key: SigningKey | None = None,
    reporter: Reporter,
) -> Manifest:
    """Make a bundle in ``folder``, which must not exist; returns its manifest with every public file in it.

    ``tables`` is the folder that the corpus was written to, with its ``schema.yaml``; it, ``model`` and
    ``logs`` (TensorBoard's) are moved into the bundle. ``report`` is the text of the report, ``scores`` what
    :func:`evaluation.report.scores_json` gives, ``training`` the curves by table and name,
    ``extract`` what it shows of the ledger, ``key`` what it is signed with. The bundle appears under its
    name when it is complete; if it cannot be, nothing of it is left, and ``tables`` may have to be written again.
    Raises :class:`OutputError`.
    """
    for given in (tables, *((model,) if model is not None else ())):
        if not given.is_dir():
            raise OutputError(f"{given} is no folder; write the tables and the model before the bundle")
    with fresh_folder(folder) as building:
        _internal(building / "internal", report=report, scores=scores, training=training or {}, model=model, logs=logs)
        complete = _public(
            building / "public", reporter, tables=tables, schema=schema, manifest=manifest, extract=extract, key=key
        )
        (building / "internal" / MANIFEST).write_text(complete.to_json(), encoding="utf-8")
        return complete


def _internal(
    folder: Path,
    *,
    report: str,
    scores: Mapping[str, Any],
    training: Mapping[str, Mapping[str, Curve]],
    model: Path | None,
    logs: Path | None,
) -> None:
    folder.mkdir(mode=_OWNER_ONLY)
    folder.chmod(_OWNER_ONLY)
    (folder / REPORT).write_text(report, encoding="utf-8")
    (folder / SCORES).write_text(json.dumps(scores, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    (folder / TRAINING).write_text(json.dumps(training) + "\n", encoding="utf-8")
    if model is not None:
        shutil.move(model, folder / "model")
    if logs is not None:
        shutil.move(logs, folder / TENSORBOARD)


def _public(
    folder: Path,
    reporter: Reporter,
    *,
    tables: Path,
    schema: Schema,
    manifest: Manifest,
    extract: Extract | None,
    key: SigningKey | None,
) -> Manifest:
    shutil.move(tables, folder)
    taken = [name for name in _NAMES if (folder / name).exists()]
    if taken:
        raise OutputError(f"the tables bring a file {taken[0]}, a name that the bundle needs; rename the table")
    parquet = parquet_files(schema, folder, reporter)
    card = render_card(schema, manifest, [entry.path for entry in inventory(folder)], parquet)
    (folder / CARD).write_text(card, encoding="utf-8")
    facts = privacy_facts(manifest, extract)
    (folder / FACTS).write_text(facts_json(facts), encoding="utf-8")
    (folder / STATEMENT).write_text(statement(facts), encoding="utf-8")
    if extract is not None:
        (folder / LEDGER).write_text(extract.to_json(), encoding="utf-8")
    (folder / CROISSANT).write_text(croissant(schema, manifest, inventory(folder), parquet), encoding="utf-8")
    signer = None if key is None else key.public.fingerprint
    complete = replace(manifest, files=inventory(folder), signed_by=signer)
    text = complete.to_json().encode("utf-8")
    (folder / MANIFEST).write_bytes(text)
    if key is not None:
        (folder / SIGNATURE).write_text(key.signature(text), encoding="ascii")
    return complete

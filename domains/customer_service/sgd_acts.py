"""Dialogues of the Schema-Guided Dialogue data set as turns of acts.

Rastogi et al., "Towards Scalable Multi-Domain Conversational Agents: The Schema-Guided Dialogue Dataset", AAAI 2020
(arXiv:1909.05855). A turn is a row: who speaks, in which service, with which intent, and the set of acts, each an
act with the slot that it is about. What is said, and the values of slots, are left out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.errors import DataError

MOST_ACTS = 7  # of a turn; no dialogue of the data set has more
ACTS = tuple(f"act_{place}" for place in range(1, MOST_ACTS + 1))


def sgd_acts(folder: Path) -> Corpus:
    """All dialogues under a folder of parts (``train``, ``dev``, ``test``) of ``dialogues_*.json[.gz]``.

    One table ``turns``, by dialogue. The acts of a turn are a set, so they stand in the order of the alphabet, in as
    many columns as a turn has acts at most; ``INFORM(city)`` is an act and its slot. Raises ``DataError`` for files
    that are not of that layout.
    """
    files = sorted([*folder.glob("*/dialogues_*.json"), *folder.glob("*/dialogues_*.json.gz")])
    if not files:
        raise DataError(f"{folder} has no dialogues_*.json in parts such as train; give the folder of the data set")
    rows = [row for file in files for row in _rows(file)]
    table = _table()
    frame = pd.DataFrame(rows, columns=list(table.names))
    typed = {column.name: frame[column.name].astype(DTYPES[column.kind]) for column in table.columns}
    return Corpus(Schema(tables=(table,), name="sgd"), {table.name: pd.DataFrame(typed)})


def _rows(file: Path) -> Iterator[list[Any]]:
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as stream:
            dialogues = json.load(stream)
        for dialogue in dialogues:
            name = f"{file.parent.name}/{dialogue['dialogue_id']}"  # parts number their dialogues alike
            for place, turn in enumerate(dialogue["turns"]):
                yield [name, str(place), turn["speaker"], *_service(turn), *_acts(turn, name)]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{file} holds no dialogues of turns and frames ({error!r}); give the data set's files"
        ) from error


def _service(turn: Any) -> tuple[str | None, str | None]:
    """Service of the turn's frame, and the intent that is active in it, which systems' turns do not state."""
    frame = turn["frames"][0]
    return frame["service"], frame["state"]["active_intent"] if "state" in frame else None


def _acts(turn: Any, name: str) -> list[str | None]:
    acts = {_spelled(action["act"], action["slot"]) for frame in turn["frames"] for action in frame["actions"]}
    if len(acts) > MOST_ACTS:
        raise DataError(f"dialogue {name!r} has a turn of {len(acts)} acts; at most {MOST_ACTS} are read")
    return [*sorted(acts), *[None] * (MOST_ACTS - len(acts))]


def _spelled(act: str, slot: str) -> str:
    return f"{act}({slot})" if slot else act


def _table() -> Table:
    acts = tuple(
        Column(name=name, kind="categorical", nullable=place > 0, coding="sgd-acts") for place, name in enumerate(ACTS)
    )
    return Table(
        name="turns",
        unit="dialogue",
        order_by="turn",
        columns=(
            Column(name="dialogue", kind="identifier", nullable=False),
            Column(name="turn", kind="identifier", nullable=False),
            Column(name="speaker", kind="categorical", nullable=False, categories=("USER", "SYSTEM")),
            Column(name="service", kind="categorical", nullable=False),
            Column(name="intent", kind="categorical"),
            *acts,
        ),
    )

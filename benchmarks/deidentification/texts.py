"""Real texts of the three domains."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from pathlib import Path

import numpy as np

_PERSONAL = re.compile(
    r"city|location|area|origin|destination|^from|^to$|address|phone|artist|direct|actor|starring|cast|"
    r"receiver|recipient|contact_name|doctor_name|dentist_name|stylist_name|therapist_name|visit_place"
)
DATA = Path(os.environ.get("REAL_DATA", "../shared/data"))


def texts(domain: str, count: int, seed: int) -> list[str]:
    """Texts of ``mts_dialog``, ``sgd`` or ``tweets``, drawn without replacement."""
    found = {"mts_dialog": _clinic, "sgd": _dialogues, "tweets": _tweets}[domain]()
    if not found:
        raise SystemExit(f"no texts of {domain} under {DATA}; set REAL_DATA to the folder of the public data")
    taken = np.random.default_rng(seed).choice(len(found), min(count, len(found)), replace=False)
    return [found[place] for place in taken]


def annotated() -> frozenset[str]:
    """What SGD's own annotators marked as people, places, addresses and telephone numbers: values of slots."""
    found: set[str] = set()
    for file in sorted((DATA / "dialogue/sgd/train").glob("dialogues_*.json.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            frames = [frame for d in json.load(stream) for turn in d["turns"] for frame in turn["frames"]]
        for action in (action for frame in frames for action in frame["actions"]):
            if _PERSONAL.search(action["slot"]):
                found.update(action["values"])
    return frozenset(found)


def _clinic() -> list[str]:
    rows = []
    for file in sorted((DATA / "medical/mts_dialog").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            rows += [row[column] for row in csv.DictReader(stream) for column in ("section_text", "dialogue")]
    return sorted(set(rows))


def _dialogues() -> list[str]:
    found = []
    for file in sorted((DATA / "dialogue/sgd/train").glob("dialogues_*.json.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            found += [" ".join(turn["utterance"] for turn in dialogue["turns"]) for dialogue in json.load(stream)]
    return found


def _tweets() -> list[str]:
    with gzip.open(DATA / "finance/stocknet/tweets_9stocks.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        return sorted({row["text"] for row in csv.DictReader(stream)})

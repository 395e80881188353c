"""Dialogues read as turns of acts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from domains.customer_service.sgd_acts import MOST_ACTS, sgd_acts
from shared.corpus.corpus import DTYPES
from shared.errors import DataError


def turn(speaker: str, acts: list[tuple[str, str]], intent: str | None) -> dict[str, Any]:
    actions = [{"act": act, "slot": slot, "values": ["x"]} for act, slot in acts]
    frame: dict[str, Any] = {"service": "Hotels_1", "actions": actions}
    if intent is not None:
        frame["state"] = {"active_intent": intent}
    return {"speaker": speaker, "frames": [frame], "utterance": "never read"}


def written(folder: Path, acts: list[tuple[str, str]]) -> None:
    turns = [turn("USER", acts, "Book"), turn("SYSTEM", [("REQUEST", "city")], None)]
    dialogues = [{"dialogue_id": "1_0", "turns": turns}]
    for part in ("train", "test"):
        (folder / part).mkdir()
    (folder / "train" / "dialogues_001.json").write_text(json.dumps(dialogues))
    with gzip.open(folder / "test" / "dialogues_001.json.gz", "wt") as stream:
        json.dump(dialogues, stream)


def test_a_turn_is_a_row_of_its_speaker_service_intent_and_sorted_acts(tmp_path: Path) -> None:
    written(tmp_path, [("THANK_YOU", ""), ("INFORM", "city"), ("INFORM", "city")])
    corpus = sgd_acts(tmp_path)
    frame = corpus.tables["turns"]
    assert frame["dialogue"].tolist() == ["test/1_0", "test/1_0", "train/1_0", "train/1_0"]
    assert frame["act_1"].tolist() == ["INFORM(city)", "REQUEST(city)"] * 2
    assert frame["act_2"].iloc[0] == "THANK_YOU"
    assert frame[["act_3", "intent"]].isna().to_numpy().tolist() == [[True, False], [True, True]] * 2
    assert set(frame["service"]) == {"Hotels_1"}
    assert all(frame[column.name].dtype == DTYPES[column.kind] for column in corpus.schema.tables[0].columns)


def test_what_is_no_dialogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no dialogues_"):
        sgd_acts(tmp_path)
    written(tmp_path, [("INFORM", f"slot{place}") for place in range(MOST_ACTS + 1)])
    with pytest.raises(DataError, match="a turn of 8 acts; at most 7"):
        sgd_acts(tmp_path)
    (tmp_path / "test" / "dialogues_001.json.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="holds no dialogues"):
        sgd_acts(tmp_path)

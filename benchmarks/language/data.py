"""Turns of the Schema-Guided Dialogue data (Rastogi et al. 2020, arXiv:1909.05855) as acts and what was said."""

from __future__ import annotations

import gzip
import json
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.engines.language.slots import delexicalised, placeholder
from shared.engines.language.writing import Request

_NOT_SAID = {"true", "false", "dontcare"}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Act:
    """One act of a turn: ``values`` pairs each value as it was said with its canonical form."""

    act: str
    slot: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Turn:
    speaker: str
    service: str
    acts: tuple[Act, ...]
    text: str
    dialogue: str

    @property
    def slots(self) -> dict[str, str]:
        """Values that a text must say, by letters: names of slots that no training file has would be misspelt."""
        values: list[str] = []
        for act in self.acts:
            for value, _ in act.values if act.slot and act.slot != "intent" else ():
                if value.lower() not in _NOT_SAID and value not in values:
                    values.append(value)
        return dict(zip(string.ascii_lowercase, values, strict=False))

    def prompt(self, marked: Sequence[str]) -> str:
        """The acts as one line; values of the slots in ``marked`` as placeholders."""
        names = {value: name for name, value in self.slots.items()}
        parts = []
        for act in self.acts:
            words = act.act.lower().replace("_", " ")
            values = [_value(act, value, names.get(value), marked) for value, _ in act.values]
            parts.append(f"{words} {', '.join(values) or act.slot}".strip())
        service = re.sub(r"_\d+$", "", self.service).lower()
        return f"{self.speaker.lower()}, {service}: {'; '.join(parts)}\n"

    def kept(self, text: str) -> bool:
        """Whether a text says every value: as given, in its canonical form, or a small number in letters."""
        canonical = {value: other for act in self.acts for value, other in act.values}
        return all(_says(text, {value, canonical.get(value, value)}) for value in self.slots.values())


def _value(act: Act, value: str, name: str | None, marked: Sequence[str]) -> str:
    if act.slot == "intent" or not act.slot:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value).lower()
    return f"{act.slot} {placeholder(name)}" if name is not None and name in marked else f"{act.slot} = {value}"


def _says(text: str, forms: set[str]) -> bool:
    for form in forms:
        others = [form, _NUMBERS[int(form)]] if form.isdigit() and int(form) < len(_NUMBERS) else [form]
        if any(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", text, re.IGNORECASE) for other in others):
            return True
    return False


@dataclass(frozen=True)
class Example:
    """A turn as the engine learns it."""

    prompt: str
    text: str


def example(turn: Turn, *, lexical: bool) -> Example:
    """Placeholders for the values that were said word by word; lexical, none."""
    if lexical:
        return Example(turn.prompt(()), turn.text)
    text, found = delexicalised(turn.text, turn.slots)
    return Example(turn.prompt(found), text)


def request(turn: Turn, *, lexical: bool) -> Request:
    """What is asked for: all values are to be said."""
    if lexical:
        return Request(prompt=turn.prompt(()), required=tuple(turn.slots.values()))
    return Request(prompt=turn.prompt(tuple(turn.slots)), slots=turn.slots)


def turns(folder: Path) -> list[Turn]:
    """All turns of a part of the data, in order."""
    return [turn for path in sorted(folder.glob("dialogues_*.json.gz")) for turn in _read(path)]


def _read(path: Path) -> Iterator[Turn]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for dialogue in json.load(file):
            for turn in dialogue["turns"]:
                for frame in turn["frames"][:1]:
                    acts = tuple(
                        Act(a["act"], a["slot"], tuple(zip(a["values"], a["canonical_values"], strict=True)))
                        for a in frame["actions"]
                    )
                    yield Turn(turn["speaker"], frame["service"], acts, turn["utterance"], dialogue["dialogue_id"])

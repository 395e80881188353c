"""One contender: trained, sampled, measured; kept on disk so that a run that was cut short goes on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.language.data import Turn, example, request
from evaluation.text.diversity import distinct, self_bleu
from shared.access.plain import PlainAccess
from shared.engines.language.engine import LanguageEngine
from shared.engines.language.generation import Decoding
from shared.engines.language.writing import Written, write
from shared.training.reporter import Reporter

TRIES = 10


@dataclass(frozen=True)
class Measures:
    """A line of the table; ``nan`` where a figure does not apply."""

    title: str
    fit: float = math.nan
    steps: int = 0
    word_perplexity: float = math.nan
    bits_per_byte: float = math.nan
    greedy_raw: float = math.nan
    greedy_after: float = math.nan
    sampled_raw: float = math.nan
    sampled_after: float = math.nan
    self_bleu: float = math.nan
    distinct_1: float = math.nan
    distinct_2: float = math.nan
    sampling: float = math.nan
    texts: list[str] = field(default_factory=list)


def measured(
    title: str,
    engine: LanguageEngine,
    turns: Sequence[Turn],
    *,
    lexical: bool,
    seed: int,
    reporter: Reporter,
    temperature: float,
) -> Measures:
    """Every figure of a trained engine on held-out turns that have something to say."""
    start = time.process_time()
    examples = [example(turn, lexical=lexical) for turn in turns]
    density = engine.log_density(engine.encoded([e.prompt for e in examples], [e.text for e in examples]))
    words = sum(len(e.text.split()) + 1 for e in examples)
    size = sum(len(e.text.encode()) + 1 for e in examples)
    retries = Decoding(temperature=temperature, top_p=0.95, most_new=160)
    requests = [request(turn, lexical=lexical) for turn in turns]

    def writing(first: Decoding) -> Written:
        return write(engine, requests, seed=seed, decoding=first, retries=retries, tries=TRIES, reporter=reporter)

    greedy, sampled = writing(Decoding(temperature=0, most_new=160)), writing(retries)
    return Measures(
        title=title,
        word_perplexity=float(math.exp(-density.sum() / words)),
        bits_per_byte=float(-density.sum() / math.log(2) / size),
        greedy_raw=_kept(turns, greedy.first),
        greedy_after=_kept(turns, greedy.texts),
        sampled_raw=_kept(turns, sampled.first),
        sampled_after=_kept(turns, sampled.texts),
        **_diversity(sampled.texts),
        sampling=time.process_time() - start,
        texts=list(sampled.texts[:20]),
    )


def real_line(turns: Sequence[Turn]) -> Measures:
    """What people said of the same acts."""
    texts = [turn.text for turn in turns]
    kept = _kept(turns, texts)
    return Measures(title="real text", sampled_raw=kept, **_diversity(texts), texts=texts[:20])


def _kept(turns: Sequence[Turn], texts: Sequence[str]) -> float:
    return float(np.mean([turn.kept(text) for turn, text in zip(turns, texts, strict=True)]))


def _diversity(texts: Sequence[str]) -> dict[str, Any]:
    return {"self_bleu": self_bleu(texts), "distinct_1": distinct(texts, 1), "distinct_2": distinct(texts, 2)}


class Units(PlainAccess):
    """The plain access of examples that are no table: steps alone, no statistics."""

    def __init__(self, units: int) -> None:
        self._units = units


def kept_or_made(path: Path, key: str, make: Callable[[], Measures]) -> Measures:
    """What an earlier run of the same settings measured, or what is measured now."""
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("key") == key:
            return Measures(**content)
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, **asdict(made)}, indent=1), encoding="utf-8")
    return made

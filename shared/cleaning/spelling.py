"""Spellings of categories: case, blanks, accents, abbreviations and typing errors.

Where categories are declared, a spelling is compared with them alone, so what becomes of a cell follows from that cell.
Where none are declared, rare spellings are drawn to frequent ones that resemble them: that is learned from records.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from shared.cleaning.actions import Replace
from shared.cleaning.plan import Step, proposal
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Column, Table

SURE = 0.75  # a change that is less sure than this is proposed, but off
_RARE_SHARE, _RARE_COUNT = 0.02, 3  # a spelling is rare beside another one of which there are so many more
_MOST_WORDS = 5_000  # a column with more spellings is text, not categories
_BETWEEN = re.compile(r"[\s_\-./,;:'\"]+")
_BLOCK = 1_000


def normal_form(word: str) -> str:
    """A spelling without case, accents, blanks and punctuation; what differs in nothing else is taken for the same."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return _BETWEEN.sub(" ", plain.casefold()).strip()


def category_spellings(corpus: TextCorpus, table: Table) -> list[Step]:
    """Spellings that are no declared category, but resemble one and only one."""
    steps = []
    for column in table.columns:
        if column.kind != "categorical" or column.categories is None:
            continue
        bad = corpus.parsed(table.name, column.name)[1]
        words = sorted(corpus.tables[table.name][column.name][bad].unique().tolist())
        same, near = _to_declared(words, column)
        steps += _steps(corpus, table, column, same, "case, blanks, accents or punctuation", 1.0)
        for (reason, confidence), values in near.items():
            steps += _steps(corpus, table, column, values, reason, confidence)
    return steps


def learned_spellings(corpus: TextCorpus, table: Table) -> list[Step]:
    """Rare spellings beside frequent ones, in columns whose categories are not declared."""
    steps = []
    for column in table.columns:
        if column.kind != "categorical" or column.categories is not None:
            continue
        counts = corpus.tables[table.name][column.name].value_counts()
        if not 1 < len(counts) <= _MOST_WORDS:
            continue
        same = _variants(counts)
        reason = "the most frequent of spellings that differ in case, blanks, accents or punctuation"
        steps += _steps(corpus, table, column, same, reason, 0.95, learned=True)
        if same:
            continue  # counts change: what resembles what is asked again in the next pass
        for word, (target, distance) in _typing_errors(counts).items():
            confidence = (1 - distance / len(word)) * (1 - counts[word] / counts[target])
            reason = f"{distance} letter(s) from {target!r}: {counts[word]} against {counts[target]} rows"
            steps += _steps(corpus, table, column, {word: target}, reason, confidence, learned=True)
    return steps


def surrounding_blanks(corpus: TextCorpus, table: Table) -> list[Step]:
    """Blanks around identifiers and around categories that are not declared."""
    steps = []
    for column in table.columns:
        if column.kind != "identifier" and (column.kind != "categorical" or column.categories is not None):
            continue
        words = corpus.tables[table.name][column.name].dropna().unique().tolist()
        trimmed = {word: " ".join(word.split()) or None for word in words if word != word.strip() or "  " in word}
        steps += _steps(corpus, table, column, trimmed, "blanks around or between words", 1.0)
    return steps


def _steps(
    corpus: TextCorpus,
    table: Table,
    column: Column,
    values: Mapping[str, str | None],
    reason: str,
    confidence: float,
    *,
    learned: bool = False,
) -> list[Step]:
    if not values:
        return []
    return proposal(
        corpus, table.name, column.name, Replace(values=values), rule="spelling", reason=reason,
        basis="learned" if learned else "declared", confidence=confidence, enabled=confidence >= SURE,
    )  # fmt: skip


def _to_declared(
    words: Sequence[str], column: Column
) -> tuple[dict[str, str | None], dict[tuple[str, float], dict[str, str | None]]]:
    """Words that have the normal form of a category, and words that are near one, by reason and confidence."""
    forms: dict[str, set[str]] = defaultdict(set)
    for spelling, category in (*((c, c) for c in column.categories or ()), *column.spellings):
        forms[normal_form(spelling)].add(category)
    known = {form: next(iter(found)) for form, found in forms.items() if len(found) == 1}
    same: dict[str, str | None] = {w: known[normal_form(w)] for w in words if normal_form(w) in known}
    rest = [word for word in words if normal_form(word) and word not in same]
    near: dict[tuple[str, float], dict[str, str | None]] = defaultdict(dict)
    codes = column.coding is not None or any(c.isdigit() for form in known for c in form)
    for word, form in _nearest([normal_form(word) for word in rest], list(known)):
        distance, confidence = OSA.distance(word, form), 1 - OSA.distance(word, form) / max(len(word), len(form))
        for written in rest:
            if normal_form(written) == word:
                near[f"typing error: {distance} letter(s)", round(confidence, 2)][written] = known[form]
    taken = {word for values in near.values() for word in values}
    for word in rest if not codes else ():
        starts = {known[form] for form in known if form.startswith(normal_form(word))}
        if len(starts) == 1 and word not in taken:
            near["abbreviation of one category alone", 0.8][word] = starts.pop()
    return same, near


def _nearest(words: Sequence[str], forms: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of a word and the one form that it is so near to that a typing error explains it."""
    pairs = []
    distinct = sorted(set(words))
    for start in range(0, len(distinct), _BLOCK):
        block = distinct[start : start + _BLOCK]
        distances = cdist(block, forms, scorer=OSA.distance, score_cutoff=3, dtype=np.uint8)
        for word, row in zip(block, distances, strict=True):
            order = np.argsort(row, kind="stable")[:2]
            best = forms[order[0]]
            alone = len(order) == 1 or row[order[1]] > row[order[0]]
            if alone and 0 < row[order[0]] <= _errors_in(word) and _digits(word) == _digits(best):
                pairs.append((word, best))
    return pairs


def _errors_in(word: str) -> int:
    """How many typing errors a word of its length may have and still be known."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def _digits(word: str) -> str:
    # 12 mg and 15 mg are two categories, however near they are.
    return "".join(c for c in word if c.isdigit())


def _variants(counts: pd.Series) -> dict[str, str | None]:
    groups: dict[str, list[str]] = defaultdict(list)
    for word in counts.index:
        groups[normal_form(word)].append(word)
    found: dict[str, str | None] = {}
    for form, words in groups.items():
        if form and len(words) > 1:
            best = sorted(words, key=lambda word: (-counts[word], word))[0]
            found |= {word: best for word in words if word != best}
    return found


def _typing_errors(counts: pd.Series) -> dict[str, tuple[str, int]]:
    """Rare words, the frequent word that each resembles alone, and the distance."""
    rows: dict[str, int] = counts.to_dict()
    frequent = [word for word in rows if rows[word] > _RARE_COUNT]
    found = {}
    for word, own in rows.items():
        limit = _errors_in(word)
        if not limit:
            continue
        targets = [t for t in frequent if own <= max(_RARE_COUNT, _RARE_SHARE * rows[t]) < rows[t] / 5]
        near = [
            (OSA.distance(word, target, score_cutoff=limit), target)
            for target in targets
            if target != word and _digits(word) == _digits(target)
        ]
        near = sorted((distance, target) for distance, target in near if distance <= limit)
        if near and (len(near) == 1 or near[1][0] > near[0][0]):
            found[word] = (near[0][1], near[0][0])
    # A word that is drawn to another one is no target itself.
    return {word: (target, distance) for word, (target, distance) in found.items() if target not in found}

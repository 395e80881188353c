"""Diversity of texts, against counts by hand, planted repetition and clean texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.text.diversity import distinct, diversity_scores, self_bleu
from evaluation.text.words import words
from shared.errors import DataError

VOCABULARY = [f"w{i}" for i in range(60)]


def drawn(count: int, seed: int, vocabulary: list[str] = VOCABULARY) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(vocabulary, size=random.integers(6, 12))) for _ in range(count)]


def naive_bleu(candidate: list[str], references: list[list[str]], n: int) -> float:
    """BLEU as its paper has it, run by run."""
    logs, orders = 0.0, 0
    for order in range(1, n + 1):
        grams = [tuple(candidate[i : i + order]) for i in range(len(candidate) - order + 1)]
        if not grams:
            continue
        orders += 1
        matched = 0
        for gram in set(grams):
            most = max(sum(tuple(r[i : i + order]) == gram for i in range(len(r) - order + 1)) for r in references)
            matched += min(grams.count(gram), most)
        logs += math.log((matched or 0.5) / len(grams))
    length = min((abs(len(r) - len(candidate)), len(r)) for r in references)[1]
    penalty = 1.0 if len(candidate) >= length else math.exp(1 - length / len(candidate))
    return penalty * math.exp(logs / orders)


def test_words_and_marks_are_apart():
    assert words("It's 3 o’clock, Rome!") == ["it's", "3", "o’clock", ",", "rome", "!"]


def test_distinct_counts_runs():
    assert distinct(["a b a", "a b"], 1) == pytest.approx(2 / 5)
    assert distinct(["a b a", "a b"], 2) == pytest.approx(2 / 3)
    assert distinct(["", "a"], 2) == 0.0


@pytest.mark.parametrize("n", [2, 4])
def test_self_bleu_is_the_mean_bleu_against_all_others(n):
    texts = [*drawn(12, 1, VOCABULARY[:9]), "w1", "w1 w2"]
    tokens = [words(text) for text in texts]
    expected = [naive_bleu(own, tokens[:i] + tokens[i + 1 :], n) for i, own in enumerate(tokens)]
    assert self_bleu(texts, n) == pytest.approx(float(np.mean(expected)), rel=1e-9)


def test_self_bleu_of_copies_is_one_and_of_strangers_next_to_nothing():
    assert self_bleu(["the same old words again"] * 5) == pytest.approx(1)
    assert self_bleu([" ".join(f"x{i}y{j}" for j in range(8)) for i in range(5)]) < 0.1
    with pytest.raises(DataError, match="give two or more"):
        self_bleu(["alone"])


def test_repetition_shows_and_clean_texts_do_not():
    real = drawn(400, 1)
    clean = {score.name: score for score in diversity_scores(drawn(400, 2), real, seed=0)}
    salad = {score.name: score for score in diversity_scores(drawn(20, 3) * 20, real, seed=0)}
    for name in ("distinct-1", "distinct-2", "self-BLEU"):
        assert clean[name].value == pytest.approx(clean[name].baseline, abs=0.05)
    assert salad["distinct-2"].value < 0.3 * salad["distinct-2"].baseline
    assert salad["self-BLEU"].value > salad["self-BLEU"].baseline + 0.3


def test_both_sides_are_cut_to_equal_numbers():
    score, *_ = diversity_scores(drawn(50, 1), drawn(400, 2), seed=0)
    alone, *_ = diversity_scores(drawn(50, 1), drawn(50, 3), seed=0)
    assert score.baseline == pytest.approx(alone.baseline, abs=0.05)

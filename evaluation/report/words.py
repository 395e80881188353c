"""Numbers and judgements in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluation.report.content import PromiseLines
from evaluation.score import Score

NO_BREAK = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
PASSES, FAILS, UNJUDGED = "✓ passes", "✗ fails", "– not in the gate"


def number(value: float | None) -> str:
    """Three decimals, or two figures where three decimals would say nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
    return text.replace("-", MINUS)


def difference(first: float | None, second: float | None) -> str:
    """What ``second`` has more than ``first``, with its sign."""
    return signed(None if first is None or second is None else second - first)


def signed(value: float | None) -> str:
    """A number as :func:`number` gives it, with its sign."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{number(abs(value))}"


def percent(value: float | None) -> str:
    """A share in per cent."""
    if value is None or not math.isfinite(value):
        return "–"
    if 0 < value < 0.00005:  # not never
        return f"< 0.01{NO_BREAK}%"
    return f"{100 * value:.2f}{NO_BREAK}%".replace("-", MINUS)


def interval(score: Score) -> str:
    """The confidence interval."""
    return interval_text(score.interval)


def interval_text(ends: Sequence[float | None]) -> str:
    """An interval by its two ends."""
    return f"{number(ends[0])} to {number(ends[1])}"


def confidence(score: Score) -> str:
    """At what confidence the interval holds: 95 % unless the score says otherwise."""
    share = score.detail.get("confidence", 0.95)
    return f"{100 * float(share):.4g}{NO_BREAK}%"


def threshold(score: Score) -> str:
    """What the gate asks for, such as ``lower limit at most 0.550``."""
    if score.threshold is None:
        return "–"
    judged = {"value": "", "lower": "lower limit ", "upper": "upper limit "}[score.gate_on]
    return f"{judged}{'at least' if score.better == 'higher' else 'at most'} {number(score.threshold)}"


def judgement(score: Score) -> str:
    """Whether the gate's threshold is kept: a sign and a word."""
    return {True: PASSES, False: FAILS, None: UNJUDGED}[score.passes]


def promise_in_words(promise: PromiseLines) -> list[str]:
    """What (ε, δ) means for one unit, for someone who decides and does not compute."""
    epsilon, unit = promise.epsilon, promise.unit
    factor = f"{math.exp(epsilon):.3g}" if epsilon < 50 else "an astronomical number"
    surest = 100 / (1 + math.exp(-epsilon))
    certainty = f"at most {surest:.1f} % sure" if surest < 99.95 else "practically sure"
    return [
        f"Whether or not one {unit}, with all the rows of that {unit}, was among the training records changes the "
        f"chance of any outcome of this release by a factor of at most {factor} (ε{NO_BREAK}={NO_BREAK}{epsilon:g}), "
        f"but for a probability of {promise.delta:g} (δ).",
        f"In other words: someone who thought it fifty-fifty that a certain {unit} was among them, and who knows "
        f"everything else, can come out {certainty}.",
        "The promise covers the public tables. It does not cover this report: its numbers are computed on real "
        "records, and it stays inside.",
    ]

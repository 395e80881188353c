"""What is printed: a line a contender, and whether the targets are met."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.language.measuring import Measures

MOST_SECONDS, LEAST_RAW, LEAST_AFTER = 600.0, 0.77, 0.99
_HEADS = (
    "",
    "fit CPU-s",
    "ppl/word",
    "bits/byte",
    "greedy raw",
    "verified",
    "sampled raw",
    "verified",
    "self-BLEU",
    "dist-1",
    "dist-2",
    "texts' CPU-s",
)


def print_table(lines: Sequence[Measures], turns: int) -> None:
    """Figures, then some texts of each."""
    print(
        f"\nSGD acts to utterance, {turns} held-out turns with values to say. Kept: share of texts that say them all."
    )
    cells = [_HEADS, *(_cells(line) for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(_HEADS))]
    for row in cells:
        print("  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))))
    for line in lines:
        print(f"\n{line.title}:")
        for text in line.texts[:6]:
            print(f"    {text[:160]}")


def _cells(line: Measures) -> tuple[str, ...]:
    def number(value: float, form: str) -> str:
        return "" if math.isnan(value) else format(value, form)

    return (
        line.title,
        number(line.fit, ".0f"),
        number(line.word_perplexity, ".2f"),
        number(line.bits_per_byte, ".3f"),
        *(number(v, ".1%") for v in (line.greedy_raw, line.greedy_after, line.sampled_raw, line.sampled_after)),
        *(number(v, ".3f") for v in (line.self_bleu, line.distinct_1, line.distinct_2)),
        number(line.sampling, ".0f"),
    )


def print_targets(lines: Sequence[Measures]) -> None:
    """The targets, of the first line with adapters."""
    for line in lines:
        if "LoRA" in line.title:
            met = line.fit <= MOST_SECONDS and line.greedy_raw >= LEAST_RAW and line.greedy_after >= LEAST_AFTER
            print(
                f"\n{line.title}: {'met' if met else 'MISSED'}: fit {line.fit:.0f} of {MOST_SECONDS:.0f} CPU-s, "
                f"raw greedy "
                f"{line.greedy_raw:.1%} (≥ {LEAST_RAW:.0%}), verified {line.greedy_after:.1%} (≥ {LEAST_AFTER:.0%})"
            )

"""Columns of one vocabulary: which codes of different columns stand for the same word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shared.codecs.categorical import CategoricalCodec
from shared.codecs.contract import Codec

NONE = -1


def words_of(codecs: Sequence[Codec]) -> tuple[tuple[int, ...], ...]:
    """For each code column the word that each code stands for, -1 for none; empty if no two columns share any.

    Columns of categories that declare the same ``coding`` are of one vocabulary, unless their values need two code
    columns. Categories are declared or were answered for, so that words tell nothing more of records.
    """
    codings = Counter(codec.column.coding for codec in codecs if _single(codec))
    shared = [coding for coding, columns in codings.items() if coding is not None and columns > 1]
    if not shared:
        return ()
    numbers: dict[tuple[str | None, str], int] = {}
    words: list[tuple[int, ...]] = []
    for codec in codecs:
        if _single(codec) and codec.column.coding in shared and isinstance(codec, CategoricalCodec):
            meant = [numbers.setdefault((codec.column.coding, value), len(numbers)) for value in codec.values]
            words.append((*meant, *[NONE] * (codec.sizes[0] - len(meant))))
        else:
            words += [()] * len(codec.sizes)
    return tuple(words)


def _single(codec: Codec) -> bool:
    return isinstance(codec, CategoricalCodec) and len(codec.sizes) == 1

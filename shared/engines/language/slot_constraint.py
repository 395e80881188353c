"""Placeholders by construction: a text does not end before it has all of its slots, and has no others.

After an opening bracket only tokens are allowed that spell one of the slots' placeholders, and the end of the text is
closed while one is missing. What cannot be brought about is that the model comes to them before it runs out of
tokens: that is left to verification.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shared.engines.language.slots import placeholder
from shared.engines.language.tokenisers import Tokeniser

_OPEN, _CLOSE = b"[", b"]"


class Spelling:
    """What the tokens of a tokeniser spell, indexed once for all texts."""

    def __init__(self, tokeniser: Tokeniser) -> None:
        self.size = tokeniser.size
        self.end = tokeniser.end
        self.pieces = tokeniser.pieces

    @cached_property
    def tokens(self) -> dict[bytes, list[int]]:
        """Tokens by what they spell."""
        found: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self.pieces):
            if piece:
                found.setdefault(piece, []).append(token)
        return found

    @cached_property
    def opening(self) -> NDArray[np.int64]:
        """Tokens with an opening bracket."""
        return np.array([token for token, piece in enumerate(self.pieces) if _OPEN in piece], dtype=np.int64)

    @cached_property
    def closing(self) -> list[int]:
        """Tokens that close a bracket and go on with something that opens none."""
        return [t for t, piece in enumerate(self.pieces) if piece.startswith(_CLOSE) and _OPEN not in piece]

    @cached_property
    def special(self) -> NDArray[np.int64]:
        """Tokens that spell nothing, but for the end."""
        return np.array([t for t, piece in enumerate(self.pieces) if not piece and t != self.end], dtype=np.int64)


class SlotConstraint:
    """Holds one text to its slots."""

    bounded = False

    def __init__(self, slots: Sequence[str], spelling: Spelling) -> None:
        self._marks = [placeholder(slot).encode() for slot in slots]
        self._spelling = spelling
        self._text = b""

    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may come next, shape ``(vocabulary,)``."""
        spelling = self._spelling
        begun = self._begun
        if begun is not None:
            return self._continuing(begun)
        allowed = np.ones(spelling.size, dtype=bool)
        allowed[spelling.special] = False
        allowed[spelling.end] = all(mark in self._text for mark in self._marks)
        for token in spelling.opening:
            tail = spelling.pieces[token].rpartition(_OPEN)
            whole = _OPEN + tail[2]
            allowed[token] = _OPEN not in tail[0] and any(mark.startswith(whole) for mark in self._marks)
        return allowed

    def _continuing(self, begun: bytes) -> NDArray[np.bool_]:
        """The tokens that spell on one of the placeholders that begin so."""
        spelling = self._spelling
        allowed = np.zeros(spelling.size, dtype=bool)
        for mark in self._marks:
            if not mark.startswith(begun):
                continue
            rest = mark[len(begun) :]
            for length in range(1, len(rest) + 1):
                allowed[spelling.tokens.get(rest[:length], [])] = True
            if rest == _CLOSE:
                allowed[spelling.closing] = True
        return allowed

    @property
    def _begun(self) -> bytes | None:
        """What stands since a bracket that is still open."""
        _, bracket, tail = self._text.rpartition(_OPEN)
        return bracket + tail if bracket and _CLOSE not in tail else None

    def advance(self, token: int) -> None:
        """This token came."""
        self._text += self._spelling.pieces[token]

"""Codes that come again: a column's logits lifted where earlier rows of the unit hold the same code.

A chronic diagnosis stands in visit after visit, whichever of a thousand codes it is. What embeddings would have to
learn code by code is learned here once a column: how much likelier a code is for having stood before (a pointer, as
in Merity et al. 2017, arXiv:1609.07843, that adds to logits). How much depends on all that is known when the column
is drawn: the gates are maps of its hidden block. Between rows there are no parameters, so that gradients of rows keep
their closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shared.engines.sequence.memory import Spans
from shared.training.ghost_layers import BlockLinear

DECAY = 0.6
SIGNS = 3  # of an earlier row: that it is the one before, how far it lies back, of how many it is one
GATES = 2 * SIGNS + 1  # for the same column, for other columns of its vocabulary, and for those before it in the row
SAME, OTHER = slice(0, SIGNS), slice(SIGNS, 2 * SIGNS)


@dataclass(frozen=True, eq=False)
class Earlier:
    """Pairs of rows of a span: ``row`` and an ``earlier`` one, ``(pairs,)``, and ``signs``, ``(pairs, SIGNS)``."""

    row: Tensor
    earlier: Tensor
    signs: Tensor

    @classmethod
    def of(cls, spans: Spans, window: int) -> Earlier:
        """All pairs that lie less than ``window`` rows apart."""
        seen = spans.position.clamp(max=window - 1)
        row = torch.repeat_interleave(seen)
        lag = torch.arange(len(row), device=row.device) - (seen.cumsum(0) - seen)[row] + 1
        return cls(row, row - lag, signs_of(lag, seen[row]))


def signs_of(lag: Tensor, seen: Tensor) -> Tensor:
    """Signs of rows that lie ``lag`` rows back among ``seen``, shape ``(pairs, SIGNS)``."""
    return torch.stack([(lag == 1).float(), DECAY ** (lag - 1).float(), 1.0 / seen], dim=-1)


class Vocabulary(nn.Module):
    """Columns whose codes stand for the same words: from codes to words and back."""

    word: Tensor
    code: Tensor

    def __init__(self, columns: Sequence[int], words: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        known = [words[column] for column in columns]
        word = torch.full((len(columns), max(map(len, known))), -1)
        code = torch.full((len(columns), 1 + max(max(mine) for mine in known)), -1)
        for place, mine in enumerate(known):
            word[place, : len(mine)] = torch.tensor(mine)
            for own, meant in enumerate(mine):
                if meant >= 0:
                    code[place, meant] = own
        self.register_buffer("word", word, persistent=False)
        self.register_buffer("code", code, persistent=False)

    def words(self, codes: Tensor) -> Tensor:
        """Of codes ``(..., all columns)`` the words of these columns, ``(..., columns)``."""
        return self.word[torch.arange(len(self.columns), device=codes.device), codes[..., list(self.columns)]]

    def codes(self, place: int | Tensor, words: Tensor) -> Tensor:
        """The codes of words in the column at a place, -1 for a word that it does not have."""
        return torch.where(words >= 0, self.code[place][..., words.clamp(min=0)], -1)


class Recall(nn.Module):
    """See the module's docstring.

    ``words``, if there are any, has for each column the word that each of its codes stands for, -1 for none; columns
    that share words are a vocabulary.
    """

    def __init__(self, sizes: Sequence[int], own: int, width: int, words: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.unit_columns = own
        self.gates = BlockLinear(len(sizes), width, GATES)
        self.vocabularies = nn.ModuleList(Vocabulary(columns, words) for columns in vocabularies(words, own))

    def reset(self) -> None:
        """Gates of zero: nothing is lifted yet."""
        nn.init.zeros_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)

    def _vocabularies(self) -> list[Vocabulary]:
        return [part for part in self.vocabularies if isinstance(part, Vocabulary)]

    def lifted(self, logits: Tensor, columns: Tensor, gates: Tensor, codes: Tensor, earlier: Earlier) -> Tensor:
        """Logits ``(columns, rows, size)`` of some columns, lifted; ``gates`` ``(all columns, rows, GATES)``."""
        rows, size = logits.shape[1:]
        lift = _Lift(rows, size)
        mine = gates.index_select(0, columns)
        own = (columns >= self.unit_columns).float()[:, None]
        base = torch.arange(len(columns), device=codes.device)[:, None]
        strength = (mine[:, earlier.row, SAME] * earlier.signs).sum(2) * own
        lift.add(base, earlier.row, codes[earlier.earlier][:, columns].T, strength)
        order = columns.tolist()
        for vocabulary in self._vocabularies():
            places = [place for place, column in enumerate(vocabulary.columns) if column in order]
            if places:
                index = torch.tensor([order.index(vocabulary.columns[place]) for place in places], device=codes.device)
                _lift_others(lift, vocabulary, torch.tensor(places, device=codes.device), index, mine, codes, earlier)
        return lift.to(logits)

    def lift(self, logits: Tensor, column: int, hidden: Tensor, codes: Tensor, history: Tensor) -> None:
        """The same in place for one column of one more row of each unit, ``(units, size)``.

        ``hidden`` ``(units, width)`` is the column's block, ``codes`` ``(units, columns)`` holds those before,
        ``history`` ``(units, rows, columns)`` the rows that are seen.
        """
        if column < self.unit_columns:
            return
        gates = torch.addmm(self.gates.bias[column], hidden, self.gates.weight[column])
        seen = history.shape[1]
        lag = torch.arange(seen, 0, -1, device=logits.device)
        signs = signs_of(lag, torch.full_like(lag, seen)).T
        logits.scatter_add_(1, history[:, :, column], gates[:, SAME] @ signs)
        for vocabulary in self._vocabularies():
            if column not in vocabulary.columns:
                continue
            place = vocabulary.columns.index(column)
            others = [other for other in range(len(vocabulary.columns)) if other != place]
            again = vocabulary.codes(place, vocabulary.words(history)[:, :, others])
            strength = (gates[:, OTHER] @ signs)[:, :, None] * (again >= 0)
            logits.scatter_add_(1, again.clamp(min=0).flatten(1), strength.flatten(1))
            if place:
                again = vocabulary.codes(place, vocabulary.words(codes)[:, :place])
                logits.scatter_add_(1, again.clamp(min=0), gates[:, -1:] * (again >= 0))


class _Lift:
    """What is added to logits ``(columns, rows, size)``, gathered before it is added at once."""

    def __init__(self, rows: int, size: int) -> None:
        self.rows, self.size = rows, size
        self.places: list[Tensor] = []
        self.lifts: list[Tensor] = []

    def add(self, column: int | Tensor, row: Tensor, code: Tensor, lift: Tensor) -> None:
        self.places.append(((column * self.rows + row) * self.size + code).flatten())
        self.lifts.append(lift.flatten())

    def to(self, logits: Tensor) -> Tensor:
        return logits.reshape(-1).index_add(0, torch.cat(self.places), torch.cat(self.lifts)).view(logits.shape)


def _lift_others(
    lift: _Lift, vocabulary: Vocabulary, places: Tensor, index: Tensor, gates: Tensor, codes: Tensor, earlier: Earlier
) -> None:
    """Lift the columns at some places of a vocabulary, ``gates[index]``, by the words in its other columns."""
    words = vocabulary.words(codes)
    mine = gates.index_select(0, index)
    pair, other = torch.nonzero(words[earlier.earlier] >= 0, as_tuple=True)
    row = earlier.row[pair]
    again = vocabulary.code[places][:, words[earlier.earlier[pair], other]]
    strength = (mine[:, row, OTHER] * earlier.signs[pair]).sum(2)
    there = (again >= 0) & (other != places[:, None])
    lift.add(index[:, None], row, again.clamp(min=0), strength * there)
    row, other = torch.nonzero(words >= 0, as_tuple=True)
    again = vocabulary.code[places][:, words[row, other]]
    there = (again >= 0) & (other < places[:, None])
    lift.add(index[:, None], row, again.clamp(min=0), mine[:, row, -1] * there)


def vocabularies(words: Sequence[Sequence[int]], own: int) -> list[list[int]]:
    """Columns of rows that share words, each group of two or more."""
    groups: list[tuple[set[int], list[int]]] = []
    for column, mine in enumerate(words):
        meant = {word for word in mine if word >= 0}
        if column < own or not meant:
            continue
        for known, columns in groups:
            if known & meant:
                known |= meant
                columns.append(column)
                break
        else:
            groups.append((meant, [column]))
    return [columns for _, columns in groups if len(columns) > 1]

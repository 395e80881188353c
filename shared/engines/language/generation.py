"""Generation: token by token, many prompts at a time, with what was computed kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from shared.engines.language.networks import CausalNetwork
from shared.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a token is chosen from its probabilities.

    ``temperature`` divides logits; 0 takes the most probable one. ``top_p`` keeps the fewest tokens whose
    probabilities reach it (Holtzman et al. 2020, arXiv:1904.09751). ``most_new`` bounds the tokens of a text.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    most_new: int = 128

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.most_new < 1:
            raise ConfigurationError(
                f"temperature {self.temperature}, top_p {self.top_p}, most_new {self.most_new}; give a temperature of "
                "0 or more, a top_p above 0 up to 1, and at least one token"
            )


class Constraint(Protocol):
    """What one text may hold: asked before each token, told each token.

    ``bounded``: a text of it ends by itself within a known number of tokens, and must not be cut before.
    """

    @property
    def bounded(self) -> bool: ...

    def allowed(self) -> np.ndarray:
        """Which tokens may come next, bool of shape ``(vocabulary,)``; at least one."""
        ...

    def advance(self, token: int) -> None:
        """This token came."""
        ...


def generate(
    network: CausalNetwork,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    decoding: Decoding,
    generator: torch.Generator,
    device: torch.device,
    constraints: Sequence[Constraint] | None = None,
) -> list[list[int]]:
    """The tokens that follow each prompt, ``end`` included unless ``most_new`` came first.

    What a row draws depends on the generator and on the rows beside it; equal calls give equal texts.
    """
    if not prompts:
        return []
    if min(len(prompt) for prompt in prompts) == 0:
        raise ConfigurationError("a prompt is empty; text follows at least one token")
    written: list[list[int]] = [[] for _ in prompts]
    with torch.no_grad():
        tokens, present = _left_padded(prompts, device)
        logits, cache = network.begin(tokens, present)
        alive = list(range(len(prompts)))
        limits = [min(decoding.most_new, network.most_tokens - len(prompt)) for prompt in prompts]
        while True:
            if constraints is not None:
                allowed = np.stack([constraints[row].allowed() for row in alive])
                closed = torch.from_numpy(~allowed).to(device)
                logits = logits.masked_fill(closed, -torch.inf)
            chosen = _chosen(logits, decoding, generator)
            going = []
            for place, (row, token) in enumerate(zip(alive, chosen.tolist(), strict=True)):
                written[row].append(token)
                if constraints is not None:
                    constraints[row].advance(token)
                if token != end and len(written[row]) < limits[row]:
                    going.append(place)
            if not going:
                return written
            if len(going) < len(alive):
                kept = torch.tensor(going, device=device)
                chosen, cache, alive = chosen[kept], cache.select(kept), [alive[place] for place in going]
            logits, cache = network.advance(chosen, cache)


def _left_padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    length = max(len(prompt) for prompt in prompts)
    tokens = np.zeros((len(prompts), length), dtype=np.int64)
    present = np.zeros((len(prompts), length), dtype=bool)
    for row, prompt in enumerate(prompts):
        tokens[row, length - len(prompt) :] = prompt
        present[row, length - len(prompt) :] = True
    return torch.from_numpy(tokens).to(device), torch.from_numpy(present).to(device)


def _chosen(logits: Tensor, decoding: Decoding, generator: torch.Generator) -> Tensor:
    """One token a row, shape ``(batch,)``."""
    if decoding.temperature == 0:
        return logits.argmax(1)
    chances = torch.softmax(logits / decoding.temperature, dim=1)
    if decoding.top_p < 1:
        ordered, places = chances.sort(dim=1, descending=True)
        ordered = ordered.masked_fill(ordered.cumsum(1) - ordered >= decoding.top_p, 0.0)
        chances = torch.zeros_like(chances).scatter_(1, places, ordered)
    return torch.multinomial(chances, 1, generator=generator)[:, 0]

"""Texts as padded batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import Texts
from shared.engines.language.networks import CausalNetwork


@dataclass(frozen=True, eq=False)
class Batch:
    """Texts padded on the right.

    ``tokens`` has shape ``(batch, length)``. ``places``, ``(batch, targets)``, are where the network's state tells a
    token after the prompt, ``targets`` which, and ``present`` whether there is one; all of them are of one text a row.
    """

    tokens: Tensor
    places: Tensor
    targets: Tensor
    present: Tensor


def batch_of(texts: Texts, which: NDArray[np.int64], device: torch.device) -> Batch:
    """The texts at ``which``."""
    lengths, prompts = texts.lengths[which], np.maximum(texts.prompts[which], 1)
    length, most = max(1, int(lengths.max(initial=0))), max(1, int((lengths - prompts).max(initial=0)))
    tokens = np.zeros((len(which), length), dtype=np.int64)
    for row, text in enumerate(which):
        tokens[row, : lengths[row]] = texts.ids(int(text))
    steps = np.arange(most)
    places = np.minimum(prompts[:, None] + steps, length - 1)
    present = steps < (lengths - prompts)[:, None]
    targets = np.take_along_axis(tokens, places, axis=1)
    parts = (tokens, np.maximum(places - 1, 0), targets, present)
    return Batch(*(torch.from_numpy(part).to(device) for part in parts))


def token_losses(network: CausalNetwork, batch: Batch) -> Tensor:
    """Cross-entropy of each token after the prompt, shape ``(batch, targets)``, zero where there is none."""
    hidden = network.hidden(batch.tokens)
    told = hidden.gather(1, batch.places[:, :, None].expand(-1, -1, hidden.shape[2]))
    logits = network.logits(told)
    losses = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    return losses.view_as(batch.targets) * batch.present


def text_losses(
    network: CausalNetwork, texts: Texts, which: NDArray[np.int64], *, mean: bool, forwards: int, device: torch.device
) -> Tensor:
    """The loss of each text, ``(len(which),)``: sum or mean over its tokens after the prompt.

    Read in ``forwards`` passes, texts of like length together; their order is that of ``which``.
    """
    if len(which) == 0:
        return torch.zeros(0, device=device)
    order = np.argsort(texts.lengths[which], kind="stable") if forwards > 1 else np.arange(len(which))
    losses = []
    for part in np.array_split(order, min(forwards, len(which))):
        batch = batch_of(texts, which[part], device)
        values = token_losses(network, batch).sum(1)
        losses.append(values / batch.present.sum(1).clamp(min=1) if mean else values)
    back = torch.from_numpy(np.argsort(order, kind="stable")).to(device)
    return torch.cat(losses)[back] if forwards > 1 else losses[0]

"""Noise and coins from the operating system's entropy, stored nowhere.

Formal guarantees
-----------------
A :class:`Noise` keeps no state. Each array it gives comes from a generator of its own, whose key and
counter are drawn from the operating system at that moment and forgotten with it: nothing can be
reproduced, resumed, or repeated by a forked process (privacy rule 5).

The generator is Philox4x64-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405), a counter-mode block
function whose design is taken from a cipher but has fewer rounds: it is no certified cipher, and a key is never
used for a second array.

Floating point. A sum of a count and a double drawn from a continuous law can betray the count in its
low-order bits (Mironov 2012, doi:10.1145/2382196.2382264). Noisy counts are therefore rounded to whole
numbers (:func:`whole`), which is post-processing and removes those bits. Noisy gradients are
drawn in double precision, added and cast to the precision of their parameter; the guarantee of a step
is that of real arithmetic up to that rounding.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

Entropy = Callable[[], np.random.Generator]
_CHUNK = 1 << 20  # doubles drawn at a time for tensors, so that noise needs 8 MB and not twice the model


def fresh_generator() -> np.random.Generator:
    """A generator with a key (128 bits) and a counter (256 bits) from the operating system."""
    return np.random.Generator(np.random.Philox(key=secrets.randbits(128), counter=secrets.randbits(256)))


class Noise:
    """Draws from fresh entropy.

    ``entropy`` gives a generator for each array; anything but the default is for tests of the
    mechanisms, and protects nobody.
    """

    def __init__(self, entropy: Entropy = fresh_generator) -> None:
        self._entropy = entropy

    def gaussian(self, scale: float, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent N(0, ``scale``²)."""
        return self._entropy().standard_normal(shape) * scale

    def laplace(self, scale: float, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent Laplace with mean 0 and density exp(-|x| / ``scale``) / (2 ``scale``)."""
        return self._entropy().laplace(0.0, scale, shape)

    def gumbel(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent standard Gumbel: the largest of scores with it is drawn with chances ∝ exp(score)."""
        return self._entropy().gumbel(0.0, 1.0, shape)

    def chosen(self, probability: float, n: int) -> NDArray[np.int64]:
        """Indices below ``n``, each there with ``probability`` independently of all others, ascending."""
        if probability >= 1.0:
            return np.arange(n, dtype=np.int64)
        return np.flatnonzero(self._entropy().random(n) < probability).astype(np.int64)

    def seed(self) -> int:
        """A seed that nobody knows and nothing stores."""
        return int(self._entropy().integers(2**62))

    def add_gaussian_(self, tensor: torch.Tensor, scale: float) -> None:
        """Add independent N(0, ``scale``²) to each number of ``tensor``, in place."""
        generator = self._entropy()
        flat = torch.zeros(tensor.numel(), dtype=tensor.dtype)
        for start in range(0, len(flat), _CHUNK):
            part = flat[start : start + _CHUNK]
            part.copy_(torch.from_numpy(generator.standard_normal(len(part)) * scale))
        tensor.add_(flat.view(tensor.shape).to(tensor.device))


def whole(noisy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noisy counts as whole numbers that are not negative."""
    return np.maximum(np.rint(noisy), 0.0)

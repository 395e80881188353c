"""Randomness as an argument: one seed, a stream of its own for each consumer.

Noise that protects records does not come from here: it is drawn from the operating system's entropy
by ``privacy`` and stored nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray


def derive(seed: int, *consumer: str | int) -> int:
    """A 63-bit seed for one consumer: equal for equal arguments, unrelated for all others."""
    text = "\x1f".join([str(seed), *map(str, consumer)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def numpy_generator(seed: int, *consumer: str | int) -> np.random.Generator:
    """A NumPy generator for one consumer."""
    return np.random.default_rng(derive(seed, *consumer))


def torch_generator(seed: int, *consumer: str | int, device: str = "cpu") -> torch.Generator:
    """A torch generator for one consumer, on ``device``."""
    return torch.Generator(device=device).manual_seed(derive(seed, *consumer))


def keyed_fractions(key: bytes, items: Iterable[str]) -> NDArray[np.float64]:
    """A number in [0, 1) for each item, that depends on the item and the secret key alone.

    BLAKE2b in its keyed mode (RFC 7693, section 2.9). What is decided by it does not move when
    other items come or go, and nobody without the key can tell how an item was decided.

    Returns an array of shape ``(items,)``.
    """
    digests = [hashlib.blake2b(item.encode(), digest_size=8, key=key).digest() for item in items]
    words = np.frombuffer(b"".join(digests), dtype="<u8")
    return (words >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def mixed(words: NDArray[np.uint64], key: int) -> NDArray[np.uint64]:
    """A hash of 64-bit words: the finaliser of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195)."""
    with np.errstate(over="ignore"):
        words = words + np.uint64(key)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return words ^ (words >> np.uint64(31))

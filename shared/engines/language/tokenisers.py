"""Tokenisers: bytes, or a public one that is declared. None is ever learned from records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shared.errors import ConfigurationError, DataError

FILE = "tokenizer.json"
BYTES = "bytes"


class Tokeniser(Protocol):
    """Text to token ids and back. ``size`` counts the ids; ``end`` closes a text and pads."""

    size: int
    end: int

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without ``end``."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; ``end`` and other special ids give nothing."""
        ...

    @property
    def pieces(self) -> list[bytes]:
        """The bytes that each id stands for; empty for special ids."""
        ...

    def save(self, folder: Path) -> None:
        """Write what :func:`tokeniser_from` needs, if anything."""
        ...


class ByteTokeniser:
    """The bytes of UTF-8, and one id more that ends a text. It knows every text and needs no vocabulary."""

    size = 257
    end = 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode("utf-8"))

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(token for token in ids if token < self.end).decode("utf-8", errors="replace")

    @property
    def pieces(self) -> list[bytes]:
        return [bytes([token]) for token in range(self.end)] + [b""]

    def save(self, folder: Path) -> None:
        del folder


class FileTokeniser:
    """A public tokeniser in the format of the library tokenizers (``tokenizer.json``).

    ``end`` names the token that ends a text; without it the id is the one given as ``end_id``.
    """

    def __init__(self, path: Path, *, end_id: int) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ConfigurationError("a tokeniser file needs the extra: install simulacra[language]") from error
        if not path.is_file():
            raise ConfigurationError(f"{path} is no tokeniser file; give a folder that holds {FILE}, or 'bytes'")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exceptions
            raise DataError(f"{path} is no tokeniser file ({error}); give one of the library tokenizers") from error
        self.size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        if not 0 <= end_id < self.size:
            raise ConfigurationError(f"the token that ends a text is {end_id}, and {path} has {self.size}")
        self.end = end_id

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    @property
    def pieces(self) -> list[bytes]:
        special = {id_ for id_, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        marks = _byte_marks()
        pieces = []
        for token in range(self.size):
            piece = self._tokenizer.id_to_token(token)
            if piece is None or token in special:
                pieces.append(b"")
            elif all(mark in marks for mark in piece):
                pieces.append(bytes(marks[mark] for mark in piece))
            else:
                raise ConfigurationError(
                    "constrained text needs a byte-level tokeniser (of GPT-2's kind), or 'bytes'; this is another"
                )
        return pieces

    def save(self, folder: Path) -> None:
        self._tokenizer.save(str(folder / FILE))


def tokeniser_from(name: str, *, end_id: int | None = None) -> Tokeniser:
    """``"bytes"``, or the tokeniser of a folder (or file) that holds ``tokenizer.json``.

    ``end_id`` defaults to the last id of the folder's vocabulary that is called an end of text.
    """
    if name == BYTES:
        return ByteTokeniser()
    path = Path(name)
    path = path / FILE if path.is_dir() else path
    return FileTokeniser(path, end_id=_end_of(path) if end_id is None else end_id)


def _end_of(path: Path) -> int:
    """The id of a token that is commonly the end of a text."""
    found = FileTokeniser(path, end_id=0)
    for name in ("<|endoftext|>", "</s>", "<|im_end|>", "<eos>", "[SEP]"):
        token = found._tokenizer.token_to_id(name)
        if token is not None:
            return int(token)
    raise ConfigurationError(f"{path} has no token that ends a text; give end_id")


def _byte_marks() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary (GPT-2's table, Radford et al. 2019)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}

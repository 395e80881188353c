"""Paths in object stores: as much of ``pathlib.Path`` as reading and writing corpora needs.

Content streams: what is read is fetched in pieces, and what is written is sent in pieces.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from functools import total_ordering
from pathlib import Path, PurePosixPath
from typing import Any, Literal, overload
from urllib.parse import unquote, urlsplit

import fsspec

from shared.corpus.object_stores import file_system, is_url, reading_from, writing_to
from shared.errors import DataError

_PIECE = 4 << 20
_LOCAL = ("file", "local")
# By which of these stores tell that an object was replaced.
_STAMPS = ("size", "ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


@total_ordering
@dataclass(frozen=True, eq=False)
class StorePath:
    """A place in a store. ``url`` is that of the whole location, for messages; ``path`` the place in the store.

    ``stamp`` is what is known of the object's state since :meth:`seen`: opened in another state, it is refused.
    ``sent`` counts the bytes that were written to paths made from this one.
    """

    system: fsspec.AbstractFileSystem = field(repr=False)
    path: str
    protocol: str
    stamp: tuple[str, ...] | None = field(default=None, repr=False)
    sent: MutableMapping[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, url: str) -> StorePath:
        """The place of a URL; raises ``ConfigurationError`` for one that cannot be understood."""
        system, path = file_system(url)
        return cls(system, path, url.partition("://")[0])

    def __str__(self) -> str:
        return f"{self.protocol}://{self.path.lstrip('/')}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StorePath) and str(self) == str(other)

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __truediv__(self, name: str) -> StorePath:
        return replace(self, path=f"{self.path}/{name}", stamp=None)

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.path).name

    @property
    def suffixes(self) -> list[str]:
        """The endings of the name."""
        return PurePosixPath(self.path).suffixes

    @property
    def parent(self) -> StorePath:
        """The folder that it lies in; of a bucket itself."""
        if "/" not in self.path:
            return self
        return replace(self, path=self.path.rpartition("/")[0], stamp=None)

    def info(self) -> dict[str, Any] | None:
        """What the store says of it now; ``None`` if there is nothing."""
        with reading_from(str(self)):
            self.system.invalidate_cache()
            try:
                return dict(self.system.info(self.path))
            except FileNotFoundError:
                return None

    def is_file(self) -> bool:
        """Whether it is an object."""
        info = self.info()
        return info is not None and info["type"] == "file"

    def is_dir(self) -> bool:
        """Whether objects lie under it."""
        info = self.info()
        return info is not None and info["type"] == "directory" and any(True for _ in self.iterdir())

    def exists(self) -> bool:
        """Whether it is an object, or objects lie under it."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[StorePath]:
        """What lies in it."""
        with reading_from(str(self)):
            self.system.invalidate_cache()
            try:
                found = self.system.ls(self.path, detail=False)
            except FileNotFoundError:
                found = []
        for path in found:
            if path.rstrip("/") != self.path.rstrip("/"):
                yield replace(self, path=path.rstrip("/"), stamp=None)

    def matches(self) -> list[StorePath]:
        """The objects that match this path, taken for a pattern."""
        with reading_from(str(self)):
            self.system.invalidate_cache()
            found = self.system.glob(self.path, detail=True)
        return sorted(replace(self, path=path) for path, entry in found.items() if entry["type"] == "file")

    def seen(self) -> StorePath:
        """The same path, which is refused if the object is another one when it is opened."""
        return replace(self, stamp=_stamp(self.info()))

    @overload
    def open(self, mode: Literal["rb"]) -> io.BufferedReader: ...
    @overload
    def open(self, mode: Literal["xb"]) -> io.BufferedWriter: ...
    def open(self, mode: Literal["rb", "xb"]) -> io.BufferedReader | io.BufferedWriter:
        """A stream to read from or, for a new object, to write to; errors are of one line and name the URL.

        What is written is there when the stream was closed.
        """
        if mode == "rb":
            return io.BufferedReader(_Pieces(self), _PIECE)
        return io.BufferedWriter(_Sent(self), _PIECE)

    def read_text(self, encoding: str) -> str:
        """All of it as text."""
        with self.open("rb") as stream:
            return stream.read().decode(encoding)

    def write_text(self, text: str, encoding: str) -> None:
        """A new object that holds a text."""
        with self.open("xb") as stream:
            stream.write(text.encode(encoding))

    def put(self, content: bytes) -> None:
        """A small object in one step: it is there whole or not at all."""
        with writing_to(str(self)):
            self.system.pipe_file(self.path, content)

    def remove(self) -> None:
        """Everything under it."""
        with writing_to(str(self)):
            self.system.rm(self.path, recursive=True)

    def sizes(self) -> dict[str, int]:
        """Bytes of each object under it, by its path."""
        with reading_from(str(self)):
            self.system.invalidate_cache()
            return {path: int(entry["size"]) for path, entry in self.system.find(self.path, detail=True).items()}


FilePath = Path | StorePath


def as_file(location: str | FilePath) -> FilePath:
    """The path of a location: of a URL that of its store, of ``file://`` that on the disk."""
    if isinstance(location, StorePath):
        return location
    if not is_url(location):
        return Path(location)
    url = str(location)
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path)) if parts.scheme in _LOCAL else StorePath.of(url)


def _stamp(info: dict[str, Any] | None) -> tuple[str, ...]:
    return tuple(f"{key}={(info or {}).get(key)}" for key in _STAMPS)


class _Pieces(io.RawIOBase):
    """What an object holds, in pieces; one that ends too early or was replaced is an error, not the end."""

    def __init__(self, place: StorePath) -> None:
        self._place = place
        info = place.info()
        if info is None or info["type"] != "file":
            raise DataError(f"{place}: there is nothing at this URL; check it")
        if place.stamp is not None and _stamp(info) != place.stamp:
            raise DataError(f"{place}: it was changed while it was read; run this again when nobody writes to it")
        self._size = int(info["size"])
        with reading_from(str(place)):
            self._stream = place.system.open(place.path, "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._stream.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        self._stream.seek(start + offset)
        return start + offset

    def readinto(self, buffer: Any) -> int:
        with reading_from(str(self._place)):
            part = self._stream.read(len(buffer))
        if not part and len(buffer) and self.tell() < self._size:
            raise DataError(f"{self._place}: it breaks off at byte {self.tell()} of {self._size}; run this again")
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if not self.closed:
            super().close()
            stream = getattr(self, "_stream", None)
            if stream is not None:
                stream.close()


class _Sent(io.RawIOBase):
    """A new object, sent in pieces."""

    def __init__(self, place: StorePath) -> None:
        self._place = place
        self._count = 0
        with writing_to(str(place)):
            self._stream = place.system.open(place.path, "wb")

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        part = bytes(content)
        with writing_to(str(self._place)):
            self._stream.write(part)
        self._count += len(part)
        return len(part)

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        stream = getattr(self, "_stream", None)
        if stream is not None:
            with writing_to(str(self._place)):
                stream.close()
            self._place.sent[self._place.path] = self._count

"""Corpora in object stores: a reader sees the whole of one or none.

::

    URL/corpus-<id>/<table>.<ending>, schema.yaml    put first
    URL/corpus.json                                  the pointer, put last; putting one object is atomic

What was not written here (files of others) is read as a folder is: a file or a folder of parts for each table. An
upload that breaks off leaves no pointer, and no file where a reader would look for a table's.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shared.corpus.schema import Schema
from shared.corpus.store_paths import StorePath
from shared.corpus.writing import CorpusWriter
from shared.errors import DataError, OutputError

POINTER = "corpus.json"
FORMAT = "simulacra-corpus/1"
_FOLDER = re.compile(r"corpus-[0-9a-f]{16}")


def resolved(place: StorePath) -> StorePath:
    """The folder that a pointer at ``place`` names, or ``place`` itself if there is none.

    Raises ``DataError`` for a pointer that is damaged, or whose files are not there in their sizes.
    """
    found, pointer = place.info(), place / POINTER
    if found is None or found["type"] == "file" or not pointer.is_file():
        return place
    try:
        content = json.loads(pointer.read_text("utf-8"))
        folder, files = str(content["folder"]), {str(name): int(size) for name, size in content["files"].items()}
        known = content["format"] == FORMAT and _FOLDER.fullmatch(folder) is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise DataError(f"{pointer}: this is no pointer to a corpus; write the corpus again")
    sizes = {path.rpartition("/")[2]: size for path, size in (place / folder).sizes().items()}
    for name, size in files.items():
        if sizes.get(name) != size:
            raise DataError(f"{place}: {name} has {sizes.get(name)} bytes of {size}; write the corpus again")
    return place / folder


@contextmanager
def store_corpus(schema: Schema, place: StorePath) -> Iterator[CorpusWriter]:
    """A writer of a corpus to a place at which there is nothing; its pointer is put when the block ends without error.

    Raises ``OutputError`` for a place that is taken, cannot be reached, or refuses. After an error what was sent is
    removed, if the store can be reached; if not, it lies under a name that no reader looks at.
    """
    _refuse_taken(place)
    name = f"corpus-{secrets.token_hex(8)}"
    folder = place / name
    try:
        with CorpusWriter(schema, folder) as writer:
            yield writer
        _check_arrived(folder)
    except BaseException:
        with suppress(Exception):
            folder.remove()
        raise
    files = {path.rpartition("/")[2]: size for path, size in folder.sent.items()}
    content = {"format": FORMAT, "folder": name, "files": files}
    (place / POINTER).put((json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def _refuse_taken(place: StorePath) -> None:
    try:
        taken = [entry.name for entry in place.iterdir() if not _FOLDER.fullmatch(entry.name)]
        if not taken and not place.is_file():
            return
    except DataError as error:
        raise OutputError(str(error)) from error
    named = f"holds {taken[0]!r} already" if taken else "is there already"
    raise OutputError(f"{place}: this {named}; choose another prefix, or remove it first")


def _check_arrived(folder: StorePath) -> None:
    arrived = {path.lstrip("/"): size for path, size in folder.sizes().items()}
    for path, size in folder.sent.items():
        found = arrived.get(path.lstrip("/"))
        if found != size:
            raise OutputError(f"{folder}: {found} bytes of {size} of {path.rpartition('/')[2]} arrived; try again")

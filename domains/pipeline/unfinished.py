"""What a fit keeps while it trains, so that a run whose process was killed is taken up by the same command.

::

    .TARGET.unfinished/run.json              which run this is: its name, its configuration, its charge
    .TARGET.unfinished/NAME/codec.json       the codec of a table, so that nothing is asked of records twice
    .TARGET.unfinished/NAME/*.safetensors    the checkpoints of its trainings
    .TARGET.unfinished/epochs/*.png          what a model of images drew after each epoch

The folder is for its owner alone and goes with the run: when it ends, is refused, or fails of its data. What a killed
or interrupted process left is taken up by the next run for the same target with the same configuration and versions;
another one clears it away. A private run that is taken up keeps its one reservation: nobody saw the steps that were
lost, and the steps that follow are as many as were paid for.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from domains.pipeline.config import Config
from domains.pipeline.versions import versions
from shared.codecs.table import TableCodec
from shared.corpus.folders import writing
from shared.corpus.schema import Table
from shared.engines.encoded import Histories, Images
from shared.errors import DataError
from shared.training.checkpoints import Checkpoints

SECONDS = 60.0  # between checkpoints
_RUN = "run.json"
_LOCK = ".lock"
_CODEC = "codec.json"
_DATA = "data.json"
_OWNER_ONLY = 0o700
_PIECE = 1 << 16  # rows that are hashed at once


class Unfinished:
    """The state of one run, in a folder that this process holds the lock of."""

    def __init__(self, folder: Path, seconds: float, found: Mapping[str, Any] | None) -> None:
        self._folder = folder
        self._seconds = seconds
        self._found = dict(found or {})

    @property
    def run(self) -> str | None:
        """The name of the run that is taken up; ``None`` if this one begins."""
        name = self._found.get("run")
        return None if name is None else str(name)

    @property
    def charge(self) -> int | None:
        """The number of its reservation in the ledger, if it has one."""
        number = self._found.get("charge")
        return None if number is None else int(number)

    def begin(self, **facts: object) -> None:
        """Note which run this is."""
        self._found |= facts
        self._write(self._folder / _RUN, self._found)

    def noted(self, name: str) -> Any:
        """A fact that :meth:`begin` noted; ``None`` if it did not."""
        return self._found.get(name)

    def folder(self, name: str) -> Path:
        """A folder for what the run makes on the way."""
        made = self._folder / name
        with writing(made):
            made.mkdir(exist_ok=True, mode=_OWNER_ONLY)
        return made

    def codec(self, table: Table) -> TableCodec | None:
        """The codec of a table that was learned already."""
        path = self._folder / table.name / _CODEC
        if not path.is_file():
            return None
        return TableCodec.from_json(table, json.loads(path.read_text(encoding="utf-8")))

    def keep_codec(self, codec: TableCodec) -> None:
        """The codec of a table is learned."""
        self._write(self._folder / codec.table.name / _CODEC, codec.to_json())

    def checkpoints(self, table: str, data: Histories | Images) -> Checkpoints:
        """Those of the engine of a table, or of images.

        Raises ``DataError`` if the records are no longer those that the run began with.
        """
        folder = self._folder / table
        digest = _digest(data)
        if (folder / _DATA).is_file():
            if json.loads((folder / _DATA).read_text(encoding="utf-8")) != digest:
                raise DataError(
                    f"the records of {table} have changed since the run began that is taken up here; remove "
                    f"{self._folder} to begin anew"
                )
        else:
            self._write(folder / _DATA, digest)
        return Checkpoints(folder, seconds=self._seconds)

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is a training to go on with."""
        return any(self._folder.glob("*/*.safetensors"))

    def _write(self, path: Path, content: object) -> None:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
            building = path.with_name(f".{path.name}.{os.getpid()}")
            building.write_text(json.dumps(content), encoding="utf-8")
            building.replace(path)


@contextmanager
def unfinished(
    target: Path, what: str, config: Config | Mapping[str, Any], *, seconds: float = SECONDS
) -> Iterator[Unfinished | None]:
    """The state of a run of kind ``what`` for ``target``: one that is taken up, or a new one.

    ``config`` is all that the outcome depends on but the records, as a configuration or as plain values.
    ``None`` while another process works for the same target: then this run keeps nothing. The folder is removed at the
    end and after errors; only an interruption after the first checkpoint leaves it, and a kill.
    """
    target = Path(target).absolute()
    folder = target.parent / f".{target.name}.unfinished"
    with writing(folder):
        made = _missing(target.parent)
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        fingerprint = _fingerprint(what, config)
        state = Unfinished(folder, seconds, _found(folder, fingerprint) or {"fingerprint": fingerprint})
        try:
            yield state
        except KeyboardInterrupt as error:
            if not state.has_checkpoints:
                _clear(folder, made)
            else:
                error.add_note(f"give the same command again to go on, or remove {folder}")
            raise
        except BaseException:
            _clear(folder, made)
            raise
        _clear(folder, ())


def _found(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """What a run of the same fingerprint left; everything else is cleared away."""
    with suppress(OSError, ValueError):
        facts = json.loads((folder / _RUN).read_text(encoding="utf-8"))
        if isinstance(facts, dict) and facts.get("fingerprint") == fingerprint:
            return facts
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != _LOCK:
            entry.unlink(missing_ok=True)
    return None


def _clear(folder: Path, made: tuple[Path, ...]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for parent in made:
        with suppress(OSError):  # no longer empty
            parent.rmdir()


def _missing(folder: Path) -> tuple[Path, ...]:
    """The parents that are not there yet, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return tuple(missing)


def _fingerprint(what: str, config: Config | Mapping[str, Any]) -> str:
    """SHA-256 of everything but the records that the outcome depends on."""
    written, schema = config, None
    if isinstance(config, Config):
        schema = None if config.schema is None else config.schema.read_text(encoding="utf-8")
        written = config.written
    content = {"what": what, "configuration": written, "schema": schema, "versions": versions()}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _digest(data: Histories | Images) -> str:
    """SHA-256 of encoded units."""
    if isinstance(data, Images):
        digest = hashlib.sha256(json.dumps([data.names, data.size]).encode())
        digest.update(data.labels.tobytes())
        digest.update(np.ascontiguousarray(data.pixels).data)
        return digest.hexdigest()
    digest = hashlib.sha256(np.ascontiguousarray(data.offsets).tobytes())
    for rows in (data.units, data.rows):
        for start in range(0, len(rows), _PIECE):
            piece = rows.at(np.arange(start, min(start + _PIECE, len(rows))))
            digest.update(piece.tobytes())
    return digest.hexdigest()

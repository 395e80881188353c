"""Talking to SDV in its own interpreter, through pipes: no record is written anywhere."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.ipc

from shared.engines.sdv import worker
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter


@dataclass(frozen=True)
class FittedSynthesizer:
    """A synthesizer as SDV saves it (a pickle), the version of SDV, and the loss of each epoch."""

    saved: bytes
    version: str
    losses: tuple[tuple[int, float], ...]


def fit_synthesizer(
    python: Path, question: Mapping[str, Any], tables: Iterable[pa.Table], *, epochs: int, reporter: Reporter
) -> FittedSynthesizer:
    """Fit what ``question`` says to the rows of ``tables``, which have one Arrow schema.

    Raises ``ConfigurationError`` where SDV does not run, or gives up.
    """
    with _running(python, "fit") as (put, get), reporter.stage("fitting SDV", epochs) as stage:
        _line(put, question)
        writer: Any = None
        for table in tables:
            writer = writer or pa.ipc.new_stream(put, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
        put.close()
        for line in get:
            said = json.loads(line)
            if "epoch" not in said:
                saved = get.read(said["bytes"])
                if len(saved) != said["bytes"]:
                    break
                losses = tuple((int(epoch), float(loss)) for epoch, loss in said["losses"])
                return FittedSynthesizer(saved, said["version"], losses)
            stage.advance()
        raise EOFError("it ended before it had fitted")


class Sampler:
    """A synthesizer that draws rows."""

    def __init__(self, put: IO[bytes], get: IO[bytes]) -> None:
        self._put, self._get = put, get

    def rows(self, count: int) -> pa.Table:
        """So many rows, drawn anew."""
        self._put.write(f"{count}\n".encode())
        self._put.flush()
        size = int.from_bytes(self._get.read(8), "big")
        content = self._get.read(size)
        if not size or len(content) != size:
            raise EOFError("it ended before it had drawn")
        return pa.ipc.open_stream(content).read_all()


@contextmanager
def sampling(python: Path, saved: bytes, *, seed: int) -> Iterator[Sampler]:
    """A saved synthesizer, ready to draw; equal seeds draw equal rows."""
    with _running(python, "sample") as (put, get):
        _line(put, {"seed": seed, "bytes": len(saved)})
        put.write(saved)
        put.flush()
        yield Sampler(put, get)


def _line(put: IO[bytes], content: Mapping[str, Any]) -> None:
    put.write(json.dumps(content).encode() + b"\n")
    put.flush()


@contextmanager
def _running(python: Path, what: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The worker's standard input and output; it is gone when the block ends, however it ends.

    In isolated mode: paths that point to our packages are not for its interpreter.
    """
    command = [str(python), "-I", str(Path(worker.__file__)), what]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        except OSError as error:
            raise ConfigurationError(f"SDV did not run with {python}: {error.strerror}; name another python") from error
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdin, process.stdout
        except (BrokenPipeError, EOFError, json.JSONDecodeError, pa.ArrowInvalid) as error:
            process.kill()
            process.wait()
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or [str(error)]
            raise ConfigurationError(
                f"SDV did not {what} with {python}, which said {lines[-1][:300]!r}; if it lacks sdv or pyarrow, "
                "install them there"
            ) from error
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            with suppress(BrokenPipeError):
                process.stdin.close()

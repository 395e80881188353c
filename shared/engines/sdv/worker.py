"""Runs in the environment that has SDV, and imports nothing of ours.

``worker.py fit`` reads a line of JSON (synthesizer, settings, metadata, seed) and a table as an Arrow
stream from standard input; it writes a line of JSON an epoch, and at the end one that tells how many
bytes of a saved synthesizer follow.

``worker.py sample`` reads a line of JSON (seed, bytes), the saved synthesizer, and then a line with a
number of rows whenever it shall draw; each is answered by eight bytes that tell how long the Arrow
stream after them is. Nothing is written to any file.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import IO, Any

TABLE = "table"


def main() -> None:
    """Fit or sample, as the argument says."""
    source = sys.stdin.buffer
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    asked = json.loads(source.readline())
    {"fit": _fit, "sample": _sample}[sys.argv[1]](asked, source, answers)


def _say(answers: IO[bytes], **said: Any) -> None:
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (SDV draws from the global generator)


def _fit(asked: dict[str, Any], source: IO[bytes], answers: IO[bytes]) -> None:
    import cloudpickle
    import pyarrow as pa
    import sdv
    from sdv import single_table
    from sdv.metadata import Metadata

    frame = pa.ipc.open_stream(source).read_all().to_pandas()
    _seed(asked["seed"])
    made = getattr(single_table, asked["synthesizer"])(Metadata.load_from_dict(asked["metadata"]), **asked["settings"])
    _follow_epochs(answers)
    made.fit({TABLE: frame} if _by_table(sdv.__version__) else frame)
    saved = cloudpickle.dumps(made)
    _say(answers, version=sdv.__version__, losses=_losses(made), bytes=len(saved))
    answers.write(saved)
    answers.flush()


def _by_table(version: str) -> bool:
    """Since SDV 2 a table comes in a mapping of names to tables."""
    return int(version.split(".")[0]) >= 2


def _follow_epochs(answers: IO[bytes]) -> None:
    """Stand where SDV's networks wrap their epochs in a progress bar: the only place that tells of them."""

    def told(epochs: Iterable[int], **_: Any) -> Iterator[int]:
        for epoch in epochs:
            yield epoch
            _say(answers, epoch=epoch)

    try:
        import ctgan.synthesizers.ctgan as gan
        import ctgan.synthesizers.tvae as vae
    except ImportError:
        return
    for module in (gan, vae):
        if hasattr(module, "tqdm"):
            module.tqdm = told


def _losses(made: Any) -> list[list[float]]:
    """Epoch and loss (of a GAN: of its generator)."""
    if not hasattr(made, "get_loss_values"):
        return []
    table = made.get_loss_values()
    name = next((name for name in ("Generator Loss", "Loss") if name in table.columns), None)
    return [] if name is None else table.groupby("Epoch")[name].mean().astype(float).reset_index().values.tolist()


def _sample(asked: dict[str, Any], source: IO[bytes], answers: IO[bytes]) -> None:
    import cloudpickle
    import pyarrow as pa

    made = cloudpickle.loads(source.read(asked["bytes"]))
    _seed(asked["seed"])
    if hasattr(made, "_set_random_state"):
        made._set_random_state(asked["seed"])  # else every first sample after a fit is the same
    for line in source:
        drawn = made.sample(num_rows=int(line))
        frame = drawn[TABLE] if isinstance(drawn, dict) else drawn
        sink = io.BytesIO()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        answers.write(len(sink.getvalue()).to_bytes(8, "big") + sink.getvalue())
        answers.flush()


if __name__ == "__main__":
    main()

"""Checkpoints of a training: where it goes on after its process was killed.

A checkpoint holds parameters that records have shaped: it is internal, lies in a folder of its owner alone, and is
deleted with the work that it belongs to.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from shared.corpus.folders import writing
from shared.errors import DataError

_FACTS = "facts"
_OWNER_ONLY = 0o700


class Checkpoints:
    """The last state of one training, in one file that is replaced in one step.

    ``seconds`` is how long a training runs before it is saved again, by ``clock``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "training",
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._last = clock()

    def of(self, name: str) -> Checkpoints:
        """Those of another training in the same folder: an engine may have several, one after another."""
        return Checkpoints(self._folder, name=name, seconds=self._seconds, clock=self._clock)

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder / f"{self._name}.safetensors"

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._clock() - self._last >= self._seconds

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state: all of it is on the disk before the old one goes."""
        with writing(self.path):
            self._folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
            building = self._folder / f".{self._name}.{os.getpid()}"
            try:
                held = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
                save_file(held, building, metadata={_FACTS: json.dumps(facts)})
                with building.open("rb") as file:
                    os.fsync(file.fileno())
                building.replace(self.path)
            finally:
                building.unlink(missing_ok=True)
        self._last = self._clock()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state that was saved last, if there is one; ``DataError`` for a file that is none."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                facts = json.loads((file.metadata() or {})[_FACTS])
                return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118 (no mapping)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(f"{self.path} is damaged; delete it, and the training begins anew") from error


def restore(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write saved values into tensors of the same names and shapes; ``DataError`` if they are others."""
    for key, target in targets.items():
        if key not in tensors or tensors[key].shape != target.shape:
            raise DataError(f"{path} belongs to another training ({key} does not fit); delete it to begin anew")
    with torch.no_grad():
        for key, target in targets.items():
            target.copy_(tensors[key])

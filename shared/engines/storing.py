"""Engines on disk: ``config.json`` and ``weights.safetensors``, each checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shared.errors import DataError

CONFIG, WEIGHTS = "config.json", "weights.safetensors"
AGAIN = "fit the model again"
State = TypeVar("State")


def save(folder: Path, state: Any, module: torch.nn.Module) -> None:
    """Write a frozen dataclass of plain values, which has a ``format``, and a module's tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    save_file(tensors(module), folder / WEIGHTS)


def tensors(module: torch.nn.Module) -> dict[str, Tensor]:
    """The tensors of a module as safetensors takes them: none shares its memory with another."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in module.state_dict().items()}


def load_state(folder: Path, kind: type[State], engine: str, *, version: int) -> State:
    """What :func:`save` wrote into ``config.json``; raises ``DataError`` if it is not that, or of another format."""
    try:
        state = TypeAdapter(kind).validate_json((folder / CONFIG).read_bytes(), strict=False)
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{folder} holds no {engine} engine ({first}); give a folder that fit wrote") from error
    found = getattr(state, "format", None)
    if found != version:
        raise DataError(f"{folder}: engine format {found}, this version reads {version}; {AGAIN}")
    return state


def fill(path: Path, module: torch.nn.Module, *, remedy: str = AGAIN) -> None:
    """Read a file of tensors into ``module``; raises ``DataError``, with the remedy, if they do not fit it."""
    weights = _read(path, remedy)
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(f"{path}: the weights do not fit {CONFIG}; {remedy}") from error
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise DataError(f"{path}: the weights hold NaN or infinity; {remedy}")


def _read(path: Path, remedy: str) -> Mapping[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{path} is damaged ({first}); {remedy}") from error

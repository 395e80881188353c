"""Engines of rows on disk: ``config.json`` and ``weights.safetensors``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from shared.errors import DataError

FORMAT = 1
State = TypeVar("State")


def save(folder: Path, state: Any, module: torch.nn.Module) -> None:
    """Write a frozen dataclass of plain values and a module's tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    tensors = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    save_file(tensors, folder / "weights.safetensors")


def load_state(folder: Path, kind: type[State], engine: str) -> State:
    """What :func:`save` wrote into ``config.json``; raises ``DataError`` if it is not that."""
    try:
        state = TypeAdapter(kind).validate_json((folder / "config.json").read_bytes(), strict=False)
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{folder} holds no {engine} engine ({first}); give a folder that fit wrote") from error
    version = getattr(state, "format", None)
    if version != FORMAT:
        raise DataError(f"{folder}: engine format {version}, this version reads {FORMAT}; fit the model again")
    return state


def fill(folder: Path, module: torch.nn.Module) -> None:
    """Read the tensors of ``weights.safetensors`` into ``module``; raises ``DataError`` if they do not fit it."""
    path = folder / "weights.safetensors"
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{path} is damaged ({first}); fit the model again") from error
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(f"{path}: the weights do not fit config.json; fit the model again") from error
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise DataError(f"{path}: the weights hold NaN or infinity; fit the model again")

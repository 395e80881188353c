"""Where tensors live: ``"cpu"`` unless told otherwise."""

from __future__ import annotations

import torch

from shared.errors import ConfigurationError


def device_named(name: str) -> torch.device:
    """The torch device of that name; an error that says what there is if this machine lacks it."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigurationError(f"device {name!r} is unknown; give 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(f"device {name!r} is not on this machine; give 'cpu'")
    return device

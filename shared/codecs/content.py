"""Checks of what a codec is read back from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import DataError


class Content(BaseModel):
    """Plain values of a saved codec: no keys but the known ones, no text for numbers, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


ContentT = TypeVar("ContentT", bound=Content)


def checked(model: type[ContentT], content: Mapping[str, Any], what: str) -> ContentT:
    """``content`` as the model, or a ``DataError`` that names the first key that is wrong."""
    try:
        return model.model_validate(dict(content))
    except (ValidationError, TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        else:
            reason = "it is no mapping of keys to values"
        raise broken(what, reason) from error


def broken(what: str, reason: str) -> DataError:
    """The error for a saved codec that cannot be used."""
    return DataError(
        f"{what} as it was saved cannot be used ({reason}); the file was changed or cut: fit the model again"
    )


def draw(weights: NDArray[np.float64], size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """``size`` indices with chances in proportion to ``weights``; equal chances if all weights are zero."""
    sums = np.cumsum(weights if weights.sum() > 0 else np.ones(len(weights)))
    chosen = np.searchsorted(sums, random.random(size) * sums[-1], side="right")
    return np.minimum(chosen, len(weights) - 1).astype(np.int64)

"""Engines of text for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import save_llama

from shared.engines.language.config import LanguageConfig
from shared.engines.language.engine import LanguageEngine


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    save_llama(folder)
    return folder


@pytest.fixture(scope="session")
def engine_of(llama: Path) -> Callable[..., LanguageEngine]:
    """``engine_of("lstm", seed=0, **settings)``: a small untrained engine."""

    def build(network: str, *, seed: int = 0, private: bool = False, **settings: Any) -> LanguageEngine:
        small: dict[str, Any] = {"network": network, "hidden": 32, "embedding": 16, "most_tokens": 64, "batch_units": 4}
        if network == "pretrained":
            small["base"] = str(llama)
        return LanguageEngine.fresh(LanguageConfig.with_settings({**small, **settings}, private=private), seed=seed)

    return build

"""Fixtures for all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from peers import sdv_python
from servers import postgres_server, postgres_url, s3_bucket, s3_server

__all__ = ["postgres_server", "postgres_url", "s3_bucket", "s3_server", "sdv_python"]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Two threads on a busy machine spin against each other; the tests run one a process."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data that nobody on the project wrote."""
    folder = Path(os.environ.get("REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data folder {folder} is not here; name it in REAL_DATA")
    return folder

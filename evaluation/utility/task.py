"""What a task must say to be measured; the tasks of ``domains.base.contract`` do."""

from __future__ import annotations

from typing import Literal, Protocol

from shared.errors import DataError


class NotMeasurable(DataError):
    """The records have nothing to tell apart for a task."""


class TaskLike(Protocol):
    """A target to predict from features; see ``domains.base.contract.Task``."""

    @property
    def name(self) -> str: ...

    @property
    def table(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def positive(self) -> tuple[str, ...] | None: ...

    @property
    def features(self) -> tuple[str, ...] | None: ...

    @property
    def excluded(self) -> tuple[str, ...]: ...

    @property
    def kind(self) -> Literal["class", "next-item"]: ...

    @property
    def at(self) -> int: ...

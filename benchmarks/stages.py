"""What each stage of a run costs: CPU-seconds, and the peak of the resident memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def memory(key: str) -> float:
    """A line of /proc/self/status, in GiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 2**20
    raise KeyError(key)


class Watch:
    """A reporter that prints what each stage cost. Pages are sampled by a thread of its own."""

    def __init__(self) -> None:
        self.highest = 0.0
        self._anonymous = self._files = 0.0
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while True:
            self._anonymous = max(self._anonymous, memory("RssAnon"))
            self._files = max(self._files, memory("RssFile"))
            time.sleep(0.05)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Watch]:
        del total
        self.highest = max(self.highest, memory("VmHWM"))  # of what lay between two stages
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to what is resident now
        self._anonymous = self._files = 0.0
        start, begun = time.process_time(), time.monotonic()
        yield self
        peak = memory("VmHWM")
        self.highest = max(self.highest, peak)
        print(
            f"{name:18} {time.process_time() - start:8.1f} CPU-s {time.monotonic() - begun:8.1f} s   "
            f"peak {peak:5.2f} GiB (anonymous {self._anonymous:.2f}, files {self._files:.2f})",
            flush=True,
        )

    def advance(self, amount: int = 1) -> None:
        pass

    def log(self, **measures: float) -> None:
        pass

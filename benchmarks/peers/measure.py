"""What every contender is measured with, in whatever environment it runs: the standard library alone."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

SAMPLING = 600.0  # CPU-seconds that sampling may take after a fit
GRACE = 30.0  # CPU-seconds above the cap in which a fit that stops itself may end


def cpu_seconds() -> float:
    """Of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_mib() -> float:
    """Highest resident memory of this program; ``ru_maxrss`` would count that of the program that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def allow(seconds: float) -> None:
    """End this process by SIGXCPU once it has used so many CPU-seconds more."""
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds() + seconds) + 1, hard))


class Clock:
    """CPU-seconds of a fit that may take ``cap`` of them, and of the sampling after it."""

    def __init__(self, cap: float) -> None:
        self.cap = cap
        self.start = cpu_seconds()
        self.fitted = self.sampled = 0.0
        allow(cap + GRACE)

    @property
    def left(self) -> float:
        """CPU-seconds left for the fit."""
        return self.cap - (cpu_seconds() - self.start)

    def end_fit(self) -> None:
        self.fitted = cpu_seconds()
        allow(SAMPLING)

    def end_sampling(self) -> None:
        self.sampled = cpu_seconds()

    def measured(self) -> dict[str, float]:
        """What a contender prints as its last line, with a note beside it."""
        return {"fit": self.fitted - self.start, "sample": self.sampled - self.fitted, "peak_mib": peak_mib()}

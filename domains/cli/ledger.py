"""``simulacra ledger``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from domains.cli.terminal import AsJson, report
from domains.pipeline.config import ledger_path
from privacy.budget.events import to_json
from privacy.budget.ledger import Ledger
from privacy.budget.status import Entry, SourceStatus

app = typer.Typer(help="What each source has spent, may spend, and on what.", no_args_is_help=True)

SourceId = Annotated[str, typer.Argument(metavar="SOURCE", help="Id of a source, as its configurations name it.")]
Place = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="Ledger file or database URL (default: SIMULACRA_LEDGER, else the user's data folder).",
        show_default=False,
    ),
]


@app.command(epilog="Example: simulacra ledger show diabetes130")
def show(
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Id of a source (default: all).")] = None,
    place: Place = None,
    as_json: AsJson = False,
) -> None:
    """What sources have spent of what they may spend.

    ε composes over all releases of a source, at the δ of its cap. It counts releases that failed, and those of
    subsets of the source.
    """
    ledger = _opened(place)
    found = ledger.sources() if source is None else [ledger.status(source)]
    lines = [_line(status) for status in found] or ["the ledger has no sources yet"]
    report({"sources": [_plain(status) for status in found]}, "\n".join(lines), as_json=as_json)


@app.command(epilog="Example: simulacra ledger cap diabetes130 --epsilon 10 --delta 1e-6")
def cap(
    source: SourceId,
    epsilon: Annotated[float, typer.Option("--epsilon", help="Most ε over all its releases.", show_default=False)],
    delta: Annotated[float, typer.Option("--delta", help="The δ at which they are composed.", show_default=False)],
    place: Place = None,
    as_json: AsJson = False,
) -> None:
    """Set what a source may spend over all its releases; below what is spent, nothing more is granted."""
    ledger = _opened(place)
    ledger.set_cap(source, epsilon, delta)
    status = ledger.status(source)
    report(_plain(status), _line(status), as_json=as_json)


@app.command(epilog="Example: simulacra ledger history diabetes130")
def history(source: SourceId, place: Place = None, as_json: AsJson = False) -> None:
    """What a source was charged for, oldest first."""
    entries = _opened(place).history(source)
    lines = [_entry_line(entry) for entry in entries] or [f"{source}: no charges yet"]
    result = {"source": source, "charges": [_plain_entry(entry) for entry in entries]}
    report(result, "\n".join(lines), as_json=as_json)


def _opened(place: str | None) -> Ledger:
    return Ledger.open(place or ledger_path())


def _plain(status: SourceStatus) -> dict[str, Any]:
    return {
        "source": status.id,
        "parent": status.parent,
        "cap": None if status.cap is None else {"epsilon": status.cap.epsilon, "delta": status.cap.delta},
        "spent": status.spent,
        "left": status.left,
        "releases": status.releases,
        "family_releases": status.family_releases,
    }


def _line(status: SourceStatus) -> str:
    releases = f"{status.releases} release{'s' if status.releases != 1 else ''}"
    if status.cap is None or status.spent is None or status.left is None:
        return f"{status.id}: {releases}, no cap"
    return (
        f"{status.id}: {releases}, ε = {status.spent:.3g} spent of {status.cap.epsilon:g} at δ = {status.cap.delta:g}, "
        f"about {status.left:.3g} left for one more"
    )


def _plain_entry(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "source": entry.source,
        "release": entry.release,
        "state": entry.state,
        "epsilon": entry.epsilon,
        "delta": entry.delta,
        "reserved": entry.reserved.isoformat(),
        "ended": None if entry.ended is None else entry.ended.isoformat(),
        "reason": entry.reason,
        "events": to_json(entry.events),
        "hash": entry.hash,
    }


def _entry_line(entry: Entry) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    return (
        f"{entry.reserved:%Y-%m-%d %H:%M}  {entry.release}  {entry.state}{reason}  "
        f"ε = {entry.epsilon:.3g} at δ = {entry.delta:g}"
    )

"""``simulacra verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, report
from domains.pipeline.signing import read_public_key
from domains.pipeline.verifying import public_folder, verified


def verify(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="Public folder of a release, the folder around it, or one that releases are published to.",
            show_default=False,
        ),
    ],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Public key that it has to be signed with.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a release offline: signature, files, manifest, ledger extract and privacy statement, a line each.

    At the first file that is not as it was made, it says which (exit code 6). Without --key a signature shows that
    nothing was changed since somebody signed, not who that was.
    """
    public = None if key is None else read_public_key(key)
    checks = []
    for check in verified(bundle, public):
        checks.append({"check": check.name, "says": check.says})
        if not as_json:
            typer.echo(f"{check.name}: {check.says}")
    content = {"verified": True, "folder": str(public_folder(bundle)), "checks": checks}
    report(content, f"verified {public_folder(bundle)}", as_json=as_json)

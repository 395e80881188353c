"""``simulacra keys``: the keys that sign releases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, report
from domains.pipeline.signing import PRIVATE_KEY, PUBLIC_KEY, make_keys, read_public_key

app = typer.Typer(help="Keys that sign releases and check signatures.", no_args_is_help=True)


@app.command(epilog="Example: simulacra keys new ~/simulacra-keys")
def new(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="New folder, outside of any repository.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Make a pair of keys: signing.key signs and is for you alone, signing.pub checks and is for recipients."""
    public = make_keys(folder)
    private, shared = folder / PRIVATE_KEY, folder / PUBLIC_KEY
    report(
        {"private_key": str(private), "public_key": str(shared), "fingerprint": public.fingerprint},
        f"made {private} (keep it to yourself; configurations name it with sign.key or SIMULACRA_SIGNING_KEY)\n"
        f"made {shared} (give it to recipients, by another way than the release)\nfingerprint {public.fingerprint}",
        as_json=as_json,
    )


@app.command(epilog="Example: simulacra keys show hospital.pub")
def show(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="File of a public key.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """The fingerprint of a public key, to compare over the telephone."""
    public = read_public_key(key)
    report({"fingerprint": public.fingerprint}, public.fingerprint, as_json=as_json)

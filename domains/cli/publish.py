"""``simulacra publish`` and ``simulacra fetch``: releases to an object store, and back from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, progress, report
from domains.pipeline.object_store import download, upload

Store = Annotated[
    str, typer.Argument(help="Place in an object store, such as s3://bucket/prefix.", show_default=False, metavar="URL")
]


def publish(
    folder: Annotated[Path, typer.Argument(help="Folder that a release was published to.", show_default=False)],
    url: Store,
    as_json: AsJson = False,
) -> None:
    """Put the current release of a folder into an object store: its public part alone, the pointer last.

    An upload that was interrupted goes on where it stopped when the command is given again. Credentials come from
    the environment, where the store's own tools look for them.
    """
    with progress(as_json=as_json) as reporter:
        place = upload(folder, url, reporter=reporter)
    report({"public": place}, f"published {place}", as_json=as_json)


def fetch(
    url: Store,
    out: Annotated[Path, typer.Option("--out", help="New folder.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Bring the current release from an object store: the whole of it, every hash checked, or nothing."""
    with progress(as_json=as_json) as reporter:
        manifest = download(url, out, reporter=reporter)
    content = {"release": manifest.release, "folder": str(out), "rows": dict(manifest.rows)}
    report(content, f"fetched {manifest.release} into {out}", as_json=as_json)

"""File systems behind URLs: object stores and whatever else fsspec knows.

``s3://`` is served by pyarrow's own client, so that it needs no further package; every other
protocol by the file system that fsspec has for it. Credentials come from the environment only: a
URL ends up in shell histories, configuration files and messages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import fsspec
import pyarrow.fs
from fsspec.implementations.arrow import ArrowFSWrapper

from shared.errors import ConfigurationError, DataError, OutputError, SimulacraError

_S3 = ("s3", "s3a")
_NO_LENGTH = "HTTP status 411"


def is_url(location: object) -> bool:
    """Whether a location is a URL and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", str(location)) is not None


def file_system(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL, and the path in it.

    S3 reads ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_DEFAULT_REGION``,
    ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` (for stores other than Amazon's), and the files that
    these variables name.

    Raises ``ConfigurationError`` for a protocol that is not known or whose package is missing, and
    for a URL that carries credentials.
    """
    protocol, _, rest = url.partition("://")
    if "@" in rest.partition("/")[0] and urlsplit(url).username is not None and protocol != "ssh":
        raise ConfigurationError(
            f"a {protocol}:// URL carries credentials; take them out and give them in the environment "
            "(for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        )
    if protocol in _S3:
        return _s3(), rest.rstrip("/")
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ConfigurationError(
            f"{url}: {protocol}:// needs a package that is not installed ({' '.join(str(error).split())})"
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{url}: the protocol {protocol!r} is not known; use a path, a database URL (sqlite, postgresql, duckdb), "
            "or an object store (s3, gs, az, memory)"
        ) from error
    return system, path.rstrip("/")


def _s3() -> fsspec.AbstractFileSystem:
    # The client reads all variables itself but this one.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    client = pyarrow.fs.S3FileSystem(endpoint_override=endpoint or None)
    return ArrowFSWrapper(client, skip_instance_cache=True)


@contextmanager
def reading_from(url: str) -> Iterator[None]:
    """Turns the errors of a file system, whose libraries share no class of them, into a ``DataError`` of one line."""
    try:
        yield
    except SimulacraError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{url}: there is nothing at this URL; check it") from error
    except OSError as error:
        raise DataError(f"{url}: this cannot be read: {_reason(error)}") from error
    except Exception as error:
        raise DataError(f"{url}: the store refuses ({_reason(error)}); check it and try again") from error


@contextmanager
def writing_to(url: str) -> Iterator[None]:
    """Turns the errors of a file system into an ``OutputError`` of one line."""
    try:
        yield
    except SimulacraError:
        raise
    except FileNotFoundError as error:
        raise OutputError(f"{url}: this cannot be written: there is no such bucket or folder; make it first") from error
    except OSError as error:
        raise OutputError(f"{url}: this cannot be written: {_reason(error)}") from error
    except Exception as error:
        raise OutputError(f"{url}: the store refuses ({_reason(error)}); check it and try again") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if _NO_LENGTH in text:
        return "the store takes no chunked uploads; set AWS_REQUEST_CHECKSUM_CALCULATION=when_required and try again"
    if "ACCESS_DENIED" in text or "SIGNATURE" in text or "INVALID_ACCESS_KEY" in text or "HTTP status 403" in text:
        return "access is denied; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and their rights"
    if "NO_SUCH_BUCKET" in text:
        return "there is no such bucket; make it first"
    if "NETWORK_CONNECTION" in text:
        return "the store cannot be reached; check AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and the network"
    return text or type(error).__name__

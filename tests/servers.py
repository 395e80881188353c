"""Servers that tests talk to: started here on 127.0.0.1, once a test process, and ended by their process."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs
import pytest

_PATIENCE_SECONDS = 30.0
_AWS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION")


@dataclass(frozen=True)
class S3Server:
    """A real S3 server (rclone) that keeps its buckets as folders of ``folder``, and checks signatures."""

    folder: Path
    url: str
    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs; the server takes no chunked uploads, hence no checksum behind the content."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"bucket-{secrets.token_hex(4)}"
        # Through the server: what is made beside it, its directory cache does not know of.
        client = pyarrow.fs.S3FileSystem(
            access_key=self.key,
            secret_key=self.secret,
            endpoint_override=self.url,
            region="us-east-1",
            allow_bucket_creation=True,
        )
        client.create_dir(name)
        return name


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server on loopback. Most tests want :func:`s3_bucket`."""
    rclone = Path(sys.executable).with_name("rclone")
    if not rclone.exists():
        pytest.skip("there is no rclone beside the interpreter: pip install 'simulacra[dev]'")
    with tempfile.TemporaryDirectory(prefix="s3-") as name:
        key, secret = secrets.token_hex(8), secrets.token_hex(16)
        command = [str(rclone), "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", f"{key},{secret}"]
        log = Path(name, "log")
        folder = Path(name, "buckets")
        folder.mkdir()
        with log.open("wb") as stream, _running([*command, "--config", os.devnull, str(folder)], stream.fileno()) as it:
            url = _awaited(lambda: re.search(r"\[(http://[0-9.:]+)/?\]", log.read_text()), it, log)
            yield S3Server(folder, url[1], key, secret)


@pytest.fixture
def s3_bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL ``s3://BUCKET`` of a new bucket, which the environment gives access to."""
    for name in _AWS:
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.bucket()}"


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL cluster in a temporary folder; ``owner`` may do everything."""

    port: int
    owner: str
    password: str

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A SQLAlchemy URL."""
        name, word = user or self.owner, self.password if password is None else password
        return f"postgresql+psycopg://{name}:{word}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """The rows of a statement, on a connection of its own."""
        import psycopg

        where = {"host": "127.0.0.1", "port": self.port, "user": self.owner, "password": self.password}
        with psycopg.connect(**where, dbname=database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server on loopback, of Debian's package. Most tests want :func:`postgres_url`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("there is no PostgreSQL server: install Debian's package 'postgresql'")
    binaries = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        as_user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            shutil.chown(folder, "nobody", "nogroup")
        word, owner = secrets.token_hex(8), "steward"
        secret = folder / "password"
        secret.write_text(word)
        secret.chmod(0o644)
        options = ["-U", owner, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8", "--locale=C"]
        data = folder / "data"
        made = [*as_user, str(binaries / "initdb"), "-D", str(data), *options]
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "timezone": "Asia/Tokyo",  # neither ours nor UTC: what depends on it is found
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = folder / "log"
        with log.open("wb") as stream:
            command = [*as_user, str(binaries / "postgres"), "-D", str(data), "-p", str(port), *given]
            # SIGINT is PostgreSQL's fast shutdown.
            with _running(command, stream.fileno(), stop_signal=2) as process:
                _awaited(lambda: "ready to accept connections" in log.read_text(), process, log)
                yield PostgresServer(port, owner, word)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The SQLAlchemy URL of an empty database, the same one for every test: making one takes a second."""
    name = "records"
    if not postgres_server.run(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        postgres_server.run(f"CREATE DATABASE {name}")
    left = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    postgres_server.run(left + "pg_backend_pid()", name)
    spaces = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"
    for (space,) in postgres_server.run(spaces, name):
        postgres_server.run(f'DROP SCHEMA "{space}" CASCADE', name)
    postgres_server.run("CREATE SCHEMA public", name)
    postgres_server.run("GRANT USAGE ON SCHEMA public TO PUBLIC", name)
    return postgres_server.url(name)


@contextmanager
def _running(command: Sequence[str], log: int, *, stop_signal: int = 15) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/")
    try:
        yield process
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _awaited(ready, process: subprocess.Popen[bytes], log: Path):
    """What ``ready`` gives once it is true."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def breaking_connection(url: str, *, after: int) -> Iterator[str]:
    """The URL of a way to a server that breaks for good once ``after`` bytes went through it, in either direction."""
    host, port = url.removeprefix("http://").split(":")
    left, closed = [after], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pump(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while not closed.is_set() and (part := source.recv(1024)):
                    left[0] -= len(part)
                    if left[0] < 0:
                        closed.set()
                    else:
                        target.sendall(part)
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    if closed.is_set():
                        client.close()
                        continue
                    server = socket.create_connection((host, int(port)))
                    for ends in ((client, server), (server, client)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)

"""nginx in front of several gateways, as Debian's package has it."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.rehearsal.stack import free_port
from sixgates.gates.errors import ConfigurationError, TransientError

_FAIL_SECONDS = 1
BACK_SECONDS = _FAIL_SECONDS + 1.1
"""So long after a gateway is back the next one may be restarted: nginx sends nobody to one that
refused for `_FAIL_SECONDS`, and it counts whole seconds, so that may be nearly one more."""
_PATIENCE_SECONDS = 20.0
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    # In memory alone: its worker is another user, who may not enter these folders.
    client_max_body_size 16m;
    client_body_buffer_size 16m;
    proxy_max_temp_file_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateways {{
        {servers}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port};
        # Who may operate a gateway calls it directly.
        location /admin/ {{ return 404; }}
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 2s;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Balancer:
    """nginx over some gateways, configured and not started yet; see `configured`."""

    folder: Path
    port: int
    """Where on loopback it will listen."""
    command: list[str]

    def await_start(self, process: subprocess.Popen[Any]) -> None:
        """Wait until it listens.

        Raises:
            TransientError: it does not.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (self.folder / "pid").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise TransientError(
                    f"nginx did not start: {(self.folder / 'error.log').read_text()[-400:]}"
                )
            time.sleep(0.05)


def configured(folder: Path, gateways: Sequence[str]) -> Balancer:
    """Write what nginx needs to send requests to some gateways.

    What a gateway refuses before it was asked goes to the next one, as nginx does by itself. What
    was sent to a gateway is not sent to another: nginx does not repeat a POST.

    Args:
        folder: Of its files; made here.
        gateways: Addresses, as `127.0.0.1:8080`.

    Raises:
        ConfigurationError: the machine has no nginx.
    """
    nginx = program_of_nginx()
    if nginx is None:
        raise ConfigurationError("nginx is not installed: `apt-get install nginx-light`")
    folder.mkdir()
    port = free_port()
    servers = "\n        ".join(
        f"server {one} max_fails=1 fail_timeout={_FAIL_SECONDS}s;" for one in gateways
    )
    (folder / "conf").write_text(
        _CONFIGURATION.format(folder=folder, servers=servers, port=port), encoding="utf-8"
    )
    places = ["-p", folder, "-c", folder / "conf", "-e", folder / "error.log"]
    return Balancer(folder, port, [nginx, *map(str, places)])


@contextmanager
def balancer(folder: Path, gateways: Sequence[str]) -> Iterator[int]:
    """Run nginx over some gateways, and yield its port; see `configured`.

    Raises:
        ConfigurationError: the machine has no nginx.
        TransientError: it does not start.
    """
    made = configured(folder, gateways)
    with subprocess.Popen(made.command) as process:  # noqa: S603 - our own command
        try:
            made.await_start(process)
            yield made.port
        finally:
            process.terminate()
            process.wait(timeout=20)


def program_of_nginx() -> str | None:
    """Return the path of nginx; None where it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def version_of_nginx() -> str:
    """Return its version, `1.22.1`."""
    said = subprocess.run(  # noqa: S603 - our own command
        [str(program_of_nginx()), "-v"], capture_output=True, text=True, check=True
    ).stderr
    return said.rpartition("/")[2].split()[0]

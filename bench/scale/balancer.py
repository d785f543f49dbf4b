"""nginx in front of several gateways, as Debian's package has it."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.gateway.servers import free_port
from sixgates.gates.errors import ConfigurationError, TransientError

FAIL_SECONDS = 1
"""How long nginx sends nobody to a gateway that refused: so long the next one is not restarted."""
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
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
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 2s;
        }}
    }}
}}
"""


@contextmanager
def balancer(folder: Path, gateways: Sequence[str]) -> Iterator[int]:
    """Run nginx over some gateways, and yield its port.

    What a gateway refuses before it was asked goes to the next one, as nginx does by itself. What
    was sent to a gateway is not sent to another: nginx does not repeat a POST.

    Args:
        folder: Of its files; made here.
        gateways: Addresses, as `127.0.0.1:8080`.

    Raises:
        ConfigurationError: the machine has no nginx.
        TransientError: it does not start.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise ConfigurationError("nginx is not installed: `apt-get install nginx-light`")
    folder.mkdir()
    folder.chmod(0o755)
    port = free_port()
    servers = "\n        ".join(
        f"server {one} max_fails=1 fail_timeout={FAIL_SECONDS}s;" for one in gateways
    )
    (folder / "conf").write_text(
        _CONFIGURATION.format(folder=folder, servers=servers, port=port), encoding="utf-8"
    )
    command: list[str | Path] = [
        nginx,
        "-p",
        folder,
        "-c",
        folder / "conf",
        "-e",
        folder / "error.log",
    ]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        try:
            deadline = time.monotonic() + 20
            while not (folder / "pid").exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TransientError(
                        f"nginx did not start: {(folder / 'error.log').read_text()[-400:]}"
                    )
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=20)

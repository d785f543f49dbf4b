"""A project answered by three gateways, as an installation has them: behind nginx."""

import os
import subprocess
from typing import Any

from cli.rehearsal.full.nginx import configured
from cli.rehearsal.stack import free_port
from cli.rehearsal.theatre import Theatre, await_gateway
from simulation.traffic import Replay


class FullTheatre(Theatre):
    """One project on stage: requests go to nginx, and from there to one of its gateways."""

    replicas = 3

    def open_gateway(self) -> str:
        """Start all gateways and nginx before them, and return where nginx listens."""
        model = self.project.name
        self._ports = [free_port() for _ in range(self.replicas)]
        self._gateways = [self._start(number) for number in range(self.replicas)]
        for gateway in self._gateways:
            await_gateway(gateway, model)
        folder = self.world.settings.home / "nginx"
        folder.mkdir(exist_ok=True)
        nginx = configured(folder / model, [f"127.0.0.1:{port}" for port in self._ports])
        process: subprocess.Popen[Any] = self._processes.spawn(
            f"nginx-{model}", nginx.command, env=os.environ
        )
        nginx.await_start(process)
        self._url = f"http://127.0.0.1:{nginx.port}"
        return self._url

    def restart_gateway(self, replay: Replay, *, killed: bool = False) -> None:  # noqa: ARG002 - nginx stays where it is
        """Stop the first of them as an operator or the kernel would, and start it again."""
        process = self._gateways[0]
        (process.kill if killed else process.terminate)()
        process.wait()
        self._gateways[0] = self._start(0)
        await_gateway(self._gateways[0], self.project.name)

    def _start(self, number: int) -> subprocess.Popen[str]:
        """Start one of them on its port."""
        name = f"gateway-{self.project.name}-{number + 1}"
        return self.start_gateway(name, self._ports[number])

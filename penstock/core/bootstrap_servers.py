"""`KAFKA_BOOTSTRAP_SERVERS`: host:port, several with commas between, as Kafka's own tools take it."""

from __future__ import annotations

import ipaddress
import re

from penstock.core.errors import SettingError

_NAME = "KAFKA_BOOTSTRAP_SERVERS"
_FIX = f"export {_NAME}=host:port, several with commas between; an IPv6 address as [::1]:9092"
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PASSWORD = re.compile(r"[^,/]*@")


def checked_servers(value: str) -> str:
    """The addresses without spaces around them. Raises SettingError, which names the part that is wrong:
    Kafka's client would stop with a Python error, or ask another place than the one that is meant."""
    shown = _PASSWORD.sub("***@", value)
    if value.strip()[:1] in ("'", '"'):
        raise SettingError(
            f"{_NAME} is {shown}: the quotes are part of it", fix="write it without quotes", value=shown
        )
    servers = [part.strip() for part in value.split(",")]
    for server in servers:
        if problem := _problem(server):
            part = _PASSWORD.sub("***@", server)
            named = "" if len(servers) == 1 else f", in it {part!r}"
            raise SettingError(f"{_NAME} is {shown!r}{named}: {problem}", fix=_FIX, value=part)
    return ",".join(servers)


def _problem(server: str) -> str | None:
    """Why this is no host:port, or None where it is one."""
    if not server:
        return "an address is empty"
    if "://" in server:
        return f"it is a URL; leave out '{server.partition('://')[0]}://'"
    if "@" in server:
        return "it holds a user or a password, which no address does"
    host, colon, port = server.rpartition(":")
    if not colon or server.endswith("]"):
        return "the port is missing"
    if host.startswith("[") and host.endswith("]"):
        if not _is_ipv6(host[1:-1]):
            return f"{host} is no IPv6 address"
    elif ":" in host:
        return (
            "an IPv6 address stands in brackets" if _is_ipv6(server) or _is_ipv6(host) else "too many colons"
        )
    elif not _is_host(host):
        return f"{host!r} is no host name" if host else "the host is missing"
    if not re.fullmatch("[0-9]+", port):
        return f"the port {port!r} is no number" if port else "the port is missing"
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        return f"the port {port} is not between 1 and 65535"
    return None


def _is_host(host: str) -> bool:
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:  # an empty or too long part
        return False
    labels = ascii_host.removesuffix(".").split(".")
    return len(ascii_host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

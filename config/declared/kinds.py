"""Define what a setting may hold: how its text is read, and the words that say what would have been right."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Network = IPv4Network | IPv6Network
NOBODY = "none"
"""Says "an empty list" where leaving a setting empty would mean its default."""
_ON, _OFF = {"on", "true", "yes", "1"}, {"off", "false", "no", "0"}
_PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Reason(ValueError):
    """Reason why a value is refused, in words for an operator."""


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """Sort of value, and the way to read it. `read` raises ValueError; `expects` tells the operator what is right."""

    name: str
    expects: str
    read: Callable[[str], T_co]
    show: Callable[[Any], str] = str


def text(expects: str = "a text", pattern: str = "") -> Kind[str]:
    """Any text, or one that a regular expression describes whole."""

    def read(value: str) -> str:
        if pattern and not re.fullmatch(pattern, value):
            raise ValueError
        return value

    return Kind("text", expects, read)


def _read_flag(value: str) -> bool:
    if value.lower() not in _ON | _OFF:
        raise ValueError
    return value.lower() in _ON


FLAG = Kind("on or off", "on or off", _read_flag, lambda value: "on" if value else "off")


def whole(least: int, most: int | None, what: str) -> Kind[int]:
    """A whole number of something between two bounds; the second may be open."""
    bounds = f"from {least} to {most}" if most is not None else f"{least} or more"

    def read(value: str) -> int:
        found = int(value) if re.fullmatch(r"-?\d{1,18}", value) else least - 1
        if found < least or (most is not None and found > most):
            raise ValueError
        return found

    return Kind(what, f"a whole number of {what}, {bounds}", read)


def _read_port(value: str) -> int:
    if value.startswith(("tcp://", "udp://")):
        raise Reason("Kubernetes made this one for a Service of that name: set enableServiceLinks: false")
    return whole(1, 65_535, "").read(value)


PORT = Kind("port", "a port from 1 to 65535", _read_port)


def share() -> Kind[str]:
    """A part of one, such as 0.23, kept as text: whoever calculates makes a Decimal of it."""

    def read(value: str) -> str:
        try:
            found = Decimal(value)
        except InvalidOperation:
            raise ValueError from None
        if not 0 <= found <= 1:
            raise ValueError
        return value

    return Kind("share", "a part of one from 0 to 1, such as 0.23", read)


def _read_rate(value: str) -> str:
    found = re.fullmatch(r"(\d{1,12})/(?:(\d{1,8})|(?:per )?([smhd]))", value)
    if not found:
        raise ValueError
    requests, seconds = int(found[1]), int(found[2] or _PERIODS[found[3]])
    if not (requests and seconds):
        raise ValueError
    return f"{requests}/{seconds}"


RATE = Kind("rate", "requests per period, such as 10/60 (seconds), 10/m, 100/h or 1000/d", _read_rate)


def choice(*options: str) -> Kind[str]:
    """One of a few words, in any case."""

    def read(value: str) -> str:
        for one in options:
            if one.lower() == value.lower():
                return one
        raise ValueError

    return Kind("choice", f"{', '.join(options[:-1])} or {options[-1]}", read)


def listed(one: Kind[T], *, known: tuple[T, ...] = ()) -> Kind[list[T]]:
    """Several values separated by commas or ends of lines; `none` for an empty list."""
    expects = f"{one.expects}; several are separated by commas"
    if known:
        expects = f"some of {', '.join(str(name) for name in known)}, separated by commas"

    def read(value: str) -> list[T]:
        if value.lower() == NOBODY:
            return []
        found = [one.read(part.strip()) for part in re.split(r"[,\n]", value) if part.strip()]
        if known and (strange := [str(part) for part in found if part not in known]):
            raise Reason(f"there is no {', '.join(strange)}")
        return found

    return Kind(f"list of {one.name}", expects, read, lambda value: ",".join(map(one.show, value)))


def url(schemes: tuple[str, ...], example: str, *, is_host_needed: bool = True) -> Kind[str]:
    """An address with one of a few schemes; kept as it was written."""

    def read(value: str) -> str:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError for what is no port
        if parts.scheme not in schemes or (is_host_needed and not parts.hostname):
            raise ValueError
        return value

    starts = " or ".join(f"{one}://" for one in schemes)
    return Kind("address", f"an address that starts with {starts}: {example}", read)


def peer(apps: tuple[str, ...]) -> Kind[tuple[str, str]]:
    """An app and the address at which it answers."""

    def read(value: str) -> tuple[str, str]:
        app, _, address = value.partition("=")
        if app not in apps:
            raise Reason(f"there is no {app}")
        parts = urlsplit(address)
        _ = parts.port
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError
        return app, address.rstrip("/")

    return Kind("peer", "<app>=http://host:port or <app>=https://host", read, "=".join)


def _read_database(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    if parts.scheme not in {"postgres", "postgresql"}:
        raise Reason("the scheme is not postgres")
    has_host = parts.hostname or "host=" in parts.query
    if not has_host:
        raise Reason("it names no host")
    if not unquote(parts.path).strip("/"):
        raise Reason("it names no database")
    return value


DATABASE = Kind("database", "postgres://user:password@host:5432/database", _read_database)


def _read_redis(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise Reason("it names no socket")
        return value
    if parts.scheme not in {"redis", "rediss", "valkey"} or not parts.hostname:
        raise ValueError
    if parts.path.strip("/") not in {"", "0"}:
        raise Reason("it names a database: several are used, so leave the number out")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if strange := sorted(set(options) - _TLS_OPTIONS) or (sorted(options) if parts.scheme != "rediss" else []):
        raise Reason(f"{strange[0]} is no option: rediss:// takes {', '.join(sorted(_TLS_OPTIONS))}")
    if options.get("ssl_cert_reqs", "required") not in {"required", "none"}:
        raise Reason("ssl_cert_reqs is required or none")
    if missing := [value for name, value in options.items() if name in _TLS_FILES and not Path(value).is_file()]:
        raise Reason(f"there is no file {missing[0]}")
    return value


_TLS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_TLS_OPTIONS = _TLS_FILES | {"ssl_cert_reqs"}
REDIS = Kind(
    "Valkey",
    "redis://host:6379, rediss://:password@host:6379?ssl_ca_certs=/path/to/ca.pem or unix:///path/to/socket",
    _read_redis,
)


def _read_stream(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    if "kafka" in parts.scheme:
        raise Reason("this is RabbitMQ's; Kafka has a setting of its own, AUTOSALON_KAFKA_SERVERS")
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ValueError
    return value


STREAM = Kind("RabbitMQ", "a RabbitMQ server: amqp://user:password@host:5672/vhost or amqps://…", _read_stream)


def _read_network(value: str) -> Network:
    return ip_network(value, strict=False)


NETWORK: Kind[Network] = Kind(
    "network", "an IPv4 or IPv6 address or network, such as 10.0.0.7, 172.16.0.0/12 or fd00::/8", _read_network
)


def _read_origin(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError
    return value.rstrip("/")


ORIGIN = Kind("origin", "an origin such as https://autosalon.example, without a path", _read_origin)
HOST = text(
    "a host name such as autosalon.example, without a scheme or a path", r"\*|\.?[\w.-]+(:\d+)?|\[[\da-fA-F:]+\]"
)


def _read_sender(value: str) -> str:
    _, address = parseaddr(value)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise ValueError
    return value


SENDER = Kind("e-mail", "an e-mail address such as shop@autosalon.example or Autosalon <shop@…>", _read_sender)
EMAIL = Kind("e-mail", "an e-mail address such as anna@autosalon.example", text("", r"[^@\s<>]+@[^@\s<>]+").read)


def _read_existing(value: str) -> Path:
    path = Path(value).resolve()
    if not path.exists():
        raise Reason("it is not there")
    return path


PATH = Kind("path", "a file or a folder", lambda value: Path(value).resolve())
EXISTING_PATH = Kind("path", "a file or a folder that is there", _read_existing)


def _read_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError
    return ZoneInfo(value).key


TIME_ZONE = Kind("time zone", "a time zone such as Europe/Moscow", _read_zone)

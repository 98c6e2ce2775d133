"""All that is wrong with the environment, told at once and before anything starts."""

import difflib
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from config.declared.access import Addresses, Limits, Secrets
from config.declared.business import Payments
from config.declared.contracts import Contracts
from config.declared.files import overlapping
from config.declared.machine import Machine, Peers, Switches, layout
from config.declared.servers import database_url
from config.declared.setting import ALL, WrongSetting
from config.environment import FILE, PREFIX, given, names

_TOOLBAR_MISSING = "AUTOSALON_DEBUG_TOOLBAR: django-debug-toolbar is not installed: install requirements-dev.txt"
_OF_KUBERNETES = re.compile(r"(?:\w+_)?(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)\w*)")
"""Names that Kubernetes makes for each Service, after the prefix; also …_WEB_PORT=tcp://10.0.0.1:8000."""


def problems() -> list[str]:
    """Every wrong, missing, unknown and contradictory setting, one plain line each."""
    found = [*_strangers()]
    for setting in ALL.values():
        try:
            setting.value()
            if setting.is_missing():
                assert setting.need is not None
                found.append(f"{setting.variable}: required {setting.need.words}: {setting.kind.expects}")
        except WrongSetting as error:
            found.append(str(error))
    for rule in RULES:
        try:
            found += rule()
        except WrongSetting as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def explain(found: list[str]) -> str:
    """Compose what a process says before it ends."""
    wrong = "a setting is wrong" if len(found) == 1 else f"{len(found)} settings are wrong"
    lines = [f"autosalon: {wrong}; docs/settings.md lists them all", *(f"  {line}" for line in found)]
    if any("required outside debug" in line for line in found):
        lines.append("  On a machine of your own AUTOSALON_DEBUG=on makes what is missing")
    return "\n".join(lines)


def _strangers() -> Iterator[str]:
    known = {*ALL, *(f"{name}{FILE}" for name, setting in ALL.items() if setting.is_secret)}
    for name in names():
        if name not in known and not _is_of_kubernetes(name):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            yield f"{PREFIX}{name}: there is no such setting{hint}"


def _is_of_kubernetes(name: str) -> bool:
    is_link = name.endswith("PORT") and given(name).startswith(("tcp://", "udp://", "sctp://"))
    return is_link or bool(_OF_KUBERNETES.fullmatch(name))


def _debug_only() -> list[str]:
    if Machine.DEBUG:
        return [_TOOLBAR_MISSING] if Machine.DEBUG_TOOLBAR and find_spec("debug_toolbar") is None else []
    found = []
    if Machine.DEBUG_TOOLBAR:
        found.append("AUTOSALON_DEBUG_TOOLBAR is for debug only")
    if Switches.FAILPOINTS:
        found.append("AUTOSALON_FAILPOINTS is for debug only")
    if not Limits.RATE_LIMITS:
        found.append("AUTOSALON_RATE_LIMITS=off is for debug only")
    return found


def _keys_of_tokens() -> list[str]:
    if Machine.DEBUG or Secrets.JWT_PRIVATE_KEY_FILE:
        return []
    if "accounts" in layout().answered:
        who = "to serve accounts or the storefront"
        return [f"AUTOSALON_JWT_PRIVATE_KEY_FILE: required outside debug, {who}: an RSA key (PEM file)"]
    if not Secrets.JWT_PUBLIC_KEY_FILES:
        return ["AUTOSALON_JWT_PUBLIC_KEY_FILES: required outside debug, without a private key: PEM files or folders"]
    return []


def _hosts() -> list[str]:
    if Machine.DEBUG or Addresses.ALLOWED_HOSTS:
        return []
    return ["AUTOSALON_ALLOWED_HOSTS: required outside debug: names under which visitors may call"]


def _peers() -> list[str]:
    """An app is served here, read from its database, or asked of one peer."""
    named = [app for app, _ in Peers.PEERS]
    found = [f"AUTOSALON_PEERS: {app} is named twice" for app in sorted(set(named)) if named.count(app) > 1]
    for app in sorted(set(named)):
        if app in layout().databases:
            found.append(f"AUTOSALON_PEERS: {app} is no peer: what AUTOSALON_SERVICES names works on its database")
        elif database_url(app):
            found.append(f"AUTOSALON_PEERS: {app} has AUTOSALON_{app.upper()}_DATABASE_URL too: keep one of both")
    return found


def _card_of_nobody() -> list[str]:
    """A card that nobody named pays at the sandbox bank alone, which takes no money."""
    if not Contracts.CONTRACT_CARD_TOKEN or Payments.PAYMENT_PROVIDER == "sandbox":
        return []
    return [f"AUTOSALON_CONTRACT_CARD_TOKEN is for the sandbox bank only, not for {Payments.PAYMENT_PROVIDER}"]


def _buckets() -> list[str]:
    if not overlapping():
        return []
    return ["AUTOSALON_S3_PRIVATE_BUCKET: it holds the pictures too: name another bucket, or prefixes apart"]


RULES: tuple[Callable[[], list[str]], ...] = (_debug_only, _keys_of_tokens, _hosts, _peers, _card_of_nobody, _buckets)
"""What several settings promise together."""

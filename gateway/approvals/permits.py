"""Proof, within a transaction, that value may leave in it: code that lets it out refuses to run without."""

from core.db import OutsideTransaction, before_commit, in_transaction, registered
from gateway.approvals.kinds import Kind, Rule

_KEY = "approvals.permits"


class Undeclared(RuntimeError):
    """Value was about to leave by a way that nobody has declared."""


class _Permits:
    """Names of the kinds and rules that were passed in one transaction."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self) -> None:
        """Nothing is left to do before the commit."""


def let(way: Kind | Rule) -> None:
    """Note that this transaction lets value out by a declared way. Raises OutsideTransaction."""
    before_commit(way.app, _KEY, _Permits()).names.add(way.name)


def is_let(way: Kind | Rule) -> bool:
    """Tell whether this transaction lets value out by this very way."""
    permits: _Permits | None = registered(way.app, _KEY)
    return permits is not None and way.name in permits.names


def require_permit(alias: str) -> None:
    """Stop value that leaves past every declaration. Raises Undeclared, OutsideTransaction."""
    if not in_transaction(alias):
        raise OutsideTransaction(f"value left outside transaction({alias!r})")
    permits: _Permits | None = registered(alias, _KEY)
    if permits is None or not permits.names:
        raise Undeclared(f"value left {alias!r} by a way that {alias}/approvals.py does not declare")

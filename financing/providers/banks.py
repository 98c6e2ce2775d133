"""Our side of the banks' HTTP API."""

from typing import Any

from core.outside.provider_http import JsonProvider

_BANKS = JsonProvider("the bank", "BANKS_URL")


def ask(bank: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask a bank to lend: `{status: offered|refused|pending, amount?, annual_rate?, term_months?, code?, …}`.

    Raises TransientFault, NoAnswer, Refused of `core.outside.provider_http`.
    """
    return _BANKS.ask("POST", f"/banks/{bank}/applications", key=key, body=body)


def find(bank: str, key: str) -> dict[str, Any] | None:
    """Return what became of an earlier question; None when it was never heard. Raises like `ask`."""
    return _BANKS.find("GET", f"/banks/{bank}/applications/by-key/{key}")


def debit(bank: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Tell a bank to debit a borrower's account: `{status: settled|refused|pending, reference?, amount?, date?, …}`.

    The same key is one debit. Raises like `ask`.
    """
    return _BANKS.ask("POST", f"/banks/{bank}/debits", key=key, body=body)


def find_debit(bank: str, key: str) -> dict[str, Any] | None:
    """Return what became of a debit, `reversed` where the bank took it back; None when it was never heard of."""
    return _BANKS.find("GET", f"/banks/{bank}/debits/by-key/{key}")


def notify(bank: str, key: str, application_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Tell a bank what became of its offer: `{decision: accepted|declined|withdrawn, reference, version}`.

    The same key is one notice. Raises like `ask`.
    """
    return _BANKS.ask("POST", f"/banks/{bank}/applications/{application_id}/decision", key=key, body=body)

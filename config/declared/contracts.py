"""Settings of the contracts of other systems that clients may go on speaking."""

from config.declared import kinds
from config.declared.access import HTTP
from config.declared.business import Payments
from config.declared.machine import Machine
from config.declared.setting import Group, Setting, number, text

LETTERS = ("a", "b", "c", "d", "e")


class Contracts(Group):
    """Contracts of other systems"""

    CONTRACTS = Setting(
        kinds.listed(kinds.text(), known=LETTERS),
        lambda: list(LETTERS) if Machine.DEBUG else [],
        "Letters of the contracts that are spoken under /contracts/ (docs/contracts.md); `none` for none.",
        shown="all in debug, none outside it",
        roles=HTTP,
    )
    CONTRACT_LIST_ROWS = number(1000, "Most objects of a list that has no pages.", least=1, unit="objects", roles=HTTP)
    CONTRACT_CARD_TOKEN = text(
        lambda: "tok_success" if Machine.DEBUG and Payments.PAYMENT_PROVIDER == "sandbox" else "",
        "Token that pays where a contract's client names no card and has stored none; of the sandbox bank alone.",
        shown="`tok_success` in debug with the sandbox bank, else none",
        secret=True,
        roles=HTTP,
    )
    CONTRACT_E_RATE_LIMIT = Setting(
        kinds.RATE, "10/60", "Requests of contract E under /orders/, per address and endpoint.", roles=HTTP
    )

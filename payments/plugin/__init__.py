"""Name all that payments plugs into the house."""

from core.plugins import Plugin
from payments import approvals, commands, events, handlers, operations, public
from payments.plugin import demo, measured, personal
from payments.plugin.histories import AUDIT
from payments.queries.accounting import ACCOUNTING
from payments.rules.switches import CARD, SBP

PLUGIN = Plugin(
    declares=(approvals, commands, events, handlers, operations, personal, public),
    accounting=ACCOUNTING,
    audit=AUDIT,
    switches=(CARD, SBP),
    connect=(measured.connect_counts,),
    metrics=(measured.payment_gauges,),
    demo=demo.create_demo,
    tags={
        "ledger": "The books: accounts and entries.",
        "legal-entities": "Companies that the dealership sells through: requisites, accounts, tax regimes.",
        "payment-methods": "Stored ways to pay.",
        "payments": "Money that comes in, and what providers say about it.",
        "receipts": "Fiscal receipts of money taken and returned online.",
        "reconciliations": "Our books against a provider's, day by day.",
        "refunds": "Money that goes back.",
        "transactions": "Every movement of money, in one list.",
    },
)

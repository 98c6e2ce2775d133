"""Declare how money can leave payments: by which actions of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import ALWAYS, Kind, declare, rule

REFUNDS, BELIEVED = "refunds", "believed"

REFUND = declare(
    Kind(
        name="payments.refund",
        title=_("Refund of a payment"),
        subject="refund",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="payments.services.release_refund",
        refused="payments.services.drop_refund",
        doors=(
            "POST /payments/{id}/refund",
            "admin payments.payment: refund",
            "admin payments.payment: refund_part",
        ),
        gives="money that was taken; the refund stands as `requested`, and its amount is reserved",
    )
)
CAPTURE = declare(
    Kind(
        name="payments.capture",
        title=_("Cash or a transfer has arrived"),
        subject="payment",
        limit="CASH_FOUR_EYES_ABOVE",
        pool=BELIEVED,
        run="payments.services.take_agreed",
        doors=(
            "POST /payments/{id}/capture",
            "admin payments.payment: capture",
            "POST /board/{id}/money/",
        ),
        gives="goods, for money that one person says has come",
    )
)
RESOLVE = declare(
    Kind(
        name="payments.resolve",
        title=_("A payment settled by hand"),
        subject="payment",
        limit="CASH_FOUR_EYES_ABOVE",
        pool=BELIEVED,
        run="payments.services.settle_agreed",
        doors=("admin payments.payment: taken",),
        gives="goods, for money that one person says a provider took",
    )
)

LEGAL_ENTITY = declare(
    Kind(
        name="payments.legal_entity",
        title=_("Requisites of a legal entity of the dealer"),
        subject="legal_entity",
        limit=ALWAYS,
        favours=False,
        run="payments.services.legal_entity_agreed",
        doors=(
            "POST /legal-entities",
            "PUT /legal-entities/{id}",
            "PATCH /legal-entities/{id}",
            "admin payments.legalentity: add",
            "admin payments.legalentity: change",
        ),
        gives="all that buyers pay by invoices from then on: it goes to whose account is named",
    )
)

PROVIDER_SAYS = rule(
    "payments.provider_says",
    why="The provider's own books say so: its answer to our call, a signed message, or a lost dispute.",
    heard=(
        "payments.apply_webhook",
        *(f"payments.{call}" for call in ("charge", "capture", "cancel", "query", "refund", "payout")),
    ),
)
CALLED_OFF = rule(
    "payments.called_off",
    why="What it paid for fell through: the order was called off (by people: orders.cancel), or it was paid twice. "
    "Cash waits until a person says that it was handed back: not the one who took it in, nor the buyer.",
    heard=("payments.serve_checkout", "payments.serve_policy", "payments.serve_ticket"),
)
EXCESS = rule(
    "payments.excess",
    why="The order is worth less than was paid; whoever made it so was asked in orders. Cash waits as above.",
    heard=("payments.refund_excess",),
)
ASKED_FOR = rule(
    "payments.asked_for",
    why="Another app decided it under its own declarations: a claim, a surplus of a loan, an unused premium, "
    "earnest money, a car taken in exchange.",
    heard=(
        "payments.serve_loan",
        "payments.serve_policy",
        "payments.serve_ticket",
        "payments.pay_claims",
        "payments.settle_deposit",
        "payments.book_trade_ins",
    ),
)
SENT_AGAIN = rule(
    "payments.sent_again",
    why="The same money by the same decision, after the provider refused it: never more than was agreed to.",
)

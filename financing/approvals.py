"""Declare how value can leave by loans: by which actions of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import ALWAYS, NEVER, Kind, declare, rule

FORGIVEN = "forgiven"

OVERRIDE = declare(
    Kind(
        name="financing.override",
        title=_("Lending against the rules"),
        subject="override",
        limit="LOAN_FOUR_EYES_ABOVE",
        is_told=False,
        run="financing.services.lend_agreed",
        refused="financing.services.drop_override",
        doors=("POST /financing/applications/{id}/override", "admin financing.application: override"),
        gives="a loan that the rules refused; it stands as `proposed`",
    )
)
APPROVE = declare(
    Kind(
        name="financing.approve",
        title=_("Approving an application under review"),
        subject="application",
        limit=NEVER,
        doors=(
            "POST /financing/applications/{id}/approve",
            "POST /financing/applications/{id}/counter-offer",
            "admin financing.application: approve",
            "admin financing.application: approve_one",
            "admin financing.application: counter",
        ),
        gives="a loan within the rules, which leave the decision to a person",
    )
)
WRITE_OFF = declare(
    Kind(
        name="financing.write_off",
        title=_("Writing a loan off"),
        subject="loan",
        limit="PENALTY_FOUR_EYES_ABOVE",
        pool=FORGIVEN,
        run="financing.services.write_off_agreed",
        doors=("POST /financing/loans/{id}/write-off", "admin financing.loan: write_off"),
        gives="the debt",
    )
)
RESTRUCTURE = declare(
    Kind(
        name="financing.restructure",
        title=_("New terms of a loan"),
        subject="loan",
        limit="PENALTY_FOUR_EYES_ABOVE",
        pool=FORGIVEN,
        run="financing.services.restructure_agreed",
        doors=("POST /financing/loans/{id}/restructure", "admin financing.loan: restructure"),
        gives="penalties waived, and the interest that a lower rate forgoes",
    )
)
MORATORIUM = declare(
    Kind(
        name="financing.moratorium",
        title=_("Credit holidays of a loan"),
        subject="loan",
        limit=ALWAYS,
        run="financing.services.moratorium_agreed",
        doors=("POST /financing/loans/{id}/moratorium", "admin financing.loan: suspend"),
        gives="time: payments of up to six months, and the penalties that they would have cost",
    )
)
DEBIT = declare(
    Kind(
        name="financing.debit",
        title=_("A borrower's account was debited"),
        subject="loan payment",
        limit=ALWAYS,
        run="financing.services.debit_agreed",
        doors=("POST /financing/loans/{id}/payments/{payment_id}/confirm", "admin financing.loanpayment: confirm"),
        gives="the debt that a bank without a connection, or a silent one, is said to have debited",
    )
)
OPEN_PROGRAMME = declare(
    Kind(
        name="financing.open_programme",
        title=_("A new loan programme"),
        subject="programme",
        limit=ALWAYS,
        favours=False,
        run="financing.services.open_agreed",
        doors=("POST /financing/programmes", "admin financing.programme: add"),
        gives="whatever its rules would lend",
    )
)
CHANGE_PROGRAMME = declare(
    Kind(
        name="financing.change_programme",
        title=_("Other rules of a loan programme"),
        subject="programme",
        limit=ALWAYS,
        favours=False,
        run="financing.services.change_agreed",
        doors=("PATCH /financing/programmes/{id}", "admin financing.programme: change"),
        gives="whatever the new rules would lend; its name and last day are one person's to change",
    )
)
LIMITS = declare(
    Kind(
        name="financing.limits",
        title=_("Credit limits"),
        subject="limits",
        limit=ALWAYS,
        favours=False,
        run="financing.services.limits_agreed",
        doors=("admin financing.creditlimit: add",),
        gives="whatever the new limits would let be lent",
    )
)

BY_RULES = rule(
    "financing.by_rules",
    why="The programme's rules approve, as two people agreed to them; or the bank does over its own API.",
    heard=("POST /financing/applications", "financing.serve_order"),
)

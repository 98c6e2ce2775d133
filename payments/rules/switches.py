"""Name what of payments can be switched off."""

from django.utils.translation import gettext_lazy as _

from core.running.switches import Switch

CARD = Switch(
    name="payments.card",
    title=_("online payment by card"),
    description=_("No new payment by card begins; those under way, refunds and other ways of paying go on."),
    refusal=_("Payment by card is not available at the moment. Please pay in another way, or come back later."),
)
SBP = Switch(
    name="payments.sbp",
    title=_("online payment by the fast payment system"),
    description=_("No new payment by SBP begins; those under way, refunds and other ways of paying go on."),
    refusal=_("Payment by SBP is not available at the moment. Please pay in another way, or come back later."),
)
BY_METHOD = {"card": CARD, "sbp": SBP}
"""Switches of the methods that are paid online."""

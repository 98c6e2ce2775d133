"""Name what of financing can be switched off."""

from django.utils.translation import gettext_lazy as _

from core.running.switches import Switch

APPLICATIONS = Switch(
    name="financing.applications",
    title=_("new loan applications"),
    description=_("Nobody applies for a loan, alone or with an order; loans that were given go on."),
    refusal=_("Applications for loans are not taken at the moment. Please pay in another way, or come back later."),
)

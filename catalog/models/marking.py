"""Name, for people, the groups of goods that the law has marked, each piece by a code of its own."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Marking(models.TextChoices):
    """Group of marked goods; each has its own decree, see docs/receipts.md."""

    NONE = "none", _("not marked")
    TYRES = "tyres", _("tyres")
    FLUIDS = "fluids", _("motor oils and other fluids in packages")

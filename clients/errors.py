"""Name what stops a change to a client card."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, NotFound


class ClientNotFound(NotFound):
    """There is no such client card."""

    detail = _("There is no such client.")


class ClientHasDeals(DomainError):
    """Orders, payments, loans or policies stand behind the card: the books need it."""

    code = "client_has_deals"
    detail = _("This client has deals and cannot be deleted.")


class ContactExists(DomainError):
    """The card already has this contact."""

    code = "contact_exists"
    detail = _("This client already has this contact.")


class AlreadyMerged(DomainError):
    """Both ids mean the same client already."""

    code = "already_merged"
    detail = _("Both are the same client already.")


class CannotMerge(DomainError):
    """The two cannot be one client: `reason` is different_types or erased."""

    code = "cannot_merge"
    detail = _("These two cards cannot be merged.")


class MergeNotFound(NotFound):
    """There is no such merge."""

    detail = _("There is no such merge.")


class MergeUndone(DomainError):
    """The merge was taken back before."""

    code = "merge_undone"
    detail = _("This merge was undone already.")


class NewerMerge(DomainError):
    """The kept card was merged into another one later."""

    code = "newer_merge"
    detail = _("The kept card was merged into another later: undo that merge first.")


class DuplicateNotFound(NotFound):
    """There is no such pair of cards."""

    detail = _("There is no such pair of cards.")


class VehicleNotFound(NotFound):
    """The client has no such car."""

    detail = _("This client has no such car.")


class VehicleExists(DomainError):
    """The car is in the client's garage already."""

    code = "vehicle_exists"
    detail = _("This car is in the client's garage already.")


class LeadNotFound(NotFound):
    """There is no such lead."""

    detail = _("There is no such lead.")

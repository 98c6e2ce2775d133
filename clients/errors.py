"""What stops a change to a client card."""

from core.errors import DomainError, NotFound


class ClientNotFound(NotFound):
    """There is no such client card."""

    detail = "There is no such client."


class ClientHasDeals(DomainError):
    """Orders, payments, loans or policies stand behind the card: the books need it."""

    code = "client_has_deals"
    detail = "This client has deals and cannot be deleted."


class ContactExists(DomainError):
    """The card already has this contact."""

    code = "contact_exists"
    detail = "This client already has this contact."

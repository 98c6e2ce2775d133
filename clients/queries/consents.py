"""Read what a client consented to."""

from clients.models import Client, Consent


def read_consents(client: Client) -> dict[str, bool]:
    """Return what counts now: the latest word on each kind, over all cards of the client."""
    cards = Client.objects.group(client.root_id).values("id")
    rows = Consent.objects.filter(client__in=cards).order_by("kind", "-at", "-id").distinct("kind")
    return dict(rows.values_list("kind", "is_given"))

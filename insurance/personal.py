"""What insurance holds of a person, and what erasure leaves of it."""

from django.db.models import QuerySet

from accounts.events import UserDeleted
from insurance.models import Claim, PolicyTerms, Quote
from messaging.personal import erase, holds
from messaging.subscriptions import subscribe


def _forget_drivers(quotes: QuerySet[Quote]) -> None:
    """A quote that became a policy stays without its drivers; the others go."""
    quotes.filter(policy__isnull=True).delete()
    for quote in quotes:
        if quote.request.get("drivers"):
            quote.request["drivers"] = []
            quote.save(update_fields=["request"])


def _forget_named(terms: QuerySet[PolicyTerms]) -> None:
    """Terms that name drivers stay without them; those for anybody stay so."""
    terms.filter(drivers__isnull=False).update(drivers=[])


holds(Quote, erase=_forget_drivers)
holds(Claim, blank={"description": ""})
holds(PolicyTerms, owner="policy__customer_id", erase=_forget_named)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what insurance and its log tell of a person; rows of money and their ids stay."""
    erase("insurance", event.user_id)

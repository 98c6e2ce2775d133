"""Declare what insurance holds of a person, and what erasure leaves of it."""

from datetime import datetime
from functools import partial
from uuid import UUID

from dateutil.relativedelta import relativedelta
from django.db.models import Q, QuerySet

from accounts.events import UserDeleted, UserStayed
from core.clock import dealer_day
from core.db import on_commit
from core.files.kept import PAPERS
from core.files.orphans import names_files
from core.files.papers import destroy_papers
from insurance.models import (
    Claim,
    ClaimDocument,
    ClaimHistory,
    Endorsement,
    Instalment,
    MoneyRequest,
    OrderCopy,
    Policy,
    PolicyTerms,
    Quote,
    TariffRevision,
    TariffRow,
    VehicleCopy,
)
from insurance.models.claims import GRANTED, UNDECIDED, ClaimStatus
from insurance.models.money import MoneyKind, MoneyState
from insurance.models.policies import ALIVE, PolicyStatus
from messaging.people.classified import forgets, keeps, plain
from messaging.people.departures import open_door
from messaging.people.endings import Ending, left
from messaging.people.personal import Obligation, erase, holds, obliges
from messaging.subscriptions import subscribe

YEARS = 5
_CONTRACT = "which car a policy insured is its contract (4015-1 art. 28)"
_FIVE_YEARS = "five years after the policy has ended"


def _forget_asked(quotes: QuerySet[Quote]) -> None:
    """A quote that became a policy stays, without its drivers and plate; the others go."""
    quotes.filter(policy__isnull=True).delete()


def _forget_named(terms: QuerySet[PolicyTerms]) -> None:
    """Terms that name drivers stay without them; those for anybody stay so."""
    terms.filter(drivers__isnull=False).update(drivers=[])


def _forget_papers(papers: QuerySet[ClaimDocument]) -> None:
    """Papers of claims go, and their files after the commit."""
    paths = list(papers.values_list("path", flat=True))
    papers.delete()
    on_commit("insurance", partial(destroy_papers, paths))


def _old_policies(now: datetime) -> QuerySet[Policy]:
    """Of people who have left: policies that ended so long ago that no claim can come of them."""
    before = now - relativedelta(years=YEARS)
    is_over = Q(end_date__lt=dealer_day(before)) | Q(cancelled_at__lt=before)
    theirs = Policy.objects.filter(is_over, customer_id__in=left("insurance"))
    return theirs.exclude(vehicle_vin="").exclude(status__in=[*ALIVE, PolicyStatus.PENDING])


def _forget_car(policies: QuerySet[Policy]) -> None:
    policies.update(vehicle_vin="")


holds(Quote, erase=_forget_asked)
holds(Policy, blank={"beneficiary": "", "cancel_reason": "", "decline_detail": "", "evidence": ""})
holds(PolicyTerms, owner="policy__customer_id", blank={"beneficiary": ""}, erase=_forget_named)
holds(Endorsement, owner="policy__customer_id", blank={"evidence": ""})
holds(Instalment, owner="policy__customer_id", blank={"detail": ""})
holds(MoneyRequest, owner="policy__customer_id", blank={"payee": "", "detail": ""})
holds(
    Claim,
    blank={"description": "", "place": "", "driver_name": "", "driver_birth_date": None, "reason": ""},
)
holds(ClaimHistory, owner="claim__customer_id", blank={"reason": ""})
holds(ClaimDocument, owner="claim__customer_id", erase=_forget_papers)


_OPEN_CLAIMS = {*UNDECIDED, *GRANTED} - {ClaimStatus.PAID}


_COMING = {MoneyKind.REFUND.value: "refund", MoneyKind.PAYOUT.value: "payout"}
"""Money that payments are to give the person, and may not have heard of yet."""


def _obligations(user_id: UUID) -> list[Obligation]:
    """Policies in force or on their way to it, claims that are not settled, and money that we owe the person."""
    theirs = Policy.objects.filter(customer_id=user_id, status__in=[*ALIVE, PolicyStatus.PENDING])
    claims = Claim.objects.filter(customer_id=user_id, status__in=_OPEN_CLAIMS)
    coming = MoneyRequest.objects.filter(policy__customer_id=user_id, state=MoneyState.ASKED).order_by("pk")
    return [
        *(Obligation("policy", policy.id, policy.number) for policy in theirs.order_by("pk")),
        *(Obligation(_COMING[asked.kind], asked.id) for asked in coming.filter(kind__in=_COMING)),
        *(Obligation("claim", claim_id) for claim_id in claims.order_by("pk").values_list("pk", flat=True)),
    ]


obliges("insurance", _obligations)

plain(Quote, "tariff insurer insurer_name rated_on unrounded currency valid_until")
plain(Policy, "number insurer insurer_ref decline_code currency start_date end_date cancel_date autopay_method")
keeps(Policy, "vehicle_vin", why=_CONTRACT, until=_FIVE_YEARS, ends=Ending(_old_policies, _forget_car))
plain(Endorsement, "effective_date")
plain(Claim, "formula due_date currency")
forgets(ClaimDocument, "name content_type sha256 path", by="insurance.plugin.personal._forget_papers")
plain(Instalment, "due_date code")
plain(MoneyRequest, "currency code")
plain(OrderCopy, "bank products")
plain(TariffRevision, "note")
plain(TariffRow, "insurer table key value valid_from valid_to source")
plain(VehicleCopy, "vin make currency")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what insurance and its log tell of a person; rows of money and their ids stay."""
    erase("insurance", event.user_id)


@subscribe(UserStayed)
def let_in_again(event: UserStayed) -> None:
    """Let new business begin again for somebody who was not erased after all."""
    open_door("insurance", event.user_id, event.closing_id)


names_files(ClaimDocument, "path", kind=PAPERS, folder="claims")

"""Make one object of each kind of financing for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from financing.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/financing/programmes")
def programme(owner: UUID) -> Ids:
    return [str(make.programme().id)]


@made_by("/financing/applications")
def application(owner: UUID) -> Ids:
    make.programme()
    return [str(make.application(of=make.order(customer_id=owner)).id)]


@made_by("/financing/applications/{}/documents/{}")
def credit_paper(owner: UUID) -> Ids:
    application_id = application(owner)[0]
    paper = make.paper(application_id=UUID(application_id))
    return [application_id, str(paper.id)]


@made_by("/financing/overrides")
def override(owner: UUID) -> Ids:
    make.programme()
    refused = make.application(of=make.order(customer_id=owner), **make.REFUSED)
    return [str(make.override(refused).id)]


@made_by("/financing/loans")
def loan(owner: UUID) -> Ids:
    from financing import services
    from financing.models import Loan

    make.programme()
    of = make.order(customer_id=owner)
    attempt_id = uuid7()
    make.requested(of, attempt_id=attempt_id)
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt_id, now=timezone.now())
    return [str(Loan.objects.get().id)]


@made_by("/financing/calculate/{}")
def schedule_kind(owner: UUID) -> Ids:
    return ["pdf"]


@made_by("/financing/loans/{}/schedule/{}")
def loan_schedule(owner: UUID) -> Ids:
    return [*loan(owner), "xlsx"]


@made_by("/financing/work-calendar/{}")
def work_year(owner: UUID) -> Ids:
    return ["2027"]

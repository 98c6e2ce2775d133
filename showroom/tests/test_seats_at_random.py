"""Guests come, go, accept, let deadlines pass and see the hall change size, in any order: never one seat too many."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction as django_transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.errors import DomainError
from core.ids import uuid7
from showroom import services
from showroom.models import Happening, Registration, RegistrationStatus
from showroom.public import seat_disagreements
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"])
GUESTS = [uuid7() for _ in range(12)]


class Hall(RuleBasedStateMachine):
    """One happening with a few seats, and a model of who should sit and who should wait in which order."""

    registrations = Bundle("registrations")

    def __init__(self):
        super().__init__()
        self.savepoint = django_transaction.atomic(using="showroom")  # noqa: TID251 - each run starts from nothing
        self.savepoint.__enter__()
        self.happening = make.happening(capacity=3, offer_hours=1)

    def teardown(self):
        django_transaction.set_rollback(True, using="showroom")
        self.savepoint.__exit__(None, None, None)

    def refused(self, act, **arguments):
        try:
            return act(happening_id=self.happening.id, now=timezone.now(), **arguments)
        except DomainError:
            return None

    @rule(target=registrations, guest=st.sampled_from(GUESTS))
    def register(self, guest):
        made = self.refused(services.register, user_id=guest)
        return made.id if made else None

    @rule(registration_id=registrations)
    def cancel(self, registration_id):
        if registration_id:
            self.refused(services.cancel_registration, registration_id=registration_id)

    @rule(registration_id=registrations)
    def accept(self, registration_id):
        if registration_id:
            self.refused(services.accept_offer, registration_id=registration_id)

    @rule(registration_id=registrations)
    def let_the_deadline_pass(self, registration_id):
        offered = Registration.objects.filter(pk=registration_id, status=RegistrationStatus.OFFERED)
        if registration_id and offered.update(offer_expires_at=timezone.now() - timedelta(seconds=1)):
            self.refused(services.expire_offer, registration_id=registration_id)

    @rule(capacity=st.integers(1, 6))
    def change_the_hall(self, capacity):
        self.refused(services.update_happening, changes={"capacity": capacity})

    @rule(price=st.sampled_from(["0.00", "100.00"]))
    def change_the_price(self, price):
        self.refused(services.update_happening, changes={"price": Decimal(price)})

    @invariant()
    def nobody_sits_twice_and_the_line_is_in_order(self):
        happening = Happening.objects.get(pk=self.happening.id)
        live = Registration.objects.filter(happening=happening).exclude(status=RegistrationStatus.CANCELLED)
        seated = [item for item in live if item.is_seated]
        waiting = sorted((item for item in live if not item.is_seated), key=lambda item: item.position)
        assert len(seated) <= happening.capacity
        assert [item.position for item in waiting] == list(range(1, len(waiting) + 1))
        assert [item.id for item in waiting] == sorted(item.id for item in waiting)
        assert not waiting or len(seated) == happening.capacity
        assert seat_disagreements() == []


def test_any_order_of_coming_and_going():
    run_state_machine_as_test(
        Hall,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

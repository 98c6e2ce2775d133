"""A car bought by a loan whose bank takes a fee of the payout: on top of what it lends, or out of it, and undone."""

from decimal import Decimal

import pytest

import catalog.tests.make
import financing.tests.make
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from financing.models import Application, Loan
from messaging.testing import drain_outbox
from orders.models import Order
from payments.models import Payment
from payments.tests.conftest import running_sandbox, sandbox
from tests.test_credit_purchase import ASKED, CARD, PRICE
from tests.test_lent_premiums import assert_clean_books, balances, cancel, one_person_is_enough

__all__ = ["one_person_is_enough", "running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
FEE, LENT = Decimal("15015.00"), Decimal("1500000.00")
FEES = [{"name": "Issue", "percent": "1"}, {"name": "Account", "amount": "15.00"}]


def placed(buyer, paid):
    """An order whose loan's programme takes these fees of its payout."""
    financing.tests.make.programme(fees=[fee | {"paid": paid} for fee in FEES])
    product = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    body = {"items": [{"product_id": str(product.id), "quantity": 1}], "payment": CARD}
    answer = Api("client", user_id=buyer).post("/orders", body | {"financing": ASKED | {"auto_accept": False}})
    assert answer.status_code == 201, answer.json()
    drain_outbox()
    return Order.objects.get(), Application.objects.get()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("paid", "owed", "lent"), [("financed", LENT + FEE, LENT), ("withheld", LENT, LENT - FEE)])
def test_what_the_order_gets_and_the_buyer_brings_is_its_price_and_all_of_it_goes_back(paid, owed, lent):
    buyer = uuid7()
    client = Api("client", user_id=buyer)
    order, application = placed(buyer, paid)
    accept = f"/financing/applications/{application.id}/accept"
    own = PRICE - lent
    if paid == "withheld":
        refused = client.post(accept)
        assert (refused.status_code, refused.json()["code"]) == (409, "own_part_grows")
        assert refused.json()["own_part"] == str(own)
    answer = client.post(accept, {"own_part": str(own)} if paid == "withheld" else None)
    assert answer.status_code == 200, answer.json()
    drain_outbox()
    order.refresh_from_db()
    if due := order.amount_due - order.loan_amount:
        assert client.post("/payments", {"order_id": str(order.id), **CARD, "amount": str(due)}).status_code == 201
        drain_outbox()
        order.refresh_from_db()
    loan = Loan.objects.get()
    assert (order.status, order.amount_due, loan.principal) == ("paid", 0, owed)
    assert (Payment.objects.get().amount, order.total_amount - Payment.objects.get().amount) == (own, lent)
    assert sum((row.principal for row in loan.rows.all()), Decimal(0)) == owed
    assert_clean_books()

    cancel(order)
    loan.refresh_from_db()
    assert (order.status, order.amount_paid, loan.status, loan.balance) == ("refunded", 0, "cancelled", 0)
    assert Payment.objects.get().refunded_amount == own
    assert balances() == {}
    assert_clean_books()

"""One scenario for each declared kind: something of a worth, what gives it away, and whether it has left."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

import catalog.tests.make as stocking
import financing.tests.make as lending
import insurance.tests.make as insuring
import orders.tests.make as ordering
import payments.tests.make as paying
import showroom.tests.make as showing
from catalog import services as catalog_services
from catalog.models import PriceStep, Product, ScheduledPrice
from catalog.services.revisions import PriceRule
from core.clock import dealer_day
from core.ids import uuid7
from financing import services as financing_services
from financing.models import Application, CreditLimit, LimitKind, Loan, LoanPayment, Programme
from financing.rules.holidays import Ground
from financing.services import BY_ACCOUNT
from financing.services.limits import LimitFact
from gateway.approvals import approve_waiting, kind_named
from gateway.models import Approval
from insurance import services as insurance_services
from insurance.models import Claim, Policy
from insurance.public import rate
from insurance.queries.refunds import refund_on_day
from insurance.services import Assessment
from orders import services as order_services
from orders.models import Commission, CommissionRule, DepositAgreement, Order, Promotion, SalesOffer
from orders.services import Actor, FreeLine
from orders.tests import answers
from orders.tests.answers import receive
from payments import services as payment_services
from payments.commands import Means
from payments.models import LegalEntity, Payment, Refund, Status
from payments.services import ChargeReport
from showroom import services as showroom_services
from showroom.models import Registration


@dataclass(frozen=True)
class Way:
    """`make(owner, worth)` brings about what the action is done to, `go(thing, actor)` does it, `has_left` looks."""

    make: Callable[[UUID, Decimal], Any]
    go: Callable[[Any, UUID], object]
    has_left: Callable[[Any], bool]


@dataclass(frozen=True)
class Rules:
    """Rules that are not there yet; the requests about them are known by other ids."""

    pk: UUID
    worth: Decimal = Decimal(0)


WAYS: dict[str, Way] = {}
LATER = timezone.now() + timedelta(days=45)
ADMIN = Actor(uuid7(), frozenset({"admin"}))


def way(name: str) -> Callable[[type], type]:
    """Register a scenario: a class with the three functions of a Way."""

    def register(cls: type) -> type:
        WAYS[name] = Way(cls.make, cls.go, cls.has_left)  # type: ignore[attr-defined]
        return cls

    return register


def manager(actor: UUID) -> Actor:
    """A manager as orders knows them."""
    return Actor(actor, frozenset({"manager"}))


@way("payments.refund")
class RefundAPayment:
    def make(owner, worth):
        payment = paying.payment(paying.order(total=worth, customer_id=owner))
        report = ChargeReport(Status.COMPLETED)
        payment_services.apply_report(payment_id=payment.id, report=report, now=timezone.now())
        return payment

    def go(payment, actor):
        return paying.refund(payment, actor_id=actor)

    def has_left(payment):
        return Refund.objects.filter(payment=payment, status__in=["approved", "submitted", "succeeded"]).exists()


@way("payments.capture")
class BelieveInCash:
    def make(owner, worth):
        return paying.payment(paying.order(total=worth, customer_id=owner), method="cash")

    def go(payment, actor):
        return payment_services.capture_payment(payment_id=payment.id, actor_id=actor, now=timezone.now())

    def has_left(payment):
        return Payment.objects.get(pk=payment.pk).status == Status.COMPLETED


@way("payments.resolve")
class BelieveInAProvider:
    def make(owner, worth):
        payment = paying.payment(paying.order(total=worth, customer_id=owner))
        payment_services.start_charge(payment_id=payment.id, now=timezone.now())
        return payment

    def go(payment, actor):
        return payment_services.resolve_payment(
            payment_id=payment.id, is_taken=True, evidence="statement 7", actor_id=actor, now=timezone.now()
        )

    has_left = BelieveInCash.has_left


@way("payments.legal_entity")
class NameAnotherAccount:
    ACCOUNT = "40702810000000000010"

    def make(owner, worth):
        return paying.legal_entity(code=f"Т{LegalEntity.objects.count()}")

    def go(entity, actor):
        return payment_services.update_legal_entity(
            entity_id=entity.pk,
            changes={"account": NameAnotherAccount.ACCOUNT},
            maker_id=actor,
            now=timezone.now(),
        )

    def has_left(entity):
        return LegalEntity.objects.get(pk=entity.pk).account == NameAnotherAccount.ACCOUNT


def paid_order(owner, worth, **wishes):
    product = ordering.product(price=str(worth), available=9)
    order = ordering.order(customer_id=owner, lines=[ordering.ProductLine(product, 1)], **wishes)
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    order.refresh_from_db()
    return order


@way("orders.commission_rule")
class PromiseACommission:
    def make(owner, worth):
        return Rules(uuid7())

    def go(rules, actor):
        terms = order_services.RuleTerms(
            goods="vehicle",
            basis="fixed",
            value=Decimal(9),
            valid_from=dealer_day(timezone.now()) + timedelta(days=1 + rules.pk.int % 100_000),
            reason=str(rules.pk),
        )
        return order_services.add_commission_rule(terms=terms, maker_id=actor, now=timezone.now())

    def has_left(rules):
        return CommissionRule.objects.filter(reason=str(rules.pk)).exists()


@way("orders.commission")
class CorrectACommission:
    def make(owner, worth):
        order = paid_order(uuid7(), worth)
        order_services.assign_order(
            order_id=order.id, manager_id=owner, reason="theirs", actor=ADMIN, now=timezone.now()
        )
        for step in ("in_progress", "ready", "completed"):
            order_services.move_order(order_id=order.id, status=step, actor=manager(uuid7()), now=timezone.now())
        return Rules(order.id)

    def go(sold, actor):
        return order_services.correct_commission(
            order_id=sold.pk, amount=Decimal(100), reason="a friend", actor=manager(actor), now=timezone.now()
        )

    def has_left(sold):
        return Commission.objects.filter(order_id=sold.pk).exists()


@way("orders.cancel")
class CancelAPaidOrder:
    def make(owner, worth):
        return paid_order(owner, worth)

    def go(order, actor):
        return order_services.move_order(
            order_id=order.id, status="cancelled", reason="a friend", actor=manager(actor), now=timezone.now()
        )

    def has_left(order):
        return Order.objects.get(pk=order.pk).status == "cancelled"


@way("orders.trade_in")
class ValueACar:
    def make(owner, worth):
        product = ordering.product(price=str(worth + 1), available=9)
        lines = [ordering.ProductLine(product, 1)]
        order = ordering.order(customer_id=owner, lines=lines, trade_in={"amount": str(worth)})
        receive(answers.reserved(order))
        return order

    def go(order, actor):
        return order_services.steer_checkout(
            order_id=order.id,
            action="accept",
            leg="trade_in",
            reason="nearly new",
            actor=manager(actor),
            now=timezone.now(),
        )

    def has_left(order):
        return Order.objects.get(pk=order.pk).trade_in_credit > 0


@way("orders.trade_in_price")
class PayForACarInExchange:
    def make(owner, worth):
        product = ordering.product(price="1.00", available=9)
        lines = [ordering.ProductLine(product, 1)]
        order = ordering.order(customer_id=owner, lines=lines, trade_in={"amount": str(worth + 1)})
        receive(answers.reserved(order))
        with override_settings(TRADE_IN_FOUR_EYES_ABOVE=100_000_000):
            ValueACar.go(order, uuid7())
        for step in ("in_progress", "ready", "completed"):
            order_services.move_order(order_id=order.id, status=step, actor=manager(uuid7()), now=timezone.now())
        return order

    def go(order, actor):
        return order_services.steer_checkout(
            order_id=order.id,
            action="settle",
            leg="trade_in",
            reason="the difference",
            actor=manager(actor),
            now=timezone.now(),
        )

    def has_left(order):
        return Order.objects.get(pk=order.pk).trade_in_owed == 0


@way("orders.skip")
class SkipPaidPolicies:
    def make(owner, worth):
        order = ordering.order(
            customer_id=owner,
            lines=[ordering.ProductLine(ordering.product(price="1000.00", available=9), 1)],
            insurance=[{"quote_id": str(uuid7())}],
            policies=[("KASKO", worth)],
        )
        receive(answers.reserved(order))
        receive(answers.paid(order, by_saga=False))
        return order

    def go(order, actor):
        return order_services.steer_checkout(
            order_id=order.id,
            action="skip",
            leg="policies",
            reason="not needed",
            actor=Actor(actor, frozenset({"admin"})),
            now=timezone.now(),
        )

    def has_left(order):
        order.refresh_from_db()
        return not order.lines.filter(kind="policy").exists()


@way("orders.free_line")
class GiveAPresent:
    def make(owner, worth):
        return ordering.order(customer_id=owner)

    def go(order, actor):
        receive(answers.reserved(order)) if order.status == "created" else None
        order.refresh_from_db()
        return order_services.change_lines(
            order_id=order.id,
            wishes=[FreeLine("Tyres", Decimal(0), 1)],
            actor=manager(actor),
            now=timezone.now(),
        )

    def has_left(order):
        return order.lines.filter(kind="free").exists()


@way("orders.discount")
class TakeOffThePrice:
    def make(owner, worth):
        product = ordering.product(price=str(100 * worth), available=9)
        order = ordering.order(customer_id=owner, lines=[ordering.ProductLine(product, 1)])
        order.worth = worth
        return order

    def go(order, actor):
        bargain = order_services.Bargain(amount=order.worth, reason="a friend")
        return order_services.agree_prices(
            order_id=order.id, bargains={order.lines.get().id: bargain}, actor=manager(actor), now=timezone.now()
        )

    def has_left(order):
        return Order.objects.get(pk=order.pk).discount_total > 0


@way("orders.offer")
class OfferBelowTheList:
    def make(owner, worth):
        off = order_services.Bargain(amount=worth, reason="a friend")
        product = ordering.product(price=str(100 * worth), available=9)
        lines = [ordering.ProductLine(product, 1, off)]
        return ordering.offer(customer_id=owner, lines=lines, is_sent=False)

    def go(offer, actor):
        return order_services.send_offer(offer_id=offer.id, actor=manager(actor), now=timezone.now())

    def has_left(offer):
        return SalesOffer.objects.get(pk=offer.pk).state == "sent"


@way("orders.below_cost")
class SellBelowCost:
    def make(owner, worth):
        product = ordering.product(price=str(100 * worth), available=9, cost=str(100 * worth))
        order = ordering.order(customer_id=owner, lines=[ordering.ProductLine(product, 1)])
        order.worth = worth
        return order

    def go(order, actor):
        bargain = order_services.Bargain(amount=order.worth, reason="a friend")
        bargains = {order.lines.get().id: bargain}
        return order_services.agree_prices(
            order_id=order.id, bargains=bargains, actor=manager(actor), now=timezone.now(), below_cost=True
        )

    def has_left(order):
        return Order.objects.get(pk=order.pk).discount_total > 0


@way("orders.promotion")
class PromiseACampaign:
    def make(owner, worth):
        return Rules(uuid7(), worth)

    def go(rules, actor):
        fields = {
            "name": str(rules.pk),
            "percent": Decimal(1),
            "starts_on": date(2020, 1, 1),
            "ends_on": date(2020, 1, 2),
            "budget": rules.worth,
            "is_combinable": True,
        }
        return order_services.add_promotion(fields=fields, maker_id=actor, now=timezone.now())

    def has_left(rules):
        return Promotion.objects.filter(name=str(rules.pk)).exists()


@way("orders.return")
class TakeBackWhatWasHandedOver:
    def make(owner, worth):
        product = ordering.product(price=str(worth), available=9)
        found = ordering.returning(customer_id=owner, lines=[ordering.ProductLine(product, 1)])
        order_services.inspect_return(return_id=found.id, result="as new", actor=manager(uuid7()), now=timezone.now())
        return found.order

    def go(order, actor):
        return order_services.accept_return(
            return_id=order.returns.get().id, reason="a friend", actor=manager(actor), now=timezone.now()
        )

    def has_left(order):
        return order.returns.get().state == "accepted"


@way("orders.fault")
class SayWhoseFaultItWas:
    def make(owner, worth):
        product = ordering.product(price=str(2 * worth), available=9)
        lines = [ordering.ProductLine(product, 1)]
        order, _ = ordering.with_earnest_money(customer_id=owner, amount=f"{worth:.2f}", lines=lines)
        return order

    def go(order, actor):
        return order_services.state_fault(
            order_id=order.id, fault="seller", reason="a friend", actor=manager(actor), now=timezone.now()
        )

    def has_left(order):
        return DepositAgreement.objects.get(order=order).state != "waiting"


@way("orders.lower")
class LowerWhatIsPaid:
    def make(owner, worth):
        product = ordering.product(price=str(worth), available=9)
        order = ordering.order(customer_id=owner, lines=[ordering.ProductLine(product, 2)])
        receive(answers.reserved(order))
        receive(answers.paid(order, amount=str(2 * worth - Decimal("0.01")), by_saga=False))
        return order

    def go(order, actor):
        return order_services.change_lines(
            order_id=order.id,
            wishes=[order_services.LineChange(order.lines.get().id, 1)],
            actor=manager(actor),
            now=timezone.now(),
        )

    def has_left(order):
        return order.lines.get().quantity == 1


def sized(limit: str, real: Decimal, worth: Decimal) -> None:
    """Move a limit so that a thing of a real size is worth what the test says, of a limit of 1,000."""
    setattr(settings, limit, real * 1_000 / worth)


# Financing ------------------------------------------------------------------------------------------------------------
def lent(owner):
    order, attempt = lending.order(customer_id=owner), uuid7()
    lending.programme()
    lending.requested(order, attempt_id=attempt)
    financing_services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    return Loan.objects.get(order_id=order.order_id)


@way("financing.override")
class LendAgainstTheRules:
    def make(owner, worth):
        lending.programme()
        application = lending.application(of=lending.order(customer_id=owner), **lending.REFUSED)
        sized("LOAN_FOUR_EYES_ABOVE", Decimal(100_000), worth)
        return application

    def go(application, actor):
        return lending.override(application, manager_id=actor, amount=Decimal(100_000))

    def has_left(application):
        return Application.objects.get(pk=application.pk).status == "approved"


@way("financing.approve")
class ApproveWhatIsUnderReview:
    def make(owner, worth):
        lending.programme()
        return lending.application(of=lending.order(customer_id=owner), **lending.DTI_REVIEW)

    def go(application, actor):
        return financing_services.approve_application(
            application_id=application.pk, manager_id=actor, now=timezone.now()
        )

    has_left = LendAgainstTheRules.has_left


@way("financing.write_off")
class WriteOffALoan:
    def make(owner, worth):
        loan = lent(owner)
        sized("PENALTY_FOUR_EYES_ABOVE", loan.principal, worth)
        list(financing_services.accrue_loans(now=LATER))
        return loan

    def go(loan, actor):
        return financing_services.write_off_loan(loan_id=loan.pk, manager_id=actor, reason="gone", now=LATER)

    def has_left(loan):
        return Loan.objects.get(pk=loan.pk).status == "written_off"


@way("financing.restructure")
class LowerTheRate:
    def make(owner, worth):
        loan = lent(owner)
        sized("PENALTY_FOUR_EYES_ABOVE", Decimal("161018"), worth)
        return loan

    def go(loan, actor):
        return financing_services.restructure_loan(
            loan_id=loan.pk,
            term_months=36,
            annual_rate=Decimal(9),
            manager_id=actor,
            reason="a friend",
            now=timezone.now(),
        )

    def has_left(loan):
        return Loan.objects.get(pk=loan.pk).annual_rate == 9


@way("financing.moratorium")
class SuspendPayments:
    def make(owner, worth):
        return lent(owner)

    def go(loan, actor):
        return financing_services.grant_moratorium(
            loan_id=loan.pk,
            months=3,
            ground=Ground.AGREED,
            evidence="a friend",
            manager_id=actor,
            now=timezone.now(),
        )

    def has_left(loan):
        return Loan.objects.get(pk=loan.pk).stage == "moratorium"


@way("financing.debit")
class BelieveInADebit:
    def make(owner, worth):
        loan = lent(owner)
        return financing_services.pay_loan(
            loan_id=loan.pk, amount=worth, means=BY_ACCOUNT, actor_id=owner, now=timezone.now()
        )

    def go(payment, actor):
        return financing_services.confirm_debit(
            loan_id=payment.loan_id,
            payment_id=payment.pk,
            reference="D-7",
            day=payment.value_date,
            evidence="statement 7",
            manager_id=actor,
            now=timezone.now(),
        )

    def has_left(payment):
        return LoanPayment.objects.get(pk=payment.pk).status == "received"


@way("financing.open_programme")
class OpenAProgramme:
    def make(owner, worth):
        return Rules(uuid7())

    def go(rules, actor):
        fields = {
            "bank": "Bank",
            "name": str(rules.pk),
            "financing_type": "car_loan",
            "base_rate": Decimal("0.1"),
            "min_amount": Decimal(1),
            "max_amount": Decimal(9_000_000),
            "valid_from": date(2020, 1, 1),
        }
        now = timezone.now()
        return financing_services.open_programme(fields=fields, rates={12: Decimal(1)}, maker_id=actor, now=now)

    def has_left(rules):
        return Programme.objects.filter(name=str(rules.pk)).exists()


@way("financing.change_programme")
class LoosenAProgramme:
    def make(owner, worth):
        return lending.programme()

    def go(programme, actor):
        return financing_services.change_programme(
            programme_id=programme.pk, changes={"base_rate": Decimal("0.1")}, maker_id=actor, now=timezone.now()
        )

    def has_left(programme):
        return Programme.objects.get(pk=programme.pk).base_rate == Decimal("0.1")


@way("financing.limits")
class RaiseALimit:
    def make(owner, worth):
        return Rules(uuid7())

    def go(rules, actor):
        fact = LimitFact(
            kind=LimitKind.PLAN,
            bank=str(rules.pk),
            value=Decimal(9),
            valid_from=date(2026, 1, 1),
            valid_to=date(2026, 3, 31),
            source="a letter",
        )
        return financing_services.write_limits(facts=[fact], author_id=actor, now=timezone.now())

    def has_left(rules):
        return CreditLimit.objects.filter(bank=str(rules.pk)).exists()


# Insurance ------------------------------------------------------------------------------------------------------------
BEGUN = timedelta(days=90)


def insured(owner, *asked):
    return insuring.policy(*asked, customer_id=owner, now=timezone.now() - BEGUN)


@way("insurance.claim")
class GrantAClaim:
    def make(owner, worth):
        claim = insuring.claim(insured(owner))
        insuring.papers(claim, "photo")
        found = Assessment(amount=Decimal(10_000) + worth, kind="glass")
        return insurance_services.assess_claim(claim_id=claim.id, found=found, now=timezone.now())

    def go(claim, actor):
        return insurance_services.approve_claim(claim_id=claim.id, manager_id=actor, now=timezone.now())

    def has_left(claim):
        return Claim.objects.get(pk=claim.pk).approved_amount is not None


@way("insurance.payout")
class PayAClaim:
    def make(owner, worth):
        claim = GrantAClaim.make(owner, Decimal(1))
        return insurance_services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())

    def go(claim, actor):
        return insurance_services.pay_claim(claim_id=claim.id, maker_id=actor, now=timezone.now())

    def has_left(claim):
        return claim.payouts.exists()


@way("insurance.cancel")
class EndAPolicy:
    def make(owner, worth):
        policy = insured(owner)
        today = dealer_day(timezone.now())
        sized("REFUND_FOUR_EYES_ABOVE", refund_on_day(policy, today), worth)
        return policy

    def go(policy, actor):
        return insurance_services.cancel_policy(policy_id=policy.id, maker_id=actor, now=timezone.now())

    def has_left(policy):
        return Policy.objects.get(pk=policy.pk).status == "cancelled"


@way("insurance.endorse")
class MakeAPolicyCheaper:
    changes: ClassVar = {"deductible": "30000"}

    def make(owner, worth):
        policy = insured(owner)
        asked = {
            "policy_id": policy.id,
            "changes": MakeAPolicyCheaper.changes,
            "actor_id": owner,
            "now": timezone.now(),
        }
        priced = insurance_services.price_endorsement(**asked)
        sized("REFUND_FOUR_EYES_ABOVE", -priced.premium_difference, worth)
        return policy

    def go(policy, actor):
        return insurance_services.endorse_policy(
            policy_id=policy.id, changes=MakeAPolicyCheaper.changes, actor_id=actor, now=timezone.now()
        )

    def has_left(policy):
        return policy.endorsements.exists()


@way("insurance.correct")
class PutAPolicyRight:
    """The papers say of the driver a better class than they told: the whole term costs less."""

    found: ClassVar = {"drivers": [insuring.DRIVER | {"kbm": "13"}]}

    def make(owner, worth):
        policy = insured(owner, insuring.OSAGO | {"drivers": [insuring.DRIVER | {"kbm": "5"}]})
        asked = msgspec.to_builtins(policy.quote.asked) | PutAPolicyRight.found
        right = rate(asked, day=policy.quote.rated_on).premium
        sized("REFUND_FOUR_EYES_ABOVE", policy.premium - right, worth)
        return policy

    def go(policy, actor):
        return insurance_services.confirm_policy(
            policy_id=policy.id,
            manager_id=actor,
            evidence="An extract of the register.",
            found=PutAPolicyRight.found,
            now=timezone.now(),
        )

    def has_left(policy):
        return policy.endorsements.exists()


# Showroom -------------------------------------------------------------------------------------------------------------
@way("showroom.seat")
class GiveUpAPaidSeat:
    def make(owner, worth):
        seat = showing.registration(showing.happening(price=worth, offer_hours=2), owner)
        means = {"happening_id": seat.happening_id, "registration_id": seat.id, "user_id": owner}
        paying_now = showroom_services.pay_seat(means=Means("card", "tok_success"), now=timezone.now(), **means)
        showroom_services.settle_seat(
            registration_id=seat.id,
            request_id=paying_now.payment_request_id,
            is_paid=True,
            code="",
            now=timezone.now(),
        )
        return Registration.objects.get(pk=seat.pk)

    def go(seat, actor):
        return showroom_services.cancel_registration(
            happening_id=seat.happening_id, registration_id=seat.id, maker_id=actor, now=timezone.now()
        )

    def has_left(seat):
        return Registration.objects.get(pk=seat.pk).status == "cancelled"


# Catalogue ------------------------------------------------------------------------------------------------------------
def accessory(price, pieces=1):
    return stocking.product(kind="accessory", stock=pieces, price=price)


@way("catalog.count_out")
class CountOut:
    def make(owner, worth):
        return accessory(worth)

    def go(product, actor):
        return catalog_services.adjust_stock(
            product_id=product.pk, delta=-1, reason="lost", actor=str(actor), now=timezone.now()
        )

    def has_left(product):
        return Product.objects.get(pk=product.pk).on_hand == 0


@way("catalog.settle_count")
class SettleASheet:
    def make(owner, worth):
        product = stocking.product(kind="accessory", stock=1, price=worth, location=str(uuid7())[:20])
        sheet = catalog_services.start_count(location=product.location, actor="counter", now=timezone.now())
        line = sheet.lines.get()
        catalog_services.record_counts(count_id=sheet.pk, counted={line.pk: 0})
        return sheet

    def go(sheet, actor):
        return catalog_services.confirm_count(
            count_id=sheet.pk, reason="stock-taking", actor=str(actor), now=timezone.now()
        )

    def has_left(sheet):
        return sheet.lines.get().product.on_hand == 0


@way("catalog.price")
class LowerAPrice:
    def make(owner, worth):
        return accessory(worth + 1)

    def go(product, actor):
        return catalog_services.update_product(
            product_id=product.pk, price=Decimal(1), reason="worn", actor=str(actor), now=timezone.now()
        )

    def has_left(product):
        return Product.objects.get(pk=product.pk).price == 1


@way("catalog.later_price")
class LowerAPriceLater:
    make = LowerAPrice.make

    def go(product, actor):
        now = timezone.now()
        return catalog_services.schedule_price(
            product_id=product.pk, price=Decimal(1), due_at=LATER, reason="worn", actor=str(actor), now=now
        )

    def has_left(product):
        return ScheduledPrice.objects.filter(product_id=product.pk).exists()


@way("catalog.revision")
class LowerManyPrices:
    def make(owner, worth):
        products = [accessory(worth), accessory(worth)]
        return catalog_services.preview_prices(
            products=[product.pk for product in products],
            rule=PriceRule(PriceStep.PERCENT, Decimal(-50)),
            currency="RUB",
            reason="a sale",
            actor="somebody",
            now=timezone.now(),
        )

    def go(revision, actor):
        return catalog_services.apply_prices(revision_id=revision.pk, actor=str(actor), now=timezone.now())

    def has_left(revision):
        return revision.lines.filter(outcome="set").exists()


def is_about(kind, request, thing):
    """Tell whether a request is about this thing, or about what was made of it."""
    if kind == "payments.refund":
        return Refund.objects.filter(pk=request.subject_id, payment=thing).exists()
    if kind == "financing.override":
        return thing.overrides.filter(pk=request.subject_id).exists()
    return str(thing.pk) in str(request.args) if isinstance(thing, Rules) else request.subject_id == thing.pk


def request_about(kind, thing):
    """Return what waits about a thing, None when nothing does."""
    waiting = Approval.objects.using(kind_named(kind).app).filter(kind=kind, state="waiting").order_by("id")
    found = [request for request in waiting if is_about(kind, request, thing)]
    return found[0] if found else None


def agree(kind, thing, person):
    """A person agrees to what waits about a thing."""
    request = request_about(kind, thing)
    return approve_waiting(kind_named(kind), request.subject_id, person_id=person, now=timezone.now())

"""Declare how value can leave orders: by which actions of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import ALWAYS, Kind, declare, rule

REFUNDS = "refunds"

CANCEL = declare(
    Kind(
        name="orders.cancel",
        title=_("Cancelling an order that money was paid for"),
        subject="order",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="orders.services.cancel_agreed",
        noted="orders.services.record_approval",
        doors=(
            "POST /orders/{id}/cancel",
            "PUT /orders/{id}/status",
            "POST /orders/{id}/checkout/{leg}/{steering}",
            "POST /board/{id}/move/",
            "POST /board/{id}/steer/",
            "admin orders.order: move_to_cancelled",
            "admin orders.checkout: steer_cancel",
            "admin orders.checkout: steer_refuse",
        ),
        gives="all that was paid, with what they repaid of a loan; the rest of it goes to its bank",
    )
)
TRADE_IN = declare(
    Kind(
        name="orders.trade_in",
        title=_("Value of a car taken in exchange"),
        subject="order",
        limit="TRADE_IN_FOUR_EYES_ABOVE",
        run="orders.services.value_agreed",
        noted="orders.services.record_approval",
        doors=(
            "POST /orders",
            "POST /orders/{id}/checkout/{leg}/{steering}",
            "POST /board/{id}/steer/",
            "admin orders.checkout: steer_accept",
        ),
        gives="a credit against the price; at the order itself it counts at once only within the limit, else it waits "
        "for a manager like a buyer's own",
    )
)
TRADE_IN_PRICE = declare(
    Kind(
        name="orders.trade_in_price",
        title=_("Money for a car taken in exchange"),
        subject="order",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="orders.services.price_agreed",
        noted="orders.services.record_approval",
        doors=(
            "POST /orders/{id}/checkout/{leg}/{steering}",
            "POST /board/{id}/steer/",
            "admin orders.checkout: steer_settle",
        ),
        gives="what the car is worth above its order, or its price where it stays with us though its order is undone",
    )
)
SKIP = declare(
    Kind(
        name="orders.skip",
        title=_("Going on without policies that are paid for"),
        subject="order",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="orders.services.skip_agreed",
        noted="orders.services.record_approval",
        doors=(
            "POST /orders/{id}/checkout/{leg}/{steering}",
            "POST /board/{id}/steer/",
            "admin orders.checkout: steer_skip",
        ),
        gives="the premiums, back to the buyer",
    )
)
DISCOUNT = declare(
    Kind(
        name="orders.discount",
        title=_("A manager's own discount"),
        subject="order",
        limit="DISCOUNT_FOUR_EYES_ABOVE",
        run="orders.services.discount_agreed",
        noted="orders.services.record_approval",
        doors=("PATCH /orders/{id}", "POST /orders"),
        gives="what the goods cost less than by the list, and money that was paid above the new price; an order is "
        "never placed with more than one person may give",
    )
)
OFFER = declare(
    Kind(
        name="orders.offer",
        title=_("A written offer below the list"),
        subject="offer",
        limit="DISCOUNT_FOUR_EYES_ABOVE",
        pool="orders.discount",
        run="orders.services.offer_agreed",
        noted="orders.services.record_offer_approval",
        doors=("POST /offers/{id}/send", "admin orders.salesoffer: send"),
        gives="what the goods cost less than by the list once the offer is ordered; below cost a second person always "
        "agrees",
    )
)
BELOW_COST = declare(
    Kind(
        name="orders.below_cost",
        title=_("A price below cost"),
        subject="order",
        limit=ALWAYS,
        run="orders.services.below_cost_agreed",
        noted="orders.services.record_approval",
        doors=("PATCH /orders/{id}",),
        gives="goods for less than they cost; an order is never placed with such a price, but by a campaign, a coupon "
        "or an offer that was let on so",
    )
)
FREE_LINE = declare(
    Kind(
        name="orders.free_line",
        title=_("A line that costs nothing"),
        subject="order",
        limit=ALWAYS,
        run="orders.services.add_agreed_lines",
        noted="orders.services.record_approval",
        doors=("PATCH /orders/{id}",),
        gives="goods or work of unknown worth; an order is never placed with such a line",
    )
)

RETURN = declare(
    Kind(
        name="orders.return",
        title=_("Return of what was handed over"),
        subject="order",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="orders.services.accept_agreed",
        noted="orders.services.record_approval",
        doors=("POST /returns/{id}/accept", "POST /board/returns/{id}/", "admin orders.orderreturn: accept"),
        gives="everything that was paid, less what insurers have earned; what is left of a loan goes to its bank",
    )
)
LOWER = declare(
    Kind(
        name="orders.lower",
        title=_("Lines lowered below what is paid"),
        subject="order",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="orders.services.lower_agreed",
        noted="orders.services.record_approval",
        doors=(
            "PATCH /orders/{id}",
            "PATCH /orders/{id}/items/{item_id}",
            "DELETE /orders/{id}/items/{item_id}",
        ),
        gives="the difference between what is paid and the new total, back to the buyer",
    )
)

FAULT = declare(
    Kind(
        name="orders.fault",
        title=_("Whose fault it is that a sale secured by earnest money failed"),
        subject="order",
        limit=ALWAYS,
        run="orders.services.fault_agreed",
        noted="orders.services.record_approval",
        doors=(
            "POST /orders/{id}/deposit/fault",
            "POST /board/{id}/fault/",
            "admin orders.depositagreement: state_fault",
        ),
        gives="the earnest money: to the dealer, back to the buyer, or back and once more at the dealer's expense",
    )
)

PROMOTION = declare(
    Kind(
        name="orders.promotion",
        title=_("A campaign or a coupon"),
        subject="promotion",
        limit="CAMPAIGN_FOUR_EYES_ABOVE",
        favours=False,
        run="orders.services.promotion_agreed",
        doors=(
            "POST /campaigns",
            "PUT /campaigns/{id}",
            "PATCH /campaigns/{id}",
            "POST /coupons",
            "PUT /coupons/{id}",
            "PATCH /coupons/{id}",
        ),
        gives="its budget, off the prices of goods; without a budget nobody can say how much",
    )
)

COMMISSION_RULE = declare(
    Kind(
        name="orders.commission_rule",
        title=_("A rule of salesmen's commission"),
        subject="commission_rule",
        limit=ALWAYS,
        favours=False,
        by_admins=True,
        run="orders.services.rule_agreed",
        doors=("POST /commission-rules", "admin orders.commissionrule: add"),
        gives="part of what later sales leave over or cost, or a sum for each, to whoever makes them",
    )
)
COMMISSION = declare(
    Kind(
        name="orders.commission",
        title=_("A salesman's commission corrected by hand"),
        subject="commission",
        limit=ALWAYS,
        by_admins=True,
        run="orders.services.correction_agreed",
        doors=("POST /commissions", "admin orders.commission: correct"),
        gives="the difference, to the salesman or back from them",
    )
)

PROMOTIONS = rule(
    "orders.promotions",
    why="Campaigns and coupons take off what was let on with their budget when they were saved (orders.promotion).",
    heard=("POST /orders", "POST /cart/checkout", "POST /orders/{id}/cancel", "orders.checkout"),
)
OFFERS_KEPT = rule(
    "orders.offers_kept",
    why="An offer is ordered at the prices that were let on when it was sent (orders.offer).",
    heard=("POST /offers/{id}/order",),
)
COMMISSIONS = rule(
    "orders.commissions",
    why="A sale earns its salesman what the rules of the day say that two administrators agreed to "
    "(orders.commission_rule), written as it is handed over, and taken back whole with the goods. Whose sale it is is "
    "fixed by then, and a cost that the salesman said counts for nothing.",
    heard=("PUT /orders/{id}/status", "orders.checkout"),
)
BUYERS_RIGHT = rule(
    "orders.buyers_right",
    why="Buyers call off or lower what they have not paid in full; their money goes back the way it came.",
    heard=("POST /orders/{id}/cancel", "PATCH /orders/{id}/items/{item_id}", "orders.checkout"),
)
CHECKOUT = rule(
    "orders.checkout",
    why="The checkout undoes itself: a leg was refused or late, the goods are gone, or more was paid than is due.",
    heard=("orders.checkout",),
)
AGREED_BEFORE = rule(
    "orders.agreed_before",
    why="A manager gave the car its value in somebody else's order, within the day's limit (orders.trade_in).",
    heard=("orders.checkout",),
)

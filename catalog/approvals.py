"""Declare how goods can leave without a sale: by which actions of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import Kind, declare, rule

OUT, CHEAPER = "stock", "prices"

COUNT_OUT = declare(
    Kind(
        name="catalog.count_out",
        title=_("Goods counted out of the stock"),
        subject="product",
        limit="STOCK_FOUR_EYES_ABOVE",
        pool=OUT,
        favours=False,
        run="catalog.services.count_out_agreed",
        doors=("POST /products/{id}/stock", "admin catalog.product: change"),
        gives="the pieces, at their list price",
    )
)
SETTLE = declare(
    Kind(
        name="catalog.settle_count",
        title=_("Stock-taking that finds goods missing"),
        subject="stock_count",
        limit="STOCK_FOUR_EYES_ABOVE",
        pool=OUT,
        favours=False,
        run="catalog.services.settle_agreed",
        doors=("admin catalog.stockcount: change",),
        gives="what the sheet says is missing, at its list price",
    )
)
PRICE = declare(
    Kind(
        name="catalog.price",
        title=_("A lower list price"),
        subject="product",
        limit="PRICE_FOUR_EYES_ABOVE",
        pool=CHEAPER,
        favours=False,
        run="catalog.services.price_agreed",
        doors=("PATCH /products/{id}", "admin catalog.product: change"),
        gives="the difference, for every piece in stock",
    )
)
LATER_PRICE = declare(
    Kind(
        name="catalog.later_price",
        title=_("A lower list price from a day to come"),
        subject="product",
        limit="PRICE_FOUR_EYES_ABOVE",
        pool=CHEAPER,
        favours=False,
        run="catalog.services.later_price_agreed",
        doors=("POST /products/{id}/scheduled-prices", "admin catalog.scheduledprice: add"),
        gives="the difference, for every piece in stock",
    )
)
REVISION = declare(
    Kind(
        name="catalog.revision",
        title=_("Lower list prices of many products"),
        subject="price_revision",
        limit="PRICE_FOUR_EYES_ABOVE",
        pool=CHEAPER,
        favours=False,
        run="catalog.services.revision_agreed",
        doors=("admin catalog.pricerevision: change",),
        gives="the differences, for every piece in stock",
    )
)

SETTLED = rule(
    "catalog.settled",
    why="The lines of a sheet whose settling was let on as a whole (catalog.settle_count).",
)
GIVEN_BACK = rule(
    "catalog.given_back",
    why="A car taken in exchange goes back to its owner: its order was undone, by people in orders (orders.return).",
    heard=("catalog.serve_trade_ins",),
)
PRICE_CAME_DUE = rule(
    "catalog.price_came_due",
    why="A price that was let on when it was set for a day to come, or in a revision as a whole.",
    heard=("catalog.apply_scheduled_prices",),
)

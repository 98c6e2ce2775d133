"""Every picture of the guides and of docs/img: which page, whose, what is done on it before, and in which looks."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.journeys.wizard import name_car
from tests.pictures.story import ADMIN, BUYER, MANAGER

GUEST = ""
LANGUAGES, SIZES, SCHEMES = ("ru", "en"), ("desk", "phone"), ("light", "dark")
USUAL = (("desk", "light"), ("phone", "dark"))
"""Looks of a page: each size and each scheme once; pages of `EVERY_LOOK` have all four."""


@dataclass(frozen=True)
class Page:
    """A page that is pictured: its name, the route it stands for, its address with names of ids, and whose it is."""

    name: str
    route: str
    address: str
    who: str = GUEST
    every_look: bool = False
    prepare: Callable[[Any], None] | None = None
    status: int = 200


@dataclass(frozen=True)
class Picture:
    """One look of a page."""

    page: Page
    language: str
    size: str
    scheme: str

    @property
    def file(self) -> str:
        """Where it lies under docs/img."""
        side = "staff" if self.page.who in (MANAGER, ADMIN) else "shop"
        return f"{side}/{self.page.name}.{self.language}.{self.size}.{self.scheme}.webp"


def list_pictures() -> list[Picture]:
    """Return all pictures, one person's pages of one look after the other: few tabs take them all."""
    found = [
        Picture(page, language, size, scheme)
        for page in PAGES
        for language in LANGUAGES
        for size, scheme in (product(SIZES, SCHEMES) if page.every_look else USUAL)
    ]
    return sorted(found, key=lambda one: (one.page.who, one.language, one.size, one.scheme))


def open_calculation(tab: Any) -> None:
    """Let the loan calculator reckon."""
    tab.click("form[data-calculator] button[type=submit]")
    tab.wait_for_load_state()


def describe_car(tab: Any) -> None:
    """Fill the first step of the insurance wizard and go on to the drivers."""
    name_car(tab, vin="XTA210990Y2766389", power="106")


def look_up(tab: Any) -> None:
    """Open the search of the desk and look for a client."""
    tab.keyboard.press("Control+k")
    tab.locator("#search-input-command").press_sequentially("Покупателева", delay=60)
    tab.wait_for_timeout(3000)


PAGES = (
    # The shop
    Page("home", "home", "/", every_look=True),
    Page("cars", "catalogue", "/cars/", every_look=True),
    Page("cars-found", "catalogue", "/cars/?body=внедорожник 5 дв.&price_max=4000000&ordering=price"),
    Page("car", "vehicle", "/cars/{car}/", BUYER, every_look=True),
    Page("compare", "compare", "/compare/?ids={car},{beside},{third}"),
    Page("deal-calculator", "deal-calculator", "/cars/{car}/deal/", BUYER),
    Page("deal", "deal", "/deals/{deal}/", BUYER, every_look=True),
    Page("loan-calculator", "calculator", "/loan-calculator/", prepare=open_calculation),
    Page("cart", "cart", "/cart/", BUYER, every_look=True),
    Page("favourites", "favourites", "/favourites/", BUYER),
    Page("saved-searches", "saved-searches", "/saved-searches/", BUYER),
    Page("saved-search", "saved-search", "/saved-searches/{search}/", BUYER),
    Page("orders", "orders", "/orders/", BUYER),
    Page("order-paid", "order", "/orders/{order}/", BUYER, every_look=True),
    Page("order-unpaid", "order", "/orders/{unpaid_order}/", BUYER, every_look=True),
    Page("order-ready", "order", "/orders/{ready_order}/", BUYER),
    Page("order-documents", "order-documents", "/orders/{order}/documents/", BUYER),
    Page("credit", "credit", "/credit/", BUYER),
    Page("loan-offers", "application", "/credit/applications/{application}/", BUYER, every_look=True),
    Page("loan-papers", "loan-papers", "/credit/applications/{application}/papers/", BUYER),
    Page("loan", "loan", "/credit/loans/{loan}/", BUYER),
    Page("offers", "offers", "/offers/", BUYER),
    Page("offer", "offer", "/offers/{offered_offer}/", BUYER),
    Page("insurance", "insurance", "/insurance/", BUYER),
    Page("insurance-car", "quote-wizard", "/insurance/quote/", BUYER),
    Page("insurance-drivers", "quote-wizard", "/insurance/quote/", BUYER, prepare=describe_car),
    Page("insurance-quote", "insurance-quote", "/insurance/quotes/{quote}/", BUYER),
    Page("policy", "policy", "/insurance/{policy}/", BUYER),
    Page("events", "happenings", "/events/"),
    Page("event", "happening", "/events/{happening}/", BUYER),
    Page("test-drives", "test-drives", "/test-drives/", BUYER),
    Page("news", "news", "/notifications/", BUYER),
    Page("news-preferences", "news-preferences", "/notifications/preferences/", BUYER),
    Page("account", "account", "/account/", BUYER),
    Page("contacts", "contacts", "/contacts/"),
    Page("ask", "ask-about", "/cars/{car}/ask/"),
    Page("personal-data", "personal-data", "/personal-data/"),
    Page("sign-in", "sign-in", "/sign-in/"),
    Page("sign-up", "sign-up", "/sign-up/"),
    Page("forgotten", "forgotten", "/forgot-password/"),
    Page("not-found", "nowhere", "/nowhere-at-all/", status=404),
    Page("offline", "offline", "/offline/"),
    # The desk
    Page("board", "board", "/board/", MANAGER, every_look=True),
    Page("approvals", "approvals", "/board/approvals/", ADMIN),
    Page("morning", "admin:index", "/admin/", MANAGER, every_look=True),
    Page("search", "admin:search", "/admin/", MANAGER, prepare=look_up),
    Page("orders", "admin:orders_order_changelist", "/admin/orders/order/", MANAGER),
    Page("order", "admin:orders_order_change", "/admin/orders/order/{order}/change/", MANAGER),
    Page("order-for-client", "admin:orders_order_for", "/admin/orders/order/for/{me}/", MANAGER),
    Page("sales-figures", "admin:orders_order_sales_figures", "/admin/orders/order/sales-figures/", MANAGER),
    Page("checkout", "admin:orders_checkout_change", "/admin/orders/checkout/{order}/change/", MANAGER),
    Page("offers", "admin:orders_salesoffer_changelist", "/admin/orders/salesoffer/", MANAGER),
    Page("offer", "admin:orders_salesoffer_change", "/admin/orders/salesoffer/{drafted_offer}/change/", MANAGER),
    Page("returns", "admin:orders_orderreturn_changelist", "/admin/orders/orderreturn/", MANAGER),
    Page("papers", "admin:orders_issueddocument_changelist", "/admin/orders/issueddocument/", MANAGER),
    Page("templates", "admin:orders_documenttemplate_changelist", "/admin/orders/documenttemplate/", ADMIN),
    Page(
        "template", "admin:orders_documenttemplate_change", "/admin/orders/documenttemplate/{template}/change/", ADMIN
    ),
    Page("commissions", "admin:orders_commission_months", "/admin/orders/commission/months/", ADMIN),
    Page("client", "admin:clients_client_person", "/admin/clients/client/person/{me}/", MANAGER, every_look=True),
    Page("clients", "admin:clients_client_changelist", "/admin/clients/client/", MANAGER),
    Page("leads", "admin:clients_lead_changelist", "/admin/clients/lead/", MANAGER),
    Page("lead", "admin:clients_lead_change", "/admin/clients/lead/{lead}/change/", MANAGER),
    Page("duplicates", "admin:clients_duplicate_changelist", "/admin/clients/duplicate/", MANAGER),
    Page("stock", "admin:catalog_product_changelist", "/admin/catalog/product/", MANAGER),
    Page("product", "admin:catalog_product_change", "/admin/catalog/product/{car}/change/", MANAGER),
    Page("photographs", "admin:catalog_product_photos", "/admin/catalog/product/{car}/photos/", MANAGER),
    Page("prices-planned", "admin:catalog_scheduledprice_changelist", "/admin/catalog/scheduledprice/", MANAGER),
    Page("import", "admin:catalog_import_add", "/admin/catalog/import/add/", MANAGER),
    Page("payments", "admin:payments_payment_changelist", "/admin/payments/payment/", MANAGER),
    Page("payment", "admin:payments_payment_change", "/admin/payments/payment/{payment}/change/", MANAGER),
    Page(
        "refund-part", "admin:payments_payment_refund_part", "/admin/payments/payment/{payment}/refund-part/", MANAGER
    ),
    Page("receipts", "admin:payments_receipt_changelist", "/admin/payments/receipt/", MANAGER),
    Page("accounting", "admin:payments_ledgerentry_accounting", "/admin/payments/ledgerentry/accounting/", MANAGER),
    Page("applications", "admin:financing_application_changelist", "/admin/financing/application/", MANAGER),
    Page(
        "application", "admin:financing_application_change", "/admin/financing/application/{application}/change/",
        MANAGER,
    ),
    Page("loans", "admin:financing_loan_changelist", "/admin/financing/loan/", MANAGER),
    Page("portfolio", "admin:financing_loan_portfolio", "/admin/financing/loan/portfolio/", MANAGER),
    Page("policies", "admin:insurance_policy_changelist", "/admin/insurance/policy/", MANAGER),
    Page("claims", "admin:insurance_claim_changelist", "/admin/insurance/claim/", MANAGER),
    Page(
        "calendar-drives", "admin:showroom_drive_calendar",
        "/admin/showroom/drive/calendar/?view=week&date={tomorrow}", MANAGER,
    ),
    Page("calendar-events", "admin:showroom_happening_calendar", "/admin/showroom/happening/calendar/", MANAGER),
    Page(
        "calendar-resources", "admin:resources_allocation_calendar",
        "/admin/resources/allocation/calendar/?view=week&date={tomorrow}", MANAGER,
    ),
    Page("hand-out", "admin:showroom_drive_hand_out", "/admin/showroom/drive/{drive}/hand-out/", MANAGER),
    Page("door", "admin:showroom_happening_door", "/admin/showroom/happening/{happening}/door/", MANAGER),
    Page("audit", "admin:gateway_reading_search", "/admin/gateway/reading/search/", ADMIN),
    Page("switches", "admin:gateway_switchturn_changelist", "/admin/gateway/switchturn/", ADMIN),
    Page("saved-views", "admin:accounts_savedview_changelist", "/admin/accounts/savedview/", MANAGER),
    Page("parked", "admin:messaging_inboxevent_changelist", "/admin/messaging/inboxevent/", ADMIN),
    Page("webhooks", "admin:notifications_webhookendpoint_changelist", "/admin/notifications/webhookendpoint/", ADMIN),
    Page("users", "admin:accounts_user_changelist", "/admin/accounts/user/", ADMIN),
    Page("staff-sign-in", "admin:login", "/admin/login/", "staff"),
)  # fmt: skip

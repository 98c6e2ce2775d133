"""Settings of the trade: money, partners, mail, and how the dealer works."""

from config.declared import kinds
from config.declared.machine import Machine, layout
from config.declared.setting import NOWHERE, Group, Need, Setting, flag, listed, number, port, roubles, seconds, text

PAYING = ("web", "external")
_DEGREES = r"-?\d{1,3}(\.\d+)?"
PLACE = rf"({_DEGREES}, *{_DEGREES})?"
LANDMARK = rf"[^@]+@ *{_DEGREES} +{_DEGREES}"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_DAYS = rf"[1-7](-[1-7])? {_TIME}-{_TIME}"
HOURS = rf"({_DAYS}(, *{_DAYS})*)?"
_HTTP_URL = kinds.url(("http", "https"), "https://partner.example/v1")


def _local(number_of_port: int) -> str:
    return f"http://127.0.0.1:{number_of_port}"


class Payments(Group):
    """Payments"""

    PAYMENT_PROVIDER = Setting(
        kinds.choice("sandbox", "stripe", "yookassa"), "sandbox", "Who takes cards and the fast payment system."
    )
    PAYOUT_PROVIDER = Setting(kinds.choice("sandbox"), "sandbox", "Who pays out.")
    STRIPE_API_KEY = text("", "Secret key of Stripe.", secret=True, roles=PAYING)
    STRIPE_WEBHOOK_SECRET = text("", "What Stripe signs its webhooks with.", secret=True, roles=PAYING)
    STRIPE_URL = Setting(_HTTP_URL, "https://api.stripe.com", "Where Stripe answers.", roles=PAYING)
    YOOKASSA_SHOP_ID = text("", "Shop at YooKassa.", roles=PAYING)
    YOOKASSA_SECRET_KEY = text("", "Its secret key.", secret=True, roles=PAYING)
    YOOKASSA_URL = Setting(_HTTP_URL, "https://api.yookassa.ru/v3", "Where YooKassa answers.", roles=PAYING)
    YOOKASSA_NETWORKS = listed(
        kinds.NETWORK, "Networks, beside its own, from which YooKassa's webhooks are believed to come.", roles=PAYING
    )
    SANDBOX_PORT = port(
        lambda: Machine.PORT + 1, "The sandbox provider, which `make up` runs.", shown="the one after the web's",
        roles=NOWHERE,
    )  # fmt: skip
    SANDBOX_URL = Setting(
        _HTTP_URL, lambda: _local(Payments.SANDBOX_PORT), "Where it answers.", shown="that port of this machine",
        roles=PAYING,
    )  # fmt: skip
    SANDBOX_WEBHOOK_SECRET = text(
        lambda: "whsec_YXV0b3NhbG9uLXNhbmRib3gtc2VjcmV0" if Machine.DEBUG else "",
        "What it signs its webhooks with.", shown="a known one, in debug", secret=True, roles=PAYING,
    )  # fmt: skip
    SANDBOX_FAULTS = text(
        "", "A bad day of it, as script/seed, such as storm/7 or lose_answer:0.2,repeat:0.5/7; docs/payments.md.",
        roles=NOWHERE,
    )  # fmt: skip
    SANDBOX_ALLOWED = flag(False, "Say on purpose that an installation outside debug takes no real money.")
    PROVIDER_TIMEOUT_S = seconds(10, "How long a provider may take to answer.", least=1)
    CALLS_PER_PROVIDER = number(
        2, "Workers for outside work that may wait for one provider at once, of each app: fewer than there are.",
        least=1, unit="calls",
    )  # fmt: skip
    BREAKER_FAILURES = number(
        5, "Different calls failing in a row that open a provider's circuit breaker.", least=1, unit="calls"
    )
    BREAKER_COOL_S = seconds(5, "How long it is then spared at first; doubled up to five minutes.", least=1)


class Fiscal(Group):
    """Fiscal receipts of money taken and returned online (54-ФЗ; docs/receipts.md)"""

    FISCAL_OPERATOR = Setting(
        kinds.choice("none", "sandbox", "atol", "yookassa"), lambda: "sandbox" if Machine.DEBUG else "none",
        "Who registers receipts; none where the dealer's country has no such law: then no receipts are made.",
        shown="sandbox in debug, none outside",
    )  # fmt: skip
    FISCAL_REGIME = Setting(
        kinds.choice("general", "simplified_5", "simplified_7", "exempt"), "general",
        "The seller's tax regime: which rate a line has that names none.",
    )  # fmt: skip
    FISCAL_INN = text("", "Taxpayer number of the seller, as the cash register has it.")
    FISCAL_EMAIL = text(
        lambda: "receipts@autosalon.localhost" if Machine.DEBUG else "",
        "The seller's e-mail address on receipts; it also gets those of buyers who gave no address.",
        shown="a known one, in debug",
    )
    FISCAL_TAX_SYSTEM = Setting(
        kinds.choice("osn", "usn_income", "usn_income_outcome", "esn", "patent"), "osn",
        "The seller's system of taxation, in ATOL's words.",
    )  # fmt: skip
    FISCAL_PAYMENT_ADDRESS = text("", "Where money is taken: for the Internet, the shop's own address.")
    ATOL_URL = Setting(_HTTP_URL, "https://online.atol.ru/possystem/v5", "Where ATOL Online answers.", roles=PAYING)
    ATOL_GROUP = text("", "Group of our cash registers at ATOL Online.", roles=PAYING)
    ATOL_LOGIN = text("", "Whom it knows us as.", roles=PAYING)
    ATOL_PASSWORD = text("", "Our password there.", secret=True, roles=PAYING)


class Signing(Group):
    """Qualified signatures of papers (63-ФЗ; docs/contract-desk.md)"""

    SIGNING_PROVIDER = Setting(
        kinds.choice("none", "sandbox"), lambda: "sandbox" if Machine.DEBUG else "none",
        "Who signs papers with a qualified signature.", shown="sandbox in debug, none outside",
    )  # fmt: skip
    SIGNING_URL = Setting(
        _HTTP_URL, lambda: _local(Payments.SANDBOX_PORT), "Where the provider answers.",
        shown="the payment sandbox of this machine",
    )  # fmt: skip
    SIGNING_AUTHORITY = text(
        lambda: str(Machine.DATA_DIR / "sandbox" / "ca.pem"),
        "File with the certificate of the authority that signers' certificates are to be issued by.",
        shown="that of the sandbox, in the data folder",
    )


class Approvals(Group):
    """Limits on what one person gives away alone in a day; beyond it a second person agrees (docs/value-leaving.md)"""

    APPROVAL_HOURS = number(72, "How long a request waits for a second person.", least=1, unit="hours")
    REFUND_FOUR_EYES_ABOVE = roubles(500_000, "Money given back, by whatever door.")
    CASH_FOUR_EYES_ABOVE = roubles(
        1_000_000, "Money said to have arrived: cash, transfers, and what a provider cannot be asked about."
    )
    TRADE_IN_FOUR_EYES_ABOVE = roubles(500_000, "Cars taken in exchange.")
    STOCK_FOUR_EYES_ABOVE = roubles(300_000, "Goods counted out of the stock, at their list price.")
    PRICE_FOUR_EYES_ABOVE = roubles(500_000, "List prices lowered, all pieces in stock together.")
    DISCOUNT_FOUR_EYES_ABOVE = roubles(100_000, "Discounts of a manager's own, all lines of all orders together.")
    CAMPAIGN_FOUR_EYES_ABOVE = roubles(500_000, "Budgets of campaigns and coupons; one without a budget always waits.")
    DISCOUNT_PERCENT_MANAGER = number(
        5, "Per cent of a list price that a manager may take off alone.", most=100, unit="per cent"
    )
    DISCOUNT_PERCENT_ADMIN = number(
        15, "Per cent of a list price that an administrator may take off alone.", most=100, unit="per cent"
    )
    COSTS_SEEN_BY = Setting(
        kinds.choice("managers", "admins"), "managers",
        "Who sees and writes what goods cost, and sees the gross of deals: managers and admins, or admins alone.",
    )  # fmt: skip
    PENALTY_FOUR_EYES_ABOVE = roubles(50_000, "Penalties and interest forgiven to borrowers.")


class Partners(Group):
    """Banks and insurers; in debug their sandboxes run on the ports after the web's"""

    INSURERS_PORT = port(lambda: Machine.PORT + 2, "Port of the insurer sandbox.", shown="the web's + 2", roles=NOWHERE)
    INSURERS_URL = Setting(
        _HTTP_URL, lambda: _local(Partners.INSURERS_PORT), "Insurers that decide over their own API.",
        shown="that port of this machine",
    )  # fmt: skip
    INSURANCE_COMMISSION_PERCENT = number(
        10, "Our part of a premium when the insurer names none.", most=100, unit="per cent"
    )
    OSAGO_RETAINED_SHARE = Setting(
        kinds.share(), "0.23",
        "What the insurer keeps of the unearned premium of OSAGO, from the first day; sources conflict.",
    )  # fmt: skip
    PREMIUM_REMINDER_DAYS = number(7, "Days before an instalment is due that the insured are reminded.", unit="days")
    PREMIUM_GRACE_DAYS = number(14, "Days of grace after it; then the cover is suspended.", unit="days")
    PREMIUM_SUSPENSION_DAYS = number(30, "Days that a suspended policy then waits before it ends.", unit="days")
    CLAIM_FOUR_EYES_ABOVE = roubles(500_000, "A claim's payout above which a second person confirms.")
    CLAIM_KIND_CONFIRMED_ABOVE = roubles(
        300_000,
        "An assessed loss above which an adjuster says what happened before it is decided; a total loss always.",
    )
    CLAIM_WIDENED_DAYS = number(
        14, "Days around a loss in which wider cover, or another claim for the same car, is shown to the adjuster.",
        unit="days",
    )  # fmt: skip
    CLAIM_FILE_MAX_BYTES = number(10_485_760, "The largest paper or photograph of a claim.", least=1024, unit="bytes")
    BANKS_PORT = port(lambda: Machine.PORT + 3, "Port of the bank sandbox.", shown="the web's + 3", roles=NOWHERE)
    BANKS_URL = Setting(
        _HTTP_URL, lambda: _local(Partners.BANKS_PORT), "Banks that decide over their own API.",
        shown="that port of this machine",
    )  # fmt: skip
    BANKS_WAIT_S = seconds(
        900, "How long a bank has to decide on an application; whatever comes later counts for nothing.", least=1
    )
    DEBIT_SILENT_HOURS = number(
        24, "Hours a bank may owe its answer about a debit; then a manager may bring it on paper.", unit="hours"
    )
    DEBIT_RECALL_DAYS = number(
        10, "Days after a debit in which its bank is asked every night whether it still stands.", unit="days"
    )
    LOAN_FOUR_EYES_ABOVE = roubles(500_000, "Lent against the rules above which another manager has to confirm.")
    CREDIT_FILE_MAX_BYTES = number(10_485_760, "A paper of an application for a loan.", least=1024, unit="bytes")


def _mail_leaves_by_server() -> bool:
    sends = {"accounts", "notifications"} & set(layout().apps)
    return not Machine.DEBUG and bool(sends) and Mail.EMAIL_BACKEND == SMTP


SMTP = "django.core.mail.backends.smtp.EmailBackend"
_MAIL_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class Mail(Group):
    """Mail and SMS"""

    EMAIL_HOST = Setting(
        kinds.text("a server's name or address, such as smtp.example.com", r"[\w.:\[\]-]+"), "localhost",
        "The mail server.",
        need=Need("outside debug, to serve accounts or notifications", _mail_leaves_by_server),
    )  # fmt: skip
    EMAIL_SECURITY = Setting(
        kinds.choice("none", "starttls", "tls"), "none",
        "How it is spoken to: starttls asks for TLS once connected, tls begins with it.",
    )  # fmt: skip
    EMAIL_PORT = port(lambda: _MAIL_PORTS[Mail.EMAIL_SECURITY], "Its port.", shown="25, for starttls 587, for tls 465")
    EMAIL_USER = text("", "Whom it knows us as.")
    EMAIL_PASSWORD = text("", "Our password there.", secret=True, roles=("external",))
    EMAIL_TIMEOUT_S = seconds(10, "How long it may take to answer.", least=1)
    FROM_EMAIL = Setting(kinds.SENDER, "autosalon@localhost", "Whom mail comes from.")
    EMAIL_BACKEND = Setting(
        kinds.text("the dotted name of a class", r"[A-Za-z_][\w.]*\.\w+"),
        lambda: "notifications.providers.mailbox.MailboxBackend" if Machine.DEBUG else SMTP,
        "Django's mail backend.", shown="files in the data folder in debug, the mail server outside",
    )  # fmt: skip
    MAIL_GATHER_SECONDS = seconds(
        60, "How long mail that nobody waits for is kept, so that one letter brings all of it; 0 for not at all."
    )
    SMS_PORT = port(lambda: Machine.PORT + 4, "Port of the SMS sandbox.", shown="the web's + 4", roles=NOWHERE)
    SMS_URL = Setting(
        _HTTP_URL, lambda: _local(Mail.SMS_PORT) if Machine.DEBUG else "",
        "The SMS gateway: takes POST /messages {to, text, sender}, each Idempotency-Key once.",
        shown="the sandbox in debug; outside, SMS is not offered without one",
    )  # fmt: skip
    SMS_TOKEN = text("", "What it knows us by.", secret=True, roles=("external",))
    SMS_SENDER = text("Autosalon", "Whom SMS come from.")


class Business(Group):
    """The dealer's business"""

    DEALER_NAME = text("Autosalon", "The seller as invoices and contracts name them.")
    DEALER_ADDRESS = text("", "Their address.")
    DEALER_TAX_ID = text("", "Their tax numbers.")
    DEALER_ACCOUNT = text("", "Their bank account.")
    DEALER_PHONE = Setting(
        kinds.text("a number such as +74951234567", r"(\+[0-9]{5,15})?"),
        lambda: "+74950000000" if Machine.DEBUG else "",
        "Their telephone as the shop shows it.", shown="one of nobody's in debug only",
    )  # fmt: skip
    DEALER_EMAIL = text("", "Their mailbox as the shop shows it.")
    DEALER_HOURS = Setting(
        kinds.text("days and hours, such as 1-5 09:00-21:00, 6-7 10:00-19:00", HOURS),
        lambda: "1-5 09:00-21:00, 6-7 10:00-19:00" if Machine.DEBUG else "",
        "When they are open; 1 is Monday.", shown="made up in debug only",
    )  # fmt: skip
    DEALER_LOCATION = Setting(
        kinds.text("latitude and longitude, such as 55.7558, 37.6176", PLACE), "", "Where they are on the map."
    )
    DEALER_LANDMARKS = listed(
        kinds.text("a name and where it is, such as Sokol station @ 55.8053 37.5152", LANDMARK),
        "What people find the way by, within a few kilometres: drawn on the map of the shop.",
    )
    DEALER_TIME_ZONE = Setting(kinds.TIME_ZONE, "Europe/Moscow", "Where the dealer's days begin and end.")
    RESERVATION_MINUTES = number(30, "How long an unpaid order holds its stock.", least=1, unit="minutes")
    OFFLINE_HOLD_HOURS = number(72, "How long, when its buyer promised cash or a bank transfer.", least=1, unit="hours")
    PAYMENT_HOLD_MINUTES = number(
        20,
        "How long, while an online payment is under way.",
        least=1,
        unit="minutes",
    )
    DEPOSIT_HOLD_HOURS = number(72, "How long, once part of its price is paid.", least=1, unit="hours")
    DEPOSIT_KIND = Setting(
        kinds.choice("advance", "earnest"),
        "advance",
        "Whether a deposit is an advance, which goes back, or earnest money, which may be forfeited or go back double.",
    )
    EARNEST_WAIT_DAYS = number(
        10, "How long earnest money may wait for a word on whose fault it was before that is a warning.", least=1,
        unit="days",
    )  # fmt: skip
    CREDIT_HOLD_HOURS = number(72, "How long, while a loan for it is being decided.", least=1, unit="hours")
    OFFER_HOLD_HOURS = number(72, "How long, while its buyer considers a bank's offer.", least=1, unit="hours")
    TRADE_IN_HOLD_HOURS = number(72, "How long, while a car taken in exchange is valued.", least=1, unit="hours")
    HOLD_DAYS_AT_MOST = number(
        14, "The hard end of every hold, from the order on; only a manager's word goes beyond.", least=1, unit="days"
    )
    HOLD_EXTENSION_DAYS = number(30, "How far ahead a manager may extend a hold.", least=1, unit="days")
    HOLDS_WITHOUT_DEPOSIT = number(
        2,
        "Cars that one buyer may hold at once without having paid anything; each earlier purchase allows one more.",
        least=1,
        unit="cars",
    )
    QUEUE_OFFER_HOURS = number(
        24, "How long a car that came free is kept for the next in its queue.", least=1, unit="hours"
    )
    QUEUE_PLACES = number(3, "Cars that one person may queue for at once.", least=1, unit="cars")
    QUEUE_LENGTH = number(20, "How many may queue for one car.", least=1, unit="people")
    QUEUE_SILENCES = number(
        2, "Offers that a person may leave without an answer in 30 days and still join a queue.", least=1, unit="offers"
    )
    DEAL_QUOTE_DAYS = number(
        30,
        "How long a deal that nobody signed in for, and nobody ordered, is kept under its link.",
        least=1,
        unit="days",
    )
    RETURN_DAYS = number(
        15, "How long after the handover a buyer may ask to give it back; a manager may at any time.", unit="days"
    )
    SEAT_OFFER_HOURS = number(
        24,
        "How long a seat is kept for its payer or the next in the waiting list.",
        least=1,
        unit="hours",
    )
    TEST_DRIVES_AHEAD = number(3, "Test drives one client may have ahead.", unit="test drives")
    LEAD_REPLY_MINUTES = number(30, "Within how long a new lead should get its first reply.", least=1, unit="minutes")
    REMIND_HOURS = number(
        24, "How long before a happening, test drive or hand-over its guests are reminded.", least=1, unit="hours"
    )
    HANDOVER_MINUTES = number(60, "How long a hand-over takes.", least=15, unit="minutes")
    HANDOVER_NOTICE_HOURS = number(2, "How soon a hand-over may begin after its time is chosen.", unit="hours")
    HANDOVER_DAYS_AHEAD = number(30, "How far ahead hand-overs are arranged.", least=1, unit="days")
    HANDOVER_CHANGE_HOURS = number(
        3, "Until how long before it a buyer moves a hand-over or calls it off by themselves.", unit="hours"
    )
    PHOTOS_PER_MINUTE = number(
        60, "Photos that a price list names by their address: fetched from one host a minute at most; 0 fetches none.",
        unit="photos a minute",
    )  # fmt: skip
    PHOTOS_ALLOW_PRIVATE = flag(False, "They may lie at private addresses of this network.")
    WEBHOOKS_ALLOW_PRIVATE = flag(
        lambda: Machine.DEBUG, "Outgoing webhooks may go to addresses of this network.", shown="on in debug only"
    )

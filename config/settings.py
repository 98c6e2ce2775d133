"""Settings: from the environment, strict, safe unless AUTOSALON_DEBUG is on."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from config import __version__, edge, keys
from config.databases import APPS
from config.declared import checking
from config.declared.access import Addresses, Limits, Secrets, Tokens
from config.declared.business import Approvals, Business, Fiscal, Mail, Partners, Payments, Signing
from config.declared.contracts import Contracts
from config.declared.files import Files
from config.declared.health import limits
from config.declared.machine import Machine, Peers, Processes, Switches, Telemetry, layout
from config.declared.servers import Replicas, Servers
from config.environment import BASE_DIR
from config.processes.logs import logging_config
from config.servers.databases import databases, replicas
from config.servers.files import picture_origins, storages
from config.servers.redis import RedisAddresses
from core.running import failpoints
from core.screens.theme import describe_theme
from devtools.embedded import Embedded

if wrong := checking.problems():
    raise SystemExit(checking.explain(wrong))  # no traceback, whichever program reads the settings first

DEBUG = Machine.DEBUG
DATA_DIR = Machine.DATA_DIR
VERSION = __version__
SECRET_KEY = keys.secret_key()
SECRET_KEY_FALLBACKS = Secrets.SECRET_KEY_FALLBACKS
"""Former keys: what they signed is still believed, and what they sealed still opens."""
PORT = Machine.PORT
ALLOWED_HOSTS = Addresses.ALLOWED_HOSTS or (["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = Addresses.CSRF_TRUSTED_ORIGINS
PUBLIC_URL = Addresses.PUBLIC_URL
TEST_RUN = Switches.TEST_RUN

LAYOUT = layout()
SERVICES = LAYOUT.apps
"""Apps whose events, handlers, queues and periodic jobs are this process's; all of them by default."""
HAS_SHOP, HAS_ADMIN = "storefront" in LAYOUT.roles, "admin" in LAYOUT.roles
"""Pages for people, and the admin, read and change every app: only a process with every database has them."""
PEERS, PEER_SECRETS = dict(Peers.PEERS), Peers.PEER_SECRET
"""Where the apps answer whose databases are elsewhere, and what they and we sign with, newest first."""
if failpoints_text := Switches.FAILPOINTS:
    failpoints.arm(failpoints_text, DATA_DIR / "run" / "failpoints")

# Applications -------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "corsheaders",
    "csp",
    "config",
    "core",
    "messaging",
    "gateway",
    *APPS,
    "contracts",
    "storefront",
    "sandbox",
]

MIDDLEWARE = [
    "gateway.middleware.EdgeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gateway.middleware.PackedPagesMiddleware",
    "csp.middleware.CSPMiddleware",
    "gateway.middleware.AdminContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "gateway.guards.own_writes.OwnWritesMiddleware",
    "storefront.middleware.SlashMiddleware",
    "gateway.guards.uploads.UploadMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PageSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "storefront.middleware.FormsOnlyMiddleware",
    "storefront.middleware.BudgetMiddleware",
]
"""For pages. The first one answers /api/ by itself: no session, cookie or message is ever touched there."""

if DEBUG and Machine.DEBUG_TOOLBAR:
    # Inside what packs the page, and outside all that it is to measure.
    INSTALLED_APPS.append("debug_toolbar")
    MIDDLEWARE.insert(
        MIDDLEWARE.index("gateway.middleware.AdminContentPolicyMiddleware") + 1,
        "debug_toolbar.middleware.DebugToolbarMiddleware",
    )
    INTERNAL_IPS = ["127.0.0.1", "::1"]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Databases ----------------------------------------------------------------------------------------------------------
EMBEDDED = Embedded(DATA_DIR)
DATABASES = databases(LAYOUT.stores if Contracts.CONTRACTS else LAYOUT.databases, PEERS, EMBEDDED)
REPLICAS = replicas()
REPLICA_LAG_S = Replicas.REPLICA_LAG_S
"""Replicas that a few heavy pages read from (`messaging.upkeep.replicas`), by app, and how far one may be behind."""
DATABASE_ROUTERS = ["config.databases.AppRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Valkey -------------------------------------------------------------------------------------------------------------
REDIS = RedisAddresses(Servers.REDIS_URL, EMBEDDED.redis_socket)
VALKEY_PATIENCE_S = Servers.VALKEY_PATIENCE_MS / 1000
REDIS_PREFIX = Servers.REDIS_PREFIX
"""Keys and channels of this installation; two test workers on one server differ in it."""
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS.url(1),
        "KEY_PREFIX": REDIS_PREFIX,
        "VERSION": 2,  # values of the first were pickled
        "OPTIONS": {"serializer": "gateway.responses.plain_cache.PlainSerializer"},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS.url(2)], "prefix": f"{REDIS_PREFIX}:ws"},
    }
}

# Celery: dispatches deliveries, calls providers; the database is the ledger, so a lost message costs a second ---------
CELERY_BROKER_URL = REDIS.celery_url(0)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "global_keyprefix": f"{REDIS_PREFIX}:celery:",
}
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 15
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_DB_REUSE_MAX = 1000
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULER = "config.processes.beat:Scheduler"
CELERY_TIMEZONE = "UTC"
RELAY_MODE = Processes.RELAY_MODE
DATABASE_POOLER = Processes.DATABASE_POOLER
"""`process`: `manage.py relay` moves events. `task`: Celery beat does, every two seconds."""
STREAM_URL = Servers.STREAM_URL
"""RabbitMQ that the relay tells every public event, beside this installation's own apps; empty for none."""
KAFKA_SERVERS = Servers.KAFKA_SERVERS
KAFKA_OPTIONS = dict(option.split("=", 1) for option in Servers.KAFKA_OPTIONS)
"""The same for Kafka: addresses of brokers, and more settings of its client."""

COMMANDS = Servers.COMMANDS
COMMANDS_API = Servers.COMMANDS_API
"""What partners may ask for by RabbitMQ, and where that is called; empty for nothing."""

# Who is calling -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "core.secrecy.hashing.BoundedArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "storefront:sign-in"
LOGIN_REDIRECT_URL = "storefront:home"
JWT_PRIVATE_KEY_FILE = keys.jwt_private_key_file()
JWT_PRIVATE_KEY = JWT_PRIVATE_KEY_FILE.read_text() if JWT_PRIVATE_KEY_FILE else ""
"""The key as it was when the process began; `gateway.access.keyring` knows the one of today."""
JWT_PUBLIC_KEY_FILES = Secrets.JWT_PUBLIC_KEY_FILES
"""Files and folders of PEMs that verify access tokens beside the private key's own."""
JWT_ISSUER = Tokens.JWT_ISSUER
JWT_AUDIENCE = Tokens.JWT_AUDIENCE
SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "ISSUER": JWT_ISSUER,
    "AUDIENCE": JWT_AUDIENCE,
    "USER_ID_CLAIM": "sub",
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=Tokens.ACCESS_TOKEN_SECONDS),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=Tokens.REFRESH_TOKEN_DAYS),
}
PASSWORD_RESET_TIMEOUT = 3600
SEALING_KEYS = keys.sealing_keys()
"""Secrets that encryption at rest derives its keys from: the first seals, all open."""
CONTRACT_TOKEN_SECONDS_MAX = Tokens.CONTRACT_TOKEN_SECONDS_MAX if Contracts.CONTRACTS else Tokens.ACCESS_TOKEN_SECONDS
"""A token of a day is what existing clients were promised: where none of them is served, nobody gets one."""
MFA_REQUIRED_FOR_STAFF = Tokens.MFA_REQUIRED_FOR_STAFF
AUDITORS = Tokens.AUDITORS
"""Whether managers and administrators need a second factor; without one they may only enrol."""
STAFF_SESSION_HOURS = Tokens.STAFF_SESSION_HOURS
"""After so many hours staff sign in again; a client's session lives on by being used."""
STEP_UP_MINUTES = Tokens.STEP_UP_MINUTES
STEP_UP_URL = "storefront:step-up" if HAS_SHOP else ""
"""The page that asks again who somebody is; for changes that make an account another's, after so many minutes."""
OIDC_ISSUER = Tokens.OIDC_ISSUER.rstrip("/")
OIDC_CLIENT_ID = Tokens.OIDC_CLIENT_ID
OIDC_CLIENT_SECRET = Tokens.OIDC_CLIENT_SECRET
EMAIL_VERIFICATION_REQUIRED = Tokens.EMAIL_VERIFICATION_REQUIRED
"""Whether an order may be placed only after the e-mail is verified."""
ADMIN_EMAIL = Tokens.ADMIN_EMAIL
ADMIN_PASSWORD = Tokens.ADMIN_PASSWORD
"""Whom `create_admin` makes when nobody is there to be asked."""
REFRESH_GRACE_S = Tokens.REFRESH_GRACE_S

# The HTTP edge ------------------------------------------------------------------------------------------------------
CONTRACTS = tuple(dict.fromkeys(Contracts.CONTRACTS)) if "contracts" in LAYOUT.roles else ()
"""Letters of the contracts of other systems that are spoken here (`contracts`)."""
CONTRACT_LIST_ROWS = Contracts.CONTRACT_LIST_ROWS
CONTRACT_CARD_TOKEN = Contracts.CONTRACT_CARD_TOKEN
RATE_LIMITS = {
    "login": Limits.RATE_LIMIT_LOGIN,
    "order_create": Limits.RATE_LIMIT_ORDER_CREATE,
    "messages": Limits.RATE_LIMIT_MESSAGES,
    "files": Limits.RATE_LIMIT_FILES,
    "calculations": Limits.RATE_LIMIT_CALCULATIONS,
    "contract_e": Contracts.CONTRACT_E_RATE_LIMIT,
    "default": Limits.RATE_LIMIT_DEFAULT,
}
"""Requests per seconds, per user or else per address, over a sliding window."""
RATE_LIMITS_ON = Limits.RATE_LIMITS
FAST_PATH_ON = Limits.LANE
TRUSTED_PROXIES = Addresses.TRUSTED_PROXIES
"""Addresses and networks of proxies whose word on the caller's address is taken (`gateway.guards.address`)."""
METRICS_DIR = Processes.METRICS_DIR
METRICS_PORT = Processes.METRICS_PORT
"""Where processes of one machine put their counts together, and where one without pages tells them."""
TRACES_URL, TRACES_SHARE = Telemetry.TRACES_URL, Telemetry.TRACES_SHARE
ERRORS_DSN = Telemetry.ERRORS_DSN
"""Collector of spans, and who is told of errors; empty for none."""
SLOW_STATEMENT_S = Processes.SLOW_STATEMENT_MS / 1000
METRICS_ALLOW = Processes.METRICS_ALLOW
"""Addresses and networks that may read /metrics; to all others it does not exist."""
HEALTH = limits()
"""From when on `doctor` and `/health/ready` call something a fault."""
MAX_BODY_BYTES = Limits.MAX_BODY_BYTES
MAX_UPLOAD_BYTES = Limits.MAX_UPLOAD_BYTES
PICTURE_MAX_BYTES = 20 << 20
UPLOADS = edge.UPLOADS
BODY_SECONDS = Limits.BODY_SECONDS
BODY_MIN_RATE = Limits.BODY_MIN_RATE
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
IDEMPOTENCY_HOURS = Limits.IDEMPOTENCY_HOURS
STREAMS_PER_USER = Limits.STREAMS_PER_USER
"""Sockets and event streams that one user may hold open in one process."""

REST_FRAMEWORK = edge.REST_FRAMEWORK
DRF_STANDARDIZED_ERRORS = edge.DRF_STANDARDIZED_ERRORS
SPECTACULAR_SETTINGS = edge.SPECTACULAR_SETTINGS
CORS_ALLOWED_ORIGINS = Addresses.CORS_ORIGINS
CORS_URLS_REGEX = r"^/(api|contracts)/.*$"
CORS_ALLOW_HEADERS = edge.CORS_ALLOW_HEADERS
CORS_EXPOSE_HEADERS = edge.CORS_EXPOSE_HEADERS
CONTENT_SECURITY_POLICY = edge.content_security_policy(picture_origins())
SECURE_SSL_REDIRECT = Addresses.SSL_REDIRECT
SECURE_REDIRECT_EXEMPT = [r"^health"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if Addresses.BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = 0 if DEBUG else Addresses.HSTS_SECONDS
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEBUG
SECURE_HSTS_PRELOAD = not DEBUG
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 31_536_000
CSRF_FAILURE_VIEW = "gateway.views.stale_form"
SESSION_COOKIE_NAME = f"autosalon_session_{PORT}" if DEBUG else "autosalon_session"
CSRF_COOKIE_NAME = f"autosalon_csrf_{PORT}" if DEBUG else "autosalon_csrf"
CART_COOKIE_NAME = f"autosalon_cart_{PORT}" if DEBUG else "autosalon_cart"
WROTE_COOKIE_NAME = f"autosalon_wrote_{PORT}" if DEBUG else "autosalon_wrote"
DEVICE_COOKIE_NAME = f"autosalon_device_{PORT}" if DEBUG else "autosalon_device"
X_FRAME_OPTIONS = "DENY"

# Payment providers --------------------------------------------------------------------------------------------------
PAYMENT_PROVIDER = Payments.PAYMENT_PROVIDER
PAYOUT_PROVIDER = Payments.PAYOUT_PROVIDER
STRIPE_API_KEY = Payments.STRIPE_API_KEY
STRIPE_WEBHOOK_SECRET = Payments.STRIPE_WEBHOOK_SECRET
STRIPE_URL = Payments.STRIPE_URL
YOOKASSA_SHOP_ID = Payments.YOOKASSA_SHOP_ID
YOOKASSA_SECRET_KEY = Payments.YOOKASSA_SECRET_KEY
YOOKASSA_URL = Payments.YOOKASSA_URL
YOOKASSA_NETWORKS = Payments.YOOKASSA_NETWORKS
FISCAL_OPERATOR = Fiscal.FISCAL_OPERATOR
FISCAL_REGIME = Fiscal.FISCAL_REGIME
FISCAL_INN = Fiscal.FISCAL_INN
FISCAL_EMAIL = Fiscal.FISCAL_EMAIL
FISCAL_TAX_SYSTEM = Fiscal.FISCAL_TAX_SYSTEM
FISCAL_PAYMENT_ADDRESS = Fiscal.FISCAL_PAYMENT_ADDRESS
SIGNING_PROVIDER = Signing.SIGNING_PROVIDER
SIGNING_URL = Signing.SIGNING_URL
SIGNING_AUTHORITY = Signing.SIGNING_AUTHORITY
ATOL_URL = Fiscal.ATOL_URL
ATOL_GROUP = Fiscal.ATOL_GROUP
ATOL_LOGIN = Fiscal.ATOL_LOGIN
ATOL_PASSWORD = Fiscal.ATOL_PASSWORD
INSURANCE_COMMISSION_PERCENT = Partners.INSURANCE_COMMISSION_PERCENT
SANDBOX_URL = Payments.SANDBOX_URL
SANDBOX_ALLOWED = Payments.SANDBOX_ALLOWED
SANDBOX_FAULTS = Payments.SANDBOX_FAULTS
SANDBOX_WEBHOOK_SECRET = Payments.SANDBOX_WEBHOOK_SECRET
PROVIDER_CONNECT_TIMEOUT_S = 2
PROVIDER_TIMEOUT_S = Payments.PROVIDER_TIMEOUT_S
CALLS_PER_PROVIDER = Payments.CALLS_PER_PROVIDER
BREAKER_FAILURES = Payments.BREAKER_FAILURES
BREAKER_COOL_S = Payments.BREAKER_COOL_S
"""So many different calls that fail in a row spare a provider for so many seconds, doubled up to five minutes."""

# Financing ----------------------------------------------------------------------------------------------------------
BANKS_URL = Partners.BANKS_URL
BANKS_WAIT_S = Partners.BANKS_WAIT_S
"""Seconds a bank has to decide on an application; whatever comes later counts for nothing."""
DEBIT_SILENT_HOURS = Partners.DEBIT_SILENT_HOURS
DEBIT_RECALL_DAYS = Partners.DEBIT_RECALL_DAYS
LOAN_FOUR_EYES_ABOVE = Partners.LOAN_FOUR_EYES_ABOVE
"""Roubles lent against the rules above which a second manager confirms."""
CREDIT_FILE_MAX_BYTES = Partners.CREDIT_FILE_MAX_BYTES

# Insurance ----------------------------------------------------------------------------------------------------------
INSURERS_URL = Partners.INSURERS_URL
CLAIM_FOUR_EYES_ABOVE = Partners.CLAIM_FOUR_EYES_ABOVE
"""Roubles of a claim's payout above which a second person confirms."""
CLAIM_KIND_CONFIRMED_ABOVE = Partners.CLAIM_KIND_CONFIRMED_ABOVE
"""Roubles of an assessed loss above which an adjuster says what happened before it is decided."""
CLAIM_WIDENED_DAYS = Partners.CLAIM_WIDENED_DAYS
"""Days around a loss in which wider cover or another claim for the same car are pointed out to the adjuster."""
CLAIM_FILE_MAX_BYTES = Partners.CLAIM_FILE_MAX_BYTES
OSAGO_RETAINED_SHARE = Partners.OSAGO_RETAINED_SHARE
"""What the insurer keeps of the unearned premium of OSAGO, from the first day on; sources conflict."""
PREMIUM_REMINDER_DAYS = Partners.PREMIUM_REMINDER_DAYS
"""How many days before it is due the insured are reminded of an instalment."""
PREMIUM_GRACE_DAYS = Partners.PREMIUM_GRACE_DAYS
"""Days after its due date on which an instalment still counts as paid in time; then the cover is suspended."""
PREMIUM_SUSPENSION_DAYS = Partners.PREMIUM_SUSPENSION_DAYS
"""Days that a suspended policy waits for its instalment before it ends."""

# Notifications ------------------------------------------------------------------------------------------------------
MAIL_GATHER_SECONDS = Mail.MAIL_GATHER_SECONDS
"""Time for which an e-mail that nobody waits for is kept, so that what follows it at once comes in the same letter."""
SMS_URL = Mail.SMS_URL
"""The SMS gateway; without one nothing is promised over SMS."""
SMS_TOKEN = Mail.SMS_TOKEN
SMS_SENDER = Mail.SMS_SENDER

# Photos that price lists name by their address --------------------------------------------------------------------
PHOTOS_PER_MINUTE = Business.PHOTOS_PER_MINUTE
"""How many are fetched from one host a minute at most; 0: none are, from any."""
PHOTOS_ALLOW_PRIVATE = Business.PHOTOS_ALLOW_PRIVATE
"""Whether they may lie at private addresses; whoever sends a price list could then make us call our own network."""

# Outgoing webhooks --------------------------------------------------------------------------------------------------
WEBHOOKS_ALLOW_PRIVATE = Business.WEBHOOKS_ALLOW_PRIVATE
"""Whether receivers may live at private addresses; anyone who may name a receiver could then reach our own network."""
WEBHOOKS_REQUIRE_HTTPS = not DEBUG

# What a person may give away alone in a day; beyond it a second person agrees (docs/value-leaving.md) ---------------
APPROVAL_HOURS = Approvals.APPROVAL_HOURS
REFUND_FOUR_EYES_ABOVE = Approvals.REFUND_FOUR_EYES_ABOVE
CASH_FOUR_EYES_ABOVE = Approvals.CASH_FOUR_EYES_ABOVE
TRADE_IN_FOUR_EYES_ABOVE = Approvals.TRADE_IN_FOUR_EYES_ABOVE
STOCK_FOUR_EYES_ABOVE = Approvals.STOCK_FOUR_EYES_ABOVE
PRICE_FOUR_EYES_ABOVE = Approvals.PRICE_FOUR_EYES_ABOVE
DISCOUNT_FOUR_EYES_ABOVE = Approvals.DISCOUNT_FOUR_EYES_ABOVE
CAMPAIGN_FOUR_EYES_ABOVE = Approvals.CAMPAIGN_FOUR_EYES_ABOVE
DISCOUNT_PERCENT_MANAGER = Approvals.DISCOUNT_PERCENT_MANAGER
DISCOUNT_PERCENT_ADMIN = Approvals.DISCOUNT_PERCENT_ADMIN
COSTS_SEEN_BY = Approvals.COSTS_SEEN_BY
PENALTY_FOUR_EYES_ABOVE = Approvals.PENALTY_FOUR_EYES_ABOVE

# Business defaults --------------------------------------------------------------------------------------------------
IMPORT_MAX_BYTES = Limits.IMPORT_MAX_BYTES
IMPORT_MAX_RATIO = Limits.IMPORT_MAX_RATIO
"""An imported file may unpack to so many bytes, and to so many times its packed size: beyond it is a bomb."""
DEFAULT_CURRENCY = "RUB"
DEALER_TIME_ZONE = Business.DEALER_TIME_ZONE
ORDER_CACHE_SECONDS = Limits.ORDER_CACHE_SECONDS
"""How long an order may be read from Valkey, unless a write drops it before; 0 for never."""
CATALOG_CACHE_SECONDS = Limits.CATALOG_CACHE_SECONDS
SWITCH_CACHE_SECONDS = Limits.SWITCH_CACHE_SECONDS
"""The same of what anyone may read of the catalogue."""
RESERVATION_MINUTES = Business.RESERVATION_MINUTES
"""How long an unpaid order holds its stock."""
SEAT_OFFER_HOURS = Business.SEAT_OFFER_HOURS
"""How long a seat of a happening is kept for its payer or the next in line, unless the happening says otherwise."""
TEST_DRIVES_AHEAD = Business.TEST_DRIVES_AHEAD
"""Test drives one client may have ahead."""
LEAD_REPLY_MINUTES = Business.LEAD_REPLY_MINUTES
"""Within how long a new lead should get its first reply."""
REMIND_HOURS = Business.REMIND_HOURS
"""How long before a happening, test drive or hand-over its guests are reminded."""
HANDOVER_MINUTES = Business.HANDOVER_MINUTES
HANDOVER_NOTICE_HOURS = Business.HANDOVER_NOTICE_HOURS
HANDOVER_DAYS_AHEAD = Business.HANDOVER_DAYS_AHEAD
HANDOVER_CHANGE_HOURS = Business.HANDOVER_CHANGE_HOURS
"""How long hand-overs take, how soon and how far ahead they are arranged, and until when their buyers change them."""
DEALER = {
    "name": Business.DEALER_NAME,
    "address": Business.DEALER_ADDRESS,
    "tax_id": Business.DEALER_TAX_ID,
    "account": Business.DEALER_ACCOUNT,
}
"""The seller as documents name them: name, address, tax numbers, bank account."""
DEALER_PLACE = {
    "phone": Business.DEALER_PHONE,
    "email": Business.DEALER_EMAIL,
    "hours": Business.DEALER_HOURS,
    "location": Business.DEALER_LOCATION,
    "landmarks": Business.DEALER_LANDMARKS,
}
"""The seller as the shop shows where and when to find them."""
OFFLINE_HOLD_HOURS = Business.OFFLINE_HOLD_HOURS
"""How long, when cash or a bank transfer was promised for it."""
PAYMENT_HOLD_MINUTES = Business.PAYMENT_HOLD_MINUTES
DEPOSIT_HOLD_HOURS = Business.DEPOSIT_HOLD_HOURS
DEPOSIT_KIND = Business.DEPOSIT_KIND
EARNEST_WAIT_DAYS = Business.EARNEST_WAIT_DAYS
CREDIT_HOLD_HOURS = Business.CREDIT_HOLD_HOURS
OFFER_HOLD_HOURS = Business.OFFER_HOLD_HOURS
TRADE_IN_HOLD_HOURS = Business.TRADE_IN_HOLD_HOURS
HOLD_DAYS_AT_MOST = Business.HOLD_DAYS_AT_MOST
HOLDS_WITHOUT_DEPOSIT = Business.HOLDS_WITHOUT_DEPOSIT
HOLD_EXTENSION_DAYS = Business.HOLD_EXTENSION_DAYS
"""How long by what the deal waits for, at most, and by a manager's word: `orders.services.holds`."""

QUEUE_OFFER_HOURS = Business.QUEUE_OFFER_HOURS
QUEUE_PLACES = Business.QUEUE_PLACES
QUEUE_LENGTH = Business.QUEUE_LENGTH
QUEUE_SILENCES = Business.QUEUE_SILENCES
"""Queues behind cars that are held: `orders.services.queue`."""

RETURN_DAYS = Business.RETURN_DAYS
DEAL_QUOTE_DAYS = Business.DEAL_QUOTE_DAYS

# Language, files, logs ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "ru"
LANGUAGES = [("ru", _("Russian")), ("en", _("English"))]
FORMAT_MODULE_PATH = ["core.screens.languages"]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = storages(DATA_DIR)
PICTURE_KEPT_S = 365 * 24 * 3600
"""How long browsers keep a picture: its address has the id of its upload, other bytes have another address."""
S3_BUCKET = Files.S3_BUCKET
S3_ENDPOINT = Files.S3_ENDPOINT
S3_PUBLIC_URL = Files.S3_PUBLIC_URL.rstrip("/")
S3_SIGNED_SECONDS = Files.S3_SIGNED_SECONDS
MEDIA_ROOT = DATA_DIR / "media"
ERASURES_DIR = DATA_DIR / "erasures"
"""Who was erased, and when: outside the databases, so that a restored backup brings nobody back."""
MEDIA_URL = "/media/"
EMAIL_BACKEND = Mail.EMAIL_BACKEND
EMAIL_HOST = Mail.EMAIL_HOST
EMAIL_PORT = Mail.EMAIL_PORT
EMAIL_HOST_USER = Mail.EMAIL_USER
EMAIL_HOST_PASSWORD = Mail.EMAIL_PASSWORD
EMAIL_USE_TLS = Mail.EMAIL_SECURITY == "starttls"
EMAIL_USE_SSL = Mail.EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = Mail.EMAIL_TIMEOUT_S
EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = Mail.FROM_EMAIL

ACCESS_LOG = Machine.ACCESS_LOG
LOGGING = logging_config(debug=DEBUG, level=Machine.LOG_LEVEL)
UNFOLD = describe_theme(has_shop=HAS_SHOP)

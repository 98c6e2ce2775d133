"""Settings: from the environment, strict, safe unless AUTOSALON_DEBUG is on."""

from datetime import timedelta
from ipaddress import ip_network

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config import edge, keys
from config.database_settings import databases
from config.databases import APPS
from config.embedded import Embedded
from config.environment import BASE_DIR, DATA_DIR, DEBUG, flag, number, text, words
from config.logs import logging_config
from config.redis import RedisAddresses
from config.stream import stream_url
from core import failpoints

SECRET_KEY = keys.secret_key()
PORT = number("PORT", 8000)
ALLOWED_HOSTS = words("ALLOWED_HOSTS") or (["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = text("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
TEST_RUN = flag("TEST_RUN")

SERVICES: tuple[str, ...] = tuple(words("SERVICES")) or APPS
"""Apps whose URLs, handlers and queues this process serves; all of them by default."""
if unknown := set(SERVICES) - set(APPS):
    raise ImproperlyConfigured(f"AUTOSALON_SERVICES names unknown apps: {', '.join(sorted(unknown))}")
HAS_SHOP = set(SERVICES) == set(APPS)
"""The pages for people read every app: a process that serves some of them has none."""
if failpoints_text := text("FAILPOINTS"):
    if not DEBUG:
        raise ImproperlyConfigured("AUTOSALON_FAILPOINTS is for debug only")
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
    "storefront",
]

MIDDLEWARE = [
    "gateway.middleware.EdgeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "gateway.middleware.AdminContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PageSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "storefront.middleware.FormsOnlyMiddleware",
]
"""For pages. The first one answers /api/ by itself: no session, cookie or message is ever touched there."""

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
DATABASES = databases(SERVICES, EMBEDDED)
DATABASE_ROUTERS = ["config.databases.AppRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Valkey -------------------------------------------------------------------------------------------------------------
if not (text("REDIS_URL") or DEBUG):
    raise ImproperlyConfigured("AUTOSALON_REDIS_URL is required outside debug")
REDIS = RedisAddresses(text("REDIS_URL"), EMBEDDED.redis_socket)
REDIS_PREFIX = text("REDIS_PREFIX", "autosalon")
"""Keys and channels of this installation; two test workers on one server differ in it."""
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS.url(1),
        "KEY_PREFIX": REDIS_PREFIX,
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS.url(2)], "prefix": f"{REDIS_PREFIX}:ws"},
    }
}

# Celery: executes drains and calls to providers; the database is the ledger, so a lost message costs a second -------
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
CELERY_TIMEZONE = "UTC"
RELAY_MODE = text("RELAY_MODE", "process")
"""`process`: `manage.py relay` moves events. `task`: Celery beat does, every two seconds."""
if RELAY_MODE not in {"process", "task"}:
    raise ImproperlyConfigured("AUTOSALON_RELAY_MODE must be process or task")
STREAM_URL = stream_url(text("STREAM_URL"))
"""RabbitMQ that the relay tells every public event, beside this installation's own apps; empty for none."""

# Who is calling -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
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
"""The key as it was when the process began; `gateway.keyring` knows the one of today."""
JWT_PUBLIC_KEY_FILES = keys.jwt_public_key_files()
if not (JWT_PRIVATE_KEY_FILE or JWT_PUBLIC_KEY_FILES):
    raise ImproperlyConfigured(
        "AUTOSALON_JWT_PRIVATE_KEY_FILE or AUTOSALON_JWT_PUBLIC_KEY_FILES is required outside debug"
    )
if "accounts" in SERVICES and not JWT_PRIVATE_KEY:
    raise ImproperlyConfigured("a process that serves accounts needs AUTOSALON_JWT_PRIVATE_KEY_FILE")
JWT_ISSUER = text("JWT_ISSUER", "autosalon")
JWT_AUDIENCE = text("JWT_AUDIENCE", "autosalon-api")
SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "ISSUER": JWT_ISSUER,
    "AUDIENCE": JWT_AUDIENCE,
    "USER_ID_CLAIM": "sub",
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=number("ACCESS_TOKEN_SECONDS", 900)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=number("REFRESH_TOKEN_DAYS", 30)),
}
PASSWORD_RESET_TIMEOUT = 3600
SEALING_KEYS = keys.sealing_keys()
"""Secrets that encryption at rest derives its keys from: the first seals, all open."""
MFA_REQUIRED_FOR_STAFF = flag("MFA_REQUIRED_FOR_STAFF")
"""Whether managers and administrators need a second factor; without one they may only enrol."""
OIDC_ISSUER = text("OIDC_ISSUER", "https://accounts.google.com").rstrip("/")
OIDC_CLIENT_ID = text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = text("OIDC_CLIENT_SECRET")
EMAIL_VERIFICATION_REQUIRED = flag("EMAIL_VERIFICATION_REQUIRED")
"""Whether an order may be placed only after the e-mail is verified."""
REFRESH_GRACE_S = number("REFRESH_GRACE_S", 10)

# The HTTP edge ------------------------------------------------------------------------------------------------------
RATE_LIMITS = {
    "login": text("RATE_LIMIT_LOGIN", "10/60"),
    "order_create": text("RATE_LIMIT_ORDER_CREATE", "20/60"),
    "default": text("RATE_LIMIT_DEFAULT", "100/60"),
}
"""Requests per seconds, per user or else per address, over a sliding window."""
RATE_LIMITS_ON = flag("RATE_LIMITS", default=True)
if not RATE_LIMITS_ON and not DEBUG:
    raise ImproperlyConfigured("AUTOSALON_RATE_LIMITS=off is for debug only")
LANE_ON = flag("LANE", default=True)
TRUSTED_PROXIES = words("TRUSTED_PROXIES")
METRICS_ALLOW = [ip_network(one, strict=False) for one in words("METRICS_ALLOW", "127.0.0.0/8,::1")]
"""Addresses and networks that may read /metrics; to all others it does not exist."""
MAX_BODY_BYTES = number("MAX_BODY_BYTES", 1_048_576)
MAX_UPLOAD_BYTES = number("MAX_UPLOAD_BYTES", 268_435_456)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
IDEMPOTENCY_HOURS = number("IDEMPOTENCY_HOURS", 24)
STREAMS_PER_USER = number("STREAMS_PER_USER", 100)
"""Sockets and event streams that one user may hold open in one process."""

REST_FRAMEWORK = edge.REST_FRAMEWORK
DRF_STANDARDIZED_ERRORS = edge.DRF_STANDARDIZED_ERRORS
SPECTACULAR_SETTINGS = edge.SPECTACULAR_SETTINGS
CORS_ALLOWED_ORIGINS = words("CORS_ORIGINS")
CORS_URLS_REGEX = r"^/api/.*$"
CORS_EXPOSE_HEADERS = [
    "ETag", "X-Request-ID", "Retry-After", "Idempotent-Replayed",
    "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
]  # fmt: skip
CONTENT_SECURITY_POLICY = edge.CONTENT_SECURITY_POLICY
SECURE_SSL_REDIRECT = flag("SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^health"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("BEHIND_TLS_PROXY") else None
SECURE_HSTS_SECONDS = 0 if DEBUG else number("HSTS_SECONDS", 31_536_000)
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
X_FRAME_OPTIONS = "DENY"

# Payment providers --------------------------------------------------------------------------------------------------
PAYMENT_PROVIDER = text("PAYMENT_PROVIDER", "sandbox")
PAYOUT_PROVIDER = text("PAYOUT_PROVIDER", "sandbox")
STRIPE_API_KEY = text("STRIPE_API_KEY")
STRIPE_WEBHOOK_SECRET = text("STRIPE_WEBHOOK_SECRET")
STRIPE_URL = text("STRIPE_URL", "https://api.stripe.com")
YOOKASSA_SHOP_ID = text("YOOKASSA_SHOP_ID")
YOOKASSA_SECRET_KEY = text("YOOKASSA_SECRET_KEY")
YOOKASSA_URL = text("YOOKASSA_URL", "https://api.yookassa.ru/v3")
YOOKASSA_NETWORKS = words("YOOKASSA_NETWORKS")
INSURANCE_COMMISSION_PERCENT = number("INSURANCE_COMMISSION_PERCENT", 10)
SANDBOX_URL = text("SANDBOX_URL", f"http://127.0.0.1:{number('SANDBOX_PORT', PORT + 1)}")
SANDBOX_FAULTS = text("SANDBOX_FAULTS")
SANDBOX_WEBHOOK_SECRET = text("SANDBOX_WEBHOOK_SECRET", "whsec_YXV0b3NhbG9uLXNhbmRib3gtc2VjcmV0" if DEBUG else "")
PROVIDER_CONNECT_TIMEOUT_S = 2
PROVIDER_TIMEOUT_S = number("PROVIDER_TIMEOUT_S", 10)
BREAKER_FAILURES = number("BREAKER_FAILURES", 5)
BREAKER_COOL_S = number("BREAKER_COOL_S", 5)
"""So many different calls that fail in a row spare a provider for so many seconds, doubled up to five minutes."""

# Financing ----------------------------------------------------------------------------------------------------------
BANKS_URL = text("BANKS_URL", f"http://127.0.0.1:{number('BANKS_PORT', PORT + 3)}")
BANKS_WAIT_S = number("BANKS_WAIT_S", 900)
"""Seconds a bank has to decide on an application; whatever comes later counts for nothing."""
LOAN_FOUR_EYES_ABOVE = number("LOAN_FOUR_EYES_ABOVE", 500_000)
"""Roubles lent against the rules above which a second manager confirms."""
CREDIT_FILE_MAX_BYTES = number("CREDIT_FILE_MAX_BYTES", 10_485_760)

# Insurance ----------------------------------------------------------------------------------------------------------
INSURERS_URL = text("INSURERS_URL", f"http://127.0.0.1:{number('INSURERS_PORT', PORT + 2)}")
CLAIM_FOUR_EYES_ABOVE = number("CLAIM_FOUR_EYES_ABOVE", 500_000)
"""Roubles of a claim's payout above which a second person confirms."""
CLAIM_FILE_MAX_BYTES = number("CLAIM_FILE_MAX_BYTES", 10_485_760)
OSAGO_RETAINED_SHARE = text("OSAGO_RETAINED_SHARE", "0.23")
"""What the insurer keeps of the unearned premium of OSAGO after the cooling-off; sources conflict."""
PREMIUM_REMINDER_DAYS = number("PREMIUM_REMINDER_DAYS", 7)
"""How many days before it is due the insured are reminded of an instalment."""
PREMIUM_GRACE_DAYS = number("PREMIUM_GRACE_DAYS", 14)
"""Days after its due date on which an instalment still counts as paid in time; then the cover is suspended."""
PREMIUM_SUSPENSION_DAYS = number("PREMIUM_SUSPENSION_DAYS", 30)
"""Days that a suspended policy waits for its instalment before it ends."""

# Notifications ------------------------------------------------------------------------------------------------------
SMS_URL = text("SMS_URL", f"http://127.0.0.1:{number('SMS_PORT', PORT + 4)}" if DEBUG else "")
"""The SMS gateway; without one nothing is promised over SMS."""
SMS_TOKEN = text("SMS_TOKEN")
SMS_SENDER = text("SMS_SENDER", "Autosalon")

# Photos that price lists name by their address --------------------------------------------------------------------
PHOTOS_PER_MINUTE = number("PHOTOS_PER_MINUTE", 60)
"""How many are fetched from one host a minute at most; 0: none are, from any."""
PHOTOS_ALLOW_PRIVATE = flag("PHOTOS_ALLOW_PRIVATE", default=False)
"""Whether they may lie at private addresses; whoever sends a price list could then make us call our own network."""

# Outgoing webhooks --------------------------------------------------------------------------------------------------
WEBHOOKS_ALLOW_PRIVATE = flag("WEBHOOKS_ALLOW_PRIVATE", default=DEBUG)
"""Whether receivers may live at private addresses; anyone who may name a receiver could then reach our own network."""
WEBHOOKS_REQUIRE_HTTPS = not DEBUG

REFUND_FOUR_EYES_ABOVE = number("REFUND_FOUR_EYES_ABOVE", 500_000)
"""Roubles of refunds of one payment above which a second person approves."""

# Business defaults --------------------------------------------------------------------------------------------------
IMPORT_MAX_BYTES = number("IMPORT_MAX_BYTES", 1 << 30)
IMPORT_MAX_RATIO = number("IMPORT_MAX_RATIO", 200)
"""An imported file may unpack to so many bytes, and to so many times its packed size: beyond it is a bomb."""
DEFAULT_CURRENCY = "RUB"
DEALER_TIME_ZONE = text("DEALER_TIME_ZONE", "Europe/Moscow")
ORDER_CACHE_SECONDS = number("ORDER_CACHE_SECONDS", 300)
"""How long an order may be read from Valkey, unless a write drops it before; 0 for never."""
CATALOG_CACHE_SECONDS = number("CATALOG_CACHE_SECONDS", 60)
"""The same of what anyone may read of the catalogue."""
RESERVATION_MINUTES = number("RESERVATION_MINUTES", 30)
"""How long an unpaid order holds its stock."""
SEAT_OFFER_HOURS = number("SEAT_OFFER_HOURS", 24)
"""How long a seat of a happening is kept for its payer or the next in line, unless the happening says otherwise."""
TEST_DRIVES_AHEAD = number("TEST_DRIVES_AHEAD", 3)
"""Test drives one client may have ahead."""
LEAD_REPLY_MINUTES = number("LEAD_REPLY_MINUTES", 30)
"""Within how long a new lead should get its first reply."""
REMIND_HOURS = number("REMIND_HOURS", 24)
"""How long before a happening or test drive its guests are reminded."""
DEALER = {
    "name": text("DEALER_NAME", "Autosalon"),
    "address": text("DEALER_ADDRESS"),
    "tax_id": text("DEALER_TAX_ID"),
    "account": text("DEALER_ACCOUNT"),
}
"""The seller as documents name them: name, address, tax numbers, bank account."""
OFFLINE_HOLD_HOURS = number("OFFLINE_HOLD_HOURS", 72)
"""How long, when cash or a bank transfer was promised for it."""

# Language, files, logs ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "ru"
LANGUAGES = [("ru", _("Russian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "private", "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if flag("STATIC_MANIFEST", default=not DEBUG)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "/media/"
EMAIL_BACKEND = text(
    "EMAIL_BACKEND",
    "notifications.providers.mailbox.MailboxBackend" if DEBUG else "django.core.mail.backends.smtp.EmailBackend",
)
EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = text("FROM_EMAIL", "autosalon@localhost")

ACCESS_LOG = flag("ACCESS_LOG", default=not DEBUG)
LOGGING = logging_config(debug=DEBUG, level=text("LOG_LEVEL", "INFO"))
UNFOLD = {
    "SITE_TITLE": "Autosalon",
    "SITE_HEADER": "Autosalon",
    "SITE_SYMBOL": "directions_car",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("autosalon/favicon.svg")},
    ],
    "SITE_DROPDOWN": [
        {"icon": "view_kanban", "title": _("Board"), "link": reverse_lazy("storefront:board")},
        {"icon": "storefront", "title": _("Storefront"), "link": reverse_lazy("storefront:home")},
    ]
    if HAS_SHOP
    else [],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}

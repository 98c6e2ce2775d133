"""Settings of who calls and how: secrets, addresses, tokens, limits."""

from pathlib import Path

from config.declared import kinds
from config.declared.machine import OUTSIDE_DEBUG, Machine
from config.declared.setting import NOWHERE, Group, Setting, flag, listed, number, seconds, text

HTTP = ("web", "live")


class Secrets(Group):
    """Secrets and keys; in debug the secret and the token key are made on the first run"""

    SECRET_KEY = Setting(
        kinds.text("a long random text, such as `openssl rand -base64 48` prints"),
        "",
        "What sessions and links are signed with.",
        shown="made on the first run, in debug",
        secret=True,
        need=OUTSIDE_DEBUG,
    )
    SECRET_KEY_FALLBACKS = listed(
        kinds.text(), "Former secret keys, newest first: what they signed or sealed stays good.", secret=True
    )
    SEALING_KEYS = listed(
        kinds.text(),
        "Secrets that encryption at rest derives its keys from, newest first.",
        shown="the secret key and its fallbacks",
        secret=True,
    )
    JWT_PRIVATE_KEY_FILE: Setting[Path | None] = Setting(
        kinds.EXISTING_PATH,
        None,
        "RSA key (PEM file) that signs access tokens; only processes that serve accounts need it.",
        shown="made on the first run, in debug",
    )
    JWT_PUBLIC_KEY_FILES = listed(
        kinds.EXISTING_PATH,
        "PEM files, or folders of them, that verify tokens, where the private key is elsewhere.",
        roles=NOWHERE,
    )


class Addresses(Group):
    """Addresses"""

    ALLOWED_HOSTS = listed(
        kinds.HOST, "Names under which visitors may call.", shown="any, in debug", example="autosalon.example"
    )
    PUBLIC_URL = Setting(
        kinds.url(("http", "https"), "https://autosalon.example"),
        lambda: f"http://127.0.0.1:{Machine.PORT}",
        "The address visitors use.",
        shown="http://127.0.0.1:<AUTOSALON_PORT>",
    )
    CSRF_TRUSTED_ORIGINS = listed(
        kinds.ORIGIN, "Origins whose forms are taken beside our own.", example="https://autosalon.example", roles=HTTP
    )
    CORS_ORIGINS = listed(kinds.ORIGIN, "Origins whose pages may call the API.", roles=HTTP)
    BEHIND_TLS_PROXY = flag(False, "A proxy ends TLS and sets X-Forwarded-Proto.", roles=HTTP)
    TRUSTED_PROXIES = listed(
        kinds.NETWORK,
        "Proxies whose X-Forwarded-For is believed: the right-most address that is none of theirs is the caller's.",
        example="127.0.0.1,10.20.0.0/16,fd00::/8",
        roles=HTTP,
    )
    SSL_REDIRECT = flag(lambda: not Machine.DEBUG, "Send http to https.", shown="on outside debug", roles=HTTP)
    HSTS_SECONDS = seconds(31_536_000, "How long browsers shall insist on https; 0 for not at all.", roles=HTTP)


class Tokens(Group):
    """Tokens and sign-in"""

    JWT_ISSUER = text("autosalon", "Issuer that access tokens name.")
    JWT_AUDIENCE = text("autosalon-api", "Audience that access tokens name.")
    ACCESS_TOKEN_SECONDS = seconds(900, "How long an access token lives.", least=1)
    CONTRACT_TOKEN_SECONDS_MAX = seconds(
        86400,
        "The longest life of an access token that a client may ask for as it signs in (access_token_seconds). "
        "Withdrawals, and the public half of a retired token key, are kept as long.",
        least=60,
    )
    REFRESH_TOKEN_DAYS = number(30, "How long a refresh token lives.", least=1, unit="days")
    STAFF_SESSION_HOURS = number(
        24,
        "How long a manager's or administrator's session lives at most, however often it is used.",
        least=1,
        unit="hours",
    )
    REFRESH_GRACE_S = seconds(10, "In which a refresh token repeated by a second tab is forgiven.")
    MFA_REQUIRED_FOR_STAFF = flag(
        False, "Managers and administrators need a second factor: without one they may only enrol."
    )
    AUDITORS = listed(
        kinds.text("an id of a user", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "Ids of managers who may search who did what, as administrators may (auditors).",
        roles=("web",),
    )
    STEP_UP_MINUTES = number(
        10,
        "How long a password or code counts before e-mail, factors, keys or roles are changed.",
        least=1,
        unit="minutes",
    )
    OIDC_ISSUER = Setting(
        kinds.url(("http", "https"), "https://accounts.google.com"),
        "https://accounts.google.com",
        "Sign-in with Google, or with any other OpenID provider. Its redirect addresses: "
        "<public address>/api/v1/auth/google/callback for programs, and "
        "<public address>/sign-in/provider/callback/ for the button on the sign-in page.",
        roles=("web",),
    )
    OIDC_CLIENT_ID = text("", "Client id at that provider; the button appears with it.", roles=("web",))
    OIDC_CLIENT_SECRET = text("", "Client secret at that provider.", secret=True, roles=("web",))
    EMAIL_VERIFICATION_REQUIRED = flag(False, "Orders may be placed only after the e-mail is verified.")
    ADMIN_EMAIL = Setting(
        kinds.EMAIL, "", "The first administrator, whom `manage.py create_admin` makes.", roles=("migrate",)
    )
    ADMIN_PASSWORD = text("", "Their password, to be changed after the first sign-in.", secret=True, roles=("migrate",))


class Limits(Group):
    """Limits of the HTTP edge"""

    RATE_LIMITS = flag(True, "Limit requests per user or address; off is for debug only.", roles=NOWHERE)
    RATE_LIMIT_LOGIN = Setting(kinds.RATE, "10/60", "Sign-ins, registrations and resets.", roles=HTTP)
    RATE_LIMIT_ORDER_CREATE = Setting(kinds.RATE, "20/60", "New orders.", roles=HTTP)
    RATE_LIMIT_MESSAGES = Setting(kinds.RATE, "20/60", "Messages about orders.", roles=HTTP)
    RATE_LIMIT_FILES = Setting(kinds.RATE, "30/60", "Papers and tables drawn for the asker: PDF and xlsx.", roles=HTTP)
    RATE_LIMIT_CALCULATIONS = Setting(kinds.RATE, "120/60", "Loans and whole deals that are worked out.", roles=HTTP)
    RATE_LIMIT_DEFAULT = Setting(kinds.RATE, "100/60", "Everything else.", roles=HTTP)
    LANE = flag(True, "The short way through the HTTP edge for hot paths.", roles=HTTP)
    MAX_BODY_BYTES = number(1_048_576, "Largest body where no files are taken.", least=1024, unit="bytes", roles=HTTP)
    MAX_UPLOAD_BYTES = number(268_435_456, "Largest uploaded file.", least=1024, unit="bytes", roles=HTTP)
    BODY_SECONDS = seconds(60, "Within how long a body without files must have arrived.", least=1, roles=HTTP)
    BODY_MIN_RATE = number(
        1024, "How slowly any body may arrive, after its first ten seconds.", least=1, unit="bytes a second", roles=HTTP
    )
    IMPORT_MAX_BYTES = number(1 << 30, "Most a price list may unpack to.", least=1024, unit="bytes")
    IMPORT_MAX_RATIO = number(200, "Most a price list may unpack to, as times its own size.", least=1, unit="times")
    IDEMPOTENCY_HOURS = number(24, "How long a key finds its first answer.", least=1, unit="hours")
    ORDER_CACHE_SECONDS = seconds(
        300, "How long an order may be read from Valkey, unless a write drops it before; 0 for never."
    )
    CATALOG_CACHE_SECONDS = seconds(60, "The same of what anyone may read of the catalogue.")
    SWITCH_CACHE_SECONDS = seconds(300, "The same of how switches stand (`manage.py switch`); a turn drops it.")
    STREAMS_PER_USER = number(
        100,
        "Sockets and event streams one user may hold open in a process.",
        least=1,
        unit="streams",
        roles=HTTP,
    )

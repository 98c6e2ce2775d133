"""Settings: declared once, checked whole before anything starts, told to the operator in plain lines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.declared import checking, rendering
from config.declared.setting import ALL

ROOT = Path(settings.BASE_DIR)
BIN = Path(sys.executable).parent
SECRETS = [name for name, setting in ALL.items() if setting.is_secret]
WRONG = {
    "AUTOSALON_ORDER_CACHE_SECONDS": "5m",
    "AUTOSALON_LOG_LEVEL": "verbose",
    "AUTOSALON_RATE_LIMIT_LOGIN": "ten",
    "AUTOSALON_ORDERS_DATABASE_URL": "postgress://x",
    "AUTOSALON_RATE_LIMIT": "off",
}
TOLD = [
    "AUTOSALON_ORDER_CACHE_SECONDS=5m: expected a whole number of seconds, 0 or more",
    "AUTOSALON_LOG_LEVEL=verbose: expected DEBUG, INFO, WARNING or ERROR",
    "AUTOSALON_RATE_LIMIT_LOGIN=ten: expected requests per period, such as 10/60 (seconds), 10/m, 100/h or 1000/d",
    "AUTOSALON_ORDERS_DATABASE_URL: the scheme is not postgres; expected postgres://user:password@host:5432/database",
    "AUTOSALON_RATE_LIMIT: there is no such setting; did you mean AUTOSALON_RATE_LIMITS?",
]
PROGRAMS = {
    "manage.py": [sys.executable, "manage.py", "check"],
    "worker": [BIN / "celery", "-A", "config", "worker"],
    "beat": [BIN / "celery", "-A", "config", "beat", "-s", "/dev/null"],
    "uvicorn": [BIN / "uvicorn", "config.asgi:application", "--port", "0"],
    "granian": [BIN / "granian", "--interface", "wsgi", "--port", "0", "config.wsgi:application"],
}


@pytest.fixture
def given(monkeypatch):
    """Set variables without the prefix; return what is then wrong."""

    def give(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"AUTOSALON_{name}", str(value))
        return checking.problems()

    return give


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_tells_everything_that_is_wrong_and_ends(program):
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | WRONG
    done = subprocess.run(PROGRAMS[program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "autosalon: 5 settings are wrong" in said
    for line in TOLD:
        assert f"\n  {line}\n" in said


def test_an_environment_without_mistakes_has_no_problems():
    assert checking.problems() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"), ("PORT", "tcp://10.0.0.1:8000"), ("DEBUG", "perhaps"), ("ORDER_CACHE_SECONDS", "-1"),
        ("ORDER_CACHE_SECONDS", "1.5"), ("ACCESS_TOKEN_SECONDS", "0"), ("INSURANCE_COMMISSION_PERCENT", "101"),
        ("OSAGO_RETAINED_SHARE", "1.2"), ("OSAGO_RETAINED_SHARE", "much"), ("RATE_LIMIT_DEFAULT", "10"),
        ("RATE_LIMIT_DEFAULT", "0/60"), ("RATE_LIMIT_DEFAULT", "10/fortnight"), ("RELAY_MODE", "thread"),
        ("REDIS_URL", "http://valkey"), ("REDIS_URL", "redis://"), ("REDIS_URL", "redis://valkey:6379/3"),
        ("ORDERS_DATABASE_URL", "postgres://x"), ("ORDERS_DATABASE_URL", "postgres:///orders"),
        ("ORDERS_DATABASE_URL", "postgres://host:port/orders"), ("ORDERS_DATABASE_URL", "orders"),
        ("STREAM_URL", "redis://localhost"), ("STREAM_URL", "kafka://localhost:9092"),
        ("STREAM_URL", "confluentkafka://localhost:9092"), ("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"),
        ("METRICS_ALLOW", "10.0.0.0/33"), ("SERVICES", "orders,sales"), ("PUBLIC_URL", "autosalon.example"),
        ("CSRF_TRUSTED_ORIGINS", "autosalon.example"), ("CSRF_TRUSTED_ORIGINS", "https://autosalon.example/shop"),
        ("ALLOWED_HOSTS", "https://autosalon.example"), ("DEALER_TIME_ZONE", "Moscow"), ("FROM_EMAIL", "the shop"),
        ("EMAIL_SECURITY", "ssl"), ("EMAIL_HOST", "smtp://example"), ("PAYMENT_PROVIDER", "bank"),
        ("JWT_PUBLIC_KEY_FILES", "/nowhere/key.pem"), ("ADMIN_EMAIL", "anna"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_it(given, name, value):
    (line,) = given(**{name: value})
    assert line.startswith(f"AUTOSALON_{name}")
    assert "expected" in line
    assert (f"={value}" in line) is not ALL[name].is_secret


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("RATE_LIMIT_DEFAULT", "10/m", "10/60"), ("RATE_LIMIT_DEFAULT", "100/60", "100/60"),
        ("RATE_LIMIT_DEFAULT", "5/h", "5/3600"), ("LOG_LEVEL", "warning", "WARNING"), ("ACCESS_LOG", "1", True),
        ("ALLOWED_HOSTS", "a.example, .b.example,", ["a.example", ".b.example"]), ("METRICS_ALLOW", "none", []),
        ("STREAM_URL", "amqps://broker.example/shop", "amqps://broker.example/shop"),
        ("ORDERS_DATABASE_URL", "postgres://x@/orders?host=/run", "postgres://x@/orders?host=/run"),
        ("FROM_EMAIL", "Autosalon <shop@autosalon.example>", "Autosalon <shop@autosalon.example>"),
        ("RESERVATION_MINUTES", "", 30),
    ],
)  # fmt: skip
def test_what_a_value_means(given, name, value, meant):
    assert given(**{name: value}) == []
    assert ALL[name].value() == meant


@pytest.mark.parametrize(
    ("public", "private", "wrong"),
    [
        ({}, {}, True), ({"S3_PREFIX": "shop"}, {}, True), ({}, {"S3_PRIVATE_PREFIX": "papers"}, True),
        ({"S3_PREFIX": "shop"}, {"S3_PRIVATE_PREFIX": "shop/papers"}, True),
        ({"S3_PREFIX": "shop/"}, {"S3_PRIVATE_PREFIX": "shop"}, True),
        ({"S3_PREFIX": "shop"}, {"S3_PRIVATE_PREFIX": "shop-papers"}, False),
        ({}, {"S3_PRIVATE_BUCKET": "another"}, False),
    ],
)  # fmt: skip
def test_pictures_and_private_files_lie_apart(given, public, private, wrong):
    found = given(**({"S3_BUCKET": "one", "S3_PRIVATE_BUCKET": "one"} | public | private))
    assert ["AUTOSALON_S3_PRIVATE_BUCKET: it holds the pictures too" in line for line in found] == [True] * wrong


def test_a_bucket_needs_its_private_neighbour_and_a_key_its_secret(given):
    found = given(S3_BUCKET="pictures", S3_KEY_ID="key")
    assert [line.partition(":")[0] for line in found] == ["AUTOSALON_S3_PRIVATE_BUCKET", "AUTOSALON_S3_SECRET_KEY"]


def test_kafka_is_not_given_as_rabbitmq(given):
    (line,) = given(STREAM_URL="kafka://localhost:9092")
    assert "AUTOSALON_KAFKA_SERVERS" in line


def test_kafka_is_brokers_with_ports_and_options_by_name(given):
    assert given(KAFKA_SERVERS="one:9092,two:9093", KAFKA_OPTIONS="security.protocol=SSL,sasl.username=a=b") == []


@pytest.mark.parametrize(
    ("name", "value"), [("KAFKA_SERVERS", "one"), ("KAFKA_SERVERS", "kafka://one:9092"), ("KAFKA_OPTIONS", "SSL")]
)
def test_what_is_no_broker_or_option_is_refused(given, name, value):
    assert len(given(**{name: value})) == 1


def test_what_kubernetes_adds_for_its_services_is_no_mistake(given):
    assert given(WEB_PORT="tcp://10.0.0.1:80", WEB_SERVICE_HOST="10.0.0.1", WEB_PORT_80_TCP_ADDR="10.0.0.1") == []
    assert len(given(SANDBX_PORT="8001")) == 1


def test_production_names_everything_it_lacks(given):
    required = {"SECRET_KEY", "REDIS_URL", "EMAIL_HOST", "JWT_PRIVATE_KEY_FILE", "ALLOWED_HOSTS"}
    required |= {f"{app.upper()}_DATABASE_URL" for app in settings.SERVICES}
    found = given(DEBUG="off", **dict.fromkeys(required, ""))
    assert {re.match(r"AUTOSALON_(\w+): required outside debug", line)[1] for line in found} == required


def test_what_is_for_debug_only_is_refused_in_production(given):
    told = "\n".join(given(DEBUG="off", RATE_LIMITS="off", FAILPOINTS="x=kill", DEBUG_TOOLBAR="on"))
    assert "AUTOSALON_DEBUG_TOOLBAR is for debug only" in told
    assert "AUTOSALON_RATE_LIMITS=off is for debug only" in told
    assert "AUTOSALON_FAILPOINTS is for debug only" in told


def test_a_process_that_only_verifies_tokens_needs_the_public_key(given, tmp_path):
    assert any("JWT_PUBLIC_KEY_FILES" in line for line in given(DEBUG="off", SERVICES="payments"))
    found = given(JWT_PUBLIC_KEY_FILES=tmp_path)
    assert not any("JWT_" in line for line in found)
    assert not any("EMAIL_HOST" in line or "ORDERS_DATABASE" in line for line in found)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_be_a_file(given, tmp_path, name):
    file = tmp_path / "secret"
    file.write_text(
        "postgres://x@db/orders\n" if name.endswith(("_DATABASE_URL", "_REPLICA_URL")) else "redis://valkey:6379\n"
    )
    if name == "STREAM_URL":
        file.write_text("amqp://broker\n")
    if name == "KAFKA_OPTIONS":
        file.write_text("security.protocol=SSL\n")
    if name == "PEER_SECRET":
        file.write_text("s" * 32)
    assert given(**{name: "", f"{name}_FILE": file}) == []
    value = ALL[name].value()
    assert (value[0] if isinstance(value, list) else value) == file.read_text().removesuffix("\n")


def test_a_secret_given_twice_or_by_a_bad_file_is_one_line(given, tmp_path):
    file = tmp_path / "secret"
    assert given(STRIPE_API_KEY_FILE=file) == [
        f"AUTOSALON_STRIPE_API_KEY_FILE={file}: the file cannot be read: No such file or directory"
    ]
    file.write_text("\n")
    assert given() == [f"AUTOSALON_STRIPE_API_KEY_FILE={file}: the file is empty"]
    file.write_text("sk_live")
    assert given(STRIPE_API_KEY="sk_live") == [
        "AUTOSALON_STRIPE_API_KEY and AUTOSALON_STRIPE_API_KEY_FILE are both given: keep one"
    ]


def test_no_file_is_read_for_what_is_no_secret(given):
    (line,) = given(LOG_LEVEL_FILE="/nowhere")
    assert "there is no such setting" in line


@pytest.mark.parametrize("path", rendering.DOCUMENTS, ids=lambda path: path.name)
def test_documents_are_made_from_the_declarations(path):
    assert path.read_text() == rendering.DOCUMENTS[path](), "run: make settings"


def test_the_example_file_is_an_environment_without_mistakes(given, monkeypatch):
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?AUTOSALON_", line)]
    assert {name.removeprefix("AUTOSALON_") for name, _ in pairs} == {
        name for name, setting in ALL.items() if not setting.group.is_hidden
    }
    assert given(**{name.removeprefix("AUTOSALON_"): value for name, value in pairs}) == []


def test_every_default_is_what_its_kind_reads():
    for name, setting in ALL.items():
        default = setting.default()
        if default not in ("", [], None) and not setting.shown:
            assert setting.kind.read(setting.kind.show(default)) == default, name


def sources():
    for path in ROOT.rglob("*.py"):
        if not {".venv", ".data"} & set(path.relative_to(ROOT).parts):
            yield path


def test_every_name_in_the_code_is_declared():
    known = {*ALL, *(f"{name}_FILE" for name in SECRETS)}
    for path in sources():
        if path.name != "test_settings.py":
            named = set(re.findall(r"AUTOSALON_([A-Z][A-Z_]*[A-Z])\b", path.read_text()))
            assert named <= known, path


def test_every_declared_setting_is_read():
    code = "\n".join(
        path.read_text() for path in sources() if path.parent.name != "tests" or path.name == "conftest.py"
    )
    code += "\n".join(path.read_text() for path in ROOT.rglob("tests/**/*.py") if ".venv" not in path.parts)
    compose = (ROOT / "docker-compose.yml").read_text()
    for name, setting in ALL.items():
        is_read = f"{setting.group.__name__}.{name}" in code or f'"AUTOSALON_{name}"' in code
        is_read |= not setting.roles and f"${{AUTOSALON_{name}:" in compose
        assert is_read or name.endswith("_DATABASE_URL"), name


def test_nothing_else_reads_the_environment_for_settings():
    """A value that is read past the declarations is neither checked nor documented."""
    allowed = {
        "config/environment.py",
        "devtools/binaries.py",
        "config/management/commands/up.py",
    }
    for path in sources():
        name = str(path.relative_to(ROOT))
        is_test = "tests" in path.parts or name.startswith(("benchmarks/", "conftest"))
        if not is_test and name not in allowed:
            assert not re.search(r"environ(\.get\(|\[)\s*f?[\"']AUTOSALON_", path.read_text()), name


def test_the_file_that_make_writes_is_its_owners_alone(tmp_path):
    (tmp_path / ".env.example").write_text("AUTOSALON_DEBUG=on\n")
    done = subprocess.run(
        ["make", "-C", str(tmp_path), "-f", str(ROOT / "Makefile"), ".env"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600

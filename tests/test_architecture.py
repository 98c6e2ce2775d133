"""Borders that no single app can guard: each of these fails when somebody crosses one."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.utils import ConnectionDoesNotExist

from config.databases import APPS, EVERYWHERE, FRAMEWORK_HOME, STORES
from core.events import REGISTRY, Command, Event, facts_implying, readings
from core.plugins import plugins
from financing.models import LoanPaymentMethod
from messaging.subscriptions import subscriptions
from payments.commands import METHODS
from payments.models import Method
from storefront.shown import wording

ROOT = Path(settings.BASE_DIR)
PACKAGES = [*APPS, "messaging", "gateway", "core", "config", "storefront"]


def sources(package):
    return [
        path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts and "tests" not in path.parts
    ]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", APPS)
def test_apps_meet_at_events_commands_and_public_only(package):
    for path in sources(package):
        for name in imports(path):
            other, _, rest = name.partition(".")
            if other in APPS and other != package:
                room = rest.split(".")[0]
                assert room in ("events", "commands", "public"), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", ["messaging", "gateway", "core"])
def test_plumbing_knows_no_app(package):
    for path in sources(package):
        for name in imports(path):
            assert name.split(".")[0] not in {*APPS, "config", "storefront"}, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", APPS)
@pytest.mark.parametrize("module", ["events.py", "commands.py"])
def test_facts_and_commands_reach_no_framework(package, module):
    path = ROOT / package / module
    if path.exists():
        for name in imports(path):
            assert not name.startswith(("django", "celery", "rest_framework")), (
                f"{path.relative_to(ROOT)} imports {name}"
            )


@pytest.mark.parametrize("package", APPS)
def test_commands_know_no_other_app(package):
    path = ROOT / package / "commands.py"
    if path.exists():
        assert {name.split(".")[0] for name in imports(path)} & set(APPS) == set()


def commands():
    """Every command of the product, sent or implied; the bases that several have in common are none."""
    waiting, found = [Command], []
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found += [each for each in below if not each.__subclasses__() and each.owner() in APPS]
    return found


def customers(supplier):
    """Apps that ask something of a supplier, by a command or by a fact that implies one."""
    ours = [each for each in commands() if each.owner() == supplier]
    return {each.sender for each in ours if each.type} | {
        fact.app() for each in ours for fact in facts_implying(each) if fact.app() != supplier
    }


READ_UPWARDS = {("resources", "showroom.public"), ("resources", "showroom.public.require_happening")}
"""Imports by which a supplier looks at a customer: a hall is booked by hand for a happening that there is."""


def test_a_supplier_knows_none_of_its_customers():
    asking = {supplier: customers(supplier) for supplier in {each.owner() for each in commands()}}
    found = {
        (supplier, name)
        for supplier, others in asking.items()
        for path in sources(supplier)
        for name in imports(path)
        if name.split(".")[0] in others
    }
    assert found == READ_UPWARDS, "a supplier that imports who asks it stands upside down"


def test_customers_are_found():
    assert customers("payments") == {"orders", "financing", "insurance", "showroom"}
    assert customers("resources") == {"orders", "showroom"}


def test_every_command_is_asked_and_obeyed_by_the_app_that_declares_it():
    for each in commands():
        assert each.type or facts_implying(each), f"nobody asks for {each.__name__}"
        obeying = {item.alias for item in subscriptions().values() if each in item.messages}
        assert obeying == {each.owner()}, each.__name__


def test_an_app_says_itself_what_its_facts_imply():
    for fact, read in readings():
        assert read.__module__ == fact.__module__, f"{read.__name__} reads {fact.__name__}"


def test_requests_are_commands():
    """A fact that is called a request is a command in its customer's clothes: the supplier would import who asks."""
    named = [cls.__name__ for cls in REGISTRY.values() if issubclass(cls, Event) and cls.__name__.endswith("Requested")]
    assert named == []


def test_every_model_has_one_home():
    for model in apps.get_models():
        label = model._meta.app_label
        homes = [alias for alias in STORES if router.allow_migrate(alias, label)]
        expected = list(APPS) if label in EVERYWHERE else [label if label in STORES else FRAMEWORK_HOME]
        assert homes == expected, model


def test_no_relation_crosses_a_border():
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.is_relation and field.related_model and field.concrete:
                ours, theirs = (router.db_for_write(one) for one in (model, field.related_model))
                assert ours == theirs, f"{model.__name__}.{field.name} points into another database"


def test_default_is_nobodys_database():
    assert settings.DATABASES[DEFAULT_DB_ALIAS]["ENGINE"] == "django.db.backends.dummy"
    with pytest.raises((ImproperlyConfigured, ConnectionDoesNotExist)):
        connections[DEFAULT_DB_ALIAS].cursor()


BARE = re.compile(
    r"(?<![\w.])(?:transaction\.)?(?:atomic\(\)|on_commit\(lambda)|delay_on_commit|ATOMIC_REQUESTS|ALWAYS_EAGER"
)


@pytest.mark.parametrize("package", PACKAGES)
def test_transactions_name_their_database(package):
    for path in sources(package):
        if path == ROOT / "core" / "db.py":
            continue
        text = path.read_text()
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", '"""')))
        found = [match[0] for match in BARE.finditer(code) if "`" not in match[0]]
        assert not found or path.name == "db.py", f"{path.relative_to(ROOT)}: {found}"
        for name in imports(path):
            assert name not in ("django.db.transaction.atomic", "django.db.transaction.on_commit"), path


DAYS = re.compile(
    r"ZoneInfo\(settings\.DEALER_TIME_ZONE\)|timezone\.now\(\)\.date\(\)|\bnow\.date\(\)|Trunc(?:Date|Day|Month)\("
)
UTC_DAYS = {"payments/tests"}
"""Books of providers are compared by days in UTC."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_day_is_the_dealers(package):
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name != "core/clock.py" and not any(name.startswith(each) for each in UTC_DAYS):
            found += [f"{name}: {match[0]}" for match in DAYS.finditer(path.read_text())]
    assert found == [], "ask core.clock: by UTC a day in Moscow ends three hours late"


DIALECTS = {
    r"A-HJ-NPR-Z|АВЕКМ": ("core/vin.py", "core.vin reads VINs and says which name a vehicle"),
    r"EVALSHA|send_command|register_script|\.eval\(": (
        "gateway/guards/guard.py",
        "gateway.guards.guard.OwnConnection speaks to Valkey past redis-py's pool and runs scripts there",
    ),
    r"\bpost_(save|delete)\)|execute_wrapper": (
        "gateway/responses/cache.py",
        "gateway.responses.cache voids cached answers: watch() a model, forget() what is written past save()",
    ),
    r"class \w*Means\b|\"sbp\", \"cash\"|\{\"cash\", \"bank_transfer\"": (
        "payments/commands.py",
        "payments.commands has the means of payment, and the lists of methods",
    ),
    r"\"insurance by law\"": ("financing/rules/calculations/terms.py", "premium_fees makes fees of lent premiums"),
    r"SimpleDocTemplate|ParagraphStyle": ("core/files/printing.py", "core.files.printing prints papers"),
    r"pg_\w*advisory": ("core/db.py", "core.db holds advisory locks by name"),
}
"""Texts of a concern that has one room: where else one stands, a second way to do the same begins."""


@pytest.mark.parametrize("pattern", DIALECTS)
def test_every_concern_is_spoken_of_in_one_dialect(pattern):
    home, advice = DIALECTS[pattern]
    files = {path.relative_to(ROOT).as_posix(): path.read_text() for package in PACKAGES for path in sources(package)}
    assert re.search(pattern, files[home])
    found = [name for name, text in files.items() if name != home and re.search(pattern, text)]
    assert found == [], advice


def test_methods_of_paying_are_those_of_payments():
    assert Method.values == list(METHODS)
    assert LoanPaymentMethod.values == [*METHODS, LoanPaymentMethod.ACCOUNT]
    assert set(wording.METHODS) == set(METHODS)


def test_every_event_belongs_to_its_app_and_every_handler_to_its_own():
    for name, cls in REGISTRY.items():
        assert {cls.app(), cls.owner()} <= set(APPS), name
    for item in subscriptions().values():
        assert item.alias in APPS
        assert item.name.startswith(f"{item.alias}."), item.name


_PROMISED = """
user.registered user.created user.updated user.deactivated user.deleted user.role_changed user.logged_in
user.logged_out category.changed product.created product.updated product.deleted stock.reserved stock.rejected
stock.released stock.low order.created order.updated order.status_changed order.paid order.completed order.cancelled
payment.created payment.completed payment.failed payment.refunded financing.submitted financing.approved
financing.rejected financing.disbursed loan.payment_received loan.overdue loan.closed insurance.quoted
insurance.purchased insurance.cancelled claim.opened claim.decided claim.paid client.created client.updated
client.contact.added client.activity.logged event.created event.updated event.cancelled event.registration.created
event.registration.cancelled resource.created resource.updated resource.allocated resource.released
"""


def test_every_promised_event_exists():
    promised = _PROMISED.split()
    missing = [name for name in promised if name not in REGISTRY or REGISTRY[name].internal]
    assert missing == []


def test_every_app_is_whole():
    for app in APPS:
        for part in ("models.py", "admin.py", "api/urls.py", "migrations/0001_initial.py", "tests"):
            path = ROOT / app / part
            assert path.exists() or path.with_suffix("").is_dir(), f"{app}/{part}"


def test_the_project_speaks_of_itself_alone():
    secret = re.compile(r"/(?:root|work|home)/|BEGIN (?:RSA )?PRIVATE KEY|pypi\.org|registry\.npmjs", re.I)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert not secret.search(path.read_text()), path.relative_to(ROOT)


def test_migrations_let_the_release_before_run_beside_them():
    call_command("lint_migrations")


REGISTERING = (
    "approvals",
    "commands",
    "events",
    "handlers",
    "operations",
    "public",
    "plugin.copies",
    "plugin.personal",
)
"""Rooms whose decorators register with the house as they are imported."""


def list_rooms(app, names):
    folders = [(name, ROOT / app / Path(*name.split("."))) for name in names]
    return {f"{app}.{name}" for name, path in folders if path.is_dir() or path.with_suffix(".py").exists()}


@pytest.mark.parametrize("app", APPS)
def test_an_app_names_all_that_it_plugs_in(app):
    plugin = plugins()[app]
    assert {module.__name__ for module in plugin.declares} == list_rooms(app, REGISTERING)
    assert bool(plugin.demo) == bool(list_rooms(app, ["plugin.demo"]))
    assert {plugin.consumers} - {""} == list_rooms(app, ["consumers"])
    assert {plugin.channels} - {""} == list_rooms(app, ["plugin.channels"])


def test_handlers_stand_where_plugins_name_them():
    named = {module.__name__ for plugin in plugins().values() for module in plugin.declares}
    for item in subscriptions().values():
        module = item.function.__module__
        if module.split(".")[0] in APPS:
            assert any(module == name or module.startswith(f"{name}.") for name in named), f"{item.name} in {module}"


WRITES = {
    *("save", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "select_for_update"),
    *("publish", "send", "transaction", "on_commit", "request_call", "set_timer"),
}
"""Calls by which something is written, asked of others or locked; `update` and `delete` are those of a QuerySet."""
ROWS = {"objects", "filter", "exclude", "all", "order_by", "annotate", "using"}


def written(path):
    """Lines of a module that write."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            inner = {each.attr for each in ast.walk(node.func) if isinstance(each, ast.Attribute)}
            is_file = name == "save" and bool(node.args)  # a sheet into its file: a row is saved without one
            if (name in WRITES and not is_file) or (name in {"update", "delete"} and inner & ROWS):
                yield node.lineno


@pytest.mark.parametrize("app", APPS)
def test_queries_do_not_write(app):
    places = [path for room in ("queries", "rules", "public") for path in sources(f"{app}/{room}")]
    places += [path for path in [ROOT / app / "public.py"] if path.exists()]
    assert not [f"{path.relative_to(ROOT)}:{line}" for path in places for line in written(path)]


def test_a_write_is_seen(tmp_path):
    (tmp_path / "a.py").write_text(
        "Order.objects.filter(pk=1).update(x=1)\norder.save()\nsheet.save(file)\nfound.update(a=1)\npublish(fact)\nsheet.delete()\n"
    )
    assert list(written(tmp_path / "a.py")) == [1, 2, 5]


WRITING = WRITES | {"update", "delete", "execute"}
READS_AMONG_SERVICES = {
    "accounts.begin_oidc": "seals the ticket that a browser brings back",
    "accounts.brought_back": "compares with the list that it is beside, in a file",
    "accounts.check_password_strength": "judges what the write beside it takes, for forms",
    "accounts.is_export_due": "asks for the rows that the write beside it claims",
    "accounts.push_key_revocations": "tells Valkey",
    "accounts.push_revocations": "tells Valkey",
    "catalog.is_photo_due": "asks for the rows that the write beside it claims",
    "catalog.is_rendering_due": "asks for the rows that the write beside it claims",
    "catalog.repeat_import": "writes by core.importing.runs",
    "catalog.start_import": "writes by core.importing.runs",
    "clients.find_alike": "looks for whom the write beside it would write down twice",
    "clients.repeat_import": "writes by core.importing.runs",
    "clients.start_import": "writes by core.importing.runs",
    "notifications.is_webhook_due": "asks for the rows that the write beside it claims",
    "orders.deposit_terms": "the words of the agreement that the write beside it keeps",
    "orders.work_out_deal": "what the write beside it keeps, for sliders that move",
    "orders.leg_label": "said by the class of the leg, which writes",
    "orders.leg_title": "said by the class of the leg, which writes",
    "orders.require_offer": "judges what the write beside it takes, for the API",
}
"""Functions of services in which no write is seen, and why they stand there."""


def functions_of_services(app):
    """Functions and classes of an app's services with the names they call or use."""
    found = {}
    for path in sources(f"{app}/services"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                used = {getattr(each, "attr", getattr(each, "id", "")) for each in ast.walk(node)}
                found.setdefault(node.name, set()).update(used)
    return found


def exported(app):
    """Functions that an app's services offer to others."""
    init = ast.parse((ROOT / app / "services" / "__init__.py").read_text())
    names = {alias.name for node in init.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return {name for name in names if name.islower()}


def test_services_write():
    reads = set()
    for app in APPS:
        functions = functions_of_services(app)
        writing = {name for name, used in functions.items() if used & WRITING}
        while more := {name for name, used in functions.items() if used & writing} - writing:
            writing |= more
        reads |= {f"{app}.{name}" for name in exported(app) - writing}
    assert reads == set(READS_AMONG_SERVICES), "a read stands in queries/"

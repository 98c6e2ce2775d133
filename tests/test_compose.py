"""docker-compose.yml and the Dockerfile, checked without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from config.databases import APPS, STORES
from config.declared.setting import ALL, ROLES
from config.environment import PREFIX
from config.management.commands import up
from messaging.delivery.queues import FORMER_EXTERNAL_QUEUE, external_queue, get_queue_name

ROOT = Path(settings.BASE_DIR)
COMPOSE = ROOT / "docker-compose.yml"
REQUIRED = {
    "AUTOSALON_SECRET_KEY": "x",
    "AUTOSALON_ALLOWED_HOSTS": "shop.example",
    "AUTOSALON_EMAIL_HOST": "smtp.example",
    "AUTOSALON_POSTGRES_PASSWORD": "x",
}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def ours(services):
    return [service for service in services.values() if service["image"].startswith("autosalon")]


def get_role(service):
    """Return what one of our containers does, by its command; the image's own command serves pages."""
    command = service.get("command", ["granian"])
    roles = {
        "granian": "web", "uvicorn": "live", "relay": "relay", "consume_stream": "relay", "q.external": "external",
        "worker": "worker", "beat": "beat", "migrate_all": "migrate", "rotate_jwt_keys": "migrate",
    }  # fmt: skip
    return next(role for word, role in roles.items() if word in " ".join(command))


def test_it_follows_the_compose_specification():
    command = [
        str(Path(sys.executable).parent / "check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_itself_accepts_it():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker compose plugin is not installed here")
    done = subprocess.run(
        [docker, "compose", "-f", str(COMPOSE), "config", "--quiet"],
        capture_output=True, text=True, check=False, env=os.environ | REQUIRED,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_app_has_a_postgres_of_its_own(services):
    for app in APPS:
        assert f"postgres-{app}" in services
        url = services["web"]["environment"][f"AUTOSALON_{app.upper()}_DATABASE_URL"]
        assert url.endswith(f"@postgres-{app}:5432/autosalon_{app}")


def test_every_queue_has_exactly_one_worker_group(services):
    served = [
        queue
        for name, service in services.items()
        if name.startswith("worker-")
        for queue in service["command"][service["command"].index("-Q") + 1].split(",")
    ]
    assert sorted(served) == sorted([*map(get_queue_name, APPS), *map(external_queue, APPS), FORMER_EXTERNAL_QUEUE])


def test_pages_are_reached_by_a_proxy_that_buffers_bodies_and_answers(services):
    assert [name for name in services if "ports" in services[name] and "profiles" not in services[name]] == ["edge"]
    nginx = (COMPOSE.parent / "deploy/nginx.conf").read_text()
    pages = nginx.partition("location / {")[2].partition("}")[0]
    assert "proxy_pass http://web:8000;" in pages
    assert "buffering" not in pages
    assert "buffering" not in nginx.partition("location")[0]


def test_the_edge_logs_json_that_joins_ours_and_holds_no_query(tmp_path):
    conf = (ROOT / "deploy/nginx.conf").read_text()
    parts = re.search(r"log_format line escape=json((?:\s+'[^']*')+);", conf)[1]
    line = json.loads("".join(re.findall(r"'([^']*)'", parts)))
    assert line["request_id"] == "$upstream_http_x_request_id"
    assert not {"$request", "$request_uri", "$args", "$remote_addr"} & set(line.values())
    assert "access_log /dev/stdout line;" in conf
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or pytest.skip("nginx is not installed here")
    here = re.sub(r"http://(web|live):", "http://127.0.0.1:", conf)
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{here}\n}}\n")
    command = [nginx, "-t", "-e", str(tmp_path / "errors"), "-c", str(whole)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_brokers_are_switched_on_by_a_profile_and_reached_from_this_machine_alone(services):
    brokers = {name: services[name] for name in ("rabbitmq", "kafka")}
    assert {port for broker in brokers.values() for port in broker["ports"]} == {
        "127.0.0.1:5672:5672", "127.0.0.1:15672:15672", "127.0.0.1:9092:9092",
    }  # fmt: skip
    assert all("stream" in broker["profiles"] for broker in brokers.values())
    assert "guest" not in str(brokers)
    assert services["commands"]["profiles"] == ["commands"]


def test_what_watches_is_switched_on_by_a_profile_and_reached_from_this_machine_alone(services):
    watching = {name: services[name] for name in ("prometheus", "alertmanager", "grafana")}
    assert [one["profiles"] for one in watching.values()] == [["watch"]] * 3
    ports = {port for one in watching.values() for port in one["ports"]}
    assert ports == {"127.0.0.1:9090:9090", "127.0.0.1:9093:9093", "127.0.0.1:3000:3000"}
    for one in watching.values():
        mounted = [volume.split(":")[0] for volume in one["volumes"] if volume.startswith("./")]
        assert mounted
        assert all((ROOT / place).exists() for place in mounted)


def test_prometheus_scrapes_every_process_that_counts_and_is_let_in(services):
    jobs = yaml.safe_load((ROOT / "deploy/watch/prometheus.yml").read_text())["scrape_configs"]
    asked = {name: found["port"] for job in jobs for found in job["dns_sd_configs"] for name in found["names"]}
    roles = {name: get_role(services[name]) for name in services if services[name]["image"].startswith("autosalon")}
    counting = {name: role for name, role in roles.items() if role != "migrate" and "profiles" not in services[name]}
    assert asked == {name: 8000 if role in ("web", "live") else 9100 for name, role in counting.items()}
    address = services["prometheus"]["networks"]["default"]["ipv4_address"]
    for name, role in counting.items():
        given = services[name]["environment"]
        if role in ("web", "live"):
            assert f",{address}," in given["AUTOSALON_METRICS_ALLOW"]
        else:
            assert given["AUTOSALON_METRICS_PORT"] == "${AUTOSALON_METRICS_PORT:-9100}"


def test_grafana_does_not_start_without_a_password(services):
    (shell, option, script) = services["grafana"]["entrypoint"]
    command = [shell, option, script.replace("$$", "$").replace("exec /run.sh", "true")]
    for password, status in (("", 1), ("x", 0)):
        environment = {"PATH": os.environ["PATH"], "GF_SECURITY_ADMIN_PASSWORD": password}
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == status


def test_each_port_of_a_contract_leads_to_its_prefix(services):
    """Ports are those that the contracts' documents name: a hundred for each letter."""
    proxy, config = services["contracts"], (ROOT / "deploy/contracts.conf").read_text()
    led = {}
    for server in config.split("server {")[1:]:
        (letter,) = re.findall(r"proxy_pass http://edge:8080/contracts/([a-e])/;", server)
        led |= dict.fromkeys(re.findall(r"listen (\d+);", server), letter)
    assert led == {port: "abcde"[int(port) // 100 - 180] for port in led}
    assert sorted(led.values()) == [*"aaaaabbbcdee"]
    assert proxy["ports"] == [f"127.0.0.1:{port}:{port}" for port in sorted(led)]
    assert proxy["profiles"] == ["contracts"]
    address = proxy["networks"]["default"]["ipv4_address"]
    assert f",{address}," in services["web"]["environment"]["AUTOSALON_TRUSTED_PROXIES"]


def test_rabbitmq_does_not_start_without_a_password(services):
    (shell, option, script) = services["rabbitmq"]["command"]
    command = [shell, option, script.replace("$$", "$").replace("exec docker-entrypoint.sh", "echo")]
    for password, status in (("", 1), ("x", 0)):
        environment = {"PATH": os.environ["PATH"], "RABBITMQ_DEFAULT_PASS": password}
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == status


def test_two_slow_providers_leave_workers_for_the_others(services, settings):
    command = services["worker-external"]["command"]
    assert min(int(command[command.index("-c") + 1]), int(up.OUTSIDE_WORKERS)) > 2 * settings.CALLS_PER_PROVIDER


def test_everything_that_runs_is_watched_and_unprivileged(services):
    for name, service in services.items():
        assert "healthcheck" in service or name == "migrate" or service["profiles"] == ["tools"], name
        if service["image"].startswith("autosalon"):
            assert service["user"] == "10001:10001", name
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name


def test_no_health_check_starts_django_or_believes_an_old_file(services):
    for service in ours(services):
        if get_role(service) in ("web", "live", "migrate"):
            continue
        (kind, check) = service["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        (file, _) = re.fullmatch(r"""test -n "\$\$\(find (/tmp/\S+) -newermt '-(\d+) seconds'\)\"""", check).groups()
        assert service["command"][-1] == file, "the process itself touches it"


def test_no_secret_has_a_default(services):
    for service in ours(services):
        for name, value in service["environment"].items():
            setting = ALL.get(name.removeprefix(PREFIX))
            if setting is not None and setting.is_secret and not value.startswith("redis://"):
                assert ":?" in value or value == f"${{{name}:-}}", name


def test_every_setting_reaches_the_containers_that_need_it_and_no_other(services):
    for service in ours(services):
        given = {name.removeprefix(PREFIX) for name in service["environment"]} & set(ALL)
        role = get_role(service)
        assert given == {name for name, setting in ALL.items() if role in setting.roles}, role


def test_a_secret_says_which_roles_need_it():
    everywhere = {name for name, setting in ALL.items() if setting.is_secret and set(setting.roles) == set(ROLES)}
    databases = {f"{app.upper()}_DATABASE_URL" for app in STORES}
    assert everywhere == databases | {"REDIS_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SEALING_KEYS"}


def test_what_the_layout_settles_is_valid(services):
    """Read without a complaint what stands in the file itself, with the required values put in."""
    for name, value in services["web"]["environment"].items():
        whole = re.sub(r"\$\{(\w+):(?:-|\?)([^}]*)\}", lambda found: REQUIRED.get(found[1], ""), value)
        whole = "" if name.endswith("_FILE") else whole  # the key is in the container
        if whole:
            ALL[name.removeprefix(PREFIX)].kind.read(whole)


def test_only_the_edge_is_believed_about_who_calls(services):
    whole = yaml.safe_load(COMPOSE.read_text())
    address = whole["services"]["edge"]["networks"]["default"]["ipv4_address"]
    (network,) = whole["networks"]["default"]["ipam"]["config"]
    assert services["web"]["environment"]["AUTOSALON_TRUSTED_PROXIES"].startswith(f"{address},")
    assert ip_address(address) in ip_network(network["subnet"])
    assert ip_address(address) not in ip_network(network["ip_range"])  # another container may get those


def test_the_image_runs_as_nobody_special_and_is_built_in_stages():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert "USER autosalon" in lines

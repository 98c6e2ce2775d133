"""deploy/kubernetes: rendered by kustomize, held to published schemas, to the containers and to what is declared."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from django.conf import settings
from django.urls import resolve

from config.databases import APPS
from config.declared.setting import ALL
from config.environment import PREFIX
from core.running.measures import FAMILIES
from messaging.delivery.queues import FORMER_EXTERNAL_QUEUE, external_queue, get_queue_name

ROOT = Path(settings.BASE_DIR)
NAME, PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
VERSION = "1.32.0"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Everything that `kubectl apply -k` would send, with the examples of secrets filled in as they stand."""
    kubectl = shutil.which("kubectl") or pytest.skip("kubectl is not installed: nothing renders the manifests")
    folder = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(ROOT / "deploy/kubernetes", folder)
    for example in (folder / "production").glob("*.example"):
        shutil.copy(example, example.with_suffix(""))
    (folder / "production/jwt_private.pem").write_text("a key")
    done = subprocess.run(
        [kubectl, "kustomize", str(folder / "production")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def pick(found, *kinds):
    return {one["metadata"]["name"]: one for one in found if one["kind"] in kinds}


def get_container(one):
    (container,) = one["spec"]["template"]["spec"]["containers"]
    return container


def get_pod_name(one):
    return one["spec"]["template"]["metadata"]["labels"][NAME]


def test_each_object_follows_the_published_schema(found):
    for one in found:
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_the_schemas_find_what_is_wrong(found):
    broken = json.loads(json.dumps(pick(found, "Deployment")["web"]))
    broken["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_every_role_of_the_containers_runs_here_by_the_same_command(found):
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {
        name: one for name, one in services.items() if one["image"].startswith("autosalon") and "profiles" not in one
    }
    image = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.M)
    wanted = {name: one.get("command") or json.loads(image[1]) for name, one in ours.items()}
    here = {name: get_container(one)["command"] for name, one in pick(found, "Deployment", "Job").items()}
    assert {name: without_folder(one) for name, one in here.items()} == {
        name: without_folder(one) for name, one in wanted.items()
    }


def without_folder(command):
    """The command, with the file that it touches under no folder: temporary ones differ."""
    *rest, last = command
    return [*rest, Path(last).name if last.startswith("/") else last]


def test_every_queue_has_exactly_one_worker_group(found):
    commands = [get_container(one)["command"] for one in pick(found, "Deployment").values()]
    served = [queue for one in commands if "-Q" in one for queue in one[one.index("-Q") + 1].split(",")]
    assert sorted(served) == sorted([*map(get_queue_name, APPS), *map(external_queue, APPS), FORMER_EXTERNAL_QUEUE])


def test_whatever_a_pod_refers_to_is_there(found):
    there = {kind: set(pick(found, kind)) for kind in ("ConfigMap", "Secret", "PersistentVolumeClaim")}
    for name, one in pick(found, "Deployment", "Job").items():
        pod, container = one["spec"]["template"]["spec"], get_container(one)
        for given in container["envFrom"]:
            ((kind, wanted),) = given.items()
            assert wanted["name"] in there["ConfigMap" if kind == "configMapRef" else "Secret"], name
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in there["Secret"], name
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in there["PersistentVolumeClaim"], name
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert container["image"] == "registry.example/autosalon:latest"


def test_who_calls_providers_knows_their_keys_and_nobody_else(found):
    knowing = {
        name
        for name, one in pick(found, "Deployment", "Job").items()
        if any("providers" in given.get("secretRef", {}).get("name", "") for given in get_container(one)["envFrom"])
    }
    assert knowing == {"web", "worker-external"}


def test_what_is_given_is_declared_and_what_is_required_is_given(found):
    given = [*pick(found, "ConfigMap").values(), *pick(found, "Secret").values()]
    names = {name for one in given for name in one["data"] if name.startswith(PREFIX)}
    assert {name for name in names if name.removeprefix(PREFIX) not in ALL} == set()
    databases = {f"{PREFIX}{app.upper()}_DATABASE_URL" for app in APPS}
    required = {f"{PREFIX}{name}" for name in ("SECRET_KEY", "REDIS_URL", "ALLOWED_HOSTS", "EMAIL_HOST")}
    assert databases | required | {f"{PREFIX}JWT_PRIVATE_KEY_FILE"} <= names


def test_probes_ask_what_answers(found):
    for name, one in pick(found, "Deployment").items():
        container = get_container(one)
        probes = [probe for key, probe in container.items() if key.endswith("Probe")]
        assert probes, name
        for probe in probes:
            if "httpGet" in probe:
                assert resolve(probe["httpGet"]["path"]).url_name in ("health", "ready")
                assert probe["httpGet"]["port"] in {port["name"] for port in container["ports"]}
            else:
                assert f"find {container['command'][-1]} " in probe["exec"]["command"][-1], name


def test_every_pod_but_the_one_that_migrates_waits_for_the_databases(found, tmp_path):
    for name, one in pick(found, "Deployment").items():
        (wait,) = one["spec"]["template"]["spec"]["initContainers"]
        assert wait["command"][:2] == ["timeout", "600"], name
        assert one["spec"]["progressDeadlineSeconds"] > 600, "or a rollout that waits is called a failed one"
        app = get_container(one)
        for part in ("image", "securityContext", "volumeMounts"):
            assert wait[part] == app[part], name
        assert all(given in app["envFrom"] for given in wait["envFrom"])
    assert "initContainers" not in pick(found, "Job")["migrate"]["spec"]["template"]["spec"]
    asked = tmp_path / "asked"
    for program, does in (("python", f'echo "$@" >> {asked}; [ "$(wc -l < {asked})" -ge 3 ]'), ("sleep", "")):
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(wait["command"], env={"PATH": path}, timeout=30, check=True)
    assert asked.read_text().splitlines() == ["manage.py migrate_all --check"] * 3


def test_every_pod_is_unprivileged_limited_and_survives_a_drained_node(found):
    budgets = {one["spec"]["selector"]["matchLabels"][NAME] for one in pick(found, "PodDisruptionBudget").values()}
    assert budgets == set(pick(found, "Deployment"))
    for name, one in pick(found, "Deployment", "Job").items():
        pod, container = one["spec"]["template"]["spec"], get_container(one)
        assert pod["securityContext"]["runAsNonRoot"], name
        assert not pod["automountServiceAccountToken"], name
        assert not pod["enableServiceLinks"], name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert {"memory", "cpu"} <= set(container["resources"]["requests"]), name
        assert "memory" in container["resources"]["limits"], name


def test_services_and_scalers_and_the_ingress_lead_to_what_is_there(found):
    deployments = pick(found, "Deployment")
    assert {name: get_pod_name(one) for name, one in deployments.items()} == {name: name for name in deployments}
    services = pick(found, "Service")
    assert {one["spec"]["selector"][NAME] for one in services.values()} == {"web", "live", "nowhere"}
    (ingress,) = pick(found, "Ingress").values()
    led = {
        path["path"]: path["backend"]["service"]["name"]
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    closed = {"/internal/": "nowhere", "/metrics": "nowhere"}
    assert led == {"/ws/": "live", "/api/v1/orders/events": "live", **closed, "/": "web"}
    limits = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy/nginx.conf").read_text())
    largest = f"{max(map(int, limits))}m"  # by paths, in nginx alone: an ingress may not know regular expressions
    assert ingress["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/proxy-body-size": largest}
    for one in pick(found, "HorizontalPodAutoscaler").values():
        assert one["spec"]["scaleTargetRef"]["name"] in deployments
        for metric in one["spec"]["metrics"]:
            if metric["type"] == "External":
                asked = metric["external"]["metric"]
                assert "database" in FAMILIES[asked["name"]].labels
                (databases,) = [each["values"] for each in asked["selector"]["matchExpressions"]]
                command = get_container(deployments[one["spec"]["scaleTargetRef"]["name"]])["command"]
                assert command[command.index("-Q") + 1].split(",") == [get_queue_name(app) for app in databases]


def test_nobody_is_let_in_but_visitors_and_prometheus(found):
    policies = pick(found, "NetworkPolicy")
    ours = {"matchLabels": {PART_OF: "autosalon"}}
    assert policies["nobody-in"]["spec"] == {"podSelector": ours, "policyTypes": ["Ingress"]}
    assert policies["prometheus-in"]["spec"]["podSelector"] == ours
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in pick(found, "Deployment", "Job").values()]
    assert {labels.get(PART_OF) for labels in pods} == {"autosalon"}
    (ports,) = [rule["ports"] for rule in policies["prometheus-in"]["spec"]["ingress"]]
    assert [port["port"] for port in ports] == [8000, 9100]
    (given,) = pick(found, "ConfigMap").values()
    assert given["data"][f"{PREFIX}METRICS_PORT"] == "9100"

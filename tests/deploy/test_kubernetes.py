"""deploy/kubernetes against the schemas of its kinds, against itself, and against the code."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml

import mini_sentry
from mini_sentry.config import cli
from mini_sentry.config.probes import PATHS
from tests.deploy.composed import ROOT, read
from tests.deploy.kubernetes_schema import KINDS
from tests.test_docs import variables

DIRECTORY = ROOT / "deploy" / "kubernetes"
ROLES = {"web", "digest", "snuba", "worker", "beat", "migrate"}
SECRETS = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "CLICKHOUSE_URL", "METRICS_TOKEN"}

Object = dict[str, Any]


def objects() -> list[tuple[str, Object]]:
    """Every object, with the name of its file."""
    return [
        (path.name, document)
        for path in sorted(DIRECTORY.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def of(kind: str) -> Iterator[Object]:
    return (document for _, document in objects() if document["kind"] == kind)


def workloads() -> dict[str, Object]:
    """What runs pods, by name."""
    return {found["metadata"]["name"]: found for kind in ("StatefulSet", "Deployment", "Job") for found in of(kind)}


def pod(name: str) -> Object:
    found: Object = workloads()[name]["spec"]["template"]["spec"]
    return found


def container(name: str) -> Object:
    [found] = pod(name)["containers"]
    return dict(found)


@pytest.mark.parametrize(
    "document",
    [document for _, document in objects()],
    ids=lambda d: f"{d['kind']}-{d.get('metadata', {}).get('name')}",
)
def test_an_object_is_what_its_schema_says(document: Object) -> None:
    validator = jsonschema_rs.validator_for(KINDS[document["kind"]])
    assert [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("schema", KINDS.values(), ids=KINDS)
def test_a_field_that_nobody_knows_is_found(schema: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(schema).is_valid(
        {"apiVersion": "v1", "kind": "x", "metadata": {"name": "x"}}
    )


def test_the_kustomization_takes_every_file_but_the_example_of_the_secret() -> None:
    [kustomization] = of("Kustomization")
    files = {name for name, _ in objects()} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files - {"secret.example.yaml"}
    [image] = kustomization["images"]
    assert image["newTag"] == mini_sentry.__version__
    assert {c["image"] for name in workloads() for c in pod(name)["containers"]} == {image["name"]}


def test_the_roles_are_those_of_compose() -> None:
    assert set(workloads()) == ROLES
    assert {service.name for service in read().ours} == ROLES | {"frontend"}


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_roles_command_is_the_one_of_compose(name: str) -> None:
    command = container(name)["command"]
    assert command == read().services[name].command
    assert cli._parser().parse_args(command[1:])


@pytest.mark.parametrize("name", sorted(ROLES - {"migrate"}))
def test_a_role_waits_for_its_tables(name: str) -> None:
    [waiting] = pod(name)["initContainers"]
    assert waiting["command"] == ["mini-sentry", "manage", "migrate", "--check"]


@pytest.mark.parametrize("name", sorted(ROLES - {"migrate"}))
def test_a_roles_probes_ask_what_it_answers(name: str) -> None:
    described = container(name)
    [port] = described["ports"]
    [configuration] = of("ConfigMap")
    listens = "8000" if name == "web" else configuration["data"]["MINI_SENTRY_HEALTH_PORT"]
    assert str(port["containerPort"]) == listens
    for probe, path in {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }.items():
        assert described[probe]["httpGet"] == {"path": path, "port": port["name"]}
        assert path in PATHS
    assert configuration["data"]["MINI_SENTRY_HEALTH_HOST"] == "0.0.0.0"


def test_settings_are_given_by_reference_and_there_are_such_settings() -> None:
    for name in ROLES:
        described = container(name)
        assert described["envFrom"] == [
            {"configMapRef": {"name": "mini-sentry"}},
            {"secretRef": {"name": "mini-sentry"}},
        ]
        assert {variable["name"] for variable in described.get("env", [])} <= {"SPOOL_DIR"}
    [configuration] = of("ConfigMap")
    [secret] = of("Secret")
    assert set(configuration["data"]) <= variables()
    assert set(secret["stringData"]) == SECRETS <= variables()
    assert not set(configuration["data"]) & SECRETS
    assert "password" not in str(configuration)


def test_what_is_mounted_is_a_volume_that_there_is() -> None:
    claims = {claim["metadata"]["name"] for claim in of("PersistentVolumeClaim")}
    for name, workload in workloads().items():
        volumes = {volume["name"]: volume for volume in pod(name)["volumes"]}
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName", "artifacts") in claims
        of_its_own = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
        for part in [*pod(name)["containers"], *pod(name).get("initContainers", [])]:
            assert {mount["name"] for mount in part["volumeMounts"]} <= set(volumes) | of_its_own


def test_each_web_pod_keeps_its_spool_on_a_volume_of_its_own() -> None:
    [claim] = workloads()["web"]["spec"]["volumeClaimTemplates"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container("web")["volumeMounts"]}
    [spool] = container("web")["env"]
    assert mounts[spool["value"]] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_selectors_find_the_pods_they_mean() -> None:
    labels = {name: workload["spec"]["template"]["metadata"]["labels"] for name, workload in workloads().items()}
    for name, workload in workloads().items():
        if workload["kind"] != "Job":
            assert workload["spec"]["selector"]["matchLabels"] == labels[name]
    for service in of("Service"):
        assert service["spec"]["selector"] == labels["web"]
        assert service["spec"]["ports"][0]["targetPort"] == container("web")["ports"][0]["name"]
    assert workloads()["web"]["spec"]["serviceName"] in {service["metadata"]["name"] for service in of("Service")}
    [ingress] = of("Ingress")
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "web", "port": {"name": "http"}}


def test_no_pod_is_open_to_everybody() -> None:
    closed: set[str] = set()
    for policy in of("NetworkPolicy"):
        selector = policy["spec"]["podSelector"]
        closed |= {selector.get("matchLabels", {}).get("app.kubernetes.io/name", "")}
        closed |= {value for expression in selector.get("matchExpressions", []) for value in expression["values"]}
        assert all(rule["from"] for rule in policy["spec"]["ingress"])
    assert closed >= ROLES


def test_there_is_one_schedule_at_a_time() -> None:
    beat = workloads()["beat"]["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


def test_a_role_has_time_to_stop() -> None:
    for service in read().ours:
        if service.name in ROLES - {"migrate"}:
            assert pod(service.name)["terminationGracePeriodSeconds"] >= int(service.facts["stop_grace_period"][:-1])


def test_the_user_is_the_one_of_the_image() -> None:
    image = (ROOT / "Dockerfile").read_text()
    for name in ROLES:
        assert f"USER {pod(name)['securityContext']['runAsUser']}:" in image

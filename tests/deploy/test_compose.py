"""docker-compose.yml against the code: every command, port, variable, volume and health check."""

import re
from pathlib import Path

import pytest

from mini_sentry.config import cli
from mini_sentry.config.probes import PATHS
from tests.deploy.composed import DEV_FILE, FILE, ROOT, Composed, Service, read, variables_in
from tests.test_docs import variables as settings_variables

ENGINES = ("postgres", "redis", "kafka", "clickhouse")
ROLES = ("web", "frontend", "digest", "snuba", "worker", "beat")
DECIDED = {"MINI_SENTRY_DATA", "MINI_SENTRY_HEALTH_PORT", "SPOOL_DIR"}
"""What `.env` must not change, because it is about the inside of the container."""

composed = read()
dev = read(FILE, DEV_FILE)
ours = list(composed.ours)


def names(service: Service) -> str:
    return service.name


def test_the_services_are_those_that_were_promised() -> None:
    assert set(composed.services) == {*ENGINES, *ROLES, "migrate"}


@pytest.mark.parametrize("service", ours, ids=names)
@pytest.mark.parametrize("file", ["plain", "dev"])
def test_every_command_is_one_of_the_commands(service: Service, file: str) -> None:
    command = (composed if file == "plain" else dev).services[service.name].command
    if command[0] == "npm":
        assert (file, service.name) == ("dev", "frontend")
        return
    if command[:2] == ["python", "tools/reload.py"]:
        assert (ROOT / command[1]).is_file()
        command = command[2:]
    assert command[0] == "mini-sentry"
    assert cli._parser().parse_args(command[1:]).command in {*ROLES, "manage"}


def test_vite_is_started_by_a_script_that_there_is() -> None:
    frontend = dev.services["frontend"]
    assert frontend.command[:3] == ["npm", "run", "dev"]
    assert '"dev": "vite"' in (ROOT / "frontend" / "package.json").read_text()
    [variable] = frontend.environment
    assert f"process.env.{variable}" in (ROOT / "frontend" / "vite.config.ts").read_text()
    assert re.search(r"^FROM \S+ AS ui$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("mount", sorted({path for s in dev.services.values() for path in s.mounts.values() if path.startswith(".")}))  # fmt: skip
def test_what_the_development_file_mounts_is_there(mount: str) -> None:
    assert (ROOT / mount).exists()


def test_every_role_of_the_source_starts_again_when_it_changes() -> None:
    for service in dev.ours:
        if service.name != "migrate":
            assert "--reload" in service.command or "tools/reload.py" in service.command
            assert service.mounts["/app/mini_sentry"] == "./mini_sentry"


def test_pages_and_api_are_published_on_this_machine_only() -> None:
    published = {service.name: service.ports for service in composed.services.values() if service.ports}
    assert published == {"web": ["127.0.0.1:8000:8000"], "frontend": ["127.0.0.1:5173:5173"]}
    assert {service.name: service.ports for service in dev.services.values() if service.ports} == published


def test_where_the_ports_are_published_is_what_the_server_is_told() -> None:
    moved = read(dotenv={"MINI_SENTRY_PUBLISHED_ON": "127.0.0.2"})
    for name in ("web", "frontend"):
        assert all(port.startswith("127.0.0.2:") for port in moved.services[name].ports)
        assert moved.services[name].environment["MINI_SENTRY_PUBLISHED_ON"] == "127.0.0.2"


@pytest.mark.parametrize("service", ours, ids=names)
def test_every_variable_is_one_of_the_settings(service: Service) -> None:
    assert set(service.environment) <= settings_variables()


@pytest.mark.parametrize("name", sorted(settings_variables() - DECIDED))
def test_a_setting_in_the_env_file_reaches_every_role(name: str) -> None:
    for service in read(dotenv={name: "127.0.0.9"}).ours:
        value = service.environment[name]
        assert value == "127.0.0.9" or (name == "ALLOWED_HOSTS" and value.split(",")[-1] == "127.0.0.9")


def test_an_env_file_without_values_changes_nothing() -> None:
    empty = dict.fromkeys(settings_variables() | variables_in(FILE), "")
    for service in read(dotenv=empty).ours:
        kept = {name: value for name, value in service.environment.items() if value}
        assert kept == composed.services[service.name].environment


@pytest.mark.parametrize(("variable", "engine"), [("POSTGRES_PASSWORD", "postgres"), ("CLICKHOUSE_PASSWORD", "clickhouse")])  # fmt: skip
def test_a_password_goes_to_the_engine_and_to_who_uses_it(variable: str, engine: str) -> None:
    secret = read(dotenv={variable: "hunter2"})
    assert secret.services[engine].environment[variable] == "hunter2"
    for service in secret.ours:
        assert any("hunter2@" in value and f"@{engine}:" in value for value in service.environment.values())


def test_the_development_file_reads_no_variables_of_its_own() -> None:
    assert variables_in(DEV_FILE) <= variables_in(FILE)


@pytest.mark.parametrize("service", [service for service in ours if service.name != "migrate"], ids=names)
def test_a_health_check_asks_the_port_that_the_role_answers_on(service: Service) -> None:
    for file in (composed, dev):
        here = file.services[service.name]
        url = re.search(r"http://127\.0\.0\.1:(\d+)(/[^']*)", here.health["test"][-1])
        assert url
        if here.command[0] == "npm":
            assert url.groups() == ("5173", "/")
        else:
            assert int(url[1]) == here.port
            assert url[2] == "/health/ready"
            assert url[2] in PATHS


def test_every_service_but_the_one_that_ends_has_a_health_check() -> None:
    without = {s.name for s in composed.services.values() if not s.health or s.health.get("disable")}
    assert without == {"migrate"}


def order(file: Composed) -> list[str]:
    """The services in an order in which each may start. Fails when some wait for each other."""
    started: list[str] = []
    while len(started) < len(file.services):
        ready = [s.name for s in file.services.values() if s.name not in started and set(s.waits_for) <= set(started)]
        assert ready, f"these wait for each other: {set(file.services) - set(started)}"
        started += ready
    return started


@pytest.mark.parametrize("file", [composed, dev], ids=["plain", "dev"])
def test_services_start_by_health_engines_first(file: Composed) -> None:
    started = order(file)
    assert started.index("migrate") > started.index("postgres")
    assert started.index("frontend") > started.index("web")
    for service in file.services.values():
        for waited, condition in service.waits_for.items():
            ends = waited == "migrate"
            assert condition == ("service_completed_successfully" if ends else "service_healthy")
    for role in ROLES[2:]:
        assert set(file.services[role].waits_for) == {"migrate", "redis", "kafka", "clickhouse"}


def test_the_engines_that_the_roles_are_told_of_are_services() -> None:
    for service in ours:
        for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_URL"):
            host = service.environment[name].rpartition("//")[2].rpartition("@")[2].split(":")[0]
            assert host in ENGINES


def test_each_web_server_keeps_its_spool_on_a_volume_of_its_own() -> None:
    webs = [service for service in ours if "web" in service.command]
    assert {service.name for service in webs} == {"web", "frontend"}
    assert {service.mounts[service.environment["SPOOL_DIR"]] for service in webs} == {"web-spool", "frontend-spool"}


def test_roles_share_the_directory_with_source_maps_and_the_cookie_key() -> None:
    assert {service.mounts[service.environment["MINI_SENTRY_DATA"]] for service in ours} == {"data"}


def test_every_volume_is_declared_and_used() -> None:
    used = {name for service in composed.services.values() for name in service.mounts.values()}
    assert used == composed.volumes


def test_engines_keep_their_data_on_volumes() -> None:
    assert all(composed.services[engine].mounts for engine in ENGINES)


def test_every_service_has_a_memory_limit_and_roles_have_no_privileges() -> None:
    assert all(re.fullmatch(r"\d+[mg]", service.facts["mem_limit"]) for service in composed.services.values())
    for service in ours:
        assert service.facts["cap_drop"] == ["ALL"]
        assert not {"privileged", "cap_add", "network_mode", "pid", "user"} & set(service.facts)


def test_images_are_named_with_a_version() -> None:
    for engine in ENGINES:
        assert re.search(r":\d", composed.services[engine].facts["image"])


def test_the_files_are_as_compose_expects_them() -> None:
    allowed = {
        "image", "build", "init", "restart", "stop_grace_period", "cap_drop", "security_opt", "env_file", "environment",
        "volumes", "depends_on", "healthcheck", "command", "ports", "mem_limit", "shm_size", "ulimits",
    }  # fmt: skip
    for file in (composed, dev):
        for service in file.services.values():
            assert set(service.facts) <= allowed
            assert set(service.health) <= {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}  # fmt: skip
            assert all(isinstance(value, str) for value in service.environment.values())


@pytest.mark.parametrize("path", [FILE, DEV_FILE], ids=lambda path: path.name)
def test_no_secret_of_anybody_stands_in_the_files(path: Path) -> None:
    assert not re.search(r"SECRET_KEY:|TOKEN:|AKIA|-----BEGIN", path.read_text())

"""The key map: what it knows, when it looks again, and what unknown names may cost."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from mini_sentry.projects import keys
from mini_sentry.projects.keys import KeyMap, KeysUnavailable, ProjectFacts, Rows
from mini_sentry.projects.models import Project, ProjectKey


class Database:
    """Rows that a test changes, and how often they were read; `delay_seconds` is what a read takes."""

    def __init__(self, *, delay_seconds: float = 0.0) -> None:
        self.projects: list[tuple[int, str, str, bool]] = []
        self.keys: list[tuple[int, str, int, bool]] = []
        self.delay_seconds = delay_seconds
        self.reads = 0
        self.at_once = 0
        self.most_at_once = 0
        self.is_away = False
        self._lock = threading.Lock()

    def add(self, project_id: int, slug: str) -> None:
        self.projects = [*self.projects, (project_id, slug, f"token-{slug}", True)]
        self.keys = [*self.keys, (project_id * 10, f"key-{slug}", project_id, True)]

    def load(self) -> Rows:
        with self._lock:
            self.reads += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        rows = Rows(list(self.projects), list(self.keys))
        time.sleep(self.delay_seconds)
        with self._lock:
            self.at_once -= 1
        if self.is_away:
            raise ConnectionError
        return rows


def run(database: Database, body: Callable[[KeyMap], Awaitable[None]], *, refresh_seconds: float = 3600.0) -> None:
    async def main() -> None:
        key_map = KeyMap(database.load, refresh_seconds=refresh_seconds)
        await key_map.start()
        try:
            await body(key_map)
        finally:
            await key_map.stop()

    asyncio.run(main())


def test_keys_tokens_and_slugs_lead_to_their_project() -> None:
    database = Database()
    database.add(1, "shop")
    database.add(2, "web")

    async def body(key_map: KeyMap) -> None:
        key = await key_map.find_key("key-web")
        assert key is not None
        assert (key.key_id, key.is_active, key.project) == (20, True, ProjectFacts(2, "web", "token-web", True))
        assert await key_map.find_token("token-shop") == ProjectFacts(1, "shop", "token-shop", True)
        assert await key_map.find_slug("shop") == key_map.project(1)
        assert key_map.key("key-shop") is not None

    run(database, body)
    assert database.reads == 1


def test_a_project_made_a_moment_ago_is_found() -> None:
    database = Database()
    database.add(1, "shop")

    async def body(key_map: KeyMap) -> None:
        generation = key_map.generation
        assert await key_map.find_slug("web") is None
        database.add(2, "web")
        assert await key_map.find_key("key-web") is not None
        assert await key_map.find_slug("web") is not None
        assert key_map.generation > generation

    run(database, body)


def test_a_slug_that_was_asked_for_too_early_is_found_once_it_exists() -> None:
    database = Database()

    async def body(key_map: KeyMap) -> None:
        assert await key_map.find_slug("web") is None
        database.add(2, "web")
        assert await key_map.find_slug("web") is not None

    run(database, body)


def test_a_project_made_while_a_load_runs_is_found_by_the_next() -> None:
    database = Database(delay_seconds=0.05)

    async def body(key_map: KeyMap) -> None:
        early = asyncio.create_task(key_map.find_key("key-other"))
        while not database.at_once:
            await asyncio.sleep(0.001)
        database.add(1, "shop")
        assert await key_map.find_key("key-shop") is not None
        assert await early is None

    run(database, body)


def test_many_who_miss_at_once_share_a_load_and_loads_never_overlap() -> None:
    database = Database(delay_seconds=0.01)

    async def body(key_map: KeyMap) -> None:
        found = await asyncio.gather(*(key_map.find_key(f"wrong-{number}") for number in range(500)))
        assert found == [None] * 500

    run(database, body)
    assert database.reads == 2
    assert database.most_at_once == 1


def test_an_unknown_key_is_looked_for_once_until_something_changes() -> None:
    database = Database()

    async def body(key_map: KeyMap) -> None:
        for _ in range(5):
            assert await key_map.find_key("wrong") is None
            assert await key_map.find_token("wrong-token") is None
        assert database.reads == 3
        database.add(1, "shop")
        assert await key_map.find_key("key-shop") is not None
        assert await key_map.find_key("wrong") is None
        assert database.reads == 5

    run(database, body)


def test_a_name_longer_than_any_key_costs_no_load() -> None:
    database = Database()

    async def body(key_map: KeyMap) -> None:
        assert await key_map.find_key("k" * 65) is None
        assert await key_map.find_slug("s" * 5000) is None

    run(database, body)
    assert database.reads == 1


def test_a_flood_of_unknown_names_uses_a_tenth_of_the_loading_time_and_known_keys_do_not_wait() -> None:
    database = Database(delay_seconds=0.01)
    database.add(1, "shop")

    async def body(key_map: KeyMap) -> None:
        ends_at = time.monotonic() + 0.6
        number = 0

        async def flood() -> None:
            nonlocal number
            while time.monotonic() < ends_at:
                number += 1
                await key_map.find_slug(f"wrong-{number}")

        flooding = [asyncio.create_task(flood()) for _ in range(20)]
        slowest = 0.0
        while time.monotonic() < ends_at:
            began = time.perf_counter()
            await key_map.find_key("key-shop")
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.002)
        await asyncio.gather(*flooding)
        assert slowest < 0.01

    run(database, body)
    assert database.reads <= 8


def test_a_key_that_is_switched_off_is_noticed_in_the_background() -> None:
    database = Database()
    database.add(1, "shop")

    async def body(key_map: KeyMap) -> None:
        database.keys = [(10, "key-shop", 1, False)]
        ends_at = time.monotonic() + 5
        while (key := key_map.key("key-shop")) is None or key.is_active:
            assert time.monotonic() < ends_at
            await asyncio.sleep(0.01)

    run(database, body, refresh_seconds=0.02)


def test_a_refresh_without_a_change_keeps_the_generation() -> None:
    database = Database()
    database.add(1, "shop")

    async def body(key_map: KeyMap) -> None:
        before = key_map.generation
        while database.reads < 4:
            await asyncio.sleep(0.01)
        assert key_map.generation == before

    run(database, body, refresh_seconds=0.01)


def test_known_keys_still_pass_while_the_database_is_away_and_unknown_ones_cannot_be_judged() -> None:
    database = Database()
    database.add(1, "shop")

    async def body(key_map: KeyMap) -> None:
        database.is_away = True
        assert await key_map.find_key("key-shop") is not None
        with pytest.raises(KeysUnavailable):
            await key_map.find_key("key-web")
        database.is_away = False
        database.add(2, "web")
        assert await key_map.find_key("key-web") is not None

    run(database, body)


def test_a_database_that_is_away_at_the_start_is_asked_again() -> None:
    database = Database()
    database.add(1, "shop")
    database.is_away = True

    async def body(key_map: KeyMap) -> None:
        assert key_map.key("key-shop") is None
        database.is_away = False
        assert await key_map.find_key("key-shop") is not None

    run(database, body)


@pytest.mark.django_db
def test_the_rows_come_from_the_projects_and_their_keys() -> None:
    shop = Project.objects.create(name="Shop", slug="shop")
    web = Project.objects.create(name="Web", slug="web", is_active=False)
    key = ProjectKey.objects.create(project=shop, is_active=False)
    other = ProjectKey.objects.create(project=web)
    assert keys.load() == Rows(
        [(shop.id, "shop", shop.ingest_token, True), (web.id, "web", web.ingest_token, False)],
        [(key.id, key.public_key, shop.id, False), (other.id, other.public_key, web.id, True)],
    )

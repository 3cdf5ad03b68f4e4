"""Redis in the settings."""

import time

import pytest
from django.core.cache.backends.redis import RedisCache

from mini_sentry.config.environment import BadSetting, Environment
from mini_sentry.config.redis import caches, redis_url


@pytest.mark.parametrize(
    "address", ["redis://localhost:6379/0", "rediss://:secret@cache.example/1", "unix:///run/redis.sock"]
)
def test_an_address_of_a_redis_is_taken(address: str) -> None:
    assert redis_url(Environment({"REDIS_URL": address})) == address


def test_without_an_address_there_is_none() -> None:
    assert redis_url(Environment({})) == ""


@pytest.mark.parametrize("address", ["localhost:6379", "http://:secret@cache.example", "true"])
def test_another_address_stops_the_start_and_shows_no_password(address: str) -> None:
    with pytest.raises(BadSetting, match="REDIS_URL") as raised:
        redis_url(Environment({"REDIS_URL": address}))
    assert "secret" not in str(raised.value)


def test_the_cache_is_one_for_all_processes(redis: str) -> None:
    configured = caches(redis)["default"]
    one, other = (RedisCache(configured["LOCATION"], configured) for _ in range(2))
    one.set("place", "here", 60)
    assert other.get("place") == "here"
    one.close()
    other.close()


def test_a_cache_that_is_away_is_not_waited_for() -> None:
    configured = caches("redis://127.0.0.1:1/0")["default"]
    began = time.monotonic()
    with pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
        RedisCache(configured["LOCATION"], configured).get("place")
    assert time.monotonic() - began < 2

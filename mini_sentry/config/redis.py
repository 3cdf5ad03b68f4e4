"""Redis as the settings name it: for quotas, the live fan-out and Django's cache at `REDIS_URL`, for tasks at `CELERY_BROKER_URL`."""

from typing import Any, Final

from mini_sentry.config.environment import BadSetting, Environment

SCHEMES: Final = ("redis://", "rediss://", "unix://")
QUEUE: Final = "mini-sentry"
"""Where tasks wait, whichever the broker."""
ANSWER_SECONDS: Final = 5.0
"""After how long a broker that does not answer is connected to anew. A worker that waits for tasks asks every second."""
SWEEP_SECONDS: Final = 10
"""How often a worker looks for tasks of others that are gone."""
CACHE_SECONDS: Final = 0.25


def redis_url(env: Environment) -> str:
    """The address, "" when nothing is to be in Redis. Raises BadSetting."""
    address = env.text("REDIS_URL", "")
    if address and not address.startswith(SCHEMES):
        scheme, separator, _ = address.partition("://")
        raise BadSetting("REDIS_URL", scheme + separator, "it must be an address like redis://:password@host:6379/0")
    return address


def caches(address: str) -> dict[str, Any]:
    """Django's caches: one that all processes share when there is a Redis, else one for each process."""
    if not address:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    time_outs = {"socket_timeout": CACHE_SECONDS, "socket_connect_timeout": CACHE_SECONDS}
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": address,
            "KEY_PREFIX": "mini-sentry:cache",
            "OPTIONS": time_outs,
        }
    }


def broker_options(address: str, *, visibility_seconds: int) -> dict[str, Any]:
    """What kombu's transport is told for a broker at `address`; nothing for one that is no Redis.

    A task that a worker has taken and not finished is given to another after `visibility_seconds`.
    """
    if not address.startswith(SCHEMES):
        return {}
    return {
        "visibility_timeout": visibility_seconds,
        "unacked_restore_interval": max(1, min(SWEEP_SECONDS, visibility_seconds // 2)),
        "unacked_restore_throttle": 1,
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }

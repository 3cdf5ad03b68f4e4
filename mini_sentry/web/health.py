"""`/api/health/`: whether the parts answer. It must itself be quick, whatever is away."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from functools import cache
from typing import Any, Final

from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry import __version__
from mini_sentry.analytics.columns import store
from mini_sentry.rest.routing import route

COLUMNS_SECONDS: Final = 0.25
PARTS: Final = ("ok", "away")


class ServerHealthSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField(help_text="Whether the API works: the relational store answers.")
    version = serializers.CharField()
    database = serializers.ChoiceField(choices=("ok", "away"))
    columns = serializers.ChoiceField(
        choices=("ok", "away"), help_text="Without them nothing is counted; lists still work."
    )
    digest_lag_seconds = serializers.FloatField(
        allow_null=True, help_text="The age of the oldest event that is accepted but not digested; null when unknown."
    )


class Asking:
    """Asks in a thread whether something answers, because what hangs must not hang its asker."""

    def __init__(self, ping: Callable[[], bool]) -> None:
        self._ping = ping
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._asked: Future[bool] | None = None

    def answer(self) -> bool:
        """False as well when the answer takes longer than COLUMNS_SECONDS."""
        if self._asked is None or self._asked.done():
            self._asked = self._thread.submit(self._ping)
        try:
            return self._asked.result(COLUMNS_SECONDS)
        except Late:
            return False


@cache
def _columns() -> Asking:
    return Asking(store().ping)


class _Lag:
    """Where the lag is known: the web process hands it in, because it holds the log."""

    def __init__(self) -> None:
        self.seconds: Callable[[], float | None] = lambda: None


lag: Final = _Lag()


class HealthView(APIView):
    @extend_schema(operation_id="health", responses=dict.fromkeys((200, 503), ServerHealthSerializer), tags=["health"])
    def get(self, request: Request) -> Response:
        """Whether the parts answer. 503 when the relational store does not."""
        has_database = database_answers()
        return Response(
            {
                "ok": has_database,
                "version": __version__,
                "database": "ok" if has_database else "away",
                "columns": "ok" if _columns().answer() else "away",
                "digest_lag_seconds": lag.seconds(),
            },
            status=200 if has_database else 503,
        )


def database_answers() -> bool:
    """Whether the relational store answers, on this thread's connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


urlpatterns = [route("api/health/", HealthView.as_view(), name="health")]

"""The plain way, to compare with: a Django REST view that stores each event in a transaction of its own.

`python -m benchmarks.baseline DATABASE_FILE PORT` makes its tables and serves until it is stopped.
"""

import gzip
import hashlib
import json
import sys
import uuid

import django
from django.conf import settings

KEY = "0123456789abcdef0123456789abcdef"

if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="baseline",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["rest_framework"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": sys.argv[1],
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                },
            }
        },
        USE_TZ=True,
        LOGGING_CONFIG=None,
        DATA_UPLOAD_MAX_MEMORY_SIZE=100 << 20,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "UNAUTHENTICATED_USER": None,
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
    )
    django.setup()

    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection, models, transaction
    from django.db.models import F
    from django.urls import path
    from django.utils import timezone
    from rest_framework import parsers, response, serializers, views

    class Key(models.Model):
        public_key = models.CharField(max_length=64, unique=True)
        project = models.IntegerField()

        class Meta:
            app_label = "baseline"

    class Group(models.Model):
        project = models.IntegerField()
        hash = models.CharField(max_length=64)
        title = models.TextField()
        count = models.IntegerField(default=0)
        first_seen = models.DateTimeField()
        last_seen = models.DateTimeField()

        class Meta:
            app_label = "baseline"
            unique_together = (("project", "hash"),)

    class Event(models.Model):
        event_id = models.UUIDField(unique=True)
        project = models.IntegerField()
        group = models.ForeignKey(Group, on_delete=models.CASCADE)
        received_at = models.DateTimeField(db_index=True)
        level = models.CharField(max_length=20)
        environment = models.CharField(max_length=200)
        release = models.CharField(max_length=250)
        data = models.JSONField()

        class Meta:
            app_label = "baseline"

    class EventFields(serializers.Serializer):
        event_id = serializers.CharField()
        level = serializers.CharField(default="error")
        environment = serializers.CharField(default="")
        release = serializers.CharField(default="")
        exception = serializers.JSONField(required=False)
        tags = serializers.JSONField(required=False)
        user = serializers.JSONField(required=False)

    class Bytes(parsers.BaseParser):
        media_type = "*/*"

        def parse(self, stream, media_type=None, parser_context=None):
            return stream.read()

    class Ingest(views.APIView):
        parser_classes = [Bytes]

        def post(self, request, project):
            body = request.data
            if request.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            pairs = request.headers["X-Sentry-Auth"].removeprefix("Sentry ").split(",")
            key = Key.objects.get(public_key=dict(pair.strip().split("=", 1) for pair in pairs)["sentry_key"])
            if key.project != project:
                return response.Response(status=403)
            lines = body.split(b"\n", 2)
            data = json.loads(lines[2] if len(lines) == 3 else body)
            fields = EventFields(data=data)
            fields.is_valid(raise_exception=True)
            error = data["exception"]["values"][-1]
            frames = error["stacktrace"]["frames"]
            in_app = [frame for frame in frames if frame.get("in_app")] or frames
            parts = [error["type"], [(frame.get("module"), frame.get("function")) for frame in in_app]]
            found = hashlib.md5(json.dumps(parts).encode()).hexdigest()
            now = timezone.now()
            with transaction.atomic():
                group, _ = Group.objects.get_or_create(
                    project=project,
                    hash=found,
                    defaults={"title": f"{error['type']}: {error['value']}"[:200], "first_seen": now, "last_seen": now},
                )
                Group.objects.filter(pk=group.pk).update(count=F("count") + 1, last_seen=now)
                Event.objects.create(
                    event_id=uuid.UUID(data["event_id"]),
                    project=project,
                    group=group,
                    received_at=now,
                    level=fields.validated_data["level"],
                    environment=fields.validated_data["environment"],
                    release=fields.validated_data["release"],
                    data=data,
                )
            return response.Response({"id": data["event_id"]})

    routes = [path(f"api/<int:project>/{name}/", Ingest.as_view()) for name in ("envelope", "store")]
    urlpatterns = [*routes, path("api/health/", lambda request: response.Response({"ok": True}))]

    def main() -> None:
        import uvicorn
        from a2wsgi import WSGIMiddleware

        with connection.schema_editor() as editor:
            for model in (Key, Group, Event):
                editor.create_model(model)
        Key.objects.create(public_key=KEY, project=1)
        uvicorn.run(
            WSGIMiddleware(WSGIHandler(), workers=8),
            host="127.0.0.1",
            port=int(sys.argv[2]),
            access_log=False,
            log_level="warning",
            lifespan="off",
        )

    main()

"""The files of a release over HTTP: list, upload, look at one, delete one.

Contents are large: they come and go through files (`uploads`), and what is too large is refused by its told length.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.protocol import fields
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.releases import artifacts
from mini_sentry.releases.api.releases import OneLineField, release_or_404
from mini_sentry.releases.api.uploads import TOO_LARGE, Escaped, UploadParser, escaped_parts, spool
from mini_sentry.releases.models import Artifact, Release
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing, TooLarge, invalid
from mini_sentry.rest.rendering import to_json, utc
from mini_sentry.rest.routing import route
from mini_sentry.symbolication.maps import NotUsable

NAME_CHARS: Final = 1024
STREAMED_BYTES: Final = 1 << 20
"""An answer with a content beyond this is made while it is sent."""

_WITH_CONTENT: Final = OpenApiParameter("content", bool, description="`false` leaves the contents out.")


class ArtifactSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    release = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    content = serializers.CharField(required=False, help_text="Left out with `content=false`.")
    content_type = serializers.CharField()
    file_name = serializers.CharField(help_text="What the map says it is the map of; empty when it does not.")
    checksum = serializers.CharField(help_text="SHA-256 of the content, in hex.")
    created_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=Artifact.Kind.values)
    dist = serializers.CharField(help_text="Empty for a file of every build.")
    debug_id = serializers.CharField(help_text="Empty when the file has none.")
    size = serializers.IntegerField(help_text="Bytes of the content.")
    is_current = serializers.BooleanField(help_text="false when a newer file of this name and dist is used instead.")


class NewArtifactSerializer(serializers.Serializer[Any]):
    """Either `content`, or as a multipart form `file`."""

    name = OneLineField(max_length=NAME_CHARS, required=False, help_text="May be left out with `file`, which has one.")
    content = serializers.CharField(
        required=False, trim_whitespace=False, help_text="A source map, a function map or a script, as text."
    )
    file = serializers.FileField(required=False, help_text="The same as a file of a multipart form.")
    content_type = OneLineField(max_length=128, required=False, allow_blank=True, default="")
    dist = OneLineField(max_length=DEFAULT.dist_chars, required=False, allow_blank=True, default="")


class ArtifactsView(APIView):
    parser_classes = (UploadParser, FormParser, MultiPartParser)

    @property
    def most_body_bytes(self) -> int:
        return _most_body_bytes()

    @extend_schema(
        operation_id="releases_artifacts_list",
        parameters=[
            _WITH_CONTENT,
            OpenApiParameter("name", str, description="Only files of this name."),
        ],
        responses=ArtifactSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request, id: int) -> StreamingHttpResponse:  # noqa: A002 - the path's name for it
        """The release's files, the newest first; of several with one name the first is used."""
        release = release_or_404(id)
        rows = Artifact.objects.filter(release=release).order_by("-created_at", "-pk")
        if name := params.text(request.query_params, "name"):
            rows = rows.filter(name=name)
        with_content = params.flag(request.query_params, "content", default=True)
        return StreamingHttpResponse(_stream(list(rows), with_content=with_content), content_type="application/json")

    @extend_schema(
        operation_id="releases_artifacts_create",
        parameters=[_WITH_CONTENT],
        request={"application/json": NewArtifactSerializer, "multipart/form-data": NewArtifactSerializer},
        responses={201: ArtifactSerializer},
        tags=["releases"],
    )
    def post(self, request: Request, id: int) -> HttpResponse | StreamingHttpResponse:  # noqa: A002 - the path's name for it
        """Upload a file. It is used from now on, and for the release's stored events soon after."""
        release = release_or_404(id)
        with_content = params.flag(request.query_params, "content", default=True)
        _refuse_by_length(request)
        data: Any = request.data
        escaped = data.get("content") if isinstance(data, dict) else None
        if not isinstance(escaped, Escaped):
            return _stored(release, data, {}, with_content=with_content)
        rest = {key: value for key, value in data.items() if key != "content"}
        with closing(escaped):
            return _stored(release, rest, {"content": escaped}, with_content=with_content)


def _stored(
    release: Release, data: Any, escaped: dict[str, Escaped], *, with_content: bool
) -> HttpResponse | StreamingHttpResponse:
    """Check and keep what was sent, and answer with it; `escaped` has the content where it is apart from `data`."""
    sent = NewArtifactSerializer(data=_only_text(data))
    sent.is_valid(raise_exception=True)
    given = sent.validated_data
    field, content = _content(given | escaped)
    name = given.get("name") or (getattr(given.get("file"), "name", "") or "")[:NAME_CHARS]
    if not name:
        raise invalid("name", "This field is required.")
    dist = given["dist"]
    if dist and not fields.dist(dist):
        raise invalid("dist", "This cannot be the name of a build.")
    with artifacts.contents().spooled() as file:
        spool(content, file, field=field)
        if file.tell() == 0:
            raise invalid(field, "This field may not be blank.")
        try:
            artifact = artifacts.store_file(
                release, name=name, file=file, content_type=given["content_type"], dist=dist
            )
        except NotUsable as refusal:
            raise invalid(field, str(refusal)) from refusal
    return _answer(artifact, is_current=True, with_content=with_content, status=201)


class ArtifactView(APIView):
    @extend_schema(
        operation_id="releases_artifacts_retrieve",
        parameters=[_WITH_CONTENT],
        responses=ArtifactSerializer,
        tags=["releases"],
    )
    def get(self, request: Request, id: int, artifact: int) -> HttpResponse | StreamingHttpResponse:  # noqa: A002 - the path's name for it
        """One file with its content."""
        found = _artifact_or_404(id, artifact)
        with_content = params.flag(request.query_params, "content", default=True)
        newer = Artifact.objects.filter(
            release=id, name=found.name, dist=found.dist, kind=found.kind, pk__gt=found.pk
        ).exists()
        return _answer(found, is_current=not newer, with_content=with_content)

    @extend_schema(operation_id="releases_artifacts_destroy", responses={204: None}, tags=["releases"])
    def delete(self, request: Request, id: int, artifact: int) -> Response:  # noqa: A002 - the path's name for it
        """Delete a file: the one before it of the same name is used again. What was mapped with it stays so."""
        _artifact_or_404(id, artifact).delete()
        return Response(status=204)


_ORDER: Final = tuple(ArtifactSerializer().fields)


def _artifact_or_404(release_id: int, artifact_id: int) -> Artifact:
    found = Artifact.objects.filter(pk=artifact_id, release=release_or_404(release_id)).first()
    if found is None:
        raise Missing(f"Release {release_id} has no artifact {artifact_id}.")
    return found


def _artifact_object(artifact: Artifact, *, is_current: bool) -> dict[str, Any]:
    return {
        "id": artifact.pk,
        "release": artifact.release_id,
        "name": artifact.name,
        "content_type": artifact.content_type,
        "file_name": artifact.file_name,
        "checksum": artifact.checksum,
        "created_at": utc(artifact.created_at),
        "kind": artifact.kind,
        "dist": artifact.dist,
        "debug_id": artifact.debug_id,
        "size": artifact.size,
        "is_current": is_current,
    }


def _answer(
    artifact: Artifact, *, is_current: bool, with_content: bool, status: int = 200
) -> HttpResponse | StreamingHttpResponse:
    parts = _json(artifact, is_current=is_current, with_content=with_content)
    if with_content and artifact.size > STREAMED_BYTES:
        return StreamingHttpResponse(parts, status=status, content_type="application/json")
    return HttpResponse(b"".join(parts), status=status, content_type="application/json")


def _json(artifact: Artifact, *, is_current: bool, with_content: bool) -> Iterator[bytes]:
    """The object in pieces, its keys in order."""
    shown = _artifact_object(artifact, is_current=is_current)
    if not with_content:
        yield to_json({name: shown[name] for name in _ORDER if name in shown})
        return
    place = _ORDER.index("content")
    yield to_json({name: shown[name] for name in _ORDER[:place]})[:-1] + b',"content":"'
    yield from escaped_parts(artifact.checksum)
    yield b'",' + to_json({name: shown[name] for name in _ORDER[place + 1 :]})[1:]


def _stream(rows: Iterable[Artifact], *, with_content: bool) -> Iterator[bytes]:
    """A JSON array of the rows, newest first."""
    seen: set[tuple[str, str, str]] = set()
    opening = b"["
    for artifact in rows:
        key = (artifact.kind, artifact.name, artifact.dist)
        parts = _json(artifact, is_current=key not in seen, with_content=with_content)
        seen.add(key)
        yield from chain([opening], parts)
        opening = b","
    yield b"[]" if opening == b"[" else b"]"


def _most_body_bytes() -> int:
    """JSON may need two bytes for one of the content."""
    return 2 * (settings.MAX_ARTIFACT_MB << 20) + (1 << 20)


def _refuse_by_length(request: Request) -> None:
    """Before a byte is read. As text of a JSON object a content takes up to twice its bytes."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > _most_body_bytes():
        raise TooLarge(TOO_LARGE.format(field="content or file", limit=settings.MAX_ARTIFACT_MB))


def _only_text(data: Any) -> Any:
    """Numbers are no text here, though the serializer would take them for it."""
    if isinstance(data, dict):
        for name in ("name", "content", "content_type", "dist"):
            if name in data and not isinstance(data[name], str):
                raise invalid(
                    name, "Send a file as `file`." if isinstance(data[name], UploadedFile) else "Not a valid string."
                )
    return data


def _content(given: dict[str, Any]) -> tuple[str, "Escaped | str | UploadedFile[bytes]"]:
    """The name of the field that holds the content, and what it holds."""
    file = given.get("file")
    if file is not None and "content" in given:
        raise invalid("file", "Send either content or file.")
    if file is not None:
        return "file", file
    if "content" not in given:
        raise invalid("content", "This field is required.")
    return "content", given["content"]


urlpatterns = [
    route("api/releases/<id:id>/artifacts/", ArtifactsView.as_view(), name="artifacts"),
    route("api/releases/<id:id>/artifacts/<id:artifact>/", ArtifactView.as_view(), name="artifact"),
]

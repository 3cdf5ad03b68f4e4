"""`/docs/`: the reference of the API, and the document it is made from."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView


class Reference(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, its start in a file too, so that the policy needs no inline script."""

    url_name = "openapi"


@cache
def document() -> bytes:
    """The OpenAPI document as YAML, the same that `docs/openapi.yaml` holds."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiYamlRenderer().render(schema, renderer_context={})  # type: ignore[no-untyped-call]
    return rendered


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/yaml")

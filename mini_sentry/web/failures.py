"""Answers for what no view answers: an unknown path of the API, a page that is not there, and our own mistakes."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from mini_sentry.rest.rendering import json_response


@csrf_exempt
def missing_endpoint(request: HttpRequest, path: str) -> HttpResponse:
    """A path below `/api/` that nothing answers to."""
    return json_response({"detail": f"There is no endpoint {request.path_info!r}."}, status=404)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("There is nothing at this address.\n", status=404, content_type="text/plain; charset=utf-8")


def failed(request: HttpRequest) -> HttpResponse:
    sentence = "The server made a mistake; its log says which."
    if request.path_info.startswith("/api/"):
        return json_response({"detail": sentence}, status=500)
    return HttpResponse(f"{sentence}\n", status=500, content_type="text/plain; charset=utf-8")

"""Answers for what no view answers: an unknown path of the API, a page that is not there, a store that is away while a page
of Django's own is made, and our own mistakes."""

import sys
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from mini_sentry.rest.errors import why_unavailable
from mini_sentry.rest.rendering import json_response

RETRY_SECONDS: Final = 30


@csrf_exempt
def missing_endpoint(request: HttpRequest, path: str) -> HttpResponse:
    """A path below `/api/` that nothing answers to."""
    return json_response({"detail": f"There is no endpoint {request.path_info!r}."}, status=404)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("There is nothing at this address.\n", status=404, content_type="text/plain; charset=utf-8")


def failed(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled that no view has answered."""
    error = sys.exc_info()[1]
    unavailable = why_unavailable(error) if error is not None else ""
    status, sentence = (503, unavailable) if unavailable else (500, "The server made a mistake; its log says which.")
    if request.path_info.startswith("/api/"):
        response: HttpResponse = json_response({"detail": sentence}, status=status)
    else:
        response = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
    if unavailable:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response

"""The URL map. The edge and the event stream answer before Django and are not in it."""

from typing import Final

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.generic import RedirectView

from mini_sentry.alerts.api import notifications, rules, targets
from mini_sentry.groups.api import counts, discussion, events, groups, spikes
from mini_sentry.groups.rowcounts import errors_by_place
from mini_sentry.projects import api as projects
from mini_sentry.releases.api import artifacts, comparison, deployments, releases, symbolicate
from mini_sentry.releases.api import health as release_health
from mini_sentry.web import docs, failures, health, status
from mini_sentry.web.shell import icon, shell

admin.site.site_header = admin.site.site_title = "Mini Sentry administration"

handler404: Final = failures.not_found
handler500: Final = failures.failed

urlpatterns: list[URLPattern | URLResolver] = [
    *projects.urlpatterns,
    *groups.urlpatterns,
    *discussion.urlpatterns,
    *counts.urlpatterns,
    *spikes.urlpatterns,
    *events.urlpatterns,
    *release_health.urlpatterns(errors_by_place),
    *comparison.urlpatterns(errors_by_place),
    *releases.urlpatterns,
    *artifacts.urlpatterns,
    *symbolicate.urlpatterns,
    *deployments.urlpatterns,
    *rules.urlpatterns,
    *targets.urlpatterns,
    *notifications.urlpatterns,
    *health.urlpatterns,
    *status.urlpatterns,
    re_path(r"^(?P<path>api(?:/.*)?)$", failures.missing_endpoint),
    path("docs/openapi.yaml", docs.openapi, name="openapi"),
    path("docs/", docs.Reference.as_view(), name="docs"),
    path("admin/", admin.site.urls),
    # Their own policies and relative links go by the address with the slash.
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", icon),
    re_path(r"^(?P<path>.*)$", shell),
]

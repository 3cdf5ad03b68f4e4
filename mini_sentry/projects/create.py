"""Making a project: its slug, its default key, and what stands in the way."""

import re
import unicodedata

from django.db import IntegrityError, transaction

from mini_sentry.projects.models import Project, ProjectKey

NAME_CHARS = 200
SLUG_CHARS = 50

_SLUG = re.compile(r"[A-Za-z0-9_-]+")


class CannotCreate(Exception):
    """The project was not made; `field` (`name` or `slug`) says what stands in the way, the text says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def create_project(name: str, slug: str | None = None, *, platform: str = "") -> Project:
    """Make a project with a default key. Without `slug` one is made from the name.

    Raises CannotCreate when the name or slug is taken (slugs that differ only in case are the same) or cannot be used.
    """
    name = name.strip()
    _check_text("name", name, NAME_CHARS)
    if slug is not None:
        slug = slug.strip()
        _check_text("slug", slug, SLUG_CHARS)
        if not _SLUG.fullmatch(slug):
            raise CannotCreate("slug", "Enter a slug of letters, digits, hyphens and underscores.")
    try:
        with transaction.atomic():
            _check_free(name, slug)
            project = Project.objects.create(name=name, slug=slug or suggest_slug(name), platform=platform)
            ProjectKey.objects.create(project=project)
    except IntegrityError as error:
        # Somebody else made it between the look and the insert.
        _check_free(name, slug)
        raise CannotCreate("slug", "A project with this slug already exists.") from error
    return project


def suggest_slug(name: str) -> str:
    """A free slug made from a name: `Über Shop!` gives `uber-shop`, or `uber-shop-2` when that one is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: SLUG_CHARS - 6].rstrip("-") or "project"
    taken = {slug.lower() for slug in Project.objects.filter(slug__istartswith=base).values_list("slug", flat=True)}
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _check_text(field: str, text: str, most: int) -> None:
    if not text:
        raise CannotCreate(field, "This field may not be blank.")
    if len(text) > most:
        raise CannotCreate(field, f"Ensure this field has no more than {most} characters.")
    if not text.isprintable():
        raise CannotCreate(field, "This field holds characters that cannot be shown.")


def _check_free(name: str, slug: str | None) -> None:
    if Project.objects.filter(name=name).exists():
        raise CannotCreate("name", "A project with this name already exists.")
    if slug is not None and Project.objects.filter(slug__iexact=slug).exists():
        raise CannotCreate("slug", "A project with this slug already exists.")

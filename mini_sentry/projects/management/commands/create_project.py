"""`manage.py create_project "My App" [--slug my-app]`: a project from the terminal."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from mini_sentry.projects.addresses import base_url, project_dsn
from mini_sentry.projects.create import CannotCreate, create_project
from mini_sentry.projects.models import Project


class Command(BaseCommand):
    help = "Make a project and print its ingest token and DSN."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what people call it, such as “My App”")
        parser.add_argument("--slug", help="its name in addresses; made from the name when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        if Project._meta.db_table not in connection.introspection.table_names():
            raise CommandError(
                f"There is no installation in {settings.DATA_DIR} yet. Start the server once, or name its directory with "
                "MINI_SENTRY_DATA."
            )
        try:
            project = create_project(options["name"], options["slug"])
        except CannotCreate as refusal:
            given = options[refusal.field]
            raise CommandError(f"No project was made. The {refusal.field} {given!r}: {refusal}") from refusal
        key = project.keys.get()
        self.stdout.write(f"Project: {project.name} ({project.slug}, id {project.pk})")
        self.stdout.write(f"Ingest token: {project.ingest_token}")
        self.stdout.write(f"DSN: {project_dsn(project.pk, key.public_key, base=base_url(None))}")

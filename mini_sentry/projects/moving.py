"""What of projects is moved to another installation: all of it, with the same ids, tokens and keys, so that SDKs need no change."""

from typing import Final

from mini_sentry.moving.parts import Part, Rows
from mini_sentry.projects.models import OutcomeCount, Project, ProjectKey

PARTS: Final[tuple[Part, ...]] = (
    Rows("projects", Project),
    Rows("project-keys", ProjectKey),
    Rows("outcome-counts", OutcomeCount),
)

STAYS: Final[dict[str, str]] = {"projects_countedrecord": "which records of this installation's log were counted"}

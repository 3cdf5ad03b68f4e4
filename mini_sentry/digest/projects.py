"""What the digest must know of a project: its slug and how it groups. Read again every few seconds."""

import logging
import time
from collections.abc import Callable

import msgspec

from mini_sentry.grouping.configs import LATEST, Config, UnknownConfig, config
from mini_sentry.grouping.rules import RuleSyntaxError
from mini_sentry.projects.models import Project

logger = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0


class ProjectFacts(msgspec.Struct, frozen=True):
    """`config` is the project's grouping algorithm with its own rules."""

    project_id: int
    slug: str
    config: Config


class Projects:
    """All projects by id, at most a few seconds old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._facts: dict[int, ProjectFacts] = {}
        self._read_at = float("-inf")

    def get(self, project_id: int) -> ProjectFacts | None:
        """None for a project that does not exist (any more)."""
        if self._clock() - self._read_at > _FRESH_SECONDS or project_id not in self._facts:
            self._refresh()
        return self._facts.get(project_id)

    def _refresh(self) -> None:
        rows = Project.objects.values_list("pk", "slug", "grouping_config", "stack_rules", "fingerprint_rules")
        self._facts = {
            pk: ProjectFacts(pk, slug, _config(slug, name, stack_rules, fingerprint_rules))
            for pk, slug, name, stack_rules, fingerprint_rules in rows
        }
        self._read_at = self._clock()


def _config(slug: str, name: str, stack_rules: str, fingerprint_rules: str) -> Config:
    try:
        return config(name or LATEST, stack_rules=stack_rules, fingerprint_rules=fingerprint_rules)
    except (UnknownConfig, RuleSyntaxError) as error:
        logger.warning("Project %s is grouped by the built-in rules: %s", slug, error)
        return config(LATEST)

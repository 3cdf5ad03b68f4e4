"""What every test may use."""

import os
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from mini_sentry.projects.models import Project
from tests.factories import make_project

# Processes that tests start run with the product's own settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"


def pytest_unconfigure(config: pytest.Config) -> None:
    data: Path = settings.DATA_DIR
    if data.name.startswith("mini-sentry-tests-"):
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def shop(db: None) -> Project:
    """A project that sends events."""
    return make_project("Shop", slug="shop")

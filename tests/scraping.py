"""What a process tells Prometheus, as Prometheus reads it."""

import json
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(port: int) -> Samples:
    """Sample name and labels to value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(port: int, name: str, **labels: str) -> float:
    """The sum of all samples with these labels, whatever others they have; 0 where there is none."""
    found = scrape(port).items()
    return sum(value for (one, has), value in found if one == f"mini_sentry_{name}" and labels.items() <= set(has))


def probe(port: int, path: str) -> tuple[int, Any]:
    """Status and body of `/health/live` or `/health/ready`; status 0 while nothing listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
    except OSError:
        return 0, None


def is_ready(port: int) -> bool:
    return probe(port, "/health/ready")[0] == 200

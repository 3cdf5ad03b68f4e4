"""The JSON Schemas of the topics that others may read."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from mini_sentry.analytics.rows import VERSION, EventRow, SessionRow, encode
from tests.columns import make_row

DOCS = Path(__file__).parents[2] / "docs"
STRUCTS: dict[str, type[msgspec.Struct]] = {"events": EventRow, "sessions": SessionRow}


def schema(topic: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "schemas" / f"{topic}-v{VERSION}.json").read_text())
    return found


@pytest.mark.parametrize("topic", STRUCTS)
def test_a_schema_is_one(topic: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(topic))


@pytest.mark.parametrize("topic", STRUCTS)
def test_the_schema_has_the_fields_of_the_documents_with_their_types(topic: str) -> None:
    described = schema(topic)
    [made] = msgspec.json.schema_components([STRUCTS[topic]])[1].values()
    assert list(described["properties"]) == described["required"] == list(made["properties"])
    assert described["properties"]["v"]["const"] == VERSION

    def types(field: dict[str, Any]) -> set[str]:
        named = [part["type"] for part in field.get("anyOf", [field])]
        return {one for name in named for one in ([name] if isinstance(name, str) else name)}

    for name, field in made["properties"].items():
        assert types(described["properties"][name]) == types(field), name


@pytest.mark.parametrize("topic", STRUCTS)
def test_the_page_names_the_schema_and_gives_its_words(topic: str) -> None:
    page = (DOCS / "topics.md").read_text()
    assert f"](schemas/{topic}-v{VERSION}.json)" in page
    section = page.split(f"## `{topic}`")[1].split("\n## ")[0]
    words = {
        name: text.replace("`", "")
        for name, text in re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", section, re.MULTILINE)
    }
    assert words == {name: field["description"] for name, field in schema(topic)["properties"].items()}


def test_a_document_that_lacks_a_field_or_has_another_version_is_not_valid() -> None:
    document = json.loads(encode(make_row(7)))
    jsonschema.validate(document, schema("events"))
    for broken in ({**document, "v": VERSION + 1}, {**document, "level": "loud"}, {"v": VERSION}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema("events"))

"""Reading what the API answered."""

import json
from typing import Any


def json_of(response: Any) -> Any:
    """The JSON of a response, streamed or not."""
    if response.streaming:
        return json.loads(b"".join(response.streaming_content))
    return response.json()

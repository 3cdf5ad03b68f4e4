"""The least that a request can cost on our server: an ASGI application that reads the body and stores nothing.

`python -m benchmarks.bare PORT` serves until it is stopped. What `accept` reaches beside it is what accepting costs, and how
many microseconds a request takes here says how fast the machine is at the moment.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Message = MutableMapping[str, Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    while (await receive()).get("more_body"):
        continue
    body = b'{"id":"00000000000000000000000000000000"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        application, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error", lifespan="off"
    )

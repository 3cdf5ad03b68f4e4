"""The web process's HTTP protocol: uvicorn's, with a short way out for answers that are always the same.

uvicorn checks and joins the headers of each response anew, and hands head and body to the kernel apart; for an answer of
41 bytes that costs as much as accepting the event, and wakes the client twice. A message that starts a response may carry
its head ready to send (`replies.HEAD`): then head and body leave in one write. Other servers ignore that key.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mini_sentry.ingest.replies import HEAD


class PreparedCycle(RequestResponseCycle):
    """One request and its response. `prepared` is the head that waits for its body."""

    prepared: bytes | None = None

    async def send(self, message: Any) -> None:
        prepared = self.prepared
        if prepared is not None and message["type"] == "http.response.body":
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
            if self.disconnected:
                return
            self.transport.write(prepared + message["body"])
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()
            return
        head: bytes | None = message.get(HEAD)
        # A connection that is to be closed says so in its head, an access log wants its line, and HEAD has no body.
        if head is None or not self.keep_alive or self.access_log or self.scope["method"] == "HEAD":
            await super().send(message)
            return
        self.prepared = head
        self.response_started = True
        self.waiting_for_100_continue = False


class PreparedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=PreparedProtocol)`."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        # uvicorn makes the cycle where nothing can be handed in; its task has not begun yet.
        if self.cycle is not None:
            self.cycle.__class__ = PreparedCycle

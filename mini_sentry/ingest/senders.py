"""Who sends to an SDK route: credentials, checked against the path and against what is switched off."""

from typing import Final

from mini_sentry.ingest.replies import Refused
from mini_sentry.projects.keys import KeyMap, KeysUnavailable, ProjectKeyFacts
from mini_sentry.protocol import dsn as dsns
from mini_sentry.protocol.auth import credentials
from mini_sentry.protocol.errors import DsnInvalid
from mini_sentry.protocol.outcomes import Reason
from mini_sentry.streams.topics import project_key

MOST_REMEMBERED: Final = 20_000
LONGEST_REMEMBERED_BYTES: Final = 1024

_Seen = tuple[int, bytes | None, bytes | None, bytes]


class Sender:
    """A key that may send, and the project it sends to. `checked_dsn` is the last DSN in an envelope that named the same."""

    __slots__ = ("checked_dsn", "key_id", "log_key", "project_id", "public_key")

    def __init__(self, facts: ProjectKeyFacts) -> None:
        self.project_id = facts.project.project_id
        self.key_id = facts.key_id
        self.public_key = facts.public_key
        self.log_key = project_key(self.project_id)
        self.checked_dsn = ""

    def check_dsn(self, text: str, *, category: str) -> None:
        """Raises Refused (400) when an envelope's DSN names another project or key. One that cannot be read is ignored."""
        try:
            dsn = dsns.parse(text)
        except DsnInvalid:
            return
        if dsn.public_key != self.public_key or dsn.project_id != str(self.project_id):
            raise Refused(
                400,
                {"detail": "The envelope's DSN names another project or key than the request."},
                Reason.PROJECT_MISMATCH,
                project_id=self.project_id,
                category=category,
            )
        self.checked_dsn = text


class Senders:
    """Credentials to senders. An SDK sends the same bytes each time, so that the usual cost is one lookup."""

    def __init__(self, keys: KeyMap) -> None:
        self._keys = keys
        self._seen: dict[_Seen, Sender] = {}
        self._generation = -1

    def known(self, project_id: int, headers: dict[bytes, bytes], query_string: bytes) -> Sender | None:
        """The sender, if these very credentials were found good since the keys last changed; None says nothing."""
        if self._generation != self._keys.generation:
            self._seen.clear()
            self._generation = self._keys.generation
        return self._seen.get((project_id, headers.get(b"x-sentry-auth"), headers.get(b"authorization"), query_string))

    async def find(
        self, project_id: int, headers: dict[bytes, bytes], query_string: bytes, *, category: str = "error"
    ) -> Sender | None:
        """The sender; None when the request carries no credentials. `project_id` is the path's, 0 when it has none.

        Raises Refused: 403 for a key that does not exist, is switched off or belongs elsewhere, 503 when nobody can tell.
        """
        sender = self.known(project_id, headers, query_string)
        if sender is not None:
            return sender
        auth, authorization = headers.get(b"x-sentry-auth"), headers.get(b"authorization")
        found = credentials(auth, authorization, query_string)
        if found is None:
            return None
        sender = await self._checked(found.public_key, project_id, category)
        if len(auth or b"") + len(authorization or b"") + len(query_string) <= LONGEST_REMEMBERED_BYTES:
            if len(self._seen) >= MOST_REMEMBERED:
                self._seen.clear()
            self._seen[project_id, auth, authorization, query_string] = sender
        return sender

    async def from_dsn(self, text: str, project_id: int, *, category: str = "error") -> Sender:
        """The sender that an envelope's own DSN names: the last resort of tunnels. Raises Refused, 401 when it names none."""
        try:
            public_key = dsns.parse(text).public_key if text else ""
        except DsnInvalid:
            public_key = ""
        if not public_key:
            raise self.unauthenticated(project_id, category=category)
        sender = await self._checked(public_key, project_id, category)
        sender.check_dsn(text, category=category)
        return sender

    def unauthenticated(self, project_id: int, *, category: str = "error") -> Refused:
        return Refused(
            401,
            {"detail": "No key was sent: use the DSN of the project."},
            Reason.UNAUTHENTICATED,
            project_id=self._known(project_id),
            category=category,
        )

    async def _checked(self, public_key: str, project_id: int, category: str) -> Sender:
        try:
            facts = await self._keys.find_key(public_key)
        except KeysUnavailable as error:
            raise keys_unavailable(category=category) from error
        if facts is None:
            detail, reason, counted = "The key is unknown.", Reason.UNKNOWN_KEY, self._known(project_id)
        elif not facts.is_active:
            detail, reason, counted = "The key is switched off.", Reason.KEY_DISABLED, facts.project.project_id
        elif not facts.project.is_active:
            detail, reason, counted = "The project is switched off.", Reason.UNKNOWN_PROJECT, facts.project.project_id
        elif project_id in (0, facts.project.project_id):
            return Sender(facts)
        elif self._keys.project(project_id) is None:
            detail, reason, counted = "The project is unknown.", Reason.UNKNOWN_PROJECT, 0
        else:
            detail, reason, counted = "The key belongs to another project.", Reason.PROJECT_MISMATCH, project_id
        raise Refused(403, {"detail": detail}, reason, project_id=counted, category=category)

    def _known(self, project_id: int) -> int:
        """The path's project, for the counts: whoever looks for missing events looks there. 0 when there is none."""
        return project_id if self._keys.project(project_id) is not None else 0


def keys_unavailable(*, category: str) -> Refused:
    return Refused(
        503,
        {"detail": "The server cannot look the project up right now."},
        Reason.BACKLOG,
        category=category,
        headers=[(b"retry-after", b"5")],
    )

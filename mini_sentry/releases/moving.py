"""What of releases is moved to another installation: rows, and the contents of artifacts, each once."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from mini_sentry.moving.archive import Damaged
from mini_sentry.moving.parts import Heard, Part, Rows, decode, encode
from mini_sentry.releases import artifacts
from mini_sentry.releases.models import Artifact, Deployment, Environment, Release, Session


class _Contents:
    """The files behind the artifacts, by their checksums. A content is in no transaction: one that no row came to use goes by itself."""

    name = "artifact-contents"
    tables: tuple[str, ...] = ()

    def count(self) -> int:
        return Artifact.objects.order_by().values("checksum").distinct().count()

    def documents(self) -> Iterator[bytes]:
        last = ""
        while True:
            wanted = Artifact.objects.filter(checksum__gt=last).order_by("checksum").values_list("checksum", flat=True)
            page = list(wanted.distinct()[:100])
            for checksum in page:
                try:
                    content = artifacts.contents().read(checksum)
                except FileNotFoundError:
                    # Deleted with its artifact while this goes on.
                    continue
                yield encode({"checksum": checksum, "content": b64encode(content).decode()})
            if not page:
                return
            last = page[-1]

    def load(self, documents: Iterable[bytes], heard: Heard) -> None:
        for count, document in enumerate(documents, 1):
            row = decode(self.name, document)
            content = b64decode(row["content"])
            if hashlib.sha256(content).hexdigest() != row["checksum"]:
                raise Damaged(f"The content {row['checksum']} of an artifact is damaged.")
            artifacts.contents().write(content)
            heard(count)

    def clear(self) -> None:
        """Nothing: contents that no artifact uses any more are swept away by retention."""


PARTS: Final[tuple[Part, ...]] = (
    Rows("releases", Release),
    Rows("environments", Environment),
    Rows("artifacts", Artifact),
    _Contents(),
    Rows("sessions", Session),
    Rows("deployments", Deployment),
)

STAYS: Final[dict[str, str]] = {}

"""What turns a batch into candidates: the projects' rules, the files to map stacks with, the dictionaries for bodies.

The digest has one, and so has each side decoder.
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from mini_sentry.digest.decode import Decoded, decode
from mini_sentry.digest.facts import facts_of
from mini_sentry.digest.mapping import Mapper
from mini_sentry.digest.projects import Projects
from mini_sentry.grouping.group import explain
from mini_sentry.groups.bodies import Compressor, pack
from mini_sentry.groups.dictionaries import Trainer, latest
from mini_sentry.groups.occurrences import Candidate
from mini_sentry.protocol.limits import Limits
from mini_sentry.releases import artifacts
from mini_sentry.streams.log import Record
from mini_sentry.streams.topics import unpack

_COMPRESSOR_SECONDS = 2.0


class _Compressors:
    """Each project's compressor, with the newest dictionary it had a few seconds ago."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[float, Compressor]] = {}

    def of(self, project_id: int) -> Compressor:
        now = time.monotonic()
        made_at, compressor = self._made.get(project_id, (float("-inf"), None))
        if compressor is None or now - made_at > _COMPRESSOR_SECONDS:
            dictionary_id, dictionary = latest(project_id) or (0, None)
            if compressor is None or compressor.dictionary_id != dictionary_id:
                compressor = Compressor(dictionary_id, dictionary)
            self._made[project_id] = (now, compressor)
        return compressor


class Decoder:
    """Reads batches, one after the other. Used by one thread.

    `limits` bound what a record may inflate to; `may_repeat` says that the log may hold a record twice. `trainer` sees every body.
    """

    def __init__(self, limits: Limits, *, may_repeat: bool, trainer: Trainer | None = None) -> None:
        self.projects = Projects()
        self._limits = limits
        self._may_repeat = may_repeat
        self._trainer = trainer
        self._mapper = Mapper(artifacts.library(), artifacts.maps())
        self._compressors = _Compressors()

    def begin(self) -> None:
        """A new batch: what was uploaded by now holds for it."""
        self._mapper.begin()

    def decode(self, records: Sequence[Record]) -> Decoded:
        """The candidates of a batch or a part of it, their payloads compressed."""
        return decode(
            records,
            projects=self.projects,
            limits=self._limits,
            symbolicate=self._mapper,
            finish=self._pack,
            may_repeat=self._may_repeat,
        )

    def _pack(self, candidate: Candidate) -> None:
        """Compress the payload with what was found out, and let go of it: a batch of them would fill megabytes."""
        event, grouping = candidate.event, candidate.grouping
        body = pack(event.payload, facts_of(event, grouping))
        compressor = self._compressors.of(event.project_id)
        dictionary_id, stored = candidate.body = compressor.dictionary_id, compressor.compress(body)
        event.payload = b""
        if self._trainer is not None:
            self._trainer.observe(
                event.project_id, grouping.hashes[0].hash, body, dictionary_id=dictionary_id, stored_bytes=len(stored)
            )

    def restore(self, candidates: Sequence[Candidate], records: Sequence[Record]) -> None:
        """Decode candidates that came without their stacks once more. `records` are their batch."""
        wanted = {candidate.record_id for candidate in candidates}
        sources = [record for record in records if _record_id(record) in wanted]
        again = decode(sources, projects=self.projects, limits=self._limits, symbolicate=self._mapper)
        whole = {candidate.key: candidate.event for candidate in again.candidates}
        for candidate in candidates:
            candidate.event = whole.get(candidate.key, candidate.event)

    def explain(self, candidate: Candidate) -> list[Any]:
        """Why the candidate is grouped as it is."""
        project = self.projects.get(candidate.event.project_id)
        explained = explain(candidate.event, config=project.config) if project else []
        return [msgspec.to_builtins(component) for component in explained]


def _record_id(record: Record) -> bytes:
    try:
        return unpack(record.value).record_id
    except msgspec.MsgspecError:
        return b""

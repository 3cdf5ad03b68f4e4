"""Dictionaries for bodies: which one a project uses, and when it gets a better one.

A project's dictionary is trained on a few of its own scrubbed bodies, as different from each other as can be had, and
committed before its first use. It is trained anew after ten and a hundred times as many bodies, because the first
hundred events of an app are seldom typical, and whenever bodies come out much larger than they did at first: the app has
changed. A dictionary stays as long as a body may refer to it.
"""

import logging
import threading
from collections import deque

import msgspec
import zstandard
from django.db import connection

from mini_sentry.groups.models import BodyDictionary

logger = logging.getLogger(__name__)

DICTIONARY_BYTES = 32 << 10
TRAIN_AFTER = (100, 1_000, 10_000)
"""How many bodies a project must have seen for its first, second and third dictionary."""
MOST_SAMPLE_BYTES = 2 << 20
FEWEST_SAMPLES = 16
USUAL_AFTER = 200
"""So many bodies say how well a dictionary fits; each later one moves the average by as small a part."""
DRIFT = 1.4
FEWEST_BETWEEN = 1_000
"""Bodies between the training of a dictionary and that of one that the drift calls for; doubled each time."""
DRIFTED_SAMPLES = 64


def load(dictionary_id: int) -> bytes:
    """Raises BodyDictionary.DoesNotExist."""
    return bytes(BodyDictionary.objects.values_list("data", flat=True).get(pk=dictionary_id))


def latest(project_id: int) -> tuple[int, bytes] | None:
    """The id and bytes of the project's newest dictionary, None if it has none."""
    row = BodyDictionary.objects.filter(project_id=project_id).order_by("-pk").values_list("pk", "data").first()
    return (row[0], bytes(row[1])) if row else None


def train(samples: list[bytes]) -> bytes | None:
    """A dictionary of at most 32 kB, or None when the samples are too few or too much alike to learn from."""
    if len(samples) < FEWEST_SAMPLES:
        return None
    try:
        return zstandard.train_dictionary(DICTIONARY_BYTES, list(samples)).as_bytes()
    except zstandard.ZstdError as error:
        logger.info("No dictionary could be trained: %s", error)
        return None


class Fit(msgspec.Struct):
    """How well one dictionary fits: the compressed part of a body, at first (`usual`, once known) and lately (`recent`)."""

    dictionary_id: int = 0
    usual: float = 0.0
    recent: float = 0.0
    count: int = 0

    def see(self, dictionary_id: int, part: float) -> None:
        if dictionary_id != self.dictionary_id:
            self.dictionary_id, self.usual, self.recent, self.count = dictionary_id, 0.0, 0.0, 0
        self.count += 1
        self.recent += (part - self.recent) / min(self.count, USUAL_AFTER)
        if self.count == USUAL_AFTER:
            self.usual = self.recent

    @property
    def has_drifted(self) -> bool:
        return 0.0 < self.usual * DRIFT < self.recent


class Sampler(msgspec.Struct):
    """The bodies of one project that its next dictionary will be trained on: the newest, at most one a group and batch."""

    seen: int
    stage: int
    samples: deque[bytes] = msgspec.field(default_factory=deque)
    sample_bytes: int = 0
    taken: set[str] = set()
    fit: Fit = msgspec.field(default_factory=Fit)
    rest: int = 0
    """Bodies to come before a drift is heeded."""
    next_rest: int = FEWEST_BETWEEN

    def take(self, grouping_hash: str, body: bytes, *, dictionary_id: int = 0, stored_bytes: int = 0) -> None:
        """Look at one body, and at what became of it: the dictionary it was compressed with, and its size then."""
        self.seen += 1
        self.rest -= 1
        if self.stage:
            self.fit.see(dictionary_id, stored_bytes / len(body))
        if (self.stage >= len(TRAIN_AFTER) and not self.is_off) or len(body) > MOST_SAMPLE_BYTES:
            return
        if grouping_hash in self.taken:
            return
        self.taken.add(grouping_hash)
        self.samples.append(body)
        self.sample_bytes += len(body)
        while self.sample_bytes > MOST_SAMPLE_BYTES:
            self.sample_bytes -= len(self.samples.popleft())

    @property
    def is_off(self) -> bool:
        """Whether the dictionary fits no more, and the last training was long enough ago."""
        return self.rest <= 0 and self.fit.has_drifted

    def end_batch(self) -> bool:
        """True when it is time to train."""
        self.taken.clear()
        if self.stage < len(TRAIN_AFTER) and self.seen >= TRAIN_AFTER[self.stage]:
            return len(self.samples) >= FEWEST_SAMPLES
        return self.is_off and len(self.samples) >= DRIFTED_SAMPLES

    def next_stage(self) -> list[bytes]:
        """Hand out the samples and start gathering for the stage after."""
        samples, self.samples, self.sample_bytes = list(self.samples), deque(), 0
        if self.is_off:
            self.next_rest *= 2
        self.rest = self.next_rest
        while self.stage < len(TRAIN_AFTER) and self.seen >= TRAIN_AFTER[self.stage]:
            self.stage += 1
        return samples


class Trainer:
    """Trains in a thread of its own, one dictionary at a time, and commits what came out."""

    def __init__(self) -> None:
        self._samplers: dict[int, Sampler] = {}
        self._busy = threading.Lock()

    def observe(
        self, project_id: int, grouping_hash: str, body: bytes, *, dictionary_id: int, stored_bytes: int
    ) -> None:
        """Look at one body of a batch, which was compressed with that dictionary (0: none) to so many bytes."""
        self._sampler(project_id).take(grouping_hash, body, dictionary_id=dictionary_id, stored_bytes=stored_bytes)

    def pass_by(self, project_id: int, bodies: int) -> None:
        """So many bodies of the batch were compressed elsewhere: they count, but cannot be looked at."""
        sampler = self._sampler(project_id)
        sampler.seen += bodies
        sampler.rest -= bodies

    def _sampler(self, project_id: int) -> Sampler:
        sampler = self._samplers.get(project_id)
        if sampler is None:
            trained = BodyDictionary.objects.filter(project_id=project_id).count()
            stage = min(trained, len(TRAIN_AFTER))
            sampler = self._samplers[project_id] = Sampler(seen=TRAIN_AFTER[stage - 1] if stage else 0, stage=stage)
        return sampler

    def train_when_due(self) -> None:
        """The batch is over: begin to train for one of the projects that have seen enough."""
        due = [(project_id, sampler) for project_id, sampler in self._samplers.items() if sampler.end_batch()]
        for project_id, sampler in due:
            if not self._busy.acquire(blocking=False):
                return
            samples = sampler.next_stage()
            threading.Thread(
                target=self._train, args=(project_id, samples), name="dictionary-trainer", daemon=True
            ).start()

    def _train(self, project_id: int, samples: list[bytes]) -> None:
        try:
            if (dictionary := train(samples)) is not None:
                BodyDictionary.objects.create(project_id=project_id, data=dictionary)
        except Exception:
            logger.exception("A dictionary for project %s was not stored", project_id)
        finally:
            connection.close()
            self._busy.release()

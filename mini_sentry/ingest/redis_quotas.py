"""The quotas of several machines, counted in Redis by the same rule as the embedded ones.

What is asked while one call is under way goes along with the next, so that the event loop never blocks and a call decides on
many requests at once; the server takes each decision whole, by a script.

Without Redis each machine counts for itself: the call that fails is answered from the local counts, and so is everybody
after it, at once, until Redis answers again. It is looked for once a second.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from redis.exceptions import RedisError

from mini_sentry.ingest.quotas import (
    WINDOW_SECONDS,
    WINDOWS_AHEAD,
    Admission,
    Bucket,
    Quotas,
    QuotasUnavailable,
    Told,
    seconds_left,
)
from mini_sentry.live.bus import cancelled
from mini_sentry.live.engines.redis import CALL_SECONDS, RETRY_SECONDS, asyncio_client

KEY: Final = "mini-sentry:quotas:%d"
PROBE: Final = "mini-sentry:quotas"
QUESTIONS_PER_CALL: Final = 500
KEPT_SECONDS: Final = (WINDOWS_AHEAD + 2) * WINDOW_SECONDS
"""A count that lies ahead of the clock is believed for `WINDOWS_AHEAD` windows, so it must live for so long."""

_DECIDE: Final = f"""
local answers = {{}}
for index, key in ipairs(KEYS) do
  local first = index * 4 - 3
  local window, wanted, limit = tonumber(ARGV[first]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  local bucket = ARGV[first + 1]
  local kept = redis.call('HMGET', key, 'window', bucket)
  local counted_in, used = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
  if counted_in < window or counted_in > window + {WINDOWS_AHEAD} then
    redis.call('DEL', key)
    redis.call('HSET', key, 'window', window)
    redis.call('EXPIRE', key, {KEPT_SECONDS})
    counted_in, used = window, 0
  end
  local admitted = math.max(0, math.min(wanted, limit - used))
  if admitted > 0 then
    redis.call('HINCRBY', key, bucket, admitted)
  end
  answers[index * 2 - 1] = admitted
  answers[index * 2] = counted_in
end
return answers
"""

logger = logging.getLogger(__name__)


class _Question(NamedTuple):
    project_id: int
    bucket: Bucket
    quantity: int
    now: float
    then: Told


class RedisQuotas:
    """For one event loop, between `start` and `stop`. `local` counts while Redis is away, and is stopped with this.

    `away_since` says since when that is so, in Unix seconds; None while Redis counts.
    """

    def __init__(
        self,
        url: str,
        local: Quotas,
        *,
        events_per_minute: int,
        sessions_per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A limit of 0 means no limit."""
        self.away_since: float | None = None
        self._client = asyncio_client(url, seconds=CALL_SECONDS)
        self._local = local
        self._limits = (events_per_minute, sessions_per_minute)
        self._clock = clock
        self._questions: deque[_Question] = deque()
        self._asked = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, with Redis if it answers at once."""
        await self._local.start()
        await self._look()
        self._asking = asyncio.create_task(self._ask_again_and_again())

    async def stop(self) -> None:
        if self._asking is not None:
            await cancelled([self._asking])
        self._answer_locally(self._questions)
        await self._client.aclose()
        await self._local.stop()

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission | None:
        if not self._limits[bucket]:
            return Admission(quantity, 0)
        if self.away_since is not None:
            return self._local.admit(project_id, bucket, quantity, now=now)
        return None

    async def ask(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        """Waits for one call at most, two when one is under way; `CALL_SECONDS` each when Redis hangs."""
        at_once = self.admit(project_id, bucket, quantity, now=now)
        if at_once is not None:
            return at_once
        answer: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()

        def then(told: Admission | QuotasUnavailable) -> None:
            if answer.done():
                return
            if isinstance(told, QuotasUnavailable):
                answer.set_exception(told)
            else:
                answer.set_result(told)

        self.ask_soon(project_id, bucket, quantity, now=now, then=then)
        return await answer

    def ask_soon(self, project_id: int, bucket: Bucket, quantity: int, *, now: float, then: Told) -> None:
        question = _Question(project_id, bucket, quantity, now, then)
        if self.away_since is not None or not self._limits[bucket]:
            self._answer_locally(deque([question]))
            return
        self._questions.append(question)
        self._asked.set()

    async def _ask_again_and_again(self) -> None:
        while True:
            if self.away_since is not None:
                await asyncio.sleep(RETRY_SECONDS)
                await self._look()
                continue
            await self._asked.wait()
            self._asked.clear()
            while self._questions:
                count = min(len(self._questions), QUESTIONS_PER_CALL)
                questions = deque(self._questions.popleft() for _ in range(count))
                try:
                    await self._decide(questions)
                except (RedisError, OSError) as error:
                    self._lost(error)
                    self._answer_locally(questions)
                    self._answer_locally(self._questions)
                except BaseException:
                    self._answer_locally(questions)
                    raise

    async def _decide(self, questions: deque[_Question]) -> None:
        """Raises RedisError or OSError, and then nobody is answered."""
        keys = [KEY % question.project_id for question in questions]
        arguments: list[Any] = []
        for question in questions:
            window = int(question.now // WINDOW_SECONDS)
            arguments += (window, int(question.bucket), question.quantity, self._limits[question.bucket])
        numbers: list[int] = await self._client.eval(_DECIDE, len(keys), *keys, *arguments)
        for question, admitted, window in zip(questions, numbers[::2], numbers[1::2], strict=True):
            seconds = 0 if admitted == question.quantity else seconds_left(window, question.now)
            _tell(question, Admission(admitted, seconds))

    def _answer_locally(self, questions: deque[_Question]) -> None:
        """Answer them all, from what this machine has counted itself."""
        while questions:
            question = questions.popleft()
            project_id, bucket, quantity, now, _ = question
            told: Admission | QuotasUnavailable | None = Admission(quantity, 0)
            if self._limits[bucket]:
                try:
                    told = self._local.admit(project_id, bucket, quantity, now=now)
                except QuotasUnavailable as error:
                    told = error
            _tell(question, told or Admission(quantity, 0))

    async def _look(self) -> None:
        try:
            # A write, because a replica answers and counts nothing.
            await self._client.set(PROBE, 1, ex=KEPT_SECONDS)
        except (RedisError, OSError) as error:
            self._lost(error)
        else:
            if self.away_since is not None:
                logger.info("Quotas are counted in Redis")
            self.away_since = None

    def _lost(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = self._clock()
            logger.warning("Redis is away (%s): each machine counts its quotas for itself", error)


def _tell(question: _Question, told: Admission | QuotasUnavailable) -> None:
    try:
        question.then(told)
    except Exception:
        # One that cannot bear its answer must not keep the others from theirs.
        logger.exception("An answer about a quota was not taken")

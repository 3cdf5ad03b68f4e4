# mypy: allow-untyped-calls
"""Kombu's Redis transport, but for two faults.

- Kombu takes a task out of its queue and then writes down that it is taken: a worker that is killed in between loses it. Here
  taking it is moving it to a list of taken ones, from where it goes once it is written down. What still lies there a sweep
  later goes back to its queue.
- A broker that goes while a task runs must not end the worker. The channel of the lost connection is asked to give the task
  back, or to acknowledge it, and has nothing to do that with. Kombu meets this with an AttributeError, which Celery takes for
  a reason to give up. Said as the connection error that it is, it is passed over, and the task is given to another worker
  after the visibility time-out, as that of a killed one is.
"""

from queue import Empty
from time import monotonic
from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from redis.exceptions import ConnectionError as RedisConnectionError

SCHEMES: Final = ("redis", "rediss")

_GIVE_BACK: Final = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) > 0 then
  redis.call('RPUSH', KEYS[2], ARGV[1])
end
"""


def taken(queue: str) -> str:
    """The list of what was taken from a queue and is not written down as taken yet."""
    return f"{queue}:taken"


class QoS(kombu_redis.QoS):
    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Called at the start and then every `unacked_restore_interval` seconds."""
        super().restore_visible(*args, **kwargs)
        self.channel.give_back()


class Channel(kombu_redis.Channel):
    QoS = QoS
    priority_steps = [0]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._polled = ""
        self._lay: dict[str, set[bytes]] = {}

    def give_back(self) -> None:
        """What lay among the taken ones at the last sweep, and still does, was somebody's who is gone."""
        with self.conn_or_acquire() as client:
            for queue in list(self.active_queues):
                lie = set(client.lrange(taken(queue), 0, -1))
                for item in lie & self._lay.get(queue, set()):
                    client.eval(_GIVE_BACK, 2, taken(queue), queue, item)
                self._lay[queue] = lie

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._polled = queues[0]
        # With several queues, each gets its turn.
        self._queue_cycle.rotate(self._polled)
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()  # type: ignore[assignment]
        seconds = self.brpop_timeout if timeout is None else timeout
        self.client.connection.send_command("BLMOVE", self._polled, taken(self._polled), "RIGHT", "LEFT", seconds or 0)

    def _brpop_read(self, **options: Any) -> bool:
        try:
            try:
                item = self.client.parse_response(self.client.connection, "BLMOVE", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            if not item:
                raise Empty
            self.connection._deliver(loads(bytes_to_str(item)), self._polled)
            with self.conn_or_acquire() as client:
                client.lrem(taken(self._polled), 1, item)
            return True
        finally:
            self._in_poll = None  # type: ignore[assignment]
            self._flush_brpop_reauth()

    def _connparams(self, asynchronous: bool = False) -> Any:
        """What a connection is made with. Raises redis' ConnectionError once the channel's own was closed."""
        transport: Any = self.connection
        if transport is None or transport.client is None:
            raise RedisConnectionError("the connection to the broker was closed")
        return super()._connparams(asynchronous=asynchronous)


class Transport(kombu_redis.Transport):
    Channel = Channel


def register() -> None:
    """Let Celery use it for every Redis."""
    for scheme in SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"

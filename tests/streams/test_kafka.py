"""What is Kafka's own: groups and their partitions, memory, gaps, brokers that go and come."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import KafkaError

from mini_sentry.streams.consumer import Consumer, LogHandler
from mini_sentry.streams.engines.kafka.fetcher import AT_ONCE, WAITING_RECORDS
from mini_sentry.streams.engines.kafka.log import KafkaLog
from mini_sentry.streams.engines.kafka.member import KafkaMember
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.group import GroupConsumer
from mini_sentry.streams.log import LogUnavailable, Reading, Record, RecordRefused
from mini_sentry.streams.topics import EVENTS, INGEST, SNUBA
from tests.engines.kafka import MockCluster, kafka_settings

pytestmark = pytest.mark.timeout(90)

PARTITIONS = 3
PRODUCE = 0


@pytest.fixture
def settings(mock_kafka: MockCluster) -> KafkaSettings:
    return kafka_settings(mock_kafka, partitions=PARTITIONS, delivery_seconds=3)


@pytest.fixture
def log(settings: KafkaSettings) -> Iterator[KafkaLog]:
    log = KafkaLog(settings)
    log.connect()
    yield log
    log.close()


def fill(log: KafkaLog, count: int, *, size: int = 1, start: int = 0) -> set[bytes]:
    """Append values that differ, over all partitions."""
    values = [b"%d" % number + b"." * size for number in range(start, start + count)]
    log.append(EVENTS, [(b"%d" % number, value) for number, value in enumerate(values)])
    return set(values)


class Worker:
    """A member of the group in a thread, with what it handled by partition."""

    def __init__(self, settings: KafkaSettings, *, seconds_a_batch: float = 0.0, batch_records: int = 1000) -> None:
        self.log = KafkaLog(settings)
        self.done: list[Record] = []
        self.stop = threading.Event()
        self._seconds = seconds_a_batch
        self._batch_records = batch_records
        self.group = GroupConsumer(self.log, SNUBA, EVENTS, self._consumer)
        self._thread = threading.Thread(target=self.group.run, args=(self.stop,))
        self._thread.start()

    def _consumer(self, reading: Reading, partition: int) -> Consumer:
        handler = LogHandler(self.log, SNUBA, EVENTS, self._handle, reading=reading, partition=partition)
        return Consumer(reading, SNUBA, EVENTS, handler, partition=partition, batch_records=self._batch_records)

    def _handle(self, records: Sequence[Record]) -> None:
        time.sleep(self._seconds)
        self.done += records

    @property
    def partitions(self) -> set[int]:
        return {status.partition for status in self.group.statuses()}

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        self.log.close()


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def test_a_new_member_takes_its_share_and_a_leaving_one_gives_it_back(log: KafkaLog, settings: KafkaSettings) -> None:
    one = Worker(settings)
    until(lambda: one.partitions == {0, 1, 2})
    two = Worker(settings)
    until(lambda: len(one.partitions) + len(two.partitions) == PARTITIONS and bool(two.partitions))
    assert one.partitions.isdisjoint(two.partitions)
    sent = fill(log, 60)
    until(lambda: len(one.done) + len(two.done) >= 60)
    one.end()
    until(lambda: two.partitions == {0, 1, 2})
    sent |= fill(log, 60, start=60)
    until(lambda: len(one.done) + len(two.done) >= 120)
    two.end()
    values = [record.value for record in one.done + two.done]
    assert len(values) == 120
    assert set(values) == sent


def test_a_rebalance_while_batches_are_worked_on_loses_nothing(log: KafkaLog, settings: KafkaSettings) -> None:
    sent = fill(log, 300)
    one = Worker(settings, seconds_a_batch=0.05, batch_records=10)
    until(lambda: len(one.done) > 30)
    two = Worker(settings, seconds_a_batch=0.05, batch_records=10)
    while not two.done:
        sent |= fill(log, 30, start=len(sent))
        time.sleep(0.2)
    until(lambda: {record.value for record in one.done + two.done} == sent)
    one.end()
    two.end()
    # What a member may not commit in the middle of it, another reads again: a part of them, never all.
    assert len(one.done) + len(two.done) < 2 * len(sent)


def test_positions_outlive_the_group(log: KafkaLog, settings: KafkaSettings) -> None:
    fill(log, 30)
    one = Worker(settings)
    until(lambda: len(one.done) == 30)
    one.end()
    assert [log.lag(SNUBA, EVENTS, partition) for partition in range(PARTITIONS)] == [0, 0, 0]
    fill(log, 3, start=30)
    assert sum(log.lag(SNUBA, EVENTS, partition) for partition in range(PARTITIONS)) == 3
    two = Worker(settings)
    until(lambda: len(two.done) == 3)
    two.end()


def test_the_status_of_each_partition_tells_its_lag(log: KafkaLog, settings: KafkaSettings) -> None:
    worker = Worker(settings, seconds_a_batch=0.7, batch_records=10)
    until(lambda: len(worker.partitions) == PARTITIONS)
    fill(log, 300)
    until(lambda: all(status.lag > 0 for status in worker.group.statuses()))
    assert sum(status.lag for status in worker.group.statuses()) <= 300
    worker.end()


def test_a_partition_of_which_too_much_waits_is_paused_until_its_reader_catches_up(
    log: KafkaLog, settings: KafkaSettings
) -> None:
    sent = fill(log, 5 * WAITING_RECORDS)
    member = log.join(SNUBA, EVENTS)
    assert isinstance(member, KafkaMember)
    until(lambda: len(member.assigned()) == PARTITIONS)
    found: set[bytes] = set()
    places = dict.fromkeys(range(PARTITIONS), 1)

    def read(partition: int) -> int:
        records = member.log.read(EVENTS, places[partition], partition=partition, limit=200)
        found.update(record.value for record in records)
        places[partition] += len(records)
        return len(records)

    def is_read(partition: int) -> bool:
        return not read(partition) and log.end_offset(EVENTS, partition) == places[partition]

    slow, *others = range(PARTITIONS)
    read(slow)
    until(lambda: all(is_read(partition) for partition in others))
    [lane] = [lane for lane in member.lanes if lane.partition == slow]
    assert lane.is_paused
    assert WAITING_RECORDS < len(lane.records) <= WAITING_RECORDS + AT_ONCE
    until(lambda: is_read(slow))
    assert not lane.is_paused
    assert found == sent
    member.close()


def test_a_reader_below_the_first_record_kept_goes_on_there_and_tells_of_the_gap(
    mock_kafka: MockCluster, log: KafkaLog, settings: KafkaSettings
) -> None:
    log.append(EVENTS, [(b"1", b"%d" % number) for number in range(10)])
    [partition] = [number for number in range(PARTITIONS) if log.end_offset(EVENTS, number) > 1]
    log.commit(SNUBA, EVENTS, 3, partition)
    mock_kafka.delete_records(settings.names[EVENTS], partition, 6)
    worker = Worker(settings)
    until(lambda: len(worker.done) == 4)
    worker.end()
    assert [record.value for record in worker.done] == [b"6", b"7", b"8", b"9"]
    [status] = [status for status in worker.group.statuses() if status.partition == partition]
    assert status.gap_records == 4


def test_a_reader_past_the_end_of_a_log_that_was_made_anew_starts_at_its_first_record(log: KafkaLog) -> None:
    log.append(EVENTS, [(b"1", b"a"), (b"1", b"b")])
    [partition] = [number for number in range(PARTITIONS) if log.end_offset(EVENTS, number) > 1]
    log.commit(SNUBA, EVENTS, 900, partition)
    member = log.join(SNUBA, EVENTS)
    until(lambda: partition in member.assigned())
    found: list[Record] = []

    def is_found() -> bool:
        found[:] = member.log.read(EVENTS, 900, partition=partition)
        return len(found) == 2

    until(is_found)
    assert [(record.offset, record.value) for record in found] == [(1, b"a"), (2, b"b")]
    member.close()


def test_a_member_may_not_read_what_is_anothers(log: KafkaLog) -> None:
    member = log.join(SNUBA, EVENTS)
    with pytest.raises(LogUnavailable, match="another member"):
        member.log.read(EVENTS, 1, partition=PARTITIONS + 1)
    member.close()


def test_a_broker_that_comes_back_in_time_is_no_failure(mock_kafka: MockCluster, log: KafkaLog) -> None:
    fill(log, 10)
    mock_kafka.down()
    back = threading.Timer(0.7, mock_kafka.up)
    back.start()
    fill(log, 10, start=10)
    back.join()
    found = [record.value for partition in range(PARTITIONS) for record in log.read(EVENTS, 1, partition=partition)]
    assert len(found) == len(set(found)) == 20


def test_a_broker_that_stays_away_is_an_error_after_the_time_for_delivery(
    mock_kafka: MockCluster, log: KafkaLog
) -> None:
    fill(log, 3)
    mock_kafka.down()
    try:
        started = time.monotonic()
        with pytest.raises(LogUnavailable, match="timed out"):
            fill(log, 3)
        assert time.monotonic() - started < 8
    finally:
        mock_kafka.up()
    until(lambda: bool(fill(log, 1, start=9)))


def test_a_log_opens_while_kafka_is_away_and_finds_it_later(mock_kafka: MockCluster, settings: KafkaSettings) -> None:
    mock_kafka.down()
    log = KafkaLog(settings)
    try:
        with pytest.raises(LogUnavailable):
            log.connect()
        with pytest.raises(LogUnavailable):
            log.submit(INGEST, b"1", b"x", lambda error: None)
    finally:
        mock_kafka.up()

    def is_taken() -> bool:
        try:
            log.append(INGEST, [(b"1", b"x")])
        except LogUnavailable:
            return False
        return True

    until(is_taken)
    log.close()


def test_errors_that_pass_are_tried_again_without_a_second_copy(mock_kafka: MockCluster, log: KafkaLog) -> None:
    fill(log, 1)
    mock_kafka.fail(PRODUCE, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_LEADER_FOR_PARTITION)
    sent = fill(log, 30, start=1)
    found = [record.value for partition in range(PARTITIONS) for record in log.read(EVENTS, 1, partition=partition)]
    assert len(found) == 31
    assert sent < set(found)


def test_a_record_that_is_too_large_is_refused_for_good(log: KafkaLog, settings: KafkaSettings) -> None:
    with pytest.raises(RecordRefused):
        log.append(INGEST, [(b"1", b"x" * (settings.max_message_bytes + 1))])


def test_options_that_the_client_does_not_know_are_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        KafkaLog(KafkaSettings(bootstrap_servers="127.0.0.1:1", options={"colour": "blue"}))

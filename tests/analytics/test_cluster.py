"""The schema as a cluster has it. What cannot run without several servers is read by the real engine, the rest is run.

Two databases of one engine stand for the shards: each row goes where the Distributed table's own rule sends it, and Merge
tables ask each shard for itself, as a Distributed one does.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from mini_sentry.analytics import lookups, queries, sessions
from mini_sentry.analytics.lookups import Wanted
from mini_sentry.analytics.migrate import EXPIRES_AT, keeping, preparation, schema_files, statements
from mini_sentry.analytics.rows import SessionRow, encode
from mini_sentry.analytics.store import ColumnsRejected, ColumnsUnavailable, Store
from tests.columns import NOON, empty_columns, make_outcome, make_row
from tests.engines.clickhouse import DEAD_CLUSTER, ClickHouseServer

TABLES = list(EXPIRES_AT)
SHARDS = ("shard_0", "shard_1")
PROJECTS = list(range(1, 9))
DATABASE = "clustered"
START, END = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of an engine without its database."""
    engine = ClickHouseServer(tmp_path_factory.mktemp("cluster"), database="").start()
    yield engine.url
    engine.stop()


def opened(server: str, database: str) -> Iterator[Store]:
    store = Store(lambda: server + database)
    yield store
    store.close()


@pytest.fixture
def store(server: str) -> Iterator[Store]:
    """A single server's tables."""
    for store in opened(server, "one"):
        empty_columns(store)
        yield store


def everything(cluster: str) -> list[str]:
    """Every statement that a start on this cluster may give."""
    made = preparation(DATABASE, cluster)
    for name in schema_files():
        made += statements(name, database=DATABASE, cluster=cluster)
    for table, expires_at in EXPIRES_AT.items():
        made += [keeping(f"{DATABASE}.{table}_local", expires_at, days, cluster) for days in (0, 30)]
    return made


def without_other_servers(statement: str) -> str:
    """The statement as one engine alone can run it."""
    return re.sub(r"ON CLUSTER '\w+'", "", statement).replace("Replicated", "")


@pytest.mark.parametrize("cluster", ["", "main", "{cluster}"])
def test_the_engine_can_read_every_statement(store: Store, cluster: str) -> None:
    for statement in everything(cluster):
        assert store.query(f"EXPLAIN AST {statement}"), statement
        assert not re.search(r"\{(?!cluster\}|uuid\}|shard\}|replica\})", statement), "something was not filled in"
    with pytest.raises(ColumnsRejected):
        store.query(f"EXPLAIN AST {everything(cluster)[1]} NONSENSE")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_a_cluster_is_a_replicated_one_behind_a_distributed_one(table: str) -> None:
    made = [one for one in everything("main") if re.search(rf"\.{table}(_local)? ON CLUSTER 'main'", one)]
    local, distributed = (one for one in made if "CREATE TABLE" in one)
    assert f"{DATABASE}.{table}_local ON CLUSTER 'main'" in local
    assert "ENGINE = ReplicatedReplacingMergeTree" in local
    assert f"Distributed('main', {DATABASE}, {table}_local, cityHash64(project_id))" in distributed
    assert all(f"{table}_local" in one for one in made if one.startswith("ALTER"))


def test_a_single_server_has_neither_replicas_nor_shards() -> None:
    for statement in (one for name in schema_files() for one in statements(name, database=DATABASE)):
        assert not re.search("Replicated|Distributed|CLUSTER|_local", statement)


@pytest.fixture
def shards(server: str, store: Store) -> Iterator[Store]:
    """The tables of a cluster of two shards, asked as one."""
    for database in (*SHARDS, DATABASE):
        store.command(f"DROP DATABASE IF EXISTS {database}")
        store.command(f"CREATE DATABASE {database}")
    for database in SHARDS:
        for name in schema_files():
            local, _ = statements(name, database=database, cluster="main")
            store.command(without_other_servers(local))
    for table in TABLES:
        store.command(
            f"CREATE TABLE {DATABASE}.{table} AS {SHARDS[0]}.{table}_local "
            f"ENGINE = Merge(REGEXP('^shard_'), '^{table}_local$')"
        )
    yield from opened(server, DATABASE)


def sharding(table: str) -> str:
    """The rule by which the Distributed table of the templates sends a row to its shard."""
    made = [one for name in schema_files() for one in statements(name, database=DATABASE, cluster="main")]
    [rule] = [found[1] for one in made if (found := re.search(rf"Distributed\(.*, {table}_local, (.+)\)\Z", one))]
    return rule


def distribute(store: Store) -> None:
    """Send the rows of the single server to their shards, as an insert into the Distributed table would."""
    for table in TABLES:
        for number, shard in enumerate(SHARDS):
            store.command(
                f"INSERT INTO {shard}.{table}_local SELECT * FROM {store.database}.{table} "
                f"WHERE {sharding(table)} % {len(SHARDS)} = {number}"
            )


def make_session(number: int, revision: int, *, project_id: int, status: str) -> SessionRow:
    at = round(NOON.timestamp() * 1000)
    return SessionRow(
        project_id=project_id,
        session_id=f"{number:032x}",
        received_at=at,
        revision=revision,
        started_at=at,
        updated_at=at,
        status=status,
        user=f"id:{number}",
        release="shop@1",
    )


QUESTIONS: dict[str, Callable[[Store, int], object]] = {
    "series": lambda store, project: queries.events_by_level_series(store, project, START, END, 600),
    "top groups": lambda store, project: queries.top_groups(store, project, START, END),
    "tags": lambda store, project: queries.tag_shares(store, project, 1, START, END),
    "tag values": lambda store, project: queries.tag_values(store, project, "n", START, END),
    "stats": lambda store, project: queries.group_stats(store, project, [1, 2], START, END, 600),
    "rates": lambda store, project: queries.recent_rates(store, project, END, 3600, 2, fewest=4),
    "latest": lambda store, project: queries.latest_events(store, project),
    "counts": lambda store, project: queries.event_counts(store, PROJECTS, START, END),
    "outcomes": lambda store, project: queries.outcome_counts(store, project, START, END),
    "groups by tag": lambda store, project: lookups.group_ids(store, project, Wanted("n", ["3"]), limit=10),
    "events by user": lambda store, project: lookups.event_ids(store, project, Wanted("user", ["id:3"]), limit=10),
    "hashes": lambda store, project: lookups.hash_counts(store, project, 1, since=START),
    "sessions": lambda store, project: sessions.counts_by_place(store, project, None, END),
    "sessions over time": lambda store, project: sessions.series(store, project, START, END, 600),
    "errors by place": lambda store, project: sessions.errors_by_place(store, project, START, END),
}


def test_what_comes_again_counts_once_on_every_shard_and_all_questions_agree_with_one_server(
    store: Store, shards: Store
) -> None:
    for project_id in PROJECTS:
        rows = [
            make_row(n, project_id=project_id, group_id=n % 3 + 1, user=f"id:{n}", tags={"n": str(n)})
            for n in range(12)
        ]
        store.insert_documents("events", [encode(row) for row in rows])
        store.insert_documents("outcomes", [encode(make_outcome("a", project_id=project_id, quantity=12))])
        updates = [make_session(n, 1, project_id=project_id, status="ok") for n in range(6)]
        store.insert_documents("sessions", [encode(row) for row in updates])
    distribute(store)
    for project_id in PROJECTS:
        crashed = make_session(2, 2, project_id=project_id, status="crashed")
        store.insert_documents("sessions", [encode(crashed)])
    for _ in range(2):
        distribute(store)
    for shard in SHARDS:
        assert 0 < store.query(f"SELECT count() FROM {shard}.events_local")[0][0] < 12 * len(PROJECTS)
    for project_id in PROJECTS:
        for name, ask in QUESTIONS.items():
            assert ask(shards, project_id) == ask(store, project_id), name
        assert sum(top.count for top in queries.top_groups(shards, project_id, START, END)) == 12
        [counts] = sessions.counts_by_place(shards, project_id, None, END).values()
        assert (counts.total, counts.crashed) == (6, 1)


@pytest.fixture
def away(server: str, store: Store) -> Iterator[Store]:
    """Distributed tables as the templates make them, of a cluster none of whose servers runs."""
    store.command("DROP DATABASE IF EXISTS away")
    store.command("CREATE DATABASE away")
    for name in schema_files():
        for statement in statements(name, database="away", cluster=DEAD_CLUSTER):
            store.command(without_other_servers(statement))
    yield from opened(server, "away")


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_may_be_asked_of_a_distributed_table(away: Store, name: str) -> None:
    # The engine has accepted the statement and looks for the shards in vain; a statement that it refuses is ColumnsRejected.
    with pytest.raises(ColumnsUnavailable):
        QUESTIONS[name](away, 1)


def test_an_insert_waits_for_its_shard_and_does_not_trust_a_queue(away: Store) -> None:
    with pytest.raises(ColumnsUnavailable):
        away.insert_documents("events", [encode(make_row(1))])

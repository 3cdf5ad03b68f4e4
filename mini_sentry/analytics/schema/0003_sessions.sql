-- One row per state of a session; the highest revision stands, reads use FINAL. Only the key and received_at never change,
-- so a read must not sort out rows by other columns before FINAL has chosen (optimize_move_to_prewhere_if_final = 0).
CREATE TABLE IF NOT EXISTS {database}.sessions{local} {on_cluster}
(
    project_id  UInt64 CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1)),
    session_id  String CODEC(ZSTD(1)),
    revision    UInt32 CODEC(T64, ZSTD(1)),
    started_at  DateTime64(3, 'UTC') CODEC(T64, ZSTD(1)),
    updated_at  DateTime64(3, 'UTC') CODEC(T64, ZSTD(1)),
    status      LowCardinality(String),
    errors      UInt32 CODEC(T64, ZSTD(1)),
    user        String CODEC(ZSTD(1)),
    release     LowCardinality(String),
    environment LowCardinality(String),
    duration_ms Nullable(UInt64) CODEC(ZSTD(1)),
    quantity    UInt32 CODEC(T64, ZSTD(1)),
    v           UInt8 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(revision)
PARTITION BY toDate(received_at)
ORDER BY (project_id, toStartOfHour(received_at), session_id)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    materialize_ttl_recalculate_only = 1,
    min_rows_to_fsync_after_merge = 1,
    old_parts_lifetime = 10,
    cleanup_delay_period = 10,
    max_cleanup_delay_period = 20;

{cluster_only}
CREATE TABLE IF NOT EXISTS {database}.sessions {on_cluster} AS {database}.sessions_local
ENGINE = Distributed({cluster}, {database}, sessions_local, cityHash64(project_id));

-- One row per tally; `record` names the tally, so the same one again changes nothing.
CREATE TABLE IF NOT EXISTS {database}.outcomes{local} {on_cluster}
(
    project_id UInt64 CODEC(Delta, ZSTD(1)),
    minute     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    outcome    LowCardinality(String),
    reason     LowCardinality(String),
    category   LowCardinality(String),
    record     String CODEC(ZSTD(1)),
    quantity   UInt64 CODEC(T64, ZSTD(1)),
    v          UInt8 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toDate(minute)
ORDER BY (project_id, minute, outcome, reason, category, record)
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
CREATE TABLE IF NOT EXISTS {database}.outcomes {on_cluster} AS {database}.outcomes_local
ENGINE = Distributed({cluster}, {database}, outcomes_local, cityHash64(project_id));

-- One row per stored event. Replaying a record writes the same key again; the engine keeps one, reads use FINAL.
-- Ids are random, so rows of an hour are in random order: repeated texts go into dictionaries, times into T64.
-- Merged parts are not synced: the parts they came from stay for a minute, longer than the system keeps unwritten pages.
CREATE TABLE IF NOT EXISTS {database}.events{local} {on_cluster}
(
    project_id  UInt64 CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(T64, ZSTD(1)),
    event_id    UUID CODEC(NONE),
    group_id    UInt64 CODEC(T64, ZSTD(1)),
    timestamp   DateTime64(3, 'UTC') CODEC(T64, ZSTD(1)),
    level       LowCardinality(String),
    platform    LowCardinality(String),
    type        LowCardinality(String),
    environment LowCardinality(String),
    release     LowCardinality(String),
    dist        LowCardinality(String),
    title       LowCardinality(String) CODEC(ZSTD(1)),
    message     LowCardinality(String) CODEC(ZSTD(1)),
    culprit     LowCardinality(String) CODEC(ZSTD(1)),
    transaction LowCardinality(String) CODEC(ZSTD(1)),
    fingerprint LowCardinality(String) CODEC(ZSTD(1)),
    user        String CODEC(ZSTD(1)),
    handled     Nullable(Bool) CODEC(ZSTD(1)),
    trace_id    String CODEC(ZSTD(1)),
    tags        Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    v           UInt8 CODEC(ZSTD(1)),
    INDEX group_id_filter group_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, toStartOfHour(received_at), event_id)
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
CREATE TABLE IF NOT EXISTS {database}.events {on_cluster} AS {database}.events_local
ENGINE = Distributed({cluster}, {database}, events_local, cityHash64(project_id));

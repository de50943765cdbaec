/* families.h - the table of everything the process counts.
 *
 * X(identifier, kind, name, unit, dimension a, b, c, help).  The unit is the last
 * word of the name, or empty; dimensions are the stems of the enums of
 * counters.h (SIGNAL, DOOR, ...), NONE for none.  Owner: collector/self; a room
 * that wants a family adds a line.
 */
#ifndef COLLECTOR_SELF_FAMILIES_H
#define COLLECTOR_SELF_FAMILIES_H

enum family_kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

#define FAMILIES_INGEST(X)                                                                         \
    X(ITEMS_RECEIVED, COUNTER, "andon_items_received", "", SIGNAL, DOOR, NONE,                     \
      "Items (samples, log records, spans, events) that arrived.")                                 \
    X(ITEMS_ACCEPTED, COUNTER, "andon_items_accepted", "", SIGNAL, DOOR, NONE,                     \
      "Items taken into the store, repeats included.")                                             \
    X(ITEMS_REJECTED, COUNTER, "andon_items_rejected", "", SIGNAL, DOOR, REASON,                   \
      "Items refused, by reason.")                                                                 \
    X(MESSAGES_REJECTED, COUNTER, "andon_messages_rejected", "", SIGNAL, DOOR, REASON,             \
      "Whole requests, frames or datagrams refused, by reason.")                                   \
    X(START_ZEROS, COUNTER, "andon_start_zeros", "", DOOR, NONE, NONE,                             \
      "Zeros stored at the start times of counters, beyond the items that arrived.")               \
    X(RECEIVED_BYTES, COUNTER, "andon_received_bytes", "bytes", DOOR, NONE, NONE,                  \
      "Payload bytes received, as they lay on the wire.")                                          \
    X(DECODED_BYTES, COUNTER, "andon_decoded_bytes", "bytes", DOOR, NONE, NONE,                    \
      "Payload bytes after decompression.")                                                        \
    X(ACK_LATENCY, HISTOGRAM, "andon_ack_latency_seconds", "seconds", DOOR, NONE, NONE,            \
      "From the last byte of a request to its acknowledgement.")                                   \
    X(ACKS_WAITING, GAUGE, "andon_acks_waiting", "", NONE, NONE, NONE,                             \
      "Requests whose acknowledgement waits for the journal.")

#define FAMILIES_DERIVE(X)                                                                         \
    X(SPAN_METRICS_SPANS, COUNTER, "andon_span_metrics_spans", "", NONE, NONE, NONE,               \
      "Spans that metrics were derived from.")                                                     \
    X(SPAN_METRICS_FOLDED, COUNTER, "andon_span_metrics_folded", "", NONE, NONE, NONE,             \
      "Spans, requests and targets beyond span_metrics_series_max: in overflow series, or in "     \
      "none.")                                                                                     \
    X(SPAN_METRICS_INVALID, COUNTER, "andon_span_metrics_invalid", "", NONE, NONE, NONE,           \
      "Spans, requests and targets whose labels would not be UTF-8: in no series.")                \
    X(SPAN_METRICS_SERIES, GAUGE, "andon_span_metrics_series", "", NONE, NONE, NONE,               \
      "Series derived from spans, without those of overflow.")                                     \
    X(GRAPH_EDGES, COUNTER, "andon_service_graph_requests", "", NONE, NONE, NONE,                  \
      "Requests between services that spans told of.")                                             \
    X(GRAPH_UNPAIRED, COUNTER, "andon_service_graph_unpaired_spans", "", NONE, NONE, NONE,         \
      "Spans whose other side did not come in time.")                                              \
    X(GRAPH_DROPPED, COUNTER, "andon_service_graph_dropped_spans", "", NONE, NONE, NONE,           \
      "Spans that found no room to wait for their other side.")                                    \
    X(GRAPH_WAITING, GAUGE, "andon_service_graph_waiting_spans", "", NONE, NONE, NONE,             \
      "Spans that wait for their other side.")

#define FAMILIES_NET(X)                                                                            \
    X(REQUESTS, COUNTER, "andon_requests", "", ROUTE, CODE, NONE,                                  \
      "HTTP and gRPC requests answered, by class of route and of status code.")                    \
    X(REQUEST_DURATION, HISTOGRAM, "andon_request_duration_seconds", "seconds", ROUTE, NONE, NONE, \
      "From a request's last byte to the last byte of its answer.")                                \
    X(CONNECTIONS_OPEN, GAUGE, "andon_connections_open", "", LISTENER, NONE, NONE,                 \
      "Connections open now.")                                                                     \
    X(CONNECTIONS_ACCEPTED, COUNTER, "andon_connections_accepted", "", LISTENER, NONE, NONE,       \
      "Connections accepted.")                                                                     \
    X(CONNECTIONS_CLOSED, COUNTER, "andon_connections_closed", "", LISTENER, CLOSING, NONE,        \
      "Connections ended, by reason.")                                                             \
    X(SENT_BYTES, COUNTER, "andon_sent_bytes", "bytes", LISTENER, NONE, NONE, "Bytes sent.")       \
    X(AUTH_FAILURES, COUNTER, "andon_auth_failures", "", LISTENER, NONE, NONE,                     \
      "Requests refused for a missing or wrong credential.")                                       \
    X(UDP_DATAGRAMS, COUNTER, "andon_udp_datagrams", "", NONE, NONE, NONE, "Datagrams received.")  \
    X(UDP_KERNEL_DROPS, COUNTER, "andon_udp_kernel_drops", "", NONE, NONE, NONE,                   \
      "Datagrams that the kernel dropped because the socket's buffer was full.")                   \
    X(UDP_SEQUENCE_GAPS, COUNTER, "andon_udp_sequence_gaps", "", NONE, NONE, NONE,                 \
      "Envelopes that never arrived, seen as gaps in the senders' sequences.")                     \
    X(UDP_SENDERS, GAUGE, "andon_udp_senders", "", NONE, NONE, NONE,                               \
      "Senders whose sequence is followed.")

#define FAMILIES_QUERY(X)                                                                          \
    X(QUERIES, COUNTER, "andon_queries", "", ENDING, NONE, NONE, "Queries ended, by how.")         \
    X(QUERY_DURATION, HISTOGRAM, "andon_query_duration_seconds", "seconds", STAGE, NONE, NONE,     \
      "Time of queries by stage.")                                                                 \
    X(QUERY_SAMPLES, COUNTER, "andon_query_samples", "", NONE, NONE, NONE,                         \
      "Samples that queries read.")                                                                \
    X(QUERIES_RUNNING, GAUGE, "andon_queries_running", "", NONE, NONE, NONE,                       \
      "Queries running now.")                                                                      \
    X(QUERIES_WAITING, GAUGE, "andon_queries_waiting", "", NONE, NONE, NONE,                       \
      "Queries waiting for a worker.")                                                             \
    X(TAILS_OPEN, GAUGE, "andon_tails_open", "", NONE, NONE, NONE, "Tails of logs open now.")      \
    X(TAIL_LINES, COUNTER, "andon_tail_lines", "", NONE, NONE, NONE, "Lines sent to tails.")       \
    X(TAIL_DROPPED, COUNTER, "andon_tail_dropped_lines", "", NONE, NONE, NONE,                     \
      "Lines that tails lost because their readers were too slow.")

#define FAMILIES_ENGINE(X)                                                                         \
    X(ENGINE_SERIES, GAUGE, "andon_series_active", "", NONE, NONE, NONE,                           \
      "Series with a sample in a head.")                                                           \
    X(ENGINE_SERIES_CREATED, COUNTER, "andon_series_created", "", NONE, NONE, NONE,                \
      "Series created.")                                                                           \
    X(ENGINE_SAMPLES, COUNTER, "andon_samples_appended", "", NONE, NONE, NONE,                     \
      "Samples appended.")                                                                         \
    X(ENGINE_DUPLICATES, COUNTER, "andon_samples_duplicate", "", NONE, NONE, NONE,                 \
      "Samples that were there already.")                                                          \
    X(LOG_STREAMS, GAUGE, "andon_log_streams_active", "", NONE, NONE, NONE,                        \
      "Streams of logs in the head.")                                                              \
    X(LOG_RECORDS, COUNTER, "andon_log_records_appended", "", NONE, NONE, NONE,                    \
      "Log records appended.")                                                                     \
    X(LOG_SEGMENT_BYTES, GAUGE, "andon_log_segment_bytes", "bytes", NONE, NONE, NONE,              \
      "Bytes of the segments of logs, which are among all segments.")                              \
    X(LOG_SEGMENT_RECORDS, GAUGE, "andon_log_segment_records", "", NONE, NONE, NONE,               \
      "Log records in segments.")                                                                  \
    X(TRACE_SPANS, COUNTER, "andon_spans_appended", "", NONE, NONE, NONE, "Spans appended.")       \
    X(TRACE_SEGMENT_BYTES, GAUGE, "andon_trace_segment_bytes", "bytes", NONE, NONE, NONE,          \
      "Bytes of the segments of traces, which are among all segments.")                            \
    X(TRACE_SEGMENT_SPANS, GAUGE, "andon_trace_segment_spans", "", NONE, NONE, NONE,               \
      "Spans in segments.")                                                                        \
    X(JOURNAL_BYTES, GAUGE, "andon_journal_bytes", "bytes", NONE, NONE, NONE,                      \
      "Bytes of the journal in use.")                                                              \
    X(JOURNAL_PENDING, GAUGE, "andon_journal_pending_bytes", "bytes", NONE, NONE, NONE,            \
      "Bytes of the journal that are not yet durable.")                                            \
    X(JOURNAL_SYNCS, COUNTER, "andon_journal_syncs", "", NONE, NONE, NONE,                         \
      "Syncs of the journal.")                                                                     \
    X(JOURNAL_SYNC_LAST, GAUGE, "andon_journal_sync_last_seconds", "seconds", NONE, NONE, NONE,    \
      "Duration of the last sync of the journal.")                                                 \
    X(JOURNAL_SYNC_P99, GAUGE, "andon_journal_sync_p99_seconds", "seconds", NONE, NONE, NONE,      \
      "99th percentile of the journal's sync duration.")                                           \
    X(JOURNAL_UNSYNCED, GAUGE, "andon_journal_oldest_unsynced_seconds", "seconds", NONE, NONE,     \
      NONE, "Age of the oldest append that is not yet durable.")                                   \
    X(SEGMENTS, GAUGE, "andon_segments", "", NONE, NONE, NONE, "Segments in the manifest.")        \
    X(SEGMENT_BYTES, GAUGE, "andon_segment_bytes", "bytes", NONE, NONE, NONE,                      \
      "Bytes of all segments on disk.")                                                            \
    X(SEGMENT_CHUNK_BYTES, GAUGE, "andon_segment_chunk_bytes", "bytes", NONE, NONE, NONE,          \
      "Bytes of encoded samples in segments.")                                                     \
    X(SEGMENT_INDEX_BYTES, GAUGE, "andon_segment_index_bytes", "bytes", NONE, NONE, NONE,          \
      "Bytes of series tables and label indexes in segments.")                                     \
    X(SEGMENT_SAMPLES, GAUGE, "andon_segment_samples", "", NONE, NONE, NONE,                       \
      "Samples in segments.")                                                                      \
    X(SEGMENTS_QUARANTINED, GAUGE, "andon_segments_quarantined", "", NONE, NONE, NONE,             \
      "Damaged files set aside.")                                                                  \
    X(SEALS, COUNTER, "andon_seals", "", NONE, NONE, NONE, "Heads sealed into segments.")          \
    X(SEAL_SECONDS, COUNTER, "andon_seal_seconds", "seconds", NONE, NONE, NONE,                    \
      "Time spent sealing.")                                                                       \
    X(MERGES, COUNTER, "andon_merges", "", NONE, NONE, NONE, "Merges of segments.")                \
    X(MERGE_SECONDS, COUNTER, "andon_merge_seconds", "seconds", NONE, NONE, NONE,                  \
      "Time spent merging.")                                                                       \
    X(SEGMENTS_EXPIRED, COUNTER, "andon_segments_expired", "", NONE, NONE, NONE,                   \
      "Segments removed by retention.")                                                            \
    X(TOMBSTONES, GAUGE, "andon_tombstones", "", NONE, NONE, NONE,                                 \
      "Deletions that no merge has carried out yet.")                                              \
    X(MEMORY_BYTES, GAUGE, "andon_memory_bytes", "bytes", NONE, NONE, NONE,                        \
      "Bytes charged to the engine's memory budget.")                                              \
    X(MEMORY_LIMIT, GAUGE, "andon_memory_limit_bytes", "bytes", NONE, NONE, NONE,                  \
      "The engine's memory budget.")                                                               \
    X(HEAD_BYTES, GAUGE, "andon_head_bytes", "bytes", NONE, NONE, NONE,                            \
      "Bytes of heads in memory.")                                                                 \
    X(LABEL_PAIRS, GAUGE, "andon_label_pairs", "", NONE, NONE, NONE,                               \
      "Distinct label pairs in memory.")                                                           \
    X(EXEMPLARS, GAUGE, "andon_exemplars", "", NONE, NONE, NONE, "Exemplars kept.")                \
    X(REPLAY_SECONDS, GAUGE, "andon_replay_seconds", "seconds", NONE, NONE, NONE,                  \
      "Time the last start spent reading the journal.")                                            \
    X(DISK_FREE, GAUGE, "andon_disk_free_bytes", "bytes", NONE, NONE, NONE,                        \
      "Free bytes on the data folder's file system.")                                              \
    X(ENGINE_WRITABLE, GAUGE, "andon_engine_writable", "", NONE, NONE, NONE,                       \
      "1 while the store can acknowledge, 0 while it cannot.")

#define FAMILIES_PROCESS(X)                                                                        \
    X(PROCESS_CPU, COUNTER, "process_cpu_seconds", "seconds", NONE, NONE, NONE,                    \
      "User and system CPU time of the process.")                                                  \
    X(PROCESS_RESIDENT, GAUGE, "process_resident_memory_bytes", "bytes", NONE, NONE, NONE,         \
      "Resident memory.")                                                                          \
    X(PROCESS_VIRTUAL, GAUGE, "process_virtual_memory_bytes", "bytes", NONE, NONE, NONE,           \
      "Virtual memory.")                                                                           \
    X(PROCESS_FDS, GAUGE, "process_open_fds", "", NONE, NONE, NONE, "Open file descriptors.")      \
    X(PROCESS_FDS_MAX, GAUGE, "process_max_fds", "", NONE, NONE, NONE,                             \
      "Limit of open file descriptors.")                                                           \
    X(PROCESS_START, GAUGE, "process_start_time_seconds", "seconds", NONE, NONE, NONE,             \
      "When the process started, since the epoch.")                                                \
    X(PROCESS_THREADS, GAUGE, "process_threads", "", NONE, NONE, NONE, "Threads.")                 \
    X(ALLOCATED_BYTES, GAUGE, "andon_allocated_bytes", "bytes", NONE, NONE, NONE,                  \
      "Bytes that the allocator has handed out.")                                                  \
    X(CONFIG_RELOAD_OK, GAUGE, "andon_config_last_reload_successful", "", NONE, NONE, NONE,        \
      "1 when the last load of the configuration was taken, 0 when it was refused.")               \
    X(CONFIG_RELOAD_TIME, GAUGE, "andon_config_last_reload_success_timestamp_seconds", "seconds",  \
      NONE, NONE, NONE, "When a configuration was last taken, since the epoch.")                   \
    X(LOG_SUPPRESSED, COUNTER, "andon_log_lines_suppressed", "", NONE, NONE, NONE,                 \
      "Log lines left out by the rate limit of their call site.")                                  \
    X(BUILD_INFO, GAUGE, "andon_build_info", "", VERSION, NONE, NONE,                              \
      "Always 1; the version is a label.")

#define FAMILIES(X)                                                                                \
    FAMILIES_INGEST(X)                                                                             \
    FAMILIES_DERIVE(X)                                                                             \
    FAMILIES_NET(X)                                                                                \
    FAMILIES_QUERY(X)                                                                              \
    FAMILIES_ENGINE(X)                                                                             \
    FAMILIES_PROCESS(X)

#endif

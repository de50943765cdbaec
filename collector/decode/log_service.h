/* log_service.h - the label service_name, found as Loki finds it.
 *
 * A stream without one gets the value of the first of these labels that it has:
 *   service app application name app_kubernetes_io_name container container_name
 *   k8s_container_name component workload job k8s_job_name
 * and else unknown_service.  (Loki's discover_service_name.)
 */
#ifndef COLLECTOR_DECODE_LOG_SERVICE_H
#define COLLECTOR_DECODE_LOG_SERVICE_H

#include "tsdb/tsdb.h"

enum { LOG_SERVICE_NONE = 1000 };

/* The value for service_name; .len == 0: the labels have one already. */
struct tsdb_text log_service_find(struct tsdb_labels labels);

/* How good a source of service_name a field of this name is, made into a label name:
 * 0 service_name itself, 1 service, ... ; LOG_SERVICE_NONE: no source. */
unsigned log_service_rank(struct tsdb_text name);

#endif

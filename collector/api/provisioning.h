/* provisioning.h - the four data sources of Grafana, linked to each other, as a provisioning
 * file (https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources).
 *
 *   metrics  prometheus  URL          exemplars --> traces
 *   logs     loki        URL          trace_id  --> traces
 *   traces   tempo       URL/tempo    spans --> logs, metrics; service map from metrics
 *   jaeger   jaeger      URL/jaeger   spans --> logs, metrics
 *
 * GET /-/grafana/provisioning.yaml answers it with the address that was asked, or that of
 * the parameter `url`.  deploy/grafana has it for the default address.  Pure but for the
 * handler.
 */
#ifndef COLLECTOR_API_PROVISIONING_H
#define COLLECTOR_API_PROVISIONING_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* url: without a slash at its end. */
void provisioning_write(struct writer *w, struct tsdb_text url);
/* http:// or https:// and nothing that YAML could take for something else. */
bool provisioning_url_check(struct tsdb_text url);

#endif

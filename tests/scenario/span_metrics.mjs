/* span_metrics.mjs - spans sent over OTLP, and the metrics that the server derives from them. */
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, eventually, folder, run, sleep, start } from './andon.mjs';

const SOON = ['--span-metrics-interval', '1s', '--service-graph-wait', '2s', '--self-interval', '0'];

const attributes = (of) => Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
const hex = (n, len) => n.toString(16).padStart(len, '0');

/* {service, name, kind, id, parent, ms, status, attributes} to OTLP, all of one trace. */
const resourceSpans = (trace, spans) => spans.map((s) => ({
  resource: { attributes: attributes({ 'service.name': s.service, 'service.namespace': 'shop', 'host.name': 'h1' }) },
  scopeSpans: [{ spans: [{ traceId: hex(trace, 32), spanId: hex(s.id, 16), parentSpanId: s.parent ? hex(s.parent, 16) : '',
    name: s.name, kind: s.kind, startTimeUnixNano: `${Date.now()}000000`,
    endTimeUnixNano: `${Date.now() + s.ms}000000`, status: { code: s.status ?? 0 }, attributes: attributes(s.attributes ?? {}) }] }] }));

/* A visit: a user asks web, web asks api and stripe, api asks its database and fails. */
const visit = (trace) => resourceSpans(trace, [
  { service: 'web', name: 'GET /cart', kind: 2, id: 1, ms: 200, attributes: { 'http.route': '/cart' } },
  { service: 'web', name: 'ask', kind: 3, id: 2, parent: 1, ms: 150 },
  { service: 'web', name: 'pay', kind: 3, id: 3, parent: 1, ms: 50, attributes: { 'peer.service': 'stripe' } },
  { service: 'api', name: 'serve', kind: 2, id: 4, parent: 2, ms: 100, status: 2 },
  { service: 'api', name: 'select', kind: 3, id: 5, parent: 4, ms: 10, attributes: { 'db.system': 'postgresql' } }]);

async function send(a, spans) {
  const r = await a.post('/v1/traces', 'application/json', JSON.stringify({ resourceSpans: spans }));
  equal(r.status, 200, 'spans are taken');
}

const visits = (a, from, count) => send(a, Array.from({ length: count }, (_, i) => visit(from + i)).flat());

/* "client server type" of every edge, and its requests. */
async function edges(a) {
  const found = await a.values('traces_service_graph_request_total');
  return found.map(({ labels, value }) => `${labels.client} ${labels.server} ${labels.connection_type ?? ''}: ${value}`).sort();
}

const CALLS = 'traces_spanmetrics_calls_total{service="api",span_name="serve",span_kind="SPAN_KIND_SERVER"}';
const counts = (a, want) => eventually(async () => await a.value(CALLS) === String(want), `${want} calls`);

await run({
  async 'spans become what Grafana asks for'() {
    const a = await start({ args: [...SOON, '--span-metrics-dimensions', 'http.route'] });
    await visits(a, 1, 3);
    await counts(a, 3);
    await eventually(async () => (await edges(a)).length === 4, 'four edges');
    equal(await edges(a), ['api postgresql database: 3', 'user web virtual_node: 3', 'web api : 3', 'web stripe virtual_node: 3'], 'edges');
    equal(await a.value('traces_service_graph_request_failed_total{client="web",server="api"}'), '3', 'failed');
    equal(await a.value('sum(traces_service_graph_request_server_seconds_bucket{server="api",le="0.1"})'), '3', 'as api saw it');
    equal(await a.value('sum(traces_service_graph_request_client_seconds_bucket{server="api",le="0.1"})'), '0', 'as web saw it');
    equal(await a.value(`${CALLS.slice(0, -1)},job="shop/api",status_code="STATUS_CODE_ERROR"}`), '3', 'calls by status');
    equal(await a.value('traces_spanmetrics_calls_total{http_route="/cart",span_name="GET /cart"}'), '3', 'a dimension');
    equal(await a.value('traces_target_info{job="shop/web",host_name="h1"}'), '1', 'what it runs on');
    equal(await a.value('histogram_quantile(0.5, sum by (le) (traces_spanmetrics_latency_bucket{span_name="ask"}))'), '0.192', 'a quantile');
    const now = Date.now() / 1000;
    const found = (await a.get(`/api/v1/query_exemplars?query=traces_spanmetrics_latency_bucket&start=${now - 60}&end=${now}`)).json.data;
    equal(found.find((s) => s.seriesLabels.span_name === 'ask')?.exemplars[0].labels, { span_id: hex(2, 16), trace_id: hex(1, 32) }, 'an exemplar');
    equal((await a.get('/api/v1/metadata?metric=traces_spanmetrics_calls_total')).json.data.traces_spanmetrics_calls_total?.[0].type, 'counter', 'metadata');
    equal(await a.stop(), 0, 'exit status');
  },

  async 'restarts are resets that rate() sees, after SIGTERM with nothing lost'() {
    let a = await start({ args: SOON });
    await visits(a, 1, 10);
    await counts(a, 10);
    await visits(a, 11, 10);
    equal(await a.stop(), 0, 'exit status'); /* within the interval */
    a = await start({ dir: a.dir, args: SOON });
    equal(await a.value(CALLS), '20', 'the last interval was stored');
    await visits(a, 21, 30); /* more than before: the values alone show no reset */
    await counts(a, 30);
    equal(await a.value(`resets(${CALLS}[1m])`), '1', 'a reset');
    const more = Number(await a.value(`increase(${CALLS}[1m])`));
    check(more > 47 && more < 56, `increase of ${more}, want about 50`);
    await a.kill();
    a = await start({ dir: a.dir, args: SOON });
    await visits(a, 51, 5);
    await counts(a, 5);
    equal(await a.value(`resets(${CALLS}[1m])`), '2', 'another after SIGKILL');
    equal(await a.stop(), 0, 'exit status');
  },

  async 'the limit folds, and a reload changes it; switched off, all series end'() {
    const file = path.join(folder(), 'andon.yml');
    fs.writeFileSync(file, 'span_metrics_series_max: 0\n');
    const a = await start({ args: [...SOON, '--config', file] });
    await visits(a, 1, 2);
    await eventually(async () => await a.value('traces_spanmetrics_calls_total{service="other",metric_overflow="true"}') === '10', 'one series for all');
    equal(await a.value(CALLS), undefined, 'and none of its own');
    check((await a.metrics()).andon_span_metrics_folded_total >= 10, 'the folded are counted');
    fs.writeFileSync(file, 'span_metrics_series_max: 1000\n');
    a.child.kill('SIGHUP');
    await eventually(() => /reloaded key=span_metrics_series_max/.test(a.log), 'a reload');
    await visits(a, 3, 2);
    await counts(a, 2);
    fs.writeFileSync(file, 'span_metrics: false\n');
    a.child.kill('SIGHUP');
    await eventually(async () => await a.value('count({__name__=~"traces_.*"})') === undefined, 'all are stale');
    await visits(a, 5, 2);
    await sleep(2500);
    equal(await a.value('count({__name__=~"traces_.*"})'), undefined, 'and stay away');
    equal(await a.stop(), 0, 'exit status');
  },
});

/* grafana.mjs - every query of the dashboards in deploy/grafana, asked as Grafana asks it: each
 * is taken, and has something to show of services that were heard of. */
import fs from 'node:fs';
import { check, equal, eventually, run, start } from './andon.mjs';

const FOLDER = new URL('../../deploy/grafana/', import.meta.url);
const dashboards = fs.readdirSync(new URL('dashboards/', FOLDER)).filter((f) => f.endsWith('.json')).map((f) => JSON.parse(fs.readFileSync(new URL(`dashboards/${f}`, FOLDER), 'utf8')));
const sources = fs.readFileSync(new URL('provisioning/datasources/andon.yaml', FOLDER), 'utf8');

const attributes = (of) => Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
const resource = { attributes: attributes({ 'service.name': 'cart' }) };
const json = (a, path, body) => a.post(path, 'application/json', JSON.stringify(body));
const ns = (ms) => `${Math.round(ms)}000000`;
const GRAPH = ['traces_service_graph_request_total', 'traces_service_graph_request_failed_total', 'traces_service_graph_request_server_seconds_sum', 'traces_service_graph_request_server_seconds_bucket'];

async function tell(a, from) {
  const now = Date.now();
  const spans = Array.from({ length: 6 }, (_, i) => ({ traceId: `${from + i}`.padStart(32, 'a'), spanId: `${from + i}`.padStart(16, 'b'), name: 'GET /cart', kind: 2,
    startTimeUnixNano: ns(now - 2000), endTimeUnixNano: ns(now - 1500), status: { code: i % 2 ? 2 : 0 } }));
  equal([(await json(a, '/v1/traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })).status,
    (await json(a, '/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [{ timeUnixNano: ns(now - 1000), severityNumber: 17, body: { stringValue: 'it failed' } }] }] }] })).status], [200, 200], 'spans and lines are taken');
}

const filled = (text) => text.replaceAll('$service', '.+').replaceAll('$__rate_interval', '1m').replaceAll('$__auto', '1m');

/* What a target has to show: rows of its answer. */
async function rows(a, target) {
  const end = Date.now() / 1000, start = end - 600, ask = async (path, parameters) => {
    const r = await a.get(`${path}?${new URLSearchParams(parameters)}`);
    check(r.status === 200, `${JSON.stringify(parameters)}: ${r.status} ${r.text.slice(0, 300)}`);
    return r.json;
  };
  if (target.queryType === 'serviceMap') {
    const found = await Promise.all(GRAPH.map((query) => ask('/api/v1/query', { query: `sum by (client, server) (rate(${query}[10m]))` })));
    return Math.min(...found.map((f) => f.data.result.length));
  }
  if (target.queryType === 'traceql') return (await ask('/tempo/api/search', { q: filled(target.query), limit: target.limit, start: Math.floor(start), end: Math.ceil(end) })).traces.length;
  const path = target.datasource.type === 'loki' ? '/loki/api/v1/query_range' : '/api/v1/query_range';
  return (await ask(path, { query: filled(target.expr), start: start.toFixed(3), end: end.toFixed(3), step: '15' })).data.result.length;
}

await run({
  async 'every panel has something to show'() {
    const a = await start({ args: ['--span-metrics-interval', '1s'] });
    await tell(a, 100);
    await eventually(async () => (await a.value('sum(traces_spanmetrics_calls_total)')) === '6', 'spans are counted');
    await tell(a, 200);
    await eventually(async () => (await a.value('sum(traces_spanmetrics_calls_total)')) === '12', 'and more of them');
    check(dashboards.length > 0, 'there is a dashboard');
    for (const board of dashboards) {
      const service = board.templating.list.find((v) => v.name === 'service');
      const metric = /label_values\((\w+), service\)/.exec(service.query.query)[1];
      equal((await a.get(`/api/v1/label/service/values?match[]=${metric}`)).json.data, ['cart'], 'the services to choose from');
      equal(board.panels.map((p) => p.id), board.panels.map((_, i) => i + 1), 'panels are numbered');
      for (const panel of board.panels) {
        for (const target of panel.targets) {
          check(new RegExp(`uid: ${target.datasource.uid}\\b`).test(sources), `${panel.title}: its data source is provisioned`);
          await eventually(async () => await rows(a, target) > 0, `${panel.title} has something to show`);
        }
      }
    }
    equal(await a.stop(), 0, 'exit status');
  },
});

/* trace_api.mjs - traces through Tempo's and Jaeger's APIs, as Grafana, Jaeger's UI and people
 * with curl ask, and through andon query and andon trace. */
import http2 from 'node:http2';
import { check, command, equal, run, start } from './andon.mjs';
import * as wire from './wire.mjs';

const ID = '5b8aa5a2d2c872e8321cf37308d69df2';

const any = (v) => (typeof v === 'string' ? { stringValue: v }
  : typeof v === 'boolean' ? { boolValue: v }
    : Array.isArray(v) ? { arrayValue: { values: v.map(any) } }
      : Number.isInteger(v) ? { intValue: String(v) } : { doubleValue: v });
const attributes = (o) => Object.entries(o).map(([key, v]) => ({ key, value: any(v) }));

/* span: {id, parent, name, kind, at, took (ms), tags, status, more} */
const otlp = (t0, trace, sources) => ({
  resourceSpans: sources.map(({ resource, spans }) => ({
    resource: { attributes: attributes(resource) },
    scopeSpans: [{ scope: { name: 'lib', version: '1.2' }, spans: spans.map((s) => ({
      traceId: trace, spanId: s.id, parentSpanId: s.parent ?? '', name: s.name, kind: s.kind,
      startTimeUnixNano: String(BigInt(t0 + s.at) * 1000000n), endTimeUnixNano: String(BigInt(t0 + s.at + s.took) * 1000000n),
      attributes: attributes(s.tags ?? {}), status: s.status ?? {}, ...s.more,
    })) }],
  })),
});

const shop = (t0, trace = ID) => otlp(t0, trace, [
  { resource: { 'service.name': 'shop', zone: 'a' }, spans: [
    { id: 'a000000000000001', name: 'GET /cart', kind: 2, at: 0, took: 50, tags: { 'http.status_code': 500, 'http.method': 'GET', list: ['x', 1, 2.5] },
      status: { code: 2, message: 'it broke' }, more: { events: [{ timeUnixNano: String(BigInt(t0) * 1000000n), name: 'exception', attributes: attributes({ 'exception.type': 'Oops' }) }] } },
    { id: 'a000000000000002', parent: 'a000000000000001', name: 'call cart', kind: 3, at: 1, took: 40 }] },
  { resource: { 'service.name': 'cart' }, spans: [
    { id: 'b000000000000001', parent: 'a000000000000002', name: 'read', kind: 2, at: 2, took: 30, tags: { rows: 5, ratio: 0.5, hit: true } }] },
]);

/* Without the server's own traces: every request would add one. */
async function up() {
  const a = await start({ args: ['--self-records=false'] });
  const t0 = Date.now() - 60000;
  const r = await a.post('/v1/traces', 'application/json', JSON.stringify(shop(t0)));
  equal(r.status, 200, `sent: ${r.text}`);
  return { a, t0 };
}

const q = (o) => new URLSearchParams(o).toString();

/* One call of gRPC by hand: {status, message, messages: [Buffer]}. */
function call(port, method, bytes) {
  return new Promise((done, fail) => {
    const client = http2.connect(`http://127.0.0.1:${port}`);
    client.on('error', fail);
    const request = client.request({ ':method': 'POST', ':path': `/tempopb.StreamingQuerier/${method}`, 'content-type': 'application/grpc', te: 'trailers' });
    const got = { messages: [] };
    let body = Buffer.alloc(0);
    const look = (h) => { if (h['grpc-status'] !== undefined) { got.status = Number(h['grpc-status']); got.message = decodeURIComponent(h['grpc-message'] ?? ''); } };
    request.on('response', look);
    request.on('trailers', look);
    request.on('data', (d) => { body = Buffer.concat([body, d]); });
    request.on('end', () => {
      while (body.length >= 5) {
        const n = body.readUInt32BE(1);
        got.messages.push(body.subarray(5, 5 + n));
        body = body.subarray(5 + n);
      }
      client.close();
      done(got);
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(bytes.length, 1);
    request.end(Buffer.concat([prefix, bytes]));
  });
}

const field = (bytes, number) => wire.fields(bytes).filter((f) => f.number === number).map((f) => f.value);

await run({
  async 'a trace by its id, in every form'() {
    const { a } = await up();
    const protobuf = { headers: { accept: 'application/protobuf' } };
    const two = await a.get(`/api/v2/traces/${ID}`);
    const sources = two.json.trace.resourceSpans;
    equal(sources.length, 2, 'sources');
    const root = sources.flatMap((s) => s.scopeSpans[0].spans).find((s) => s.name === 'GET /cart');
    equal([root.traceId, root.kind, root.status.code], [Buffer.from(ID, 'hex').toString('base64'), 'SPAN_KIND_SERVER', 'STATUS_CODE_ERROR'], "Tempo's JSON");
    equal(root.attributes.find((t) => t.key === 'list').value, { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '1' }, { doubleValue: 2.5 }] } }, 'a list');
    check((await a.get(`/tempo/api/traces/${ID}`)).json.batches.length === 2, 'version 1 says batches');
    const message = await a.get(`/api/v2/traces/${ID}`, protobuf);
    equal(message.headers['content-type'], 'application/protobuf', 'a message');
    const bare = await a.get(`/api/traces/${ID}`, protobuf);
    check(bare.headers['content-type'] === 'application/protobuf', 'at the root, by Accept');
    const jaeger = (await a.get(`/api/traces/${ID}`)).json.data[0];
    equal([jaeger.traceID, jaeger.spans.length, Object.values(jaeger.processes).map((p) => p.serviceName).sort()], [ID, 3, ['cart', 'shop']], "else Jaeger's");
    const three = (await a.get(`/api/v3/traces/${ID}`)).json.result.resourceSpans;
    equal(three.flatMap((s) => s.scopeSpans[0].spans).find((s) => s.name === 'read').traceId, ID, 'version 3 has hex');
    equal((await a.get('/api/v2/traces/1')).json, { trace: {}, metrics: {} }, 'none, version 2');
    equal((await a.get('/tempo/api/traces/1')).status, 404, 'none, version 1');
    equal((await a.get('/api/traces/1')).json.errors[0].code, 404, 'none, Jaeger');
    equal((await a.get('/api/v3/traces/1')).json.error.httpCode, 404, 'none, Jaeger 3');
  },

  async 'what Grafana asks of Tempo'() {
    const { a, t0 } = await up();
    const range = { start: Math.floor(t0 / 1000) - 60, end: Math.floor(t0 / 1000) + 120 };
    equal((await a.get('/tempo/api/echo')).text, 'echo', 'echo');
    const found = (await a.get(`/tempo/api/search?${q({ q: '{ span.http.status_code = 500 }', ...range })}`)).json;
    equal(Object.keys(found).sort(), ['metrics', 'traces'], 'members');
    const [trace] = found.traces;
    equal([trace.traceID, trace.rootServiceName, trace.rootTraceName, trace.durationMs, trace.spanSets[0].matched], [ID, 'shop', 'GET /cart', 50, 1], 'the trace');
    equal(Object.keys(trace).sort(), ['durationMs', 'rootServiceName', 'rootTraceName', 'serviceStats', 'spanSets', 'startTimeUnixNano', 'traceID'], 'no member more');
    equal(trace.serviceStats, { cart: { spanCount: 1 }, shop: { spanCount: 2, errorCount: 1 } }, 'services');
    equal((await a.get(`/tempo/api/search?${q({ q: '{ span.http.status_code = 404 }', ...range })}`)).json.traces, [], 'nothing');
    equal((await a.get(`/tempo/api/search?${q({ tags: 'service.name=cart rows=5', minDuration: '1ms' })}`)).json.traces.length, 1, 'tags');
    const tags = (await a.get(`/tempo/api/v2/search/tags?${q(range)}`)).json.scopes;
    equal(tags.find((s) => s.name === 'resource').tags, ['service.name', 'zone'], 'tags of resources');
    equal(tags.find((s) => s.name === 'event').tags, ['exception.type'], 'of events');
    check(tags.find((s) => s.name === 'intrinsic').tags.includes('rootName'), 'intrinsics');
    const values = async (name, more = {}) => (await a.get(`/tempo/api/v2/search/tag/${encodeURIComponent(name)}/values?${q({ ...range, ...more })}`)).json.tagValues;
    equal(await values('resource.service.name'), [{ type: 'string', value: 'cart' }, { type: 'string', value: 'shop' }], 'values');
    equal(await values('span.rows'), [{ type: 'int', value: '5' }], 'of integers');
    equal(await values('resource.service.name', { q: '{ span.rows = 5 }' }), [{ type: 'string', value: 'cart' }], 'filtered');
    equal((await values('status')).map((v) => v.type), ['keyword', 'keyword'], 'keywords');
    const series = (await a.get(`/tempo/api/metrics/query?${q({ q: '{} | count_over_time() by (resource.service.name)', ...range })}`)).json.series;
    equal(series.map((s) => [s.labels[0].value.stringValue, s.value]), [['cart', 1], ['shop', 2]], 'an instant');
    const steps = (await a.get(`/tempo/api/metrics/query_range?${q({ q: '{ } | count_over_time()', ...range, step: '60s' })}`)).json.series[0].samples;
    equal(steps.reduce((sum, s) => sum + s.value, 0), 3, 'a range');
    equal((await a.get('/tempo/api/search?q=%7B')).status, 400, 'what does not parse');
  },

  async 'the streaming querier'() {
    const { a } = await up();
    for (const door of ['http', 'grpc']) {
      const health = await call(a.ports[door], 'Search', Buffer.alloc(0));
      equal([health.status, health.messages.length], [0, 1], `${door}: an empty search`);
      const [trace] = field(health.messages[0], 1);
      equal(field(trace, 1)[0].toString(), ID, `${door}: the trace`);
    }
    const tags = await call(a.ports.grpc, 'SearchTagsV2', wire.message([1, 'len', 'event']));
    equal(field(field(tags.messages[0], 1)[0], 2)[0].toString(), 'exception.type', 'tags');
    const values = await call(a.ports.grpc, 'SearchTagValuesV2', wire.message([1, 'len', 'span.rows']));
    equal(field(values.messages[0], 1).map((v) => field(v, 2)[0].toString()), ['5'], 'values');
    const end = BigInt(Date.now()) * 1000000n;
    const rate = await call(a.ports.grpc, 'MetricsQueryInstant', wire.message([1, 'len', '{} | count_over_time()'], [2, 'varint', end - 3600000000000n], [3, 'varint', end]));
    equal([rate.status, field(field(rate.messages[0], 1)[0], 2)[0].readDoubleLE()], [0, 3], 'an instant query');
    const broken = await call(a.ports.grpc, 'Search', wire.message([8, 'len', '{']));
    equal([broken.status, broken.messages.length], [3, 0], 'what does not parse');
    check(broken.message.includes('parse error'), broken.message);
  },

  async "what Grafana and Jaeger's UI ask of Jaeger"() {
    const { a, t0 } = await up();
    const data = async (path) => (await a.get(`/jaeger/api/${path}`)).json.data;
    equal(await data('services'), ['cart', 'shop'], 'services');
    equal(await data('services/shop/operations'), ['GET /cart', 'call cart'], 'operations');
    equal(await data('operations?service=shop&spanKind=client'), [{ name: 'call cart', spanKind: 'client' }], 'of a kind');
    const search = (o) => data(`traces?${q({ start: (t0 - 1000) * 1000, end: (t0 + 1000) * 1000, ...o })}`);
    equal((await search({ service: 'shop' })).map((t) => [t.traceID, t.spans.length]), [[ID, 3]], 'a search');
    equal((await search({ service: 'shop', operation: 'GET /cart', tags: '{"http.status_code":"500","error":"true"}', minDuration: '40ms' })).length, 1, 'by everything');
    equal((await search({ service: 'shop', tags: '{"http.status_code":"404"}' })).length, 0, 'by another tag');
    equal((await search({ service: 'shop"} || {name=~".*' })).length, 0, 'what is typed stays text');
    equal(await data(`dependencies?endTs=${Date.now()}&lookback=3600000`), [{ parent: 'shop', child: 'cart', callCount: 1 }], 'dependencies');
    const times = `query.start_time_min=${new Date(t0 - 1000).toISOString()}&query.start_time_max=${new Date(t0 + 1000).toISOString().replace('Z', '+00:00')}`;
    const three = (await a.get(`/api/v3/traces?query.service_name=shop&${times}`)).json;
    equal(three.result.resourceSpans.length, 2, 'version 3, a plus that is not escaped');
    equal((await a.get(`/api/v3/traces?query.service_name=none&${times}`)).status, 404, 'nothing');
    const [summary] = (await a.get(`/api/v3/trace-summaries?query.service_name=shop&${times}`)).json.summaries;
    equal([summary.traceId, summary.spanCount, summary.errorSpanCount], [ID, 3, 1], 'summaries');
    equal((await a.get('/api/v3/services')).json, { services: ['cart', 'shop'] }, 'services, version 3');
  },

  async 'andon query --traces and andon trace'() {
    const { a } = await up();
    const url = ['--url', `http://127.0.0.1:${a.ports.http}`];
    const tree = await command(['trace', ID, ...url]);
    equal(tree.status, 0, tree.err);
    equal(tree.out.split('\n').slice(1, 4).map((l) => l.slice(20)), ['shop: GET /cart  server  ERROR it broke', '  shop: call cart  client', '    cart: read  server'], 'the tree');
    const found = await command(['query', '--traces', '{ status = error }', ...url]);
    check(found.out.includes(ID) && found.out.includes('shop: GET /cart'), found.out + found.err);
    const vector = await command(['query', '--traces', '{} | count_over_time() by (resource.service.name)', ...url]);
    equal(vector.out, '{resource.service.name="cart"}  1\n{resource.service.name="shop"}  2\n', 'an instant');
    const range = await command(['query', '--traces', '{} | rate() by (resource.service.name)', '--range', '10m', ...url]);
    check(/service.name="cart"}  .*max 0\.\d+/.test(range.out), `a range: ${range.out} ${range.err}`);
    equal((await command(['query', '--traces', '{ x', ...url])).status, 1, 'what does not parse');
    const none = await command(['trace', '1', ...url]);
    equal([none.status, none.err], [1, 'andon: trace not found\n'], 'none');
    equal((await command(['trace', 'zz', ...url])).status, 2, 'no id');
    const json = await command(['trace', ID, '--json', ...url]);
    equal(JSON.parse(json.out).data[0].traceID, ID, '--json');
  },

  async 'data sources for Grafana'() {
    const { a } = await up();
    const file = await a.get('/-/grafana/provisioning.yaml');
    check(file.text.includes(`url: http://127.0.0.1:${a.ports.http}/tempo\n`), file.text);
    equal((await a.get('/-/grafana/provisioning.yaml', { headers: { host: 'a\tb' } })).status, 400, 'a host that is none');
  },
});

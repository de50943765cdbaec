/* together.mjs - from one signal to the others, and what the server traces of itself. */
import { check, equal, eventually, run, start } from './andon.mjs';

const attributes = (of) => Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
const json = (a, path, body) => a.post(path, 'application/json', JSON.stringify(body));
const ns = (ms) => `${Math.round(ms)}000000`;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736', OTHER = '00f067aa0ba902b700f067aa0ba902b7';
const WEB = '00000000000000a1', CART = '00000000000000a2';

/* Two services, a trace through both, lines of logs with its ids and without, and a metric
 * whose exemplar names it. */
async function tell(a, cart = 'cart') {
  const now = Date.now(), resource = (service) => ({ attributes: attributes({ 'service.name': service, 'service.namespace': 'shop' }) });
  const span = (service, traceId, spanId, parentSpanId, startMs, ms) => ({ resource: resource(service), scopeSpans: [{ spans: [{ traceId, spanId, parentSpanId,
    name: `${spanId} of ${traceId.slice(0, 4)}`, kind: 2, startTimeUnixNano: ns(startMs), endTimeUnixNano: ns(startMs + ms), status: { code: service === 'web' ? 0 : 2 } }] }] });
  const line = (service, body, traceId, spanId, timeMs = now - 19000) => ({ resource: resource(service), scopeLogs: [{ logRecords: [{ timeUnixNano: ns(timeMs), body: { stringValue: body }, traceId, spanId }] }] });
  const answers = [
    await json(a, '/v1/traces', { resourceSpans: [span('web', TRACE, WEB, '', now - 20000, 900), span(cart, TRACE, CART, WEB, now - 19800, 500), span('web', OTHER, WEB, '', now - 20000, 5)] }),
    await json(a, '/v1/logs', { resourceLogs: [line('web', 'asked for the cart', TRACE, WEB), line(cart, 'the cart is gone', TRACE, CART),
      line(cart, 'no trace'), line('web', 'another trace', OTHER, WEB), line('web', 'long ago', TRACE, WEB, now - 3000000)] }),
    await json(a, '/v1/metrics', { resourceMetrics: [{ resource: resource(cart), scopeMetrics: [{ metrics: [{ name: 'carts', unit: '1', sum: { aggregationTemporality: 2, isMonotonic: true,
      dataPoints: [{ timeUnixNano: ns(now - 19000), asDouble: 7, exemplars: [{ timeUnixNano: ns(now - 19000), asDouble: 1, traceId: TRACE, spanId: CART }] }] } }] }] }] }),
  ];
  equal(answers.map((r) => r.status), [200, 200, 200], 'all three are taken');
  return now;
}

const lines = (data) => data.logs.streams.flatMap((s) => s.values.map(([, line]) => line)).sort();
const names = (data) => [...new Set(data.metrics.series.map((s) => s.__name__))].sort();

async function correlate(a, query) {
  const r = await a.get(`/api/v1/correlate?${query}`);
  equal([r.status, r.json?.status], [200, 'success'], query);
  return r.json.data;
}

await run({
  async 'a trace leads to its logs, its metrics and the exemplars that name it'() {
    const a = await start({ args: ['--span-metrics=false'] });
    const now = await tell(a);
    const data = await correlate(a, `trace_id=${TRACE}`);
    equal(data.services.sort(), ['cart', 'web'], 'its services');
    equal(data.traces.map((t) => [t.traceID, t.rootServiceName, t.durationMs, t.serviceStats]), [[TRACE, 'web', 900, { web: { spanCount: 1 }, cart: { spanCount: 1, errorCount: 1 } }]], 'the trace');
    equal(lines(data), ['asked for the cart', 'the cart is gone'], 'lines with its id, around its time');
    check(names(data).includes('carts_ratio_total') || names(data).includes('carts_total'), `the metrics of its services: ${names(data)}`);
    equal(data.exemplars.map((e) => [e.labels.trace_id, e.value]), [[TRACE, '1']], 'the exemplar');
    check(data.range.start < (now - 20000) / 1000 && data.range.end > (now - 19100) / 1000, 'the range');
    const span = await correlate(a, `trace_id=${TRACE}&span_id=${CART}`);
    equal([span.services, lines(span)], [['cart'], ['the cart is gone']], 'one span of it');
    const service = await correlate(a, `service=cart&time=${(now - 19000) / 1000}&window=30s`);
    equal([service.traces.map((t) => t.traceID), lines(service)], [[TRACE], ['no trace', 'the cart is gone']], 'a service around a time');
    equal((await correlate(a, `service=cart&time=${(now - 400000) / 1000}&window=30s`)).traces, [], 'and around another');
    equal((await correlate(a, `trace_id=${'9'.repeat(32)}`)).traces, [], 'a trace that is not here');
    equal(await a.stop(), 0, 'exit status');
  },

  async 'names that look like queries stay names'() {
    const evil = 'a"b|.*\\{}`\n$(x)', a = await start({ args: ['--span-metrics=false'] });
    await tell(a, evil);
    const data = await correlate(a, `trace_id=${TRACE}&span_id=${CART}`);
    equal([data.services, lines(data)], [[evil], ['the cart is gone']], 'its span and line are found');
    check(data.metrics.series.length > 0, 'and its series');
    equal(lines(await correlate(a, `service=${encodeURIComponent(evil)}`)), ['no trace', 'the cart is gone'], 'by name, too');
    for (const [query, words] of [['', 'one of trace_id and service'], ['service=a&trace_id=1', 'one of trace_id and service'], ['trace_id=xyz', '32 hexadecimal'],
      ['trace_id=1&span_id=12345678123456789', '16 hexadecimal'], ['span_id=1&service=a', '16 hexadecimal'], ['service=a&window=2d', 'window'], ['service=a&time=x', 'time'], ['service=a&limit=0', 'limit']]) {
      const r = await a.get(`/api/v1/correlate?${query}`);
      check(r.status === 400 && r.text.includes(words), `${query}: ${r.status} ${r.text}`);
    }
    equal(await a.stop(), 0, 'exit status');
  },

  async 'the server traces its own requests'() {
    const a = await start({ args: ['--span-metrics=false'] });
    const parent = '00000000000000b7';
    await a.get('/api/v1/query?query=vector(1)', { headers: { traceparent: `00-${TRACE}-${parent}-01` } });
    await a.get('/api/v1/query?query=vector(2)', { headers: { traceparent: `00-${OTHER}-${parent}-00` } });
    const read = (id) => a.get(`/api/v3/traces/${id}`);
    await eventually(async () => (await read(TRACE)).status === 200, 'a sampled request is stored');
    const [group] = (await read(TRACE)).json.result.resourceSpans, { spans } = group.scopeSpans[0];
    const request = spans.find((s) => s.parentSpanId === parent), query = spans.find((s) => s.name === 'query PromQL');
    equal([request?.name, request?.kind], ['GET /api/v1/query', 2], 'the request is below its caller');
    equal([query?.parentSpanId, query?.attributes], [request.spanId, [{ key: 'db.query.text', value: { stringValue: 'vector(1)' } }]], 'and its query below it');
    check(BigInt(query.startTimeUnixNano) >= BigInt(request.startTimeUnixNano) && BigInt(query.endTimeUnixNano) <= BigInt(request.endTimeUnixNano), 'within its time');
    equal(group.resource.attributes.find((x) => x.key === 'service.name')?.value, { stringValue: 'andon' }, 'of service andon');
    await tell(a);
    await eventually(async () => {
      const found = (await a.get(`/api/search?q=${encodeURIComponent('{ resource.service.name = "andon" && name = "decode, append, sync" }')}`)).json.traces;
      return found.length > 0;
    }, 'what was sent is traced, too');
    equal((await read(OTHER)).json.result.resourceSpans.some((g) => g.resource.attributes.some((x) => x.value.stringValue === 'andon')), false, 'what the caller leaves out is not kept');
    equal(await a.stop(), 0, 'exit status');
  },
});

/* traces.test.mjs - real senders of traces, each with its defaults: OpenTelemetry's JavaScript
 * SDK through its three exporters, and through its exporter for Zipkin.  What they sent is
 * read back as OTLP JSON, span by span, attribute by attribute, times to the nanosecond (to
 * the microsecond where Zipkin's form has no more). */
import { context, diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter as Grpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as Json } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as Protobuf } from '@opentelemetry/exporter-trace-otlp-proto';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { check, equal, run, start } from '../scenario/andon.mjs';

const warnings = [];
const heard = (...words) => warnings.push(words.map(String).join(' '));
diag.setLogger({ error: heard, warn: heard, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

const RESOURCE = { 'service.name': 'cart', 'service.instance.id': 'räksmörgås', 'process.pid': 42, ratio: 0.5, switches: [true, false] };
const LINKED = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED };
const ODD = 'räksmörgås \t"quoted"\\ \u{1F600}\nsecond line';

/* Parents by index; times in ns after the first start. */
const SPANS = [
  { name: 'GET /cart', kind: SpanKind.SERVER, from: 0, to: 5000000123, attributes: { 'http.route': '/cart/{id}', 'http.response.status_code': 200,
    share: 1.5, negative: -7, big: 2 ** 53 - 1, tiny: 5e-324, ok: true, not: false, empty: '', odd: ODD, long: 'x'.repeat(5000),
    list: ['a', 'b', ''], numbers: [1, 2, 3], doubles: [0.5, 1.25], flags: [true, false], none: [] } },
  { name: 'SELECT', kind: SpanKind.CLIENT, parent: 0, from: 1000001, to: 2000000007, attributes: { 'db.system': 'postgresql', try: 2 },
    events: [['retry', 1500001, { wait: 0.25, try: 1, why: 'lock' }], ['gone', 1900000, {}]],
    status: { code: SpanStatusCode.ERROR, message: 'deadlock "detected"' },
    links: [{ context: LINKED, attributes: { kind: 'batch', n: 3 } }] },
  { name: 'price', kind: SpanKind.INTERNAL, parent: 1, from: 1100000, to: 1200000, attributes: {}, status: { code: SpanStatusCode.OK } },
  { name: 'orders publish', kind: SpanKind.PRODUCER, parent: 0, from: 3000000, to: 3000000, attributes: { 'messaging.system': 'kafka' } },
  { name: 'orders process', kind: SpanKind.CONSUMER, parent: 3, from: 4000000, to: 4100000, attributes: {} },
];

/* The spans, ended, children before their parents; their contexts and the first start. */
async function send(exporter) {
  const provider = new TracerProvider({ resource: resourceFromAttributes(RESOURCE), spanProcessors: [new BatchSpanProcessor({ exporter })] });
  const tracer = provider.getTracer('shop.tests', '1.2.3', { schemaUrl: 'https://opentelemetry.io/schemas/1.30.0' });
  const second = Math.floor(Date.now() / 1000) - 60;
  const at = (ns) => [second + Math.floor(ns / 1e9), ns % 1e9];
  const open = [];
  for (const s of SPANS) {
    const around = s.parent === undefined ? ROOT_CONTEXT : trace.setSpan(context.active(), open[s.parent]);
    open.push(tracer.startSpan(s.name, { kind: s.kind, startTime: at(s.from), attributes: s.attributes, links: s.links }, around));
    for (const [name, ns, attributes] of s.events ?? []) open.at(-1).addEvent(name, attributes, at(ns));
    if (s.status) open.at(-1).setStatus(s.status);
  }
  for (let i = SPANS.length - 1; i >= 0; i--) open[i].end(at(SPANS[i].to));
  await provider.forceFlush();
  await provider.shutdown();
  return { contexts: open.map((s) => s.spanContext()), ns: (offset) => String(BigInt(second) * 1000000000n + BigInt(offset)) };
}

const any = (v) => {
  if (Array.isArray(v)) return { arrayValue: { values: v.map(any) } };
  if (typeof v === 'string') return { stringValue: v };
  if (typeof v === 'boolean') return { boolValue: v };
  return Number.isInteger(v) ? { intValue: String(v) } : { doubleValue: v };
};
const sorted = (attributes) => (attributes ?? []).toSorted((a, b) => (a.key < b.key ? -1 : 1));
const attributes = (of) => sorted(Object.entries(of).map(([key, v]) => ({ key, value: any(v) })));
/* Members that may be left out when they are 0 or empty. */
const code = (status) => status?.code ?? 0;
const message = (status) => status?.message ?? '';

async function readBack(a, traceId) {
  const answer = await a.get(`/api/v3/traces/${traceId}`);
  if (!equal(answer.status, 200, 'the trace is there')) return [];
  return answer.json.result.resourceSpans;
}

async function findOtlp(a, { contexts, ns }) {
  const resources = await readBack(a, contexts[0].traceId);
  if (!equal(resources.length, 1, 'resources')) return;
  const own = sorted(resources[0].resource.attributes);
  equal(own, attributes(RESOURCE), 'resource attributes');
  if (!equal(resources[0].scopeSpans.length, 1, 'scopes')) return;
  const [{ scope, spans, schemaUrl }] = resources[0].scopeSpans;
  equal([scope.name, scope.version, schemaUrl], ['shop.tests', '1.2.3', 'https://opentelemetry.io/schemas/1.30.0'], 'scope');
  equal(spans.length, SPANS.length, 'spans');
  SPANS.forEach((s, i) => {
    const got = spans.find((x) => x.spanId === contexts[i].spanId);
    if (!check(got, `${s.name}: is there`)) return;
    equal([got.traceId, got.name, got.kind], [contexts[i].traceId, s.name, s.kind + 1], `${s.name}: id, name, kind`);
    equal(got.parentSpanId ?? '', s.parent === undefined ? '' : contexts[s.parent].spanId, `${s.name}: parent`);
    equal([got.startTimeUnixNano, got.endTimeUnixNano], [ns(s.from), ns(s.to)], `${s.name}: times`);
    const have = sorted(got.attributes);
    attributes(s.attributes).forEach((want, k) => equal(have[k], want, `${s.name}: attribute ${want.key}`));
    equal(have.length, Object.keys(s.attributes).length, `${s.name}: attributes`);
    equal([code(got.status), message(got.status)], [code(s.status), message(s.status)], `${s.name}: status`);
    equal(got.flags & 1, 1, `${s.name}: sampled`);
    const events = (got.events ?? []).map((e) => [e.name, e.timeUnixNano, sorted(e.attributes)]);
    equal(events, (s.events ?? []).map(([name, at, of]) => [name, ns(at), attributes(of)]), `${s.name}: events`);
    const links = (got.links ?? []).map((l) => [l.traceId, l.spanId, sorted(l.attributes)]);
    equal(links, (s.links ?? []).map((l) => [l.context.traceId, l.context.spanId, attributes(l.attributes)]), `${s.name}: links`);
  });
}

/* Zipkin's form: texts, microseconds, no links; attributes of the resource are tags. */
async function findZipkin(a, { contexts, ns }) {
  const micros = (offset) => String((BigInt(ns(offset)) / 1000n) * 1000n);
  const resources = await readBack(a, contexts[0].traceId);
  if (!equal(resources.length, 1, 'resources')) return;
  equal(resources[0].resource.attributes, [{ key: 'service.name', value: { stringValue: 'cart' } }], 'resource');
  const spans = resources[0].scopeSpans.flatMap((s) => s.spans);
  equal(spans.length, SPANS.length, 'spans');
  SPANS.forEach((s, i) => {
    const got = spans.find((x) => x.spanId === contexts[i].spanId);
    if (!check(got, `${s.name}: is there`)) return;
    equal([got.traceId, got.name, got.kind], [contexts[i].traceId, s.name, s.kind + 1], `${s.name}: id, name, kind`);
    equal(got.parentSpanId ?? '', s.parent === undefined ? '' : contexts[s.parent].spanId, `${s.name}: parent`);
    const off = [BigInt(got.startTimeUnixNano) - BigInt(micros(s.from)), BigInt(got.endTimeUnixNano) - BigInt(micros(s.to))].map(Number);
    check(off.every((v) => Math.abs(v) <= 2000), `${s.name}: times are off by ${off} ns`);
    const tags = Object.entries({ ...s.attributes, ...RESOURCE }).map(([key, v]) => [key, String(v)]);
    equal(sorted(got.attributes), attributes(Object.fromEntries(tags)), `${s.name}: tags`);
    equal([code(got.status), message(got.status)], [code(s.status), message(s.status)], `${s.name}: status`);
    equal((got.events ?? []).map((e) => e.name), (s.events ?? []).map(([name]) => name), `${s.name}: annotations`);
  });
}

async function counted(a, door) {
  const metrics = await a.metrics();
  for (const name of ['received', 'accepted'])
    equal(metrics[`andon_items_${name}_total{door="${door}",signal="traces"}`], SPANS.length, name);
}

const cases = {};
for (const [name, Exporter, door] of [['protobuf', Protobuf, 'http'], ['json', Json, 'http'], ['grpc', Grpc, 'grpc']])
  cases[`OpenTelemetry, ${name}`] = async () => {
    const a = await start();
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${a.ports[door]}`;
    warnings.length = 0;
    const sent = await send(new Exporter());
    equal(warnings, [], 'what the SDK warns about');
    await findOtlp(a, sent);
    await counted(a, `otlp_${door}`);
    equal(await a.stop(), 0, 'exit status');
    const again = await start({ dir: a.dir });
    await findOtlp(again, sent); /* from the journal */
  };
cases['OpenTelemetry, Zipkin'] = async () => {
  const a = await start();
  process.env.OTEL_EXPORTER_ZIPKIN_ENDPOINT = `http://127.0.0.1:${a.ports.http}/api/v2/spans`;
  warnings.length = 0;
  const sent = await send(new ZipkinExporter());
  equal(warnings, [], 'what the SDK warns about');
  await findZipkin(a, sent);
  await counted(a, 'zipkin');
};

await run(cases);

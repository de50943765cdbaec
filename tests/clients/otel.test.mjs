/* otel.test.mjs - OpenTelemetry's JavaScript SDK with its defaults, through each of
 * its three exporters: everything it recorded is found again by PromQL with exact
 * values and labels, and it has nothing to warn about.
 *
 * Only the standard variables are set: OTEL_EXPORTER_OTLP_ENDPOINT, and in some
 * runs _COMPRESSION and _METRICS_TEMPORALITY_PREFERENCE. */
import { diag, DiagLogLevel, ValueType } from '@opentelemetry/api';
import { OTLPMetricExporter as Grpc } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as Json } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as Protobuf } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { check, equal, run, start } from '../scenario/andon.mjs';

const warnings = [];
const heard = (...words) => warnings.push(words.map(String).join(' '));
diag.setLogger({ error: heard, warn: heard, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

const BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
const LATENCIES = [0, 0.5, 5, 5.1, 30, 99.99, 100, 12345.678];
const SIZES = [1, 1.5, 2, 3, 1000, 0.001, 0, 123456.789];

async function record(Exporter, exporterName) {
  const reader = new PeriodicExportingMetricReader({ exporter: new Exporter(), exportIntervalMillis: 3600000, exportTimeoutMillis: 10000 });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'cart', 'service.namespace': 'shop',
      'service.instance.id': exporterName, 'host.name': 'räksmörgås', 'process.pid': 42 }),
    views: [{ instrumentName: 'payload.size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    readers: [reader],
  });
  const meter = provider.getMeter('shop.tests', '1.2.3');
  const requests = meter.createCounter('http.requests', { unit: '1', description: 'Requests "served"\nso far' });
  const exact = meter.createCounter('exact', { unit: 'By' });
  const active = meter.createUpDownCounter('active-carts', { unit: '{cart}' });
  const latency = meter.createHistogram('latency', { unit: 'ms' });
  const size = meter.createHistogram('payload.size', { unit: 'By' });
  meter.createObservableGauge('temperature', { unit: 'Cel' }).addCallback((r) => {
    r.observe(-0.1 - 0.2, { place: 'in', 'with.dot': 'x' });
    r.observe(1e300, { place: 'out' });
  });
  meter.createObservableGauge('load', { unit: '1' }).addCallback((r) => r.observe(0.75));
  meter.createObservableCounter('cpu.time', { unit: 's' }).addCallback((r) => r.observe(1234.5, { mode: 'user' }));
  meter.createObservableUpDownCounter('queue', { valueType: ValueType.INT }).addCallback((r) => r.observe(-17));
  const attributes = { route: '/a?b="c"\\', n: 7, ok: true, share: 1.5, list: ['a', 'b'], numbers: [1, 2] };
  requests.add(3, attributes);
  exact.add(0.1);
  exact.add(0.2);
  active.add(5);
  active.add(-8);
  for (const v of LATENCIES) latency.record(v, { route: '/' });
  for (const v of SIZES) size.record(v);
  await reader.forceFlush();
  requests.add(4, attributes);
  requests.add(2 ** 53 - 1, { big: 'yes' });
  latency.record(7, { route: '/' });
  size.record(64);
  await reader.forceFlush();
  await provider.shutdown(); /* one more export */
}

const among = (buckets, value) => buckets.filter(([, low, high]) => Number(low) < value && value <= Number(high));

async function findAgain(a, instance) {
  const of = (name, more = '') => `${name}{instance="${instance}"${more}}`;
  const scope = { otel_scope_name: 'shop.tests', otel_scope_version: '1.2.3' };
  const own = { instance, job: 'shop/cart', ...scope };
  const sorted = (o) => Object.fromEntries(Object.entries(o).sort(([x], [y]) => (x < y ? -1 : 1)));
  const one = async (expr, value, labels) => {
    const got = await a.values(expr);
    if (!equal(got.length, 1, `${expr}: series`)) return;
    equal(Number(got[0].value), value, expr);
    if (labels) equal(sorted(got[0].labels), sorted(labels), `${expr}: labels`);
  };
  await one(of('http_requests_total', ',n="7"'), 7, { __name__: 'http_requests_total', ...own,
    route: '/a?b="c"\\', n: '7', ok: 'true', share: '1.5', list: '["a","b"]', numbers: '[1,2]' });
  await one(of('http_requests_total', ',big="yes"'), 2 ** 53 - 1, { __name__: 'http_requests_total', ...own, big: 'yes' });
  await one(of('exact_bytes_total'), 0.1 + 0.2, { __name__: 'exact_bytes_total', ...own });
  await one(of('active_carts'), -3, { __name__: 'active_carts', ...own });
  await one(of('temperature_celsius', ',place="in"'), -0.1 - 0.2, { __name__: 'temperature_celsius', ...own, place: 'in', with_dot: 'x' });
  await one(of('temperature_celsius', ',place="out"'), 1e300);
  await one(of('load_ratio'), 0.75);
  await one(of('cpu_time_seconds_total'), 1234.5, { __name__: 'cpu_time_seconds_total', ...own, mode: 'user' });
  await one(of('queue'), -17);
  const info = await a.values(of('target_info'));
  equal(info.map((v) => [v.value, sorted(v.labels)]), [['1', sorted({ __name__: 'target_info', instance, job: 'shop/cart',
    host_name: 'räksmörgås', process_pid: '42' })]], 'target_info');
  const all = [...LATENCIES, 7];
  await one(of('latency_milliseconds_count'), all.length);
  await one(of('latency_milliseconds_sum'), all.reduce((x, y) => x + y));
  for (const le of [...BOUNDS, Infinity]) {
    const text = le === Infinity ? '+Inf' : `${le}`;
    const buckets = await a.values(of('latency_milliseconds_bucket', `,le=~"${text === '+Inf' ? '\\\\+Inf' : text}(\\\\.0)?"`));
    equal(buckets.map((b) => Number(b.value)), [all.filter((v) => v <= le).length], `latency bucket ${text}`);
  }
  const [h] = await a.values(of('payload_size_bytes'));
  const sizes = [...SIZES, 64];
  if (check(h?.histogram, 'an exponential histogram is a native one')) {
    equal(Number(h.histogram.count), sizes.length, 'payload count');
    equal(Number(h.histogram.sum), sizes.reduce((x, y) => x + y), 'payload sum');
    for (const v of sizes.filter((s) => s > 0)) {
      const buckets = among(h.histogram.buckets, v);
      check(buckets.length === 1, `one bucket holds ${v}: ${JSON.stringify(h.histogram.buckets)}`);
      if (buckets.length === 1)
        equal(Number(buckets[0][3]), sizes.filter((s) => among(buckets, s).length === 1).length, `count around ${v}`);
    }
  }
  await one(`histogram_count(${of('payload_size_bytes')})`, sizes.length);
}

const cases = {};
for (const [name, Exporter, door] of [['protobuf', Protobuf, 'http'], ['json', Json, 'http'], ['grpc', Grpc, 'grpc']])
  for (const compression of ['none', 'gzip'])
    for (const temporality of ['cumulative', 'delta'])
      cases[`${name}, ${compression}, ${temporality}`] = async () => {
        const a = await start();
        process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${a.ports[door]}`;
        delete process.env.OTEL_EXPORTER_OTLP_COMPRESSION;
        delete process.env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE;
        if (compression !== 'none') process.env.OTEL_EXPORTER_OTLP_COMPRESSION = compression;
        if (temporality !== 'cumulative') process.env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE = temporality;
        warnings.length = 0;
        await record(Exporter, name);
        equal(warnings, [], 'what the SDK warns about');
        await findAgain(a, name);
        const metrics = await a.metrics();
        const key = `{door="otlp_${door}",signal="metrics"}`;
        equal(metrics[`andon_items_accepted_total${key}`], metrics[`andon_items_received_total${key}`], 'accepted of received');
        const { data } = (await a.get('/api/v1/metadata?metric=http_requests_total')).json;
        equal(data.http_requests_total, [{ type: 'counter', help: 'Requests "served"\nso far', unit: '' }], 'metadata');
      };

await run(cases);

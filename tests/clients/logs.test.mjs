/* logs.test.mjs - real senders of logs, each with its defaults: OpenTelemetry's JavaScript SDK
 * through its three exporters, Loki's clients for winston and pino, Elasticsearch's client
 * with its bulk helper.  What they sent is found again by LogQL: lines byte by byte, fields
 * one by one, times to the nanosecond where the sender says them. */
import { Client } from '@elastic/elasticsearch';
import { diag, DiagLogLevel, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as Grpc } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as Json } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as Protobuf } from '@opentelemetry/exporter-logs-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import pino from 'pino';
import winston from 'winston';
import LokiTransport from 'winston-loki';
import { check, equal, run, start } from '../scenario/andon.mjs';

const warnings = [];
const heard = (...words) => warnings.push(words.map(String).join(' '));
diag.setLogger({ error: heard, warn: heard, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

const LINES = ['plain', '', 'räksmörgås \u0000\t"quoted"\\ \u{1F600}', 'two\nlines', 'x'.repeat(5000)];
const TRACE = '0af7651916cd43dd8448eb211c80319c', SPAN = 'b7ad6b7169203331';

/* Entries of a log query, oldest first: { ts, line, stream, metadata }. */
async function entries(a, query) {
  const end = BigInt(Date.now() + 3600000) * 1000000n;
  const at = new URL(`http://127.0.0.1:${a.ports.http}/loki/api/v1/query_range`);
  Object.entries({ query, start: '0', end: String(end), limit: '5000', direction: 'forward' })
    .forEach(([k, v]) => at.searchParams.set(k, v));
  const answer = await fetch(at, { headers: { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' } });
  if (!equal(answer.status, 200, `${query}: status`)) return [];
  const { data } = await answer.json();
  return data.result.flatMap((s) => s.values.map(([ts, line, more]) =>
    ({ ts, line, stream: s.stream, metadata: more?.structuredMetadata ?? {} })))
    .sort((x, y) => (BigInt(x.ts) < BigInt(y.ts) ? -1 : 1));
}

async function sendOtel(Exporter, name) {
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': 'cart', 'service.instance.id': name,
      'host.name': 'räksmörgås', 'process.pid': 42, ratio: 0.5, switches: [true, false] }),
    processors: [new BatchLogRecordProcessor({ exporter: new Exporter() })],
  });
  const logger = provider.getLogger('shop.tests', '1.2.3');
  const context = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  const now = Math.floor(Date.now() / 1000) - 60;
  LINES.forEach((body, i) => logger.emit({ body, timestamp: [now, i * 1000 + 7], severityNumber: SeverityNumber.WARN,
    severityText: 'WARNING', context, attributes: { i, share: 1.5, ok: true, text: 'a b', list: ['a', 1],
      'http.request': { method: 'GET', deep: { er: 'yes' } }, bytes: new Uint8Array([1, 2, 255]) } }));
  logger.emit({ body: { a: 1, b: ['x', true] }, timestamp: [now, 999999], severityNumber: SeverityNumber.ERROR,
    eventName: 'cart.failed' });
  await provider.forceFlush();
  await provider.shutdown();
  return now;
}

async function findOtel(a, name, now) {
  const got = await entries(a, `{service_name="cart", service_instance_id="${name}"}`);
  if (!equal(got.length, LINES.length + 1, `${name}: records`)) return;
  LINES.forEach((line, i) => {
    equal(got[i].line, line, `${name}: line ${i}`);
    equal(got[i].ts, `${now}${String(i * 1000 + 7).padStart(9, '0')}`, `${name}: time ${i}`);
  });
  const m = got[3].metadata;
  equal(m.i, '3', `${name}: int`);
  equal(m.share, '1.5', `${name}: double`);
  equal(m.ok, 'true', `${name}: bool`);
  equal(m.text, 'a b', `${name}: string`);
  equal(m.list, '["a",1]', `${name}: array`);
  equal(m.http_request_method, 'GET', `${name}: nested`);
  equal(m.http_request_deep_er, 'yes', `${name}: deeply nested`);
  equal(m.bytes, 'AQL/', `${name}: bytes`);
  equal(m.severity_text, 'WARNING', `${name}: severity text`);
  equal(m.severity_number, '13', `${name}: severity number`);
  equal(m.detected_level, 'warn', `${name}: level`);
  equal(m.trace_id, TRACE, `${name}: trace id`);
  equal(m.span_id, SPAN, `${name}: span id`);
  equal(m.scope_name, 'shop.tests', `${name}: scope`);
  equal(m.scope_version, '1.2.3', `${name}: scope version`);
  equal(m.host_name, 'räksmörgås', `${name}: resource string`);
  equal(m.process_pid, '42', `${name}: resource int`);
  equal(m.ratio, '0.5', `${name}: resource double`);
  equal(m.switches, '[true,false]', `${name}: resource array`);
  const last = got[LINES.length];
  equal(last.line, '{"a":1,"b":["x",true]}', `${name}: a body that is a map`);
  equal(last.metadata.event_name, 'cart.failed', `${name}: event name`);
  equal((await entries(a, `{service_instance_id="${name}"} | trace_id="${TRACE}"`)).length, LINES.length, `${name}: by trace`);
  equal((await entries(a, `{service_instance_id="${name}"} | i > 2 |= "lines"`)).length, 1, `${name}: by number and word`);
}

async function throughWinston(a) {
  const transport = new LokiTransport({ host: `http://127.0.0.1:${a.ports.http}`, labels: { app: 'winston' }, json: true, batching: false,
    format: winston.format.printf(({ message }) => message), onConnectionError: (e) => heard(String(e)) });
  const logger = winston.createLogger({ transports: [transport] });
  for (const line of ['first', 'second "two"', 'ärgerlich']) logger.info(line);
  logger.error('it broke');
  for (let i = 0; i < 50 && (await entries(a, '{app="winston"}')).length < 4; i++) await new Promise((r) => setTimeout(r, 100));
  const got = await entries(a, '{app="winston"}');
  equal(got.map((e) => e.line).sort(), ['first', 'it broke', 'second "two"', 'ärgerlich'].sort(), 'winston-loki: lines');
  equal(got.filter((e) => e.stream.level === 'error').length, 1, 'winston-loki: level label');
}

async function throughPino(a) {
  const transport = pino.transport({ target: 'pino-loki', options: { host: `http://127.0.0.1:${a.ports.http}`, labels: { app: 'pino' }, batching: { interval: 1 } } });
  const logger = pino({}, transport);
  logger.info({ order: 7 }, 'placed');
  logger.warn({ order: 8 }, 'slow');
  await new Promise((resolve) => logger.flush(resolve));
  for (let i = 0; i < 80 && (await entries(a, '{app="pino"}')).length < 2; i++) await new Promise((r) => setTimeout(r, 100));
  const got = await entries(a, '{app="pino"} | json order="order" | order > 7');
  equal(got.length, 1, 'pino-loki: found by a field of its JSON');
  check(got.length === 1 && got[0].line.includes('"msg":"slow"'), `pino-loki: line ${got[0]?.line}`);
  transport.end();
}

async function throughElastic(a) {
  const client = new Client({ node: `http://127.0.0.1:${a.ports.http}/elasticsearch` });
  const when = new Date(Date.now() - 5000).toISOString();
  const documents = [
    { '@timestamp': when, message: 'GET /cart 200', service: { name: 'shop' }, http: { status: 200, ms: 1.5 }, tags: ['a', 'b'], ok: true },
    { '@timestamp': when, message: 'GET /cart 500', service: { name: 'shop' }, http: { status: 500, ms: 9.25 } },
  ];
  const result = await client.helpers.bulk({ datasource: documents, onDocument: () => ({ create: { _index: 'logs-shop-default' } }),
    onDrop: (d) => heard(`dropped ${JSON.stringify(d)}`) });
  equal(result.successful, 2, 'elasticsearch: documents taken');
  equal(result.failed, 0, 'elasticsearch: documents failed');
  const got = await entries(a, '{service_name="shop"} | http_status >= 500');
  if (!equal(got.length, 1, 'elasticsearch: found by a number')) return;
  equal(got[0].line, 'GET /cart 500', 'elasticsearch: line');
  equal(got[0].metadata.http_ms, '9.25', 'elasticsearch: double');
  equal(got[0].ts.slice(0, 13), String(Date.parse(when)), 'elasticsearch: time');
  const first = (await entries(a, '{service_name="shop"} |= "200"'))[0];
  equal(first?.metadata.tags, '["a","b"]', 'elasticsearch: array');
  equal(first?.metadata.ok, 'true', 'elasticsearch: bool');
  await client.close();
}

const cases = {};
for (const [name, Exporter, door] of [['protobuf', Protobuf, 'http'], ['json', Json, 'http'], ['grpc', Grpc, 'grpc']])
  cases[`OpenTelemetry, ${name}`] = async () => {
    const a = await start();
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${a.ports[door]}`;
    warnings.length = 0;
    const now = await sendOtel(Exporter, name);
    equal(warnings, [], 'what the SDK warns about');
    await findOtel(a, name, now);
    const metrics = await a.metrics();
    const key = `{door="otlp_${door}",signal="logs"}`;
    equal(metrics[`andon_items_accepted_total${key}`], LINES.length + 1, 'accepted');
    equal(metrics[`andon_items_received_total${key}`], LINES.length + 1, 'received');
  };
for (const [name, send] of [['winston-loki', throughWinston], ['pino-loki', throughPino], ["Elasticsearch's client", throughElastic]])
  cases[name] = async () => {
    warnings.length = 0;
    await send(await start());
    equal(warnings, [], 'what the client complains about');
  };

await run(cases);

/* spans.mjs - spans through every door, read back as OTLP JSON. */
import zlib from 'node:zlib';
import { check, command, equal, eventually, run, start } from './andon.mjs';
import * as wire from './wire.mjs';

const QUIET = ['--self-records=false', '--self-interval', '0'];
const PROTOBUF = 'application/x-protobuf', JSON_TYPE = 'application/json';
const gz = { 'content-encoding': 'gzip' };

let made = 0;
const traceId = () => (++made).toString(16).padStart(32, 'a');
const spanId = (i) => (i + 1).toString(16).padStart(16, 'b');
const hex = (text) => Buffer.from(text, 'hex');
const now = () => BigInt(Date.now()) * 1000000n;

/* OTLP: a root and its child, of one service.  `more` are fields of both in wire form. */
const pair = (k, v) => wire.message([1, 'len', k], [2, 'len', wire.message([1, 'len', v])]);
const otlp = (service, trace, { start = now(), more = [] } = {}) => wire.message([1, 'len', wire.message(
  [1, 'len', wire.message([1, 'len', pair('service.name', service)])],
  [2, 'len', wire.message(...['root', 'child'].map((name, i) => [2, 'len', wire.message(
    [1, 'len', hex(trace)], [2, 'len', hex(spanId(i))], ...(i ? [[4, 'len', hex(spanId(0))]] : []), [5, 'len', name],
    [7, 'fixed64', start + BigInt(i)], [8, 'fixed64', start + 1000n], [9, 'len', pair('k', 'v')], ...more)]))])]);

const otlpJson = (service, trace) => JSON.stringify({ resourceSpans: [{
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeSpans: [{ spans: ['root', 'child'].map((name, i) => ({ traceId: trace, spanId: spanId(i), ...(i ? { parentSpanId: spanId(0) } : {}),
    name, startTimeUnixNano: String(now() + BigInt(i)), endTimeUnixNano: String(now() + 1000n),
    attributes: [{ key: 'k', value: { stringValue: 'v' } }] })) }] }] });

const zipkin = (service, trace) => JSON.stringify(['root', 'child'].map((name, i) => ({ traceId: trace, id: spanId(i),
  ...(i ? { parentId: spanId(0) } : {}), name, timestamp: Date.now() * 1000 + i, duration: 1, localEndpoint: { serviceName: service }, tags: { k: 'v' } })));

/* [service, root, child of it, attribute] of the trace, or what was answered instead. */
async function read(a, trace) {
  const r = await a.get(`/api/v3/traces/${trace}`);
  if (r.status !== 200) return r.status;
  const { resource, scopeSpans } = r.json.result.resourceSpans[0];
  const spans = scopeSpans.flatMap((s) => s.spans);
  const root = spans.find((s) => !s.parentSpanId), child = spans.find((s) => s.parentSpanId === root.spanId);
  return [resource.attributes[0].value.stringValue, root.name, child?.name, child?.attributes[0].value.stringValue];
}
const as = (service) => [service, 'root', 'child', 'v'];

async function counted(a, door) {
  const m = await a.metrics();
  const sum = (name) => Object.entries(m).filter(([k]) => k.startsWith(`${name}{`) && k.includes('signal="traces"') && k.includes(`door="${door}"`))
    .reduce((n, [, v]) => n + v, 0);
  return { received: sum('andon_items_received_total'), accepted: sum('andon_items_accepted_total'), rejected: sum('andon_items_rejected_total') };
}

await run({
  async 'every door, and each read back; also after a kill'() {
    const a = await start({ args: QUIET });
    const door = a.frames(), ids = {};
    const id = (name) => (ids[name] = traceId());
    const answers = {
      otlp: (await a.post('/v1/traces', PROTOBUF, otlp('otlp', id('otlp')))).status,
      mounted: (await a.post('/otlp/v1/traces', PROTOBUF, zlib.gzipSync(otlp('mounted', id('mounted'))), gz)).status,
      prefixed: (await a.post('/opentelemetry/v1/traces', JSON_TYPE, otlpJson('prefixed', id('prefixed')))).status,
      inserted: (await a.post('/insert/opentelemetry/v1/traces', JSON_TYPE, zlib.gzipSync(otlpJson('inserted', id('inserted'))), gz)).status,
      zipkin: (await a.post('/api/v2/spans', JSON_TYPE, zipkin('zipkin', id('zipkin')))).status,
      zipped: (await a.post('/api/v2/spans', JSON_TYPE, zlib.gzipSync(zipkin('zipped', id('zipped'))), gz)).status,
      frames: (await door.send(otlp('frames', id('frames')), { kind: 3 })).status,
    };
    door.close();
    equal(answers, { otlp: 200, mounted: 200, prefixed: 200, inserted: 200, zipkin: 202, zipped: 202, frames: 0 }, 'answers');
    await a.datagram(wire.envelope(otlp('datagram', id('datagram')), { sequence: 1, kind: 3 }));
    await eventually(async () => (await read(a, ids.datagram))[0] === 'datagram', 'the datagram');
    for (const name of Object.keys(ids)) equal(await read(a, ids[name]), as(name), name);
    for (const [name, want] of [['otlp_http', 8], ['zipkin', 4], ['tcp', 2], ['udp', 2]])
      equal(await counted(a, name), { received: want, accepted: want, rejected: 0 }, `${name}: counted`);
    await a.kill();
    const b = await start({ dir: a.dir, args: QUIET });
    for (const name of Object.keys(ids)) equal(await read(b, ids[name]), as(name), `${name}, after a kill`);
  },

  async 'what is refused, and where it is said'() {
    const a = await start({ args: QUIET });
    const future = await a.post('/v1/traces', JSON_TYPE, otlpJson('shop', traceId()).replace(/"startTimeUnixNano":"\d+"/, '"startTimeUnixNano":"9000000000000000000"'));
    equal([future.status, future.json?.partialSuccess?.rejectedSpans], [200, '1'], `one of two: ${future.text}`);
    check(/too_new: 1/.test(future.json?.partialSuccess?.errorMessage), `why: ${future.text}`);
    const short = await a.post('/v1/traces', JSON_TYPE, otlpJson('shop', 'abcd'));
    equal([short.status, short.json?.partialSuccess?.rejectedSpans], [200, '2'], `ids: ${short.text}`);
    const odd = await a.post('/api/v2/spans', JSON_TYPE, JSON.stringify([{ traceId: '1', id: '1', timestamp: Date.now() * 1000 }, { traceId: '1' }]));
    equal([odd.status, /element 2: id is not/.test(odd.text)], [400, true], `Zipkin: ${odd.text}`);
    equal((await a.get('/api/v3/traces/1')).status, 200, 'and the other one is kept');
    equal((await a.post('/api/v2/spans', JSON_TYPE, '{}')).status, 400, 'no list');
    equal((await a.post('/api/v2/spans', PROTOBUF, Buffer.alloc(1))).status, 415, 'another type');
    equal((await a.get('/api/v2/spans')).status, 405, 'another method');
    equal((await a.post('/v1/traces', PROTOBUF, Buffer.from([0xff]))).status, 400, 'garbage');
    equal((await a.post('/v1/traces', PROTOBUF, Buffer.alloc(21 << 20)).catch((e) => ({ status: e.code }))).status, 413, 'too large');
    equal(await counted(a, 'otlp_http'), { received: 4, accepted: 1, rejected: 3 }, 'counted');
    const { rejects } = (await a.get('/-/rejects')).json;
    check(rejects.some((r) => r.reason === 'too_new' && r.text.startsWith('shop: root trace=')), `the ring: ${JSON.stringify(rejects)}`);
  },

  async 'andon send span'() {
    const a = await start({ args: QUIET });
    const args = ['--duration', '90', '--kind', 'server', '--status', 'error', '--message', 'it broke', '--label', 'host.name=h1', '--field', 'order=7', '--service', 'shop'];
    const tcp = await command(['send', 'span', 'backup', ...args, '--to', `tcp://127.0.0.1:${a.ports.tcp}`]);
    const parent = tcp.out.match(/^traceparent=(00-([0-9a-f]{32})-([0-9a-f]{16})-01)$/m);
    if (!equal([tcp.status, /status=ok/.test(tcp.out), !!parent], [0, true, true], `tcp: ${tcp.out}${tcp.err}`)) return;
    const udp = await command(['send', '--to', `udp://127.0.0.1:${a.ports.udp}`, 'span', 'step', '--traceparent', parent[1], '--service', 'shop']);
    equal(udp.status, 0, `udp: ${udp.err}`);
    const spans = async () => (await a.get(`/api/v3/traces/${parent[2]}`)).json.result.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
    await eventually(async () => (await spans()).length === 2, 'both are there');
    const [root, child] = (await spans()).toSorted((x, y) => Number(BigInt(x.startTimeUnixNano) - BigInt(y.startTimeUnixNano)));
    equal([root.name, root.spanId, root.kind, root.status, root.parentSpanId ?? ''], ['backup', parent[3], 2, { message: 'it broke', code: 2 }, ''], 'root');
    equal(BigInt(root.endTimeUnixNano) - BigInt(root.startTimeUnixNano) === 90000000000n, true, 'duration');
    equal(root.attributes, [{ key: 'order', value: { stringValue: '7' } }], 'fields');
    equal([child.name, child.parentSpanId, child.kind], ['step', parent[3], 1], 'child');
    for (const [words, want] of [[['span'], /[Uu]sage/], [['span', 'x', '--kind', 'odd'], /want internal/], [['span', 'x', '--status', 'bad'], /want ok/],
      [['span', 'x', '--duration', 'long'], /want seconds/], [['span', 'x', '--duration', '-1'], /want seconds/], [['span', 'x', '--field', 'y'], /name=value/],
      [['span', 'x', '--traceparent', parent[1].slice(1)], /want 00-TRACE/], [['span', 'x', '--traceparent', parent[1].replace(parent[2], '0'.repeat(32))], /want 00-TRACE/]]) {
      const r = await command(['send', ...words]);
      equal([r.status, want.test(r.err)], [2, true], `${words}: ${r.err}`);
    }
  },
});

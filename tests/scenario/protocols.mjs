/* protocols.mjs - what each protocol is answered (reliability 4.3), and that every
 * item is counted once (T23).  gRPC has a real client in tests/clients. */
import zlib from 'node:zlib';
import { check, equal, eventually, run, start } from './andon.mjs';
import * as wire from './wire.mjs';

let clock = Date.now();
const point = (more = {}) => ({ name: 'p', labels: { a: 'b' }, ms: ++clock, value: 1, ...more });
const OTLP = 'application/x-protobuf', JSON_TYPE = 'application/json';
const cells = [];
/* A cell of the table: the status, and whatever must hold of the answer. */
function cell(name, r, status, also = () => true) {
  const isGood = check(r.status === status, `${name}: ${r.status}, want ${status}: ${r.text.slice(0, 200)}`) && check(also(r), `${name}: ${JSON.stringify(r.headers)} ${r.text.slice(0, 300)}`);
  cells.push(isGood);
}
const hasStatus = (code) => (r) => r.headers['content-type'] === OTLP && Number(wire.fields(r.body).find((f) => f.number === 1)?.value) === code;
const hasJsonStatus = (code) => (r) => r.headers['content-type'] === JSON_TYPE && r.json.code === code && r.json.message.length > 0;
const isSynced = (r) => r.headers['x-durability'] === 'synced';
const retries = (r) => Number(r.headers['retry-after']) >= 1;
const written = (r) => ['samples', 'histograms', 'exemplars'].map((w) => r.headers[`x-prometheus-remote-write-${w}-written`]);

await run({
  async 'OTLP over HTTP'() {
    const a = await start({ args: ['--series-max', '500', '--retention', '1d'] });
    for (const path of ['/v1/metrics', '/otlp/v1/metrics', '/api/v1/otlp/v1/metrics', '/opentelemetry/v1/metrics'])
      cell(path, await a.post(path, OTLP, wire.otlp([point()])), 200, (r) => r.body.length === 0 && isSynced(r) && r.headers['content-type'] === OTLP);
    cell('json', await a.postJson(wire.otlpJson([point()])), 200, (r) => r.text === '{}' && isSynced(r) && r.headers['content-type'] === JSON_TYPE);
    cell('type with parameters', await a.post('/v1/metrics', 'Application/JSON; charset=utf-8', wire.otlpJson([point()])), 200);
    cell('empty', await a.postOtlp(Buffer.alloc(0)), 200);
    cell('empty json', await a.postJson('{}'), 200);
    const old = () => [point(), point({ ms: Date.now() - 40 * 86400000 })];
    cell('partial', await a.postOtlp(wire.otlp(old())), 200, (r) => {
      const partial = wire.fields(wire.fields(r.body)[0].value);
      return Number(partial.find((f) => f.number === 1).value) === 1 && partial.find((f) => f.number === 2).value.length > 0;
    });
    cell('partial json', await a.postJson(wire.otlpJson(old())), 200, (r) => String(r.json.partialSuccess.rejectedDataPoints) === '1' && r.json.partialSuccess.errorMessage);
    cell('cannot decode', await a.postOtlp(Buffer.from([10, 200])), 400, hasStatus(3));
    cell('cannot decode json', await a.postJson('{"resourceMetrics":[{]}'), 400, hasJsonStatus(3));
    cell('text', await a.post('/v1/metrics', 'text/plain', 'x'), 415);
    cell('no type', await a.request('POST', '/v1/metrics', { body: 'x' }), 415);
    cell('unknown coding', await a.postOtlp(wire.otlp([point()]), { 'content-encoding': 'br' }), 415);
    cell('coding that is a lie', await a.postOtlp(wire.otlp([point()]), { 'content-encoding': 'gzip' }), 400);
    for (const [coding, fn] of [['gzip', zlib.gzipSync], ['deflate', zlib.deflateSync], ['snappy', wire.snappy], ['identity', (b) => b]])
      cell(coding, await a.postOtlp(fn(wire.otlp([point({ name: `coded_${coding}` })])), { 'content-encoding': coding }), 200);
    equal(await a.value('count({__name__=~"coded_.*"})'), '4', 'what came compressed is there');
    cell('chunked', await a.request('POST', '/v1/metrics', { headers: { 'content-type': OTLP, 'transfer-encoding': 'chunked' }, body: wire.otlp([point({ name: 'chunked' })]) }), 200);
    cell('too large', await a.postOtlp(Buffer.alloc(21 << 20)).catch((e) => ({ status: e.code, text: '', headers: {} })), 413);
    cell('too large once inflated', await a.postOtlp(zlib.gzipSync(Buffer.alloc(40 << 20)), { 'content-encoding': 'gzip' }), 413, hasStatus(8));
    cell('method', await a.get('/v1/metrics'), 405, (r) => /POST/.test(r.headers.allow));
    cell('no such path', await a.post('/v2/metrics', OTLP, ''), 404);
    cell('no traces in it', await a.post('/v1/traces', OTLP, ''), 200);
    const many = Array.from({ length: 800 }, (_, i) => point({ labels: { i: String(i) } }));
    cell('over the series limit', await a.postOtlp(wire.otlp(many)), 429, (r) => retries(r) || wire.fields(r.body).length > 0);
    cell('known series still', await a.postOtlp(wire.otlp([point()])), 200);
  },

  async 'remote write 1.0 and 2.0'() {
    const a = await start({ args: ['--series-max', '500', '--retention', '1d'] });
    cell('rw1', await a.postWrite([point()]), 204, isSynced);
    cell('rw1 without coding', await a.post('/api/v1/write', OTLP, wire.snappy(wire.write1([point()]))), 204);
    cell('rw1 push path', await a.post('/api/v1/push', OTLP, wire.snappy(wire.write1([point()])), { 'content-encoding': 'snappy' }), 204);
    cell('rw1 named', await a.post('/api/v1/write', 'application/x-protobuf;proto=prometheus.WriteRequest', wire.snappy(wire.write1([point()])), { 'content-encoding': 'snappy' }), 204);
    cell('rw1 empty', await a.postWrite([]), 204);
    cell('rw1 metadata only', await a.post('/api/v1/write', OTLP, wire.snappy(wire.message([3, 'len', wire.message([1, 'varint', 1], [2, 'len', 'f'], [4, 'len', 'help'])])),
      { 'content-encoding': 'snappy' }), 204);
    cell('rw2', await a.postWrite2([point(), point()]), 204, (r) => isSynced(r) && written(r).join() === '2,0,0');
    const old = () => [point(), point({ ms: Date.now() - 40 * 86400000 })];
    cell('rw1 partial', await a.postWrite(old()), 400);
    cell('rw2 partial', await a.postWrite2(old()), 400, (r) => written(r).join() === '1,0,0');
    const at = ++clock;
    cell('rw2 once', await a.postWrite2([point({ ms: at })]), 204);
    cell('rw2 repeated', await a.postWrite2([point({ ms: at })]), 204, (r) => written(r).join() === '1,0,0');
    cell('rw1 repeated', await a.postWrite([point({ ms: at })]), 204);
    cell('rw1 conflict', await a.postWrite([point({ ms: at, value: 7 })]), 400);
    cell('rw1 cannot decode', await a.post('/api/v1/write', OTLP, wire.snappy(Buffer.from([10, 200])), { 'content-encoding': 'snappy' }), 400);
    cell('rw1 no snappy', await a.post('/api/v1/write', OTLP, 'hello', { 'content-encoding': 'snappy' }), 400);
    cell('rw2 cannot decode', await a.post('/api/v1/write', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', wire.snappy(Buffer.from([34, 200])), { 'content-encoding': 'snappy' }),
      400, (r) => written(r).join() === '0,0,0');
    cell('rw unknown message', await a.post('/api/v1/write', 'application/x-protobuf;proto=io.prometheus.write.v9.Request', wire.snappy(Buffer.alloc(0)), { 'content-encoding': 'snappy' }), 415);
    cell('rw unknown coding', await a.post('/api/v1/write', OTLP, wire.write1([point()]), { 'content-encoding': 'br' }), 415);
    cell('rw json', await a.post('/api/v1/write', JSON_TYPE, '{}'), 415);
    cell('rw too large', await a.post('/api/v1/write', OTLP, Buffer.concat([wire.varint(40 << 20), Buffer.from([0])]), { 'content-encoding': 'snappy' }), 413);
    cell('rw1 no labels', await a.post('/api/v1/write', OTLP, wire.snappy(wire.message([1, 'len', wire.message([2, 'len', wire.message([1, 'double', 1], [2, 'varint', clock])])])),
      { 'content-encoding': 'snappy' }), 400);
    const twice = wire.message([1, 'len', wire.message(...[['__name__', 'x'], ['a', '1'], ['a', '2']].map(([k, v]) => [1, 'len', wire.message([1, 'len', k], [2, 'len', v])]),
      [2, 'len', wire.message([1, 'double', 1], [2, 'varint', clock])])]);
    cell('rw1 label twice', await a.post('/api/v1/write', OTLP, wire.snappy(twice), { 'content-encoding': 'snappy' }), 400);
    cell('rw1 far future', await a.postWrite([point({ ms: Date.now() + 86400000 })]), 400);
    const many = Array.from({ length: 800 }, (_, i) => point({ labels: { i: String(i) } }));
    cell('rw1 over the series limit', await a.postWrite(many), 429, retries);
    cell('rw2 over the series limit', await a.postWrite2(many.slice(0, 700)), 429, (r) => retries(r));
    cell('rw1 known series still', await a.postWrite([point()]), 204);
    equal(await a.value('p{a="b"}', { time: clock / 1000 }), '1', 'values');
  },

  async 'values keep every bit'() {
    const a = await start();
    const t = Date.now();
    const values = [0, -0, 5e-324, -1.7976931348623157e308, Infinity, -Infinity, NaN, 0.1, 1 / 3, 2 ** 53 + 2, 1e-10, 123456789.123456789];
    const names = ['json', 'proto', 'write1', 'write2', 'frames'];
    const all = (name) => values.map((value, i) => ({ name: `bits_${name}`, labels: { i: String(i) }, ms: t, value }));
    const text = (v) => (Number.isFinite(v) ? v : String(v));
    await a.postJson(wire.otlpJson(all('json').map((p) => ({ ...p, value: text(p.value) }))).replace('"asDouble":0,"attributes":[{"key":"i","value":{"stringValue":"1"', '"asDouble":-0.0,"attributes":[{"key":"i","value":{"stringValue":"1"'));
    await a.postOtlp(wire.otlp(all('proto')));
    await a.postWrite(all('write1'));
    await a.postWrite2(all('write2'));
    const door = a.frames();
    equal((await door.send(wire.otlp(all('frames')))).status, 0, 'ack');
    door.close();
    for (const state of ['head', 'sealed'])  {
      for (const name of names) {
        const got = Object.fromEntries((await a.values(`bits_${name}`, { time: t / 1000 })).map((v) => [v.labels.i, v.value]));
        const want = (v) => (v === Infinity ? '+Inf' : v === -Infinity ? '-Inf' : Object.is(v, -0) ? '-0' : null);
        values.forEach((v, i) => check(want(v) ? got[i] === want(v) : Object.is(Number(got[i]), v), `${name} ${state}: ${v} came as ${got[i]}`));
      }
      await a.post('/-/seal', 'text/plain', '');
    }
  },

  async 'frames and datagrams'() {
    const a = await start();
    const door = a.frames();
    const ack = async (...args) => (await door.send(...args)).status;
    equal(await ack(wire.otlp([point({ name: 'framed' })])), 0, 'OK');
    equal(await ack(Buffer.from([10, 200])), 2, 'INVALID');
    equal(await ack(Buffer.alloc(0), { kind: 4 }), 2, 'events: INVALID');
    equal(await ack(Buffer.from([1, 2, 3]), { codec: 1, size: 100 }), 2, 'lz4 that is none: INVALID');
    equal(await ack(Buffer.from([0x10, 65]), { codec: 1, size: 1 << 30 }), 3, 'lz4 too large: TOO_LARGE');
    const partial = await door.send(wire.otlp([point(), point({ ms: 1000 })]));
    equal([partial.status, partial.rejected, partial.message.length > 0], [1, 1, true], 'PARTIAL');
    const burst = await Promise.all(Array.from({ length: 500 }, (_, i) => door.send(wire.otlp([point({ name: 'burst', value: i })]))));
    equal(burst.filter((b) => b.status !== 0).length, 0, 'a burst of frames');
    door.close();
    const before = await a.metrics();
    for (let sequence = 1; sequence <= 300; sequence++) {
      if (sequence % 10 === 0) continue; /* thirty never arrive */
      await a.datagram(wire.envelope(wire.otlp([point({ name: 'datagrams', value: sequence })]), { sender: 'udp-test', sequence }));
    }
    await a.datagram(wire.envelope(Buffer.from([10, 200]), { sender: 'udp-test', sequence: 301 }));
    await a.datagram(Buffer.from('not an envelope'));
    await eventually(async () => (await a.metrics()).andon_udp_datagrams_total - before.andon_udp_datagrams_total +
      (await a.metrics()).andon_udp_kernel_drops_total === 272, 'datagrams received or counted as dropped');
    const m = await a.metrics();
    const stored = Number(await a.value('count_over_time(datagrams[5m])', { time: clock / 1000 + 1 }));
    equal(stored + m.andon_udp_kernel_drops_total, 270, 'sent = stored + counted drops');
    equal(m.andon_udp_sequence_gaps_total, 30 + m.andon_udp_kernel_drops_total, 'gaps');
    const bad = Object.entries(m).filter(([k]) => k.startsWith('andon_messages_rejected_total') && k.includes('"udp"')).reduce((n, [, v]) => n + v, 0);
    equal(bad, 2, 'refused datagrams');
    const senders = (await a.get('/-/senders')).text;
    check(/udp-test/.test(senders), `senders: ${senders.slice(0, 300)}`);
    console.log(`figures 300 datagrams numbered, 270 sent, ${stored} stored, ${m.andon_udp_kernel_drops_total} dropped by the kernel, ${m.andon_udp_sequence_gaps_total} gaps counted`);
  },

  async 'received = accepted + rejected, at every door'() {
    const a = await start({ args: ['--retention', '1d', '--series-max', '300'] });
    const mixed = (n) => [point({ value: n }), point({ ms: 1000 }), point({ ms: Date.now() + 1e9 }), point({ labels: { n: String(n) } }), point({ name: 'same', ms: 5000 + clock, value: n })];
    const door = a.frames();
    for (let i = 0; i < 100; i++) {
      await Promise.all([a.postOtlp(wire.otlp(mixed(i))), a.postJson(wire.otlpJson(mixed(i + 100))), a.postWrite(mixed(i + 200)), a.postWrite2(mixed(i + 300)),
        door.send(wire.otlp(mixed(i + 400))), a.datagram(wire.envelope(wire.otlp(mixed(i + 500)), { sender: 'mix', sequence: i + 1 }))]);
    }
    await eventually(async () => (await a.metrics())['andon_items_received_total{door="udp",signal="metrics"}'] >= 400, 'datagrams arrive');
    const m = await a.metrics();
    const reasons = new Set();
    for (const d of ['otlp_http', 'remote_write', 'remote_write_2', 'tcp', 'udp']) {
      const of = (family) => Object.entries(m).filter(([k]) => k.startsWith(`andon_items_${family}_total{`) && k.includes(`door="${d}"`)).reduce((n, [k, v]) => {
        const reason = k.match(/reason="(\w+)"/)?.[1];
        if (reason && v) reasons.add(reason);
        return n + v;
      }, 0);
      check(of('received') > 0 && of('rejected') > 0, `${d}: something came and something was refused`);
      equal(of('accepted') + of('rejected'), of('received'), `${d}: accepted + rejected = received`);
      if (d !== 'udp') equal(of('received'), d === 'otlp_http' ? 1000 : 500, `${d}: received`);
    }
    for (const want of ['too_old', 'too_new', 'series_limit']) check(reasons.has(want), `reason ${want} among ${[...reasons]}`);
    const { total, rejects } = (await a.get('/-/rejects')).json;
    check(total > 100 && rejects.length === 100, `rejects: ${total}, ${rejects.length}`);
    for (const r of rejects) check(r.time && r.door && r.reason && r.text, `a reject says when, where, why, what: ${JSON.stringify(r)}`);
    door.close();
    equal(m.andon_samples_appended_total >= 0, true, 'appended');
    console.log(`figures ${cells.filter(Boolean).length} of ${cells.length} cells of the status table right; reasons seen: ${[...reasons].sort().join(' ')}`);
  },

  async 'exemplars and histograms'() {
    const a = await start();
    const t = Math.floor(Date.now() / 1000) * 1000;
    const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [
      { name: 'took', unit: 's', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: `${t}000000`, count: '3', sum: 6.5, bucketCounts: ['1', '1', '1'], explicitBounds: [1, 2],
        exemplars: [{ timeUnixNano: `${t - 5}000000`, asDouble: 1.5, traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', filteredAttributes: [{ key: 'user', value: { stringValue: 'ann' } }] }] }] } },
      { name: 'sizes', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: `${t}000000`, count: 6, sum: 20, scale: 0, zeroCount: 1,
        positive: { offset: 0, bucketCounts: [2, 0, 1] }, negative: { offset: 1, bucketCounts: [2] } }] } },
      { name: 'quantiles', summary: { dataPoints: [{ timeUnixNano: `${t}000000`, count: 9, sum: 3, quantileValues: [{ quantile: 0.5, value: 7 }] }] } },
    ] }] }] };
    equal((await a.postJson(JSON.stringify(body))).status, 200, 'taken');
    for (const state of ['head', 'sealed']) {
      const at = { time: t / 1000 };
      equal([await a.value('took_seconds_bucket{le=~"2(.0)?"}', at), await a.value('took_seconds_count', at), await a.value('took_seconds_sum', at)], ['2', '3', '6.5'], `${state}: classic histogram`);
      equal([await a.value('quantiles{quantile="0.5"}', at), await a.value('quantiles_count', at)], ['7', '9'], `${state}: summary`);
      const [h] = await a.values('sizes', at);
      equal([h?.histogram?.count, h?.histogram?.sum], ['6', '20'], `${state}: native histogram`);
      equal(h?.histogram?.buckets?.map(([, low, high, count]) => `${low} ${high} ${count}`), ['-4 -2 2', '-1e-128 1e-128 1', '1 2 2', '4 8 1'], `${state}: its buckets`);
      const { data } = (await a.get(`/api/v1/query_exemplars?query=took_seconds_bucket&start=${t / 1000 - 60}&end=${t / 1000 + 60}`)).json;
      equal(data.flatMap((s) => s.exemplars.map((e) => [e.value, e.labels.trace_id, e.labels.span_id, e.labels.user])),
        [['1.5', '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', 'ann']], `${state}: exemplar`);
      await a.post('/-/seal', 'text/plain', '');
    }
    await a.kill();
    const b = await start({ dir: a.dir });
    equal(await b.value('histogram_count(sizes)', { time: t / 1000 }), '6', 'after a kill');
  },

  /* Seconds 0 to 90: 0 (start), 7 at 30 and 60, begun again at 70, 9 at 90. */
  async 'start timestamps: increase() sees the first increment, and the one a reset hides'() {
    const base = Date.now() - 600000, COUNTER = 1;
    const sent = (name, more) => [[30, 7, 0], [60, 7, 0], [90, 9, 70]].map(([at, value, start]) =>
      ({ name, ms: base + at * 1000, value, start_ms: base + start * 1000, ...more }));
    const end = (base + 90000) / 1000;
    for (const [setting, want, zeros] of [['zero', '16.0', 2], ['ignore', '2.5', 0], [undefined, '2.5', 0]]) {
      const a = await start({ args: setting ? ['--start-timestamps', setting] : [] });
      for (let again = 0; again < 2; again++) {
        equal((await a.postOtlp(wire.otlp(sent('hits'), { sum: 2 }))).status, 200, 'OTLP');
        equal((await a.postWrite2(sent('rw_total', { type: COUNTER }))).status, 204, 'remote write 2.0');
        equal((await a.postOtlp(wire.otlp(sent('level')))).status, 200, 'a gauge');
        equal((await a.postOtlp(wire.otlp(sent('steps'), { sum: 1 }))).status, 200, 'increments');
      }
      const increase = async (name) => Number(await a.value(`increase(${name}[2m])`, { time: end })).toFixed(1);
      const samples = async (name) => a.value(`count_over_time(${name}[2m])`, { time: end });
      for (const name of ['hits_total', 'rw_total']) {
        equal(await increase(name), want, `${name}, ${setting}`);
        equal(await samples(name), String(3 + zeros), `${name}, ${setting}: samples`);
      }
      equal(await samples('level'), '3', `${setting}: a gauge is what was sent`);
      equal(await samples('steps_total'), '3', `${setting}: increments are summed up as ever`);
      const m = await a.metrics();
      for (const door of ['otlp_http', 'remote_write_2'])
        equal(m[`andon_start_zeros_total{door="${door}"}`] ?? 0, zeros, `${setting}: counted, ${door}`);
      await a.stop();
    }
  },

  async 'modes of durability name themselves'() {
    for (const [mode, word] of [['always', 'synced'], ['interval', 'written'], ['os', 'written']]) {
      const a = await start({ args: ['--journal-sync', mode] });
      equal((await a.postWrite([point()])).headers['x-durability'], word, mode);
      equal((await a.postOtlp(wire.otlp([point()]))).headers['x-durability'], word, mode);
      await a.kill();
    }
  },

  async 'own metrics, in both forms and in the store'() {
    const a = await start({ args: ['--self-interval', '1s'] });
    const plain = await a.get('/metrics');
    check(/^text\/plain; version=0\.0\.4/.test(plain.headers['content-type']), plain.headers['content-type']);
    const open = await a.get('/metrics', { headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' } });
    check(/^application\/openmetrics-text/.test(open.headers['content-type']), open.headers['content-type']);
    check(open.text.endsWith('# EOF\n'), 'OpenMetrics ends with # EOF');
    for (const [form, text] of [['plain', plain.text], ['open', open.text]]) {
      const typed = new Map(), seen = new Set();
      for (const line of text.split('\n').filter(Boolean)) {
        if (line.startsWith('#')) {
          const [, kind, name, type] = line.match(/^# (TYPE|HELP|UNIT|EOF) ?(\S*) ?(.*)$/) ?? [];
          check(kind, `${form}: ${line}`);
          if (kind === 'TYPE') { check(!typed.has(name), `${form}: TYPE twice: ${name}`); typed.set(name, type); }
          continue;
        }
        const [, name, labels, value] = line.match(/^([a-zA-Z_:][\w:]*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/) ?? [];
        if (!check(name, `${form}: ${line}`)) continue;
        check(!Number.isNaN(Number(value.replace('Inf', 'Infinity'))) || value === 'NaN', `${form}: ${line}`);
        check(!seen.has(name + labels), `${form}: twice: ${line}`);
        seen.add(name + labels);
        const family = [name, name.replace(/_(total|bucket|sum|count)$/, '')].find((f) => typed.has(f));
        check(family, `${form}: no TYPE for ${name}`);
        if (form === 'open' && typed.get(family) === 'counter') check(name.endsWith('_total'), `open: counter without _total: ${name}`);
      }
      check(typed.size > 40, `${form}: ${typed.size} families`);
    }
    await eventually(async () => Number(await a.value('andon_series_active') ?? 0) > 0, 'own metrics are in the store');
    check((await a.values('up')).length > 0, 'up is there');
    equal(Number(await a.value('andon_build_info')), 1, 'build info');
  },
});

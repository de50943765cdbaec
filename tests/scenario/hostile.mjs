/* hostile.mjs - senders that mean harm: smuggled requests, bombs, slow clients,
 * nesting, a million labels, garbage (reliability T16, T17, T18, T36). */
import crypto from 'node:crypto';
import net from 'node:net';
import zlib from 'node:zlib';
import { check, equal, run, sleep, start } from './andon.mjs';
import * as wire from './wire.mjs';

const MIB = 1 << 20;
const OTLP = 'application/x-protobuf';

async function isWell(a, text) {
  const ms = Date.now();
  const r = await a.postOtlp(wire.otlp([{ name: 'well', labels: { after: text }, ms, value: 1 }]));
  equal(r.status, 200, `${text}: takes samples`);
  equal(await a.value(`well{after="${text}"}`, { time: ms / 1000 }), '1', `${text}: answers queries`);
  equal(a.status, undefined, `${text}: runs`);
}

/* Peak of resident memory while fn runs, in bytes. */
async function peak(a, fn) {
  let most = a.rss();
  const timer = setInterval(() => { if (a.status === undefined) most = Math.max(most, a.rss()); }, 5);
  await fn();
  clearInterval(timer);
  return most;
}

/* [name, bytes, wanted status lines]: one request each; a second answer would be a smuggled request. */
const POST = 'POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const SMUGGLED = 'GET /-/healthy HTTP/1.1\r\nHost: smuggled\r\n\r\n';
const CORPUS = [
  ['two content-lengths', `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
  ['two equal content-lengths', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
  ['list of content-lengths', `${POST}Content-Length: 2, 2\r\n\r\n{}`],
  ['+2', `${POST}Content-Length: +2\r\n\r\n{}`], ['-2', `${POST}Content-Length: -2\r\n\r\n{}`], ['0x2', `${POST}Content-Length: 0x2\r\n\r\n{}`],
  ['2 2', `${POST}Content-Length: 2 2\r\n\r\n{}`], ['empty length', `${POST}Content-Length: \r\n\r\n{}`],
  ['length over 2^64', `${POST}Content-Length: 18446744073709551618\r\n\r\n{}`],
  ['length and chunked', `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['chunked and length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['two transfer-encodings', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['identity, chunked', `${POST}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['xchunked', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['chunked with vt', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['space before colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['bare LF lines', 'GET /-/healthy HTTP/1.1\nHost: x\n\n'], ['bare LF in a field', `${POST}X: a\nContent-Length: 2\r\n\r\n{}`],
  ['bare CR in a field', `${POST}X: a\rb\r\nContent-Length: 2\r\n\r\n{}`], ['NUL in a field', `${POST}X: a\0b\r\nContent-Length: 2\r\n\r\n{}`],
  ['NUL in the path', 'GET /-/healthy\0x HTTP/1.1\r\nHost: x\r\n\r\n'], ['folded line', `${POST}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
  ['field without name', `${POST}: x\r\nContent-Length: 2\r\n\r\n{}`], ['field without colon', `${POST}nonsense\r\nContent-Length: 2\r\n\r\n{}`],
  ['no host', 'GET /-/healthy HTTP/1.1\r\n\r\n'], ['two hosts', 'GET /-/healthy HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
  ['two spaces', 'GET  /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n'], ['tab', 'GET\t/-/healthy HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/1.2', 'GET /-/healthy HTTP/1.2\r\nHost: x\r\n\r\n'], ['HTTP/2.0 in words', 'GET /-/healthy HTTP/2.0\r\nHost: x\r\n\r\n'],
  ['HTTP/0.9', 'GET /-/healthy\r\n'],
  ['chunk size of 17 digits', `${POST}Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n`],
  ['chunk size 0x2', `${POST}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`], ['chunk size +2', `${POST}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n`],
  ['chunk without CRLF', `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n`], ['chunk with LF', `${POST}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`],
  ['endless chunk extension', `${POST}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(5000)}\r\n{}\r\n0\r\n\r\n`],
  ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n'], ['long request line', `GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['large field', `GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(64000)}\r\n\r\n`],
  ['many fields', `GET /-/healthy HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(500)}\r\n`],
  ['large trailers', `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n${`T: ${'a'.repeat(1000)}\r\n`.repeat(20)}\r\n`],
  ['garbage', crypto.randomBytes(2000).toString('latin1')], ['TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
];

function varied(depth) { /* AnyValue: array in array in array */
  let any = wire.message([1, 'len', 'leaf']);
  for (let i = 0; i < depth; i++) any = wire.message([5, 'len', wire.message([1, 'len', any])]);
  return any;
}
const withAttribute = (any) => wire.message([1, 'len', wire.message([1, 'len', wire.message([1, 'len', wire.message([1, 'len', 'k'], [2, 'len', any])])],
  [2, 'len', wire.message([2, 'len', wire.message([1, 'len', 'deep'], [5, 'len', wire.message([1, 'len',
    wire.message([3, 'fixed64', BigInt(Date.now()) * 1000000n], [4, 'double', 1])])])])])]);

await run({
  async 'requests that two parsers might read differently'() {
    const a = await start();
    let refused = 0;
    for (const [name, bytes] of CORPUS) {
      const { text, isClosed } = await a.raw(Buffer.from(bytes, 'latin1'), { ms: 3000 });
      const statuses = [...text.matchAll(/^HTTP\/1\.\d (\d\d\d)/gm)].map((m) => Number(m[1]));
      const isRefused = statuses.length <= 1 && (statuses.length === 0 || statuses[0] >= 400) && isClosed;
      if (check(isRefused, `${name}: ${statuses} ${isClosed ? 'closed' : 'open'} ${JSON.stringify(text.slice(0, 120))}`)) refused++;
    }
    const two = await a.raw([SMUGGLED, SMUGGLED.replace('HTTP/1.1\r\n', 'HTTP/1.1\r\nConnection: close\r\n')], { ms: 3000 });
    equal([...two.text.matchAll(/HTTP\/1\.1 200/g)].length, 2, 'pipelined requests are two');
    await isWell(a, 'corpus');
    console.log(`figures ${refused} of ${CORPUS.length} ambiguous or malformed requests refused`);
  },

  async 'bombs, sixty-four at a time'() {
    const a = await start({ args: ['--memory-limit', '256MiB'] });
    await isWell(a, 'before');
    const zeros = Buffer.alloc(256 * MIB);
    const bombs = {
      gzip: zlib.gzipSync(zeros), deflate: zlib.deflateSync(zeros),
      snappy: Buffer.concat([wire.varint(0xffffffff), Buffer.from([0, 0]), ...Array(20000).fill(Buffer.from([0xfe, 1, 0]))]),
      'snappy, honest': (() => { const n = 30 * MIB; return Buffer.concat([wire.varint(n), Buffer.from([0, 0]), ...Array(Math.ceil(n / 64)).fill(Buffer.from([0xfe, 1, 0]))]); })(),
      /* a frame of RLE blocks: 128 KiB of zeros in 4 bytes each */
      zstd: Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]), ...Array(2000).fill(Buffer.from([0x02, 0x00, 0x10, 0x00])), Buffer.from([0x03, 0x00, 0x10, 0x00])]),
      lz4: Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]), ...Array(60).fill((() => {
        const block = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(16000, 255), Buffer.from([100, 0x50, 0, 0, 0, 0, 0])]);
        const head = Buffer.alloc(4); head.writeUInt32LE(block.length); return Buffer.concat([head, block]);
      })()), Buffer.alloc(4)]),
    };
    const base = a.rss();
    const seen = {};
    const most = await peak(a, async () => {
      for (const [name, bytes] of Object.entries(bombs)) {
        const coding = name.split(',')[0];
        const sends = Array.from({ length: name === 'deflate' ? 16 : 64 }, (_, i) => (i % 2 && coding !== 'lz4' && coding !== 'deflate'
          ? a.post('/api/v1/write', OTLP, bytes, { 'content-encoding': coding })
          : a.postOtlp(bytes, { 'content-encoding': coding })).then((r) => r.status, (e) => e.code));
        const statuses = await Promise.all(sends);
        seen[name] = [...new Set(statuses)];
        check(statuses.every((s) => [400, 413, 415, 429, 503].includes(s)), `${name}: ${seen[name]}`);
        check(!seen[name].every((s) => s === 415), `${name} is a coding that is taken`);
      }
      const frames = a.frames();
      const lz4 = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(100000, 255), Buffer.from([100])]);
      const acks = await Promise.all(Array.from({ length: 64 }, (_, i) => frames.send(lz4, { codec: 1, size: i % 2 ? 25 * MIB : 1 << 30 }).catch(() => ({ status: 'closed' }))));
      check(acks.every((x) => [2, 3, 6].includes(x.status)), `frames: ${acks.map((x) => x.status)}`);
      frames.close();
    });
    const more = Math.round((most - base) / MIB);
    check(more < 256, `resident memory grew by ${more} MiB of a budget of 256`);
    await isWell(a, 'after');
    console.log(`figures ${(Object.keys(bombs).length - 1) * 64 + 16 + 64} bombs, resident memory + ${more} MiB at most; ${JSON.stringify(seen)}`);
  },

  async 'nesting without end'() {
    const a = await start();
    for (const depth of [10, 31, 32, 33, 100, 10000]) {
      const r = await a.postOtlp(withAttribute(varied(depth)));
      check(depth < 31 ? r.status === 200 : [200, 400].includes(r.status), `AnyValue nested ${depth}: ${r.status}`);
    }
    for (const depth of [100, 100000]) {
      const brackets = `{"resourceMetrics":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      const r = await a.postJson(brackets);
      equal(r.status, 400, `json nested ${depth}`);
      const unknown = await a.postJson(`{"x":${'{"y":'.repeat(depth)}1${'}'.repeat(depth)}}`);
      check([200, 400].includes(unknown.status), `unknown json nested ${depth}: ${unknown.status}`);
      const q = await a.request('POST', '/api/v1/query', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `query=${'('.repeat(depth)}1${')'.repeat(depth)}` });
      check([200, 400, 413, 422].includes(q.status), `query nested ${depth}: ${q.status}`);
      const m = await a.request('POST', '/api/v1/query', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `query=${'-'.repeat(depth)}1` });
      check([200, 400, 413, 422].includes(m.status), `query of ${depth} minuses: ${m.status}`);
    }
    for (const expr of [`{a=~"${'(a*)*'.repeat(50)}b"}`, `{a=~"(a{1,1000}){1,1000}"}`, `{a=~"${'x|'.repeat(5000)}y"}`, 'sum('.repeat(5000), `vector(1)[${'9'.repeat(30)}d]`,
      'count_values("x", {__name__=~".+"})', '{__name__=~".*"}[100y:1ms]', 'vector(1)[1y:1ms]', `label_replace(up, "a", "${'$1'.repeat(10000)}", "b", "(.*)")`]) {
      const r = await a.request('POST', '/api/v1/query', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ query: expr }).toString(), timeout: 20000 });
      check([200, 400, 413, 422, 503].includes(r.status), `${expr.slice(0, 40)}: ${r.status} ${r.text.slice(0, 100)}`);
    }
    const wide = await a.get(`/api/v1/query_range?query=1&start=0&end=${Date.now() / 1000}&step=1`);
    equal(wide.status, 400, 'a range of too many steps');
    await isWell(a, 'nesting');
  },

  async 'a million tiny labels, names of every kind'() {
    const a = await start({ args: ['--memory-limit', '512MiB'] });
    const base = a.rss();
    const label = (k, v) => wire.message([1, 'len', wire.message([1, 'len', k], [2, 'len', v])]);
    const many = wire.message([1, 'len', Buffer.concat([label('__name__', 'wide'), ...Array.from({ length: 200000 }, (_, i) => label(`l${i}`, '1')),
      wire.message([2, 'len', wire.message([1, 'double', 1], [2, 'varint', Date.now()])])])]);
    const empty = wire.message([1, 'len', Buffer.concat([...Array(1000000).fill(Buffer.from([10, 0]))])]);
    const series = Buffer.alloc(4000000, Buffer.from([10, 0]));
    const most = await peak(a, async () => {
      for (const [name, bytes] of [['labels', many], ['empty labels', empty], ['empty series', series]]) {
        const rs = await Promise.all(Array.from({ length: 8 }, () => a.post('/api/v1/write', OTLP, wire.snappy(bytes), { 'content-encoding': 'snappy' })));
        check(rs.every((r) => [204, 400, 413, 503].includes(r.status)), `${name}: ${rs.map((r) => r.status)}`);
      }
      const attributes = Array(300000).fill(Buffer.from([58, 0]));
      const r = await a.postOtlp(wire.message([1, 'len', wire.message([2, 'len', wire.message([2, 'len', wire.message([1, 'len', 'm'],
        [5, 'len', wire.message([1, 'len', Buffer.concat(attributes)])])])])]));
      check([200, 400, 413].includes(r.status), `empty attributes: ${r.status}`);
    });
    check(most - base < 512 * MIB, `resident memory grew by ${Math.round((most - base) / MIB)} MiB`);
    const now = Date.now();
    const odd = ['', ' ', '..', '../../etc/passwd', 'a\0b', '\ufeff', '__name__', 'é'.repeat(2000), 'x'.repeat(100000), '"', '\\', '\n', '{}', '%00', '<script>alert(1)</script>'];
    for (const text of odd) {
      for (const points of [[{ name: text, ms: now, value: 1 }], [{ name: 'n', labels: { [text]: 'v' }, ms: now, value: 1 }], [{ name: 'n', labels: { l: text }, ms: now, value: 1 }]]) {
        const rs = [await a.postWrite(points), await a.postOtlp(wire.otlp(points)), await a.postJson(wire.otlpJson(points))];
        check(rs.every((r) => [200, 204, 400].includes(r.status)), `${JSON.stringify(text.slice(0, 20))}: ${rs.map((r) => r.status)}`);
      }
    }
    equal((await a.get('/api/v1/labels')).status, 200, 'labels');
    equal((await a.get('/api/v1/series?match[]={__name__=~".%2B"}')).json.status, 'success', 'series');
    const utf8 = await a.post('/api/v1/write', OTLP, wire.snappy(wire.message([1, 'len', Buffer.concat([label('__name__', Buffer.from([0xff, 0xfe])),
      wire.message([2, 'len', wire.message([1, 'double', 1], [2, 'varint', now])])])])), { 'content-encoding': 'snappy' });
    equal(utf8.status, 400, 'a name that is not UTF-8');
    await isWell(a, 'labels');
  },

  async 'five hundred slow clients'() {
    const a = await start();
    const sockets = [];
    const open = (port, bytes, drip) => {
      const s = net.connect(port, '127.0.0.1');
      s.on('error', () => {});
      s.resume();
      s.write(bytes);
      if (drip) s.timer = setInterval(() => s.writable && s.write(drip), 500);
      s.on('close', () => { s.isGone = true; clearInterval(s.timer); });
      sockets.push(s);
    };
    for (let i = 0; i < 100; i++) {
      open(a.ports.http, 'GET /-/healthy HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n');
      open(a.ports.http, `${POST}Content-Length: 1000000\r\n\r\n`, 'x');
      open(a.ports.grpc, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      open(a.ports.tcp, wire.framed(Buffer.alloc(1000)).subarray(0, 10), 'x');
      open(a.ports.http, `${'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20)}`); /* never reads */
      sockets.at(-1).pause();
    }
    await sleep(300);
    const times = [];
    const began = Date.now();
    while (Date.now() - began < 6000) {
      const t = performance.now();
      const r = await a.postOtlp(wire.otlp([{ name: 'good', ms: Date.now(), value: 1 }]));
      const q = await a.get('/api/v1/query?query=good');
      times.push(performance.now() - t);
      if (r.status !== 200 || q.status !== 200) check(false, `good requests: ${r.status} ${q.status}`);
      await sleep(10);
    }
    times.sort((x, y) => x - y);
    const p99 = times[Math.floor(times.length * 0.99)];
    check(p99 < 200, `p99 of a good write and query: ${p99} ms`);
    await sleep(Math.max(0, 12500 - (Date.now() - began)));
    const heads = sockets.filter((_, i) => i % 5 === 0);
    equal(heads.filter((s) => !s.isGone).length, 0, 'slow heads left after their deadline');
    const m = await a.metrics();
    const closed = Object.entries(m).filter(([k, v]) => k.startsWith('andon_connections_closed_total') && v).map(([k, v]) => `${k.match(/listener="(\w+)",reason="(\w+)"/)?.slice(1).join(' ')} ${v}`);
    for (const s of sockets) { clearInterval(s.timer); s.destroy(); }
    await isWell(a, 'slow');
    console.log(`figures 500 slow connections: good write and query p50 ${times[times.length >> 1].toFixed(1)} p99 ${p99.toFixed(1)} ms; closed: ${closed.join(', ')}`);
  },

  async 'more connections than the limit, and then fewer'() {
    const a = await start();
    const sockets = [];
    for (let i = 0; i < 1300; i++) {
      const s = net.connect([a.ports.http, a.ports.grpc, a.ports.tcp][i % 3], '127.0.0.1');
      s.on('error', () => {});
      sockets.push(s);
    }
    await sleep(500);
    equal(a.status, undefined, 'runs');
    for (const s of sockets) s.destroy();
    await sleep(300);
    await isWell(a, 'limit');
  },

  async 'garbage at every door'() {
    const a = await start();
    let seed = crypto.randomInt(2 ** 31);
    console.log(`figures seed of the garbage ${seed}`);
    const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
    const noise = (n) => Buffer.from(Array.from({ length: n }, () => random(256)));
    const good = wire.otlp(Array.from({ length: 20 }, (_, i) => ({ name: `g${i}`, labels: { a: 'b' }, ms: Date.now(), value: i })));
    const flip = (bytes) => { const b = Buffer.from(bytes); for (let i = 0; i <= random(4); i++) b[random(b.length)] ^= 1 << random(8); return b; };
    const statuses = new Map();
    for (let i = 0; i < 400; i++) {
      const body = i % 3 ? flip(good) : noise(random(600));
      const all = [a.postOtlp(body), a.postOtlp(flip(zlib.gzipSync(good)), { 'content-encoding': 'gzip' }), a.postJson(flip(Buffer.from(wire.otlpJson([{ name: 'j', ms: 1, value: 1 }])))),
        a.post('/api/v1/write', OTLP, flip(wire.snappy(wire.write1([{ name: 'w', labels: { c: 'd' }, ms: Date.now(), value: 1 }]))), { 'content-encoding': 'snappy' }),
        a.post('/api/v1/write', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', wire.snappy(flip(wire.write2([{ name: 'w', labels: { c: 'd' }, ms: Date.now(), value: 1 }]))),
          { 'content-encoding': 'snappy' })];
      for (const r of await Promise.all(all)) statuses.set(r.status, (statuses.get(r.status) ?? 0) + 1);
      await a.datagram(i % 2 ? noise(random(1400)) : flip(wire.envelope(good, { sender: 'garbage', sequence: i + 1 })));
      if (i % 10 === 0) {
        await Promise.all([a.raw(wire.framed(flip(wire.envelope(good))), { port: a.ports.tcp, ms: 100, half: true }), a.raw(noise(500), { port: a.ports.tcp, ms: 100, half: true }),
          a.raw(noise(500), { ms: 100, half: true }), a.raw(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), noise(500)]), { port: a.ports.grpc, ms: 100, half: true })]);
      }
    }
    check([...statuses.keys()].every((s) => [200, 204, 400, 413, 429].includes(s)), `statuses: ${JSON.stringify([...statuses])}`);
    for (const len of [0, 0x7fffffff, 0xffffffff]) {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(len);
      await a.raw(Buffer.concat([head, noise(20)]), { port: a.ports.tcp, ms: 200 });
    }
    await a.datagram(Buffer.alloc(0));
    await a.datagram(Buffer.alloc(60000, 10));
    await isWell(a, 'garbage');
    equal(await a.stop(), 0, 'exit status');
    console.log(`figures answers to garbage: ${[...statuses].sort().map(([s, n]) => `${s} x ${n}`).join(', ')}`);
  },
});

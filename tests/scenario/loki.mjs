/* loki.mjs - logs through Loki's API, as Grafana, logcli and people with curl ask. */
import { spawn } from 'node:child_process';
import net from 'node:net';
import { binary, check, command, equal, eventually, run, sleep, start } from './andon.mjs';

const API = '/loki/api/v1';
const CATEGORIZED = { 'x-loki-response-encoding-flags': 'categorize-labels' };

const ask = (a, path, params = {}, headers = {}) => {
  const form = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) for (const one of [v].flat()) form.append(k, String(one));
  return a.get(`${API}/${path}?${form}`, { headers });
};

const ns = (ms, more = 0) => (BigInt(ms) * 1000000n + BigInt(more)).toString();

/* entries: [ms, line, metadata?] */
async function push(a, stream, entries) {
  const values = entries.map(([ms, line, metadata], i) => [ns(ms, i), line, ...(metadata ? [metadata] : [])]);
  const r = await a.post(`${API}/push`, 'application/json', JSON.stringify({ streams: [{ stream, values }] }));
  if (r.status !== 204) throw new Error(`push: ${r.status} ${r.text}`);
}

const lines = (answer) => answer.data.result.flatMap((s) => s.values.map((v) => v[1]));

/* A client of the tail: {frames: [{at, json}], closed: code|undefined, end()}. */
function tail(a, params, headers = {}) {
  const socket = net.connect(a.ports.http, '127.0.0.1');
  const t = { frames: [], status: 0, socket, text: '' };
  const extra = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  socket.write(`GET ${API}/tail?${new URLSearchParams(params)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n`
    + `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`);
  let rest = Buffer.alloc(0);
  const take = () => {
    if (!t.status) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return false;
      t.text = rest.subarray(0, end).toString();
      t.status = Number(t.text.slice(9, 12));
      rest = rest.subarray(end + 4);
    }
    if (t.status !== 101 || rest.length < 2) return false;
    let size = rest[1] & 127, head = 2;
    if (size === 126) { if (rest.length < 4) return false; size = rest.readUInt16BE(2); head = 4; }
    if (size === 127) { if (rest.length < 10) return false; size = Number(rest.readBigUInt64BE(2)); head = 10; }
    if (rest.length < head + size) return false;
    const payload = rest.subarray(head, head + size), operation = rest[0] & 15;
    if (operation === 1) t.frames.push({ at: performance.now(), json: JSON.parse(payload.toString()) });
    if (operation === 8) t.closed = size ? payload.readUInt16BE(0) : 1005;
    rest = rest.subarray(head + size);
    return true;
  };
  socket.on('data', (d) => { rest = Buffer.concat([rest, d]); while (take()); });
  socket.on('error', () => {});
  socket.on('close', () => { t.isClosed = true; });
  t.lines = () => t.frames.flatMap((f) => f.json.streams.flatMap((s) => s.values.map((v) => v[1])));
  t.end = () => socket.write(Buffer.from([0x88, 0x82, 1, 2, 3, 4, 0x02, 0xea]));
  return t;
}

await run({
  async 'what Grafana asks'() {
    const a = await start();
    const now = Date.now(), selector = '{service_name="cart"}';
    equal((await ask(a, 'query', { query: 'vector(1)+vector(1)', time: '4000000000' })).json.data.result[0].value[1], '2', 'health');
    await push(a, { service_name: 'cart', env: 'dev' }, [
      [now - 3000, 'level=error took=3ms user=5 msg="a b"', { trace_id: 't1' }],
      [now - 2000, '{"n":2.5,"a":{"b":true}}'], [now - 1000, 'plain text\u001b[31m']]);
    await push(a, { service_name: 'shop', env: 'prod' }, [[now - 1500, 'took 5ms']]);

    const merged = (await ask(a, 'query_range', { query: selector })).json;
    equal(merged.data.resultType, 'streams', 'kind');
    check(merged.data.stats.summary.totalLinesProcessed >= 3, 'stats');
    equal(merged.data.result.find((s) => s.stream.trace_id)?.stream.service_name, 'cart', 'all labels stand in "stream"');
    const flagged = (await ask(a, 'query_range', { query: selector, direction: 'forward' }, CATEGORIZED)).json;
    equal(flagged.data.encodingFlags, ['categorize-labels'], 'flags');
    equal(flagged.data.result.map((s) => s.stream), [{ env: 'dev', service_name: 'cart' }], 'only the labels of streams');
    equal(flagged.data.result[0].values.map((v) => v[0]), [ns(now - 3000, 0), ns(now - 2000, 1), ns(now - 1000, 2)], 'times to the nanosecond, forward');
    equal(flagged.data.result[0].values[0][2].structuredMetadata.trace_id, 't1', 'metadata');
    equal(lines((await ask(a, 'query_range', { query: selector, limit: 2 })).json).length, 2, 'limit');
    equal(lines((await ask(a, 'query_range', { query: selector, start: ns(now - 2000, 1), end: ns(now - 1000, 2) })).json),
      ['{"n":2.5,"a":{"b":true}}'], 'the start belongs to the range, the end does not');
    const parsed = (await ask(a, 'query_range', { query: `${selector} | logfmt | took > 1ms` }, CATEGORIZED)).json;
    equal(parsed.data.result[0].values[0][2].parsed.took, '3ms', 'parsed labels');

    const volume = (await ask(a, 'query_range', { query: `sum by (detected_level) (count_over_time(${selector}[5m]))`,
      start: ns(now - 60000), end: ns(now), step: '60000ms' })).json;
    equal(volume.data.resultType, 'matrix', 'metric queries');
    equal(volume.data.result.find((s) => s.metric.detected_level === 'error').values.at(-1)[1], '1', 'errors');

    equal((await ask(a, 'labels')).json.data, ['env', 'service_name'], 'labels');
    equal((await ask(a, 'label/service_name/values', { query: '{env="prod"}' })).json.data, ['shop'], 'values');
    equal((await ask(a, 'series', { 'match[]': [selector, '{env="prod"}'] })).json.data.length, 2, 'series');
    const stats = (await ask(a, 'index/stats', { query: selector })).json;
    equal([stats.streams, stats.entries], [1, 3], 'index/stats');
    const volumes = (await ask(a, 'index/volume', { query: '{service_name=~".+"}' })).json;
    equal(volumes.data.result.map((s) => s.metric.service_name), ['cart', 'shop'], 'index/volume: the greatest first');
    equal((await ask(a, 'detected_labels')).json.detectedLabels.map((l) => l.label).sort(), ['env', 'service_name'], 'detected_labels');
    const fields = Object.fromEntries((await ask(a, 'detected_fields', { query: selector })).json.fields.map((f) => [f.label, f]));
    equal([fields.took?.type, fields.took?.parsers], ['duration', ['logfmt']], 'took');
    equal([fields.n?.type, fields.n?.parsers, fields.n?.jsonPath], ['float', ['json'], ['n']], 'n');
    equal([fields.a_b?.type, fields.trace_id?.parsers], ['boolean', null], 'a_b, trace_id');
    equal((await ask(a, 'detected_field/user/values', { query: selector })).json.values, ['5'], 'values of a field');
    equal((await ask(a, 'patterns', { query: '{env="prod"}' })).json.data.map((p) => p.pattern), ['took <_>'], 'patterns');
    equal((await ask(a, 'format_query', { query: '{a="b"}|="x"' })).json.data, '{a="b"} |= "x"', 'format_query');
  },

  async 'what is wrong is said in a line of text'() {
    const a = await start();
    for (const [path, params, status, want] of [
      ['query', { query: '{a="b"}' }, 400, /not supported as an instant query/], ['query_range', { query: '{a="b"' }, 400, /parse error at line 1/],
      ['query_range', { query: '{a="b"}', start: 5, end: 4 }, 400, /end timestamp/], ['query_range', { query: '{a="b"}', limit: 1e9 }, 400, /limit/],
      ['series', { match: '{a="b"} |= "x"' }, 400, /./], ['nothing', {}, 404, /./],
    ]) {
      const r = await ask(a, path, params);
      equal(r.status, status, `${path} ${JSON.stringify(params)}: ${r.text}`);
      check(want.test(r.text), `${path}: ${r.text}`);
    }
    equal((await a.get(`${API}/tail?query=${encodeURIComponent('{a="b"}')}`)).status, 400, 'a tail without a handshake');
    const evil = tail(a, { query: '{a="b"}' }, { Origin: 'http://evil.example' });
    await eventually(() => evil.status === 403, 'pages of other origins may not listen');
  },

  async 'deletion hides at once'() {
    const a = await start();
    const now = Date.now();
    await push(a, { app: 'x' }, [[now - 3000, 'old'], [now - 1000, 'new']]);
    const form = new URLSearchParams({ query: '{app="x"}', start: ns(now - 5000), end: ns(now - 2000) });
    equal((await a.request('POST', `${API}/delete?${form}`)).status, 204, 'delete');
    equal(lines((await ask(a, 'query_range', { query: '{app="x"}' })).json), ['new'], 'what is left');
    equal((await ask(a, 'delete')).json, [], 'no requests are pending');
  },

  async 'lines are at the tail soon after they are acknowledged'() {
    const a = await start();
    const now = Date.now();
    await push(a, { app: 'x' }, [[now - 3000, 'before 1'], [now - 2000, 'before 2'], [now - 1000, 'before 3']]);
    const t = tail(a, { query: '{app="x"} |~ "before|error"', limit: 2 });
    await eventually(() => t.frames.length > 0, 'what was there');
    equal([t.status, t.lines()], [101, ['before 2', 'before 3']], 'what was there, the oldest first');
    let slowest = 0;
    for (let i = 0; i < 20; i++) {
      const before = t.frames.length;
      await push(a, { app: 'x' }, [[Date.now(), `error ${i}`], [Date.now(), `fine ${i}`]]);
      const acked = performance.now();
      await eventually(() => t.frames.length > before, `line ${i}`);
      slowest = Math.max(slowest, t.frames.at(-1).at - acked);
      await sleep(7 * (i % 5));
    }
    equal(t.lines().slice(2), Array.from({ length: 20 }, (_, i) => `error ${i}`), 'each once, in order, filtered');
    check(slowest < 200, `the slowest came ${slowest.toFixed(0)} ms after its acknowledgement`);
    console.log(`    slowest ${slowest.toFixed(0)} ms`);
    equal((await a.metrics())['andon_tails_open'], 1, 'tails are counted');
    t.end();
    await eventually(() => t.closed === 1000 && t.isClosed, 'the peer\'s close is answered');
    await eventually(async () => (await a.metrics())['andon_tails_open'] === 0, 'it is gone');
    const last = tail(a, { query: '{app="x"}' });
    await eventually(() => last.frames.length > 0, 'another');
    const began = performance.now();
    equal(await a.stop(), 0, 'stop');
    check(performance.now() - began < 5000, 'tails do not hold the end up');
    equal(last.closed, 1001, 'going away');
  },

  async 'a tail that does not read harms nobody'() {
    const a = await start();
    const slow = tail(a, { query: '{app="x"}' }), quick = tail(a, { query: '{app="x"}' });
    await eventually(() => slow.status === 101 && quick.status === 101, 'both are open');
    slow.socket.pause();
    const line = 'x'.repeat(50000);
    let sent = 0;
    for (let i = 0; i < 30; i++) {
      await push(a, { app: 'x' }, Array.from({ length: 40 }, (_, k) => [Date.now(), `${i * 40 + k} ${line}`]));
      sent += 40;
    }
    await eventually(() => quick.lines().length + dropped(quick) >= sent, 'the quick one has all, or knows what it has not', 20000);
    check(a.rss() < 1.5e9, `memory ${a.rss()}`);
    slow.socket.resume();
    await push(a, { app: 'x' }, [[Date.now(), 'the end']]);
    await eventually(() => slow.isClosed || slow.lines().includes('the end'), 'the slow one catches up, or was cut off', 20000);
  },

  async 'andon tail'() {
    const a = await start();
    const url = `http://127.0.0.1:${a.ports.http}`, now = Date.now();
    await push(a, { service_name: 'cart' }, [[now - 2000, 'level=error one\u001b[31m'], [now - 1000, 'level=info two']]);
    const once = await command(['tail', '{service_name="cart"}', '--no-follow', '--url', url]);
    equal([once.status, once.err], [0, ''], 'once');
    check(/^\S+Z error cart level=error one.*\n\S+Z info {2}cart level=info two\n$/.test(once.out), `once: ${once.out}`);
    const json = await command(['tail', '{service_name="cart"}', '--no-follow', '--json', '--limit', '1', '--url', url]);
    const got = JSON.parse(json.out);
    equal([got.line, got.labels.service_name, got.timestamp], ['level=info two', 'cart', ns(now - 1000, 1)], 'json');
    for (const args of [['{'], ['{', '--no-follow']]) {
      const wrong = await command(['tail', ...args, '--url', url]);
      check(wrong.status === 1 && /HTTP 400: parse error/.test(wrong.err), `wrong: ${wrong.status} ${wrong.err}`);
    }
    equal((await command(['tail', '{a="b"}', '--since', 'x', '--url', url])).status, 2, 'usage');
    equal((await command(['tail', '{a="b"}', '--url', 'http://127.0.0.1:1'])).status, 1, 'no server');

    const child = spawn(binary, ['tail', '{service_name="cart"} |= "o"', '--url', url], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '', status;
    child.stdout.on('data', (d) => { out += d; });
    child.stderr.on('data', (d) => { err += d; });
    child.on('close', (s) => { status = s; });
    await eventually(() => /two\n/.test(out), 'what was there');
    await push(a, { service_name: 'cart' }, [[Date.now(), 'three hello'], [Date.now(), 'skip me'], [Date.now(), 'more']]);
    await eventually(() => /more\n/.test(out), 'what comes');
    equal(out.trim().split('\n').map((l) => l.replace(/^\S+Z \S+ +cart /, '')).slice(1), ['level=info two', 'three hello', 'more'], 'lines');
    await a.stop();
    await eventually(() => status !== undefined, 'it ends with the server');
    equal([status, /stopping/.test(err)], [1, true], err);
  },
});

function dropped(t) {
  return t.frames.reduce((n, f) => n + Number(f.json.dropped_entries?.[0]?.labels.dropped ?? 0), 0);
}

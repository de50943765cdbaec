/* kill.mjs - a real server under load, killed again and again (reliability T3).
 *
 *   writers --OTLP protobuf, OTLP JSON, remote write 1 and 2, frames--> server
 *      |                                                        SIGKILL at a random moment:
 *      +-- ledger: sent, acknowledged                           under load, during a seal,
 *                                                               during recovery, during SIGTERM
 *
 * A writer owns SERIES series and numbers its messages; message n carries one
 * sample of each series at time T0 + order(n), whose value is n * 1000 + series
 * + 1/8.  One writer's order is shuffled, so that late samples cross the seals.
 * Some of the messages that were not acknowledged are sent again.
 *
 * Law: every sample of an acknowledged message is found with its exact value;
 * nothing is found that was never sent; no time is found twice.
 *
 * Log writers do the same beside them, over Loki's push, OTLP JSON and frames: a message is RECORDS
 * lines.  Every line of an acknowledged message is found with its bytes, field and time, none that was
 * never sent, and none more often than it was sent.
 *
 * So do span writers, over OTLP JSON, frames and Zipkin: a message is a trace of SPANS spans, found whole
 * by TraceQL and, the last of them, by its id. */
import { check, command, failed, folder, sleep, start } from '../scenario/andon.mjs';
import * as wire from '../scenario/wire.mjs';

const KILLS = Number(process.argv[3] ?? process.env.KILLS ?? 200);
const SEED = Number(process.argv[4] ?? process.env.SEED ?? Date.now() % 1000000);
const SERIES = 8;
const T0 = Math.floor(Date.now() / 1000) * 1000 - 1800000;
const BUDGET_MS = Number(process.env.KILL_BUDGET_MS ?? 240000);

let state = SEED >>> 0 || 1;
function random(n) { /* mulberry32 */
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
}

const ways = {
  proto: (s, points) => s.postOtlp(wire.otlp(points)).then((r) => r.status === 200),
  json: (s, points) => s.postJson(wire.otlpJson(points)).then((r) => r.status === 200),
  write1: (s, points) => s.postWrite(points).then((r) => r.status === 204),
  write2: (s, points) => s.postWrite2(points).then((r) => r.status === 204),
  frames: (s, points) => {
    if (s.door?.socket.destroyed ?? true) s.door = s.frames();
    return s.door.send(wire.otlp(points)).then((a) => a.status === 0);
  },
  late: (s, points) => s.postOtlp(wire.otlp(points)).then((r) => r.status === 200),
};

class Writer {
  constructor(way) {
    this.way = way;
    this.sent = 0;
    this.acked = new Uint8Array(1 << 20); /* by message */
    this.open = []; /* sent, not acknowledged */
    this.refused = 0;
  }

  order(n) { return this.way === 'late' ? n ^ 0x1a5 : n; } /* its own inverse */

  points(n) {
    return Array.from({ length: SERIES }, (_, i) => ({
      name: 'kill_sample', labels: { writer: this.way, i: String(i) },
      ms: T0 + this.order(n), value: n * 1000 + i + 0.125,
    }));
  }

  async send(server, n) {
    let isTaken = false;
    try {
      isTaken = await ways[this.way](server, this.points(n));
      if (!isTaken) this.refused++;
    } catch { /* the server died: neither known to be there nor to be absent */ }
    if (isTaken) this.acked[n] = 1;
    else if (!this.acked[n]) this.open.push(n);
    return isTaken;
  }

  async work(server) {
    while (!server.isDying) {
      const again = this.open.length > 0 && random(2) === 0;
      const n = again ? this.open.shift() : this.sent++;
      if (!(await this.send(server, n))) {
        if (server.isDying) return;
        await sleep(2);
      }
    }
  }
}

/* ---- logs ------------------------------------------------------------------------- */

const RECORDS = 4;
const LOG_STEP_NS = 1000000n;
const logTime = (n, i) => BigInt(T0) * 1000000n + BigInt(n) * LOG_STEP_NS + BigInt(i);
const logLine = (way, n, i) => `message ${n} of ${way} took ${(n * 7 + i) % 1000} ms, record ${i}`;

const attribute = (name, value) => wire.message([1, 'len', name], [2, 'len', value]);
const otlpLogs = (n, way) => wire.message([1, 'len', wire.message(
  [1, 'len', wire.message([1, 'len', attribute('service.name', wire.message([1, 'len', way]))])],
  [2, 'len', wire.message(...Array.from({ length: RECORDS }, (_, i) => [2, 'len', wire.message([1, 'fixed64', logTime(n, i)],
    [5, 'len', wire.message([1, 'len', logLine(way, n, i)])], [6, 'len', attribute('n', wire.message([3, 'varint', n]))])]))])]);

const logWays = {
  frames: (s, n, way) => {
    if (s.logDoor?.socket.destroyed ?? true) s.logDoor = s.frames();
    return s.logDoor.send(otlpLogs(n, way), { kind: 2 }).then((a) => a.status === 0);
  },
  push: (s, n, way) => s.post('/loki/api/v1/push', 'application/json', JSON.stringify({ streams: [{ stream: { writer: way }, values: Array.from({ length: RECORDS },
    (_, i) => [String(logTime(n, i)), logLine(way, n, i), { n: String(n) }]) }] })).then((r) => r.status === 204),
  otlp: (s, n, way) => s.post('/v1/logs', 'application/json', JSON.stringify({ resourceLogs: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: way } }] },
    scopeLogs: [{ logRecords: Array.from({ length: RECORDS }, (_, i) => ({ timeUnixNano: String(logTime(n, i)),
      body: { stringValue: logLine(way, n, i) }, attributes: [{ key: 'n', value: { intValue: String(n) } }] })) }] }] })).then((r) => r.status === 200),
};
const logSelector = { push: '{writer="push"}', otlp: '{service_name="otlp"}', frames: '{service_name="frames"}' };

class LogWriter extends Writer {
  constructor(way, ways = logWays) {
    super(way);
    this.ways = ways;
    this.times = new Uint8Array(1 << 20); /* sent, by message */
  }

  async send(server, n) {
    let isTaken = false;
    this.times[n]++;
    try {
      isTaken = await this.ways[this.way](server, n, this.way);
      if (!isTaken) this.refused++;
    } catch { /* neither known to be there nor to be absent */ }
    if (isTaken) this.acked[n] = 1;
    else if (!this.acked[n]) this.open.push(n);
    return isTaken;
  }
}

const logWriters = Object.keys(logWays).map((way) => new LogWriter(way));
let logsLost = 0, logsInvented = 0;

/* Reads messages [from, sent) back in blocks and compares. */
async function verifyLogs(server, w, from) {
  const block = 2000;
  for (let first = from; first < w.sent; first += block) {
    const last = Math.min(first + block, w.sent);
    const at = new URLSearchParams({ query: logSelector[w.way], start: String(logTime(first, 0)), end: String(logTime(last, 0)),
      limit: '50000', direction: 'forward' });
    const { data } = (await server.get(`/loki/api/v1/query_range?${at}`)).json;
    const seen = new Uint8Array((last - first) * RECORDS);
    for (const { stream, values } of data.result) {
      for (const [ts, line] of values) {
        const off = BigInt(ts) - BigInt(T0) * 1000000n;
        const n = Number(off / LOG_STEP_NS), i = Number(off % LOG_STEP_NS);
        const isOurs = n >= first && n < last && i < RECORDS && line === logLine(w.way, n, i) && stream.n === String(n);
        if ((!isOurs || ++seen[(n - first) * RECORDS + i] > w.times[n]) && logsInvented++ < 5)
          console.log(`invented: ${w.way} ${ts} ${line}`);
      }
    }
    for (let n = first; n < last; n++) {
      if (!w.acked[n]) continue;
      for (let i = 0; i < RECORDS; i++) {
        checked++;
        if (!seen[(n - first) * RECORDS + i] && logsLost++ < 5) console.log(`lost: ${w.way} message ${n} record ${i}`);
      }
    }
  }
}

const writers = Object.keys(ways).map((way) => new Writer(way));
let lost = 0, invented = 0, checked = 0, levels = '';

/* Asks for every sample in the last `ms` of the writer's time and compares. */
async function verify(server, w, ms) {
  if (w.sent === 0) return;
  const block = 512; /* order() permutes within blocks of this size */
  const end = Math.ceil(w.sent / block) * block;
  const first = ms === undefined ? 0 : Math.max(0, Math.floor((end - ms) / block) * block);
  const answer = await server.query(`{__name__="kill_sample",writer="${w.way}"}[${end - first}ms]`,
    { time: (T0 + end - 1) / 1000 });
  const seen = Array.from({ length: SERIES }, () => new Uint8Array(end - first));
  for (const { metric, values } of answer.result) {
    const i = Number(metric.i);
    for (const [time, text] of values) {
      const at = Math.round(time * 1000) - T0;
      const n = w.order(at);
      const isOurs = at >= first && n < w.sent && i < SERIES && Number(text) === n * 1000 + i + 0.125;
      if (!isOurs || seen[i][n - first]++) {
        if (invented++ < 5) console.log(`invented: ${w.way} series ${i} time ${at} value ${text}, message ${n} of ${w.sent}`);
      }
    }
  }
  for (let n = first; n < w.sent; n++) {
    if (!w.acked[n]) continue;
    for (let i = 0; i < SERIES; i++) {
      checked++;
      if (!seen[i][n - first] && lost++ < 5) console.log(`lost: ${w.way} series ${i} message ${n}`);
    }
  }
}

const dir = folder('andon-kill');
const recoveries = [];
const kinds = { load: 0, seal: 0, recovery: 0, term: 0 };
let seals = 0, kills = 0;
const args = ['--memory-limit', '512MiB', '--retention', '1d'];
const began = Date.now();

/* ---- spans ------------------------------------------------------------------------- */

const SPANS = 3;
const hex = (n, digits) => n.toString(16).padStart(digits, '0');
const traceId = (way, n) => `${hex(way.length, 2)}${hex(n * 2654435761 % 4294967296, 8)}${hex(n, 22)}`;
const spanId = (n, i) => hex(n * SPANS + i + 1, 16);
const spanName = (n, i) => `span ${i} of ${n}`;
const spanTime = (n, i) => BigInt(T0) * 1000000n + BigInt(n) * LOG_STEP_NS + BigInt(i) * 1000n;
const each = (make) => Array.from({ length: SPANS }, (_, i) => make(i));
const bytesOf = (text) => Buffer.from(text, 'hex');

const spanWays = {
  spanJson: (s, n, way) => s.post('/v1/traces', 'application/json', JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: way } }] },
    scopeSpans: [{ spans: each((i) => ({ traceId: traceId(way, n), spanId: spanId(n, i), parentSpanId: i ? spanId(n, i - 1) : '', name: spanName(n, i), kind: 1,
      startTimeUnixNano: String(spanTime(n, i)), endTimeUnixNano: String(spanTime(n, i + 1)) })) }] }] })).then((r) => r.status === 200),
  spanFrames: (s, n, way) => {
    if (s.spanDoor?.socket.destroyed ?? true) s.spanDoor = s.frames();
    const spans = each((i) => [2, 'len', wire.message([1, 'len', bytesOf(traceId(way, n))], [2, 'len', bytesOf(spanId(n, i))], ...(i ? [[4, 'len', bytesOf(spanId(n, i - 1))]] : []),
      [5, 'len', spanName(n, i)], [7, 'fixed64', spanTime(n, i)], [8, 'fixed64', spanTime(n, i + 1)])]);
    const request = wire.message([1, 'len', wire.message([1, 'len', wire.message([1, 'len', attribute('service.name', wire.message([1, 'len', way]))])], [2, 'len', wire.message(...spans)])]);
    return s.spanDoor.send(request, { kind: 3 }).then((a) => a.status === 0);
  },
  zipkin: (s, n, way) => s.post('/api/v2/spans', 'application/json', JSON.stringify(each((i) => ({ traceId: traceId(way, n), id: spanId(n, i), ...(i ? { parentId: spanId(n, i - 1) } : {}),
    name: spanName(n, i), timestamp: Number(spanTime(n, i) / 1000n), duration: 1, localEndpoint: { serviceName: way } })))).then((r) => r.status === 202),
};

const spanWriters = Object.keys(spanWays).map((way) => new LogWriter(way, spanWays));
let spansLost = 0, spansInvented = 0;

/* Reads messages [from, sent) back in blocks and compares; the newest acknowledged by its id. */
async function verifySpans(server, w, from) {
  const block = 2000;
  for (let first = from; first < w.sent; first += block) {
    const last = Math.min(first + block, w.sent);
    const at = new URLSearchParams({ q: `{ resource.service.name = "${w.way}" }`, start: String(spanTime(first, 0)), end: String(spanTime(last, 0)), limit: String(block + 1), spss: String(SPANS + 1) });
    const { traces } = (await server.get(`/api/search?${at}`)).json;
    const seen = new Uint8Array(last - first);
    for (const t of traces) {
      const set = t.spanSets[0], n = Number(/ of (\d+)$/.exec(set.spans[0].name)?.[1] ?? -1);
      const names = set.spans.map((s) => s.name).sort().join();
      const isOurs = n >= first && n < last && t.traceID === traceId(w.way, n) && set.matched === SPANS && names === each((i) => spanName(n, i)).join() && t.rootTraceName === spanName(n, 0);
      if ((!isOurs || ++seen[n - first] > 1 || w.times[n] === 0) && spansInvented++ < 5) console.log(`invented: ${w.way} ${t.traceID} ${names} (${set.matched})`);
    }
    for (let n = first; n < last; n++) {
      if (!w.acked[n]) continue;
      checked++;
      if (!seen[n - first] && spansLost++ < 5) console.log(`lost: ${w.way} message ${n}`);
    }
  }
  const n = w.acked.lastIndexOf(1);
  if (n < 0) return;
  const r = await server.get(`/api/v3/traces/${traceId(w.way, n)}`);
  const names = r.status === 200 ? r.json.result.resourceSpans.flatMap((g) => g.scopeSpans.flatMap((s) => s.spans.map((x) => x.name))).sort() : [];
  if (names.join() !== each((i) => spanName(n, i)).join() && spansLost++ < 5) console.log(`lost: ${w.way} trace ${n} by its id: ${r.status} ${names}`);
}

async function killOnce() {
  const kind = ['load', 'load', 'seal', 'seal', 'seal', 'recovery', 'term'][random(7)];
  kinds[kind]++;
  const server = await start({ dir, args, wait: kind !== 'recovery' });
  if (kind === 'recovery') {
    await sleep(random(25));
    await server.kill();
    return;
  }
  recoveries.push(server.recovery_ms);
  if (kills % 20 === 0) {
    for (const w of writers) await verify(server, w, 4096);
    for (const w of logWriters) await verifyLogs(server, w, Math.max(0, w.sent - 2000));
    for (const w of spanWriters) await verifySpans(server, w, Math.max(0, w.sent - 2000));
  }
  const work = [...writers.flatMap((w) => [w.work(server), w.work(server), w.work(server)]),
    ...[...logWriters, ...spanWriters].map((w) => w.work(server))];
  await sleep(10 + random(120));
  if (kind === 'seal') {
    const rounds = 1 + random(3);
    for (let i = 0; i < rounds; i++) {
      const done = server.post('/-/seal', 'text/plain', '').then((r) => { seals += r.status === 200; }, () => {});
      if (i + 1 < rounds) await done;
    }
    await sleep(random(12));
  } else if (kind === 'term') {
    server.child.kill('SIGTERM');
    await sleep(random(8));
  }
  server.isDying = true;
  await server.kill();
  server.door?.close();
  server.logDoor?.close();
  server.spanDoor?.close();
  await Promise.all(work);
}

try {
  while (kills < KILLS && Date.now() - began < BUDGET_MS) {
    await killOnce();
    kills++;
  }
  const server = await start({ dir, args });
  recoveries.push(server.recovery_ms);
  for (const w of writers) await verify(server, w);
  for (const w of logWriters) await verifyLogs(server, w, 0);
  for (const w of spanWriters) await verifySpans(server, w, 0);
  const names = (await server.get('/api/v1/label/__name__/values')).json.data;
  const strange = names.filter((n) => !/^(kill_sample|target_info|traces_\w+|andon_\w+|process_\w+|up)$/.test(n));
  check(strange.length === 0, `names that nobody sent: ${strange}`);
  check(!(await server.metrics()).andon_segments_quarantined, 'nothing is quarantined');
  check((await server.stop()) === 0, 'the last server stops with 0');
  const { out } = await command(['inspect', dir]);
  levels = [...out.matchAll(/^seg-\S+ +(\d+) /gm)].map((m) => m[1]).sort().reverse().join(' ');
  check((await command(['verify', dir])).status === 0, 'verify finds every byte good');
} catch (e) {
  check(false, `${e.stack}\n(seed ${SEED}, after ${kills} kills)`);
}

recoveries.sort((a, b) => a - b);
const quantile = (q) => Math.round(recoveries[Math.min(recoveries.length - 1, Math.floor(q * recoveries.length))]);
let acked = 0;
for (const w of writers) for (let n = 0; n < w.sent; n++) acked += w.acked[n] * SERIES;
console.log(`kills ${kills} | acked samples ${acked} | acked lost ${lost} | invented ${invented} | ` +
  `recovery p50 ${quantile(0.5)} p99 ${quantile(0.99)} ms`);
let ackedLogs = 0;
for (const w of logWriters) for (let n = 0; n < w.sent; n++) ackedLogs += w.acked[n] * RECORDS;
console.log(`logs acked records ${ackedLogs} | acked lost ${logsLost} | invented ${logsInvented}`);
let ackedSpans = 0;
for (const w of spanWriters) for (let n = 0; n < w.sent; n++) ackedSpans += w.acked[n] * SPANS;
console.log(`spans acked spans ${ackedSpans} | acked lost ${spansLost} | invented ${spansInvented}`);
console.log(`figures ${kinds.load} under load, ${kinds.seal} sealing (${seals} seals answered), ${kinds.recovery} recovering, ` +
  `${kinds.term} stopping | ${checked} look-ups | ${Math.round((Date.now() - began) / 1000)} s | levels of the segments left: ${levels} | seed ${SEED}`);
check(kills >= KILLS, `${KILLS} kills in the time`);
check(lost === 0, 'nothing acknowledged is lost');
check(invented === 0, 'nothing is invented');
check(logsLost === 0, 'no acknowledged log record is lost');
check(logsInvented === 0, 'no log record is invented');
check(spansLost === 0, 'no acknowledged span is lost');
check(spansInvented === 0, 'no span is invented');
check(acked > 0 && [...logWriters, ...spanWriters].every((w) => w.acked.includes(1)), 'something was acknowledged, of each way of logs and spans');
process.exit(failed() ? 1 : 0);

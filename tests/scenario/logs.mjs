/* logs.mjs - logs through every door, found again through Loki's API. */
import dgram from 'node:dgram';
import net from 'node:net';
import zlib from 'node:zlib';
import { ANY_PORT, check, command, equal, eventually, run, sleep, start } from './andon.mjs';
import * as wire from './wire.mjs';

const SYSLOG = ['--syslog-udp-listen', '127.0.0.1:0', '--syslog-tcp-listen', '127.0.0.1:0'];
const QUIET = ['--self-records=false', '--self-interval', '0'];

const syslogPort = (a, kind) => Number(a.banner.match(new RegExp(`^ {2}syslog ${kind} +\\S+:(\\d+)$`, 'm'))?.[1] ?? 0);

/* [{stream, line}] of the last hour, oldest first. */
async function find(a, query, params = {}) {
  const now = BigInt(Date.now()) * 1000000n;
  const form = new URLSearchParams({ query, start: String(now - 3600n * 10n ** 9n), end: String(now + 60n * 10n ** 9n),
    limit: '5000', direction: 'forward', ...params });
  const r = await a.get(`/loki/api/v1/query_range?${form}`);
  if (r.status !== 200) throw new Error(`${query}: ${r.status} ${r.text}`);
  return r.json.data.result.flatMap((s) => s.values.map(([, line]) => ({ stream: s.stream, line })));
}

const lines = async (a, query) => (await find(a, query)).map((e) => e.line);

/* OTLP in protobuf: records of one resource. */
const any = (text) => wire.message([1, 'len', text]);
const pair = (k, v) => wire.message([1, 'len', k], [2, 'len', any(v)]);
const otlpLogs = (service, texts) => wire.message([1, 'len', wire.message(
  [1, 'len', wire.message([1, 'len', pair('service.name', service)])],
  [2, 'len', wire.message(...texts.map((t) => [2, 'len', wire.message(
    [1, 'fixed64', BigInt(Date.now()) * 1000000n], [2, 'varint', 17], [5, 'len', any(t)], [6, 'len', pair('http.method', 'GET')])]))])]);

const otlpJson = (service, texts) => JSON.stringify({ resourceLogs: [{
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeLogs: [{ logRecords: texts.map((t) => ({ timeUnixNano: `${Date.now()}000000`, body: { stringValue: t } })) }] }] });

const lokiJson = (stream, texts) => JSON.stringify({ streams: [{ stream, values: texts.map((t, i) => [`${Date.now()}00000${i}`, t]) }] });
const lokiProto = (labels, texts) => wire.snappy(wire.message([1, 'len', wire.message([1, 'len', labels],
  ...texts.map((t) => [2, 'len', wire.message([1, 'len', wire.message([1, 'varint', Math.floor(Date.now() / 1000)])], [2, 'len', t])]))]));

const bulk = (docs) => docs.map((d) => `${JSON.stringify({ create: {} })}\n${JSON.stringify({ '@timestamp': new Date().toISOString(), ...d })}\n`).join('');

function udpSend(port, texts) {
  const s = dgram.createSocket('udp4');
  return Promise.all(texts.map((t) => new Promise((done) => s.send(t, port, '127.0.0.1', done)))).then(() => s.close());
}

const tcpSend = (port, parts) => new Promise((done, fail) => {
  const s = net.connect(port, '127.0.0.1', async () => {
    for (const p of parts) { s.write(p); await sleep(5); }
    s.end();
  });
  s.on('error', fail);
  s.on('close', done);
  s.resume();
});

/* The time as RFC 3164 has it; senders without a zone mean UTC. */
const bsdTime = () => new Date().toUTCString().replace(/^\w+, 0?(\d+) (\w+) \d+ (\S+) GMT$/, (_, d, m, t) => `${m} ${d.padStart(2)} ${t}`);

/* Items counted at a door of logs: {received, accepted, rejected}. */
async function counted(a, door) {
  const m = await a.metrics();
  const sum = (name) => Object.entries(m).filter(([k]) => k.startsWith(`${name}{`) && k.includes('signal="logs"') && k.includes(`door="${door}"`))
    .reduce((n, [, v]) => n + v, 0);
  return { received: sum('andon_items_received_total'), accepted: sum('andon_items_accepted_total'), rejected: sum('andon_items_rejected_total') };
}

await run({
  async 'every door, and each found again'() {
    const a = await start({ args: [...SYSLOG, ...QUIET] });
    const gz = { 'content-encoding': 'gzip' };
    const door = a.frames();
    const answers = {
      otlp: (await a.post('/v1/logs', 'application/x-protobuf', otlpLogs('otlp', ['one', 'two']))).status,
      otlp_json: (await a.post('/otlp/v1/logs', 'application/json', zlib.gzipSync(otlpJson('otlp_json', ['one', 'two'])), gz)).status,
      loki: (await a.post('/loki/api/v1/push', 'application/x-protobuf', lokiProto('{service_name="loki"}', ['one', 'two']))).status,
      loki_json: (await a.post('/api/prom/push', 'application/json', lokiJson({ service_name: 'loki_json' }, ['one', 'two']))).status,
      lines: (await a.post('/api/v1/import/jsonl?_stream_fields=service_name', 'application/x-ndjson',
        '{"msg":"one","service_name":"lines"}\n{"msg":"two","service_name":"lines"}\n')).status,
      bulk: (await a.request('POST', '/logs-x/_bulk', { headers: { 'content-type': 'application/x-ndjson', ...gz },
        body: zlib.gzipSync(bulk([{ message: 'one', service: { name: 'bulk' } }, { message: 'two', service: { name: 'bulk' } }])) })).status,
      frames: (await door.send(otlpLogs('frames', ['one', 'two']), { kind: 2 })).status,
    };
    door.close();
    equal(answers, { otlp: 200, otlp_json: 200, loki: 204, loki_json: 204, lines: 204, bulk: 200, frames: 0 }, 'answers');
    for (const name of Object.keys(answers))
      equal(await lines(a, `{service_name="${name}"}`), ['one', 'two'], name);
    await a.datagram(wire.envelope(otlpLogs('datagram', ['one', 'two']), { sequence: 1, kind: 2 }));
    await udpSend(syslogPort(a, 'udp'), ['<34>1 2003-10-11T22:14:15.003Z old udp - - - too old', '<34>Oct 11 22:14:15 h x: no year']);
    await udpSend(syslogPort(a, 'udp'), [`<27>1 ${new Date().toISOString()} web syslog_udp 12 - - one`, `<27>${bsdTime()} web syslog_udp[7]: two`]);
    const framed = `<27>${bsdTime()} web syslog_tcp: two`;
    const octets = `${framed.length} ${framed}`;
    await tcpSend(syslogPort(a, 'tcp'), [`<27>1 ${new Date().toISOString()} web syslog_tcp - - - o`, 'ne\n', octets.slice(0, 20), octets.slice(20)]);
    for (const name of ['datagram', 'syslog_udp', 'syslog_tcp'])
      await eventually(async () => JSON.stringify((await lines(a, `{service_name="${name}"}`)).sort()) === '["one","two"]', name);
    equal(await lines(a, '{index="logs-x"}'), ['one', 'two'], 'the index is a label');
    equal((await lines(a, '{host="web", service_name="syslog_udp"}')).length, 2, 'the host that the messages name');
    equal(await lines(a, '{service_name="otlp"} | http_method="GET" | detected_level="error"'), ['one', 'two'], 'fields and level');
    for (const name of ['otlp_http', 'loki', 'elastic', 'json_lines', 'tcp', 'udp', 'syslog']) {
      const n = await counted(a, name);
      check(n.received > 0, `${name} received ${n.received}`);
      equal(n.accepted + n.rejected, n.received, `${name}: received = accepted + rejected`);
    }
    equal(await a.stop(), 0, 'exit status');
  },

  async 'what was answered is there after a kill'() {
    const a = await start({ args: QUIET });
    for (let i = 0; i < 20; i++)
      equal((await a.post('/_bulk', 'application/x-ndjson', `{"create":{"_index":"k"}}\n{"message":"line ${i}"}\n`)).status, 200, `bulk ${i}`);
    await a.kill();
    const b = await start({ dir: a.dir, args: QUIET });
    equal((await lines(b, '{index="k"}')).length, 20, 'after the kill');
  },

  async 'clients of Elasticsearch find what they look for'() {
    const a = await start({ args: QUIET });
    const product = (r) => r.headers['x-elastic-product'];
    const agent = { 'user-agent': 'elasticsearch-js/8.17.0 (linux)', accept: 'application/vnd.elasticsearch+json; compatible-with=8' };
    const root = await a.get('/', { headers: agent });
    equal([root.status, product(root), root.json.tagline], [200, 'Elasticsearch', 'You Know, for Search'], 'the root for a client');
    check(/vnd\.elasticsearch\+json/.test(root.headers['content-type']), root.headers['content-type']);
    const page = await a.get('/', { headers: { accept: 'text/html', 'user-agent': 'Mozilla/5.0' } });
    check(/html/.test(page.headers['content-type']) && !product(page), 'the root for a person');
    for (const path of ['/elasticsearch', '/elasticsearch/_license', '/_xpack', '/_cluster/health', '/_nodes', '/_ilm/policy/x',
      '/_index_template/x', '/_ingest/pipeline/x', '/_cat/templates/x', '/x/_refresh']) {
      const r = await a.get(path);
      equal([r.status, product(r)], [200, 'Elasticsearch'], path);
      r.json;
    }
    equal((await a.request('PUT', '/_index_template/x', { headers: { 'content-type': 'application/json' }, body: '{}' })).json.acknowledged, true, 'PUT');
    equal((await a.request('HEAD', '/elasticsearch/x')).status, 200, 'HEAD of an index');
    const unknown = await a.get('/elasticsearch/x/_search');
    equal([unknown.status, product(unknown), unknown.json.status], [404, 'Elasticsearch', 404], 'not found, in their words');
    const r = await a.post('/elasticsearch/_bulk', 'application/vnd.elasticsearch+x-ndjson; compatible-with=8',
      `${bulk([{ message: 'no index' }])}{"index":{"_index":"y","_id":"7"}}\n{"message":"good"}\n{"delete":{"_index":"y","_id":"7"}}\n`
      + '{"create":{"_index":"y"}}\n{"@timestamp":"2003-01-01T00:00:00Z","message":"too old"}\n', agent);
    equal([r.status, r.json.errors, r.json.items.map((i) => Object.values(i)[0].status)], [200, true, [400, 201, 400, 400]], 'items');
    equal(r.json.items[3].create.error.reason, 'too_old', 'why');
    equal(await lines(a, '{index="y"}'), ['good'], 'the good one');
    const bad = await a.post('/_bulk', 'application/x-ndjson', 'nonsense\n');
    equal([bad.status, product(bad), bad.json.status], [400, 'Elasticsearch', 400], 'nonsense');
  },

  async 'own lines are logs, unless told otherwise'() {
    const a = await start();
    await eventually(async () => (await lines(a, '{service_name="andon"}')).some((l) => /^ready http=/.test(l)), 'the ready line');
    const ready = (await find(a, '{service_name="andon"} |= "ready http"'))[0].stream;
    equal([ready.level, ready.component, ready.detected_level], ['info', 'serve', 'info'], 'level and component');
    equal(await a.stop(), 0, 'exit status');
    const b = await start({ dir: a.dir, args: ['--self-records=false'] });
    check((await lines(b, '{service_name="andon"}')).some((l) => /^stopping signal=TERM/.test(l)), 'the last lines were drained');
    await sleep(600);
    equal((await lines(b, '{service_name="andon"} |= "ready http"')).length, 1, 'and no more when off');
  },

  async 'andon send log'() {
    const a = await start({ args: QUIET });
    const args = ['--level', 'error', '--label', 'k8s.namespace.name=prod', '--field', 'order=7', '--service', 'shop'];
    const tcp = await command(['send', 'log', 'over tcp', ...args, '--to', `tcp://127.0.0.1:${a.ports.tcp}`]);
    equal([tcp.status, /status=ok/.test(tcp.out)], [0, true], `tcp: ${tcp.err}`);
    const udp = await command(['send', '--to', `udp://127.0.0.1:${a.ports.udp}`, 'log', 'over udp', ...args]);
    equal(udp.status, 0, `udp: ${udp.err}`);
    const query = '{service_name="shop", k8s_namespace_name="prod"} | order="7" | detected_level="error"';
    await eventually(async () => JSON.stringify((await lines(a, query)).sort()) === '["over tcp","over udp"]', 'both are there');
    for (const [words, want] of [[['log'], /Usage|usage/], [['log', 'x', '--level', 'loud'], /want trace/], [['log', 'x', '--field', 'y'], /name=value/]]) {
      const r = await command(['send', ...words]);
      equal([r.status, want.test(r.err)], [2, true], `${words}: ${r.err}`);
    }
  },

  async 'limits and rules of retention are settings'() {
    const a = await start({ args: [...QUIET, '--log-line-bytes-max', '1KiB', '--log-retention', '1h {app="a",env="b"},7d {level="debug"}'] });
    check(/log_retention: \["1h \{app=\\"a\\",env=\\"b\\"\}", "7d/.test((await a.get('/api/v1/status/config')).json.data.yaml), 'the rules are shown');
    const push = (line) => a.post('/loki/api/v1/push', 'application/json', lokiJson({ app: 'a' }, [line]));
    equal((await push('x'.repeat(1024))).status, 204, 'the limit');
    const long = await push('x'.repeat(1025));
    equal([long.status, /too_large/.test(long.text)], [400, true], `one more: ${long.text}`);
    equal(await a.stop(), 0, 'exit status');
    for (const [rule, want] of [['soon {a="b"}', /log_retention/], ['7d {a=~"("}', /log_retention/], ['7d {a=}', /log_retention/]]) {
      const r = await command(['serve', '--data-dir', `${a.dir}-none`, ...ANY_PORT, '--log-retention', rule]);
      equal([r.status, want.test(r.err)], [2, true], `${rule}: ${r.status} ${r.err}`);
    }
  },

  async 'syslog: quiet senders stay, both framings, a burst'() {
    const a = await start({ args: [...SYSLOG, ...QUIET] });
    const s = net.connect(syslogPort(a, 'tcp'), '127.0.0.1');
    s.on('error', () => {});
    await sleep(100);
    const message = (i) => `<30>1 ${new Date().toISOString()} h burst - - - message ${i}`;
    for (let i = 0; i < 1000; i++) {
      const m = message(i);
      s.write(i % 2 ? `${m.length} ${m}` : `${m}\n`);
    }
    await eventually(async () => (await counted(a, 'syslog')).received === 1000, 'all came');
    equal((await lines(a, '{service_name="burst"}')).length, 1000, 'all are there');
    equal((await counted(a, 'syslog')).accepted, 1000, 'accepted');
    s.end();
    for (const door of ['udp', 'tcp']) {
      const r = await command(['serve', '--data-dir', `${a.dir}-none`, ...ANY_PORT, `--syslog-${door}-listen`, '0.0.0.0:0']);
      equal([r.status !== 0, /loopback|insecure|open to others/.test(r.err)], [true, true], `${door} beyond loopback: ${r.err.slice(-300)}`);
    }
  },
});

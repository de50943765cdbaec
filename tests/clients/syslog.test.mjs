/* syslog.test.mjs - what Debian's own senders make of syslog: logger (bsdutils) over UDP and TCP,
 * in both forms and both framings, and rsyslog forwarding in its three usual ways.  Found again
 * field by field, byte by byte of the line; of rsyslog with the time that its own file says. */
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, eventually, folder, run, start } from '../scenario/andon.mjs';

const places = [...process.env.PATH.split(':'), '/usr/sbin', '/usr/bin'];
const program = (name) => places.map((dir) => path.join(dir, name)).find((file) => fs.existsSync(file));
const logger = program('logger'), rsyslogd = program('rsyslogd');
const SYSLOG = ['--syslog-udp-listen', '127.0.0.1:0', '--syslog-tcp-listen', '127.0.0.1:0', '--self-records=false'];
const TEXT = 'räksmörgås "quoted" \\ <13> 12 ] end';

const portOf = (a, kind) => a.banner.match(new RegExp(`^ {2}syslog ${kind} +\\S+:(\\d+)$`, 'm'))?.[1];

const log = (args) => new Promise((done) => {
  execFile(logger, args, (error, out, err) => done(check(!error && err === '', `logger ${args.join(' ')}: ${error ?? ''} ${err}`)));
});

/* Entries of a query, oldest first: {ts, line, labels, fields}. */
async function find(a, query) {
  const form = new URLSearchParams({ query, start: '0', end: `${Date.now() + 3600000}000000`, limit: '5000', direction: 'forward' });
  const r = await a.get(`/loki/api/v1/query_range?${form}`, { headers: { 'x-loki-response-encoding-flags': 'categorize-labels' } });
  if (!equal(r.status, 200, query)) return [];
  return r.json.data.result.flatMap((s) => s.values.map(([ts, line, more]) =>
    ({ ts, line, labels: s.stream, fields: more?.structuredMetadata ?? {} }))).sort((x, y) => (BigInt(x.ts) < BigInt(y.ts) ? -1 : 1));
}

const sorted = (o) => Object.fromEntries(Object.entries(o).sort(([x], [y]) => (x < y ? -1 : 1)));

async function one(a, service) {
  let got = [];
  await eventually(async () => (got = await find(a, `{service_name="${service}"}`)).length >= 1, `${service} comes`);
  equal(got.length, 1, `${service}: entries`);
  return got[0] ?? { ts: '0', line: '', labels: {}, fields: {} };
}

/* rsyslog of one's own, which hears a socket: what logger tells it, it forwards and files. */
async function startRsyslog(actions) {
  const dir = folder('andon-rsyslog'), socket = path.join(dir, 'log'), file = path.join(dir, 'sent');
  fs.writeFileSync(path.join(dir, 'conf'), `global(workDirectory="${dir}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" IgnoreTimestamp="off" RateLimit.Interval="0")
action(type="omfile" file="${file}" template="RSYSLOG_SyslogProtocol23Format" asyncWriting="off" flushOnTXEnd="on")
${actions}
`);
  const child = spawn(rsyslogd, ['-n', '-f', path.join(dir, 'conf'), '-i', path.join(dir, 'pid')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  for (const s of [child.stdout, child.stderr]) s.on('data', (d) => { told += d; });
  const ended = new Promise((done) => child.on('exit', done));
  process.on('exit', () => child.kill('SIGKILL'));
  await eventually(() => fs.existsSync(socket), `rsyslog hears its socket ${told}`);
  return { socket, file, stop: async () => { child.kill('SIGTERM'); await ended; check(!/error/i.test(told), told); } };
}

const ways = {
  'UDP, RFC 5424': ['udp', ['-d', '--rfc5424']],
  'UDP, RFC 3164': ['udp', ['-d', '--rfc3164']],
  'TCP, lines, RFC 5424': ['tcp', ['-T', '--rfc5424']],
  'TCP, lines, RFC 3164': ['tcp', ['-T', '--rfc3164']],
  'TCP, octets counted, RFC 5424': ['tcp', ['-T', '--octet-count', '--rfc5424']],
  'TCP, octets counted, RFC 3164': ['tcp', ['-T', '--octet-count', '--rfc3164']],
};

const cases = {};
for (const [name, [kind, args]] of Object.entries(ways)) {
  cases[`logger: ${name}`] = async () => {
    const a = await start({ args: SYSLOG });
    const isNew = args.includes('--rfc5424');
    const before = Date.now();
    const extra = isNew ? ['--msgid', 'ORDER', '--sd-id', 'shop@32473', '--sd-param', 'order="7"', '--sd-param', 'note="a \\"b\\" \\] c"'] : [];
    const to = ['-n', '127.0.0.1', '-P', portOf(a, kind), ...args, '-S', '8KiB'];
    await log([...to, '-t', 'shop', '--id=4711', '-p', 'local3.err', ...extra, '--', TEXT]);
    await log([...to, '-t', 'long', '-p', 'user.debug', '--', 'x'.repeat(5000)]);
    const e = await one(a, 'shop');
    equal(e.line, TEXT, 'the line');
    equal([e.labels.service_name, e.labels.app], ['shop', 'shop'], 'labels');
    check(e.labels.host?.length > 0, 'host');
    const at = Number(BigInt(e.ts) / 1000000n);
    check(at >= before - (isNew ? 1 : 1000) && at <= Date.now(), `time ${at}, sent after ${before}`);
    const of = sorted(e.fields);
    equal([of.facility, of.severity, of.severity_number, of.detected_level, of.proc_id], ['local3', 'error', '17', 'error', '4711'], 'fields');
    if (isNew) equal([of.msg_id, of.shop_32473_order, of.shop_32473_note], ['ORDER', '7', 'a "b" ] c'], 'structured data');
    const long = await one(a, 'long');
    equal(long.line.length, 5000, 'a long line');
    equal([long.fields.facility, long.fields.detected_level], ['user', 'debug'], 'its fields');
    equal(await a.stop(), 0, 'exit status');
  };
}

if (!rsyslogd) console.log('skipped: no rsyslogd, so what it forwards was not looked at');
else cases['rsyslog: three ways of forwarding'] = async () => {
  const a = await start({ args: SYSLOG });
  const [udp, tcp] = [portOf(a, 'udp'), portOf(a, 'tcp')];
  const form = 'template="RSYSLOG_SyslogProtocol23Format"';
  const r = await startRsyslog(`
if $programname == "udp" then action(type="omfwd" target="127.0.0.1" port="${udp}" protocol="udp" ${form})
if $programname == "lines" then action(type="omfwd" target="127.0.0.1" port="${tcp}" protocol="tcp" ${form})
if $programname == "octets" then action(type="omfwd" target="127.0.0.1" port="${tcp}" protocol="tcp" TCP_Framing="octet-counted" ${form})
if $programname == "old" then action(type="omfwd" target="127.0.0.1" port="${tcp}" protocol="tcp" template="RSYSLOG_TraditionalForwardFormat")`);
  for (const way of ['udp', 'lines', 'octets', 'old'])
    for (let i = 0; i < 20; i++) await log(['-u', r.socket, '-t', way, '--id=12', '-p', 'daemon.warning', '--', `${i} ${TEXT}`]);
  const sent = () => fs.readFileSync(r.file, 'utf8').split('\n').filter(Boolean).map((l) => l.match(/^<28>1 (\S+) (\S+) (\S+) (\S+) - - (.*)$/));
  await eventually(() => fs.existsSync(r.file) && sent().length === 80, 'rsyslog filed them');
  for (const way of ['udp', 'lines', 'octets', 'old']) {
    let got = [];
    await eventually(async () => (got = await find(a, `{service_name="${way}"}`)).length >= 20, `${way}: all come`);
    const want = sent().filter((m) => m[3] === way);
    /* rsyslog keeps the blank behind a tag as the message's first byte; the old form has it between them. */
    equal(got.map((e) => e.line).sort(), want.map((m) => (way === 'old' ? m[5].trimStart() : m[5])).sort(), `${way}: lines`);
    check(got.every((e) => e.labels.host === want[0][2]), `${way}: host ${got[0]?.labels.host}, not ${want[0][2]}`);
    equal([...new Set(got.map((e) => [e.fields.facility, e.fields.severity, e.fields.proc_id, e.fields.detected_level].join()))],
      ['daemon,warning,12,warn'], `${way}: fields`);
    if (way === 'old') continue; /* whole seconds */
    const micros = (m) => `${Math.floor(Date.parse(m[1]) / 1000)}${m[1].match(/\.(\d{6})/)[1]}000`;
    equal(got.map((e) => e.ts).sort(), want.map(micros).sort(), `${way}: times`);
  }
  await r.stop();
};

if (!logger) {
  console.log('skipped: no logger in PATH, so no sender of syslog was looked at');
  process.exit(0);
}
await run(cases);

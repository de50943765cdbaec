/* prometheus.test.mjs - a real Prometheus scrapes a target of ours, Andon and itself,
 * and writes all of it to Andon; then both answer the same questions about the
 * same past moment.  promtool asks Andon, too. */
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { check, equal, eventually, folder, run, sleep, start } from '../scenario/andon.mjs';

const program = (name) => process.env.PATH.split(':').map((dir) => path.join(dir, name)).find((file) => fs.existsSync(file));
const prometheus = program('prometheus'), promtool = program('promtool');
if (!prometheus) {
  console.log('skipped: no prometheus in PATH, so nothing was compared');
  process.exit(0);
}

/* What is asked of both, as an instant and as a range query.  Left out is what
 * Prometheus 3, which Andon follows, changed since 2.42 (the version here): names of
 * functions, and rates whose window holds a counter's first sample. */
const QUERIES = [
  'odd{job="odd"}', 'count(odd)', 'steps_total', 'rate(steps_total[5s])', 'increase(resets_total[6s])', 'resets(resets_total[6s])',
  'gone', 'last_over_time(gone[1m])', 'present_over_time(late[5s])', 'absent(gone)', 'label_escapes',
  'up{job=~"odd|andon|prometheus"}', 'scrape_samples_scraped{job="odd"}',
  'histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5s])))', 'latency_seconds_sum / latency_seconds_count',
  'sum by (job) (count_over_time({job=~"odd|prometheus"}[5s]))', 'topk(2, steps_total + 0.5)',
  'quantile_over_time(0.5, wave[6s])', 'stddev_over_time(wave[6s])', 'deriv(wave[6s])', 'predict_linear(wave[6s], 10)',
  'max_over_time(rate(steps_total[2s])[4s:500ms])', 'wave offset 2s', 'wave @ end() - wave @ start()',
  'label_replace(wave, "short", "$1", "job", "(.).*")', 'steps_total unless on (kind) wave', 'sort_desc(steps_total)',
  'go_goroutines{job="prometheus"}', 'rate(prometheus_tsdb_head_samples_appended_total[5s])', 'andon_series_active{job="andon"}',
  'sum by (door) (andon_items_received_total{job="andon"})', 'count_values("v", up)', 'clamp(wave, -0.5, 0.5) > 0',
  'changes(odd[6s])', 'timestamp(wave)', 'day_of_week()', 'vector(time())', '{__name__=~"latency_.*",le=~"1|.Inf"}',
];

let scrapes = 0;
function page() {
  const n = ++scrapes;
  const lines = ['# HELP odd Values that are hard to keep.', '# TYPE odd gauge',
    'odd{is="nan"} NaN', 'odd{is="inf"} +Inf', 'odd{is="minus inf"} -Inf', 'odd{is="tiny"} 5e-324', 'odd{is="minus zero"} -0',
    'odd{is="huge"} 1.7976931348623157e+308', 'odd{is="third"} 0.3333333333333333', 'odd{is="2^53"} 9007199254740993',
    '# TYPE steps_total counter', `steps_total{kind="a"} ${n * 3}`, `steps_total{kind="b"} ${n * n}`,
    '# TYPE resets_total counter', `resets_total ${(n % 4) * 10 + 1}`,
    `wave{kind="a"} ${Math.sin(n)}`,
    'label_escapes{a="back\\\\slash",b="quo\\"te",c="new\\nline",d="grün 🎈",e=""} 1',
    '# TYPE latency_seconds histogram'];
  for (const [le, share] of [['0.1', 2], ['1', 5], ['10', 9], ['+Inf', 10]]) lines.push(`latency_seconds_bucket{le="${le}"} ${n * share}`);
  lines.push(`latency_seconds_sum ${n * 17.25}`, `latency_seconds_count ${n * 10}`);
  if (n <= 6) lines.push(`gone ${n}`);
  if (n > 8) lines.push(`late ${n}`);
  return `${lines.join('\n')}\n`;
}

const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

async function ask(port, target, form) {
  const r = await fetch(`http://127.0.0.1:${port}${target}`, { method: 'POST', body: new URLSearchParams(form) });
  return r.json();
}

const near = (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
const points = (r) => (r.values ?? [r.value]).map(([t, v]) => [t, Number(v)]);
const keyed = (data) => new Map((data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result)
  .map((r) => [JSON.stringify(Object.entries(r.metric).sort()), points(r)]));

/* "" when they agree, else what differs. */
function difference(theirs, ours) {
  if (theirs.status !== ours.status) return `${theirs.status} ${theirs.error ?? ''} / ${ours.status} ${ours.error ?? ''}`;
  if (theirs.status !== 'success') return '';
  if (theirs.data.resultType !== ours.data.resultType) return `${theirs.data.resultType} / ${ours.data.resultType}`;
  const [a, b] = [keyed(theirs.data), keyed(ours.data)];
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(key), b.get(key)];
    if (!x || !y) return `${key}: only ${x ? 'theirs' : 'ours'} ${JSON.stringify(x ?? y)}`;
    if (x.length !== y.length || x.some(([t, v], i) => t !== y[i][0] || !near(v, y[i][1])))
      return `${key}: ${JSON.stringify(x).slice(0, 400)} / ${JSON.stringify(y).slice(0, 400)}`;
  }
  return '';
}

const tool = (args) => new Promise((done) => execFile(promtool, args, (error, out, err) => done({ status: error?.code ?? 0, out, err })));

await run({
  async 'a real Prometheus writes; both answer alike'() {
    const a = await start({ args: ['--self-interval', '0'] });
    const target = http.createServer((_, answer) => { answer.setHeader('content-type', 'text/plain; version=0.0.4'); answer.end(page()); });
    await new Promise((done) => target.listen(0, '127.0.0.1', done));
    const port = await freePort();
    const dir = folder('prometheus');
    const scrape = (job, at) => `  - {job_name: ${job}, static_configs: [{targets: ['127.0.0.1:${at}']}]}\n`;
    fs.writeFileSync(path.join(dir, 'prometheus.yml'), `global: {scrape_interval: 500ms, scrape_timeout: 500ms, external_labels: {}}
scrape_configs:
${scrape('odd', target.address().port)}${scrape('andon', a.ports.http)}${scrape('prometheus', port)}
remote_write:
  - url: http://127.0.0.1:${a.ports.http}/api/v1/write
    queue_config: {batch_send_deadline: 200ms}
    metadata_config: {send_interval: 1s}
`);
    const child = spawn(prometheus, [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (d) => { log += d; });
    try {
      await eventually(() => scrapes >= 20, 'twenty scrapes', 40000);
      const end = Math.floor(Date.now() / 500) * 500 - 500 + 137;
      await eventually(async () => Number(await a.value('max(timestamp(wave))')) * 1000 > end, 'Andon has the last scrape', 20000);
      await sleep(700);
      let alike = 0, asked = 0;
      for (const query of QUERIES) {
        for (const [path_, form] of [['/api/v1/query', { query, time: end / 1000 }],
          ['/api/v1/query_range', { query, start: (end - 3000) / 1000, end: end / 1000, step: 0.5 }]]) {
          const differs = difference(await ask(port, path_, form), await ask(a.ports.http, path_, form));
          asked++;
          if (check(differs === '', `${query} (${path_}) theirs / ours: ${differs}`)) alike++;
        }
      }
      const [theirs, ours] = await Promise.all([port, a.ports.http].map(async (p) => (await ask(p, '/api/v1/series',
        { 'match[]': '{job="odd"}', start: (end - 20000) / 1000, end: end / 1000 })).data.map((s) => JSON.stringify(Object.entries(s).sort())).sort()));
      equal(ours, theirs, 'series');
      console.log(`parity ${alike} of ${asked} queries alike with ${(await ask(port, '/api/v1/status/buildinfo', {}).catch(() => null))?.data?.version ??
        (await (await fetch(`http://127.0.0.1:${port}/api/v1/status/buildinfo`)).json()).data.version}`);
      await eventually(async () => (await a.get('/api/v1/metadata?metric=odd')).json.data.odd?.[0]?.help === 'Values that are hard to keep.',
        'metadata came over remote write');
      const complaints = log.split('\n').filter((line) => /level=(warn|error)/.test(line) && !/tsdb=|automaxprocs|nofile/i.test(line));
      equal(complaints, [], 'what Prometheus warns about');
      const m = await a.metrics();
      equal(m['andon_items_accepted_total{door="remote_write",signal="metrics"}'],
        m['andon_items_received_total{door="remote_write",signal="metrics"}'], 'accepted of received');
    } finally {
      child.kill('SIGTERM');
      target.closeAllConnections();
      target.close();
    }
  },

  async 'promtool asks'() {
    if (!promtool) {
      console.log('skipped: no promtool in PATH');
      return;
    }
    const a = await start();
    const now = Date.now();
    await a.write([{ name: 'asked', labels: { of: 'promtool' }, ms: now, value: 42.5 }]);
    const url = `http://127.0.0.1:${a.ports.http}`;
    const instant = await tool(['query', 'instant', url, 'asked']);
    check(/asked\{of="promtool"\} => 42\.5/.test(instant.out), `instant: ${instant.out}${instant.err}`);
    const range = await tool(['query', 'range', url, 'asked * 2', `--start=${now / 1000 - 60}`, `--end=${now / 1000 + 1}`, '--step=1s']);
    check(/85 @/.test(range.out), `range: ${range.out}${range.err}`);
    const series = await tool(['query', 'series', url, '--match=asked']);
    check(/promtool/.test(series.out), `series: ${series.out}${series.err}`);
    const labels = await tool(['query', 'labels', url, 'of']);
    check(/promtool/.test(labels.out), `labels: ${labels.out}${labels.err}`);
    const page = await a.get('/metrics');
    const lint = await new Promise((done) => {
      const p = spawn(promtool, ['check', 'metrics']);
      let out = '';
      p.stdout.on('data', (d) => { out += d; });
      p.stderr.on('data', (d) => { out += d; });
      p.on('close', (status) => done({ status, out }));
      p.stdin.end(page.text);
    });
    equal([lint.status, lint.out], [0, ''], 'promtool check metrics');
  },
});

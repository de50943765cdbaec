/* store.mjs - old data in any order, long retention, snapshots, deletions, damage,
 * and what the limits let in. */
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, eventually, folder, run, sleep, start } from './andon.mjs';
import * as wire from './wire.mjs';

const HOUR = 3600000, DAY = 24 * HOUR, YEAR = 365 * DAY;

function shuffle(list, seed) {
  for (let i = list.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

await run({
  async 'a year of samples in random order'() {
    const SERIES = 8, seed = Date.now() % 1000000;
    let a = await start({ args: ['--retention', '2y'] });
    const first = Math.floor((Date.now() - YEAR) / HOUR) * HOUR;
    const labels = Array.from({ length: SERIES }, (_, i) => ({ i: String(i) }));
    const value = (i, h) => (i % 2 ? h * 100 + i : Math.sin(h / 24) * 1e3 + i / 7);
    const points = [];
    for (let h = 0; h < 8760; h++) for (let i = 0; i < SERIES; i++) points.push({ name: 'past', labels: labels[i], ms: first + h * HOUR, value: value(i, h) });
    shuffle(points, seed);
    const began = Date.now();
    for (let at = 0; at < points.length; at += 5000) {
      await a.write(points.slice(at, at + 5000));
      if (at % 20000 === 15000) equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal');
    }
    const took = Date.now() - began;
    const verify = async (text) => {
      let found = 0, wrong = 0;
      const { result } = await a.query('past[53w]', { time: (first + 8760 * HOUR) / 1000 });
      for (const { metric, values } of result) {
        const times = new Set();
        for (const [t, v] of values) {
          const h = Math.round((t * 1000 - first) / HOUR);
          if (times.has(h) || Number(v) !== value(Number(metric.i), h)) wrong++;
          times.add(h);
          found++;
        }
      }
      equal([found, wrong], [8760 * SERIES, 0], `${text}: found, wrong (seed ${seed})`);
    };
    await verify('as written');
    await a.write(points.slice(0, 5000)); /* once more: nothing changes */
    equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal');
    await verify('sealed');
    equal(await a.stop(), 0, 'exit status');
    a = await start({ dir: a.dir, args: ['--retention', '2y'] });
    await verify('after a restart');
    equal(await a.value('sum(count_over_time(past[1y]))', { time: (first + 8759 * HOUR) / 1000 }), String(8760 * SERIES), 'counted by the engine');
    console.log(`figures ${points.length} samples of a year in random order written in ${took} ms, seed ${seed}`);
  },

  async 'retention: a hundred years kept, one hour not'() {
    let a = await start({ args: ['--retention', '100y'] });
    const old = Date.now() - 40 * YEAR;
    await a.write([{ name: 'old', ms: old, value: 1 }, { name: 'old', ms: Date.now(), value: 2 }]);
    equal(await a.value('old', { time: old / 1000 }), '1', 'forty years ago');
    await a.post('/-/seal', 'text/plain', '');
    await a.kill();
    a = await start({ dir: a.dir, args: ['--retention', '100y'] });
    equal(await a.value('old', { time: old / 1000 + 60 }), '1', 'after a restart');
    equal(await a.value('old'), '2', 'now');
    await a.kill();
    a = await start({ dir: a.dir, args: ['--retention', '0'] });
    equal(await a.value('old', { time: old / 1000 + 60 }), '1', 'kept for ever');
    await a.kill();
    a = await start({ dir: a.dir, args: ['--retention', '1h'] });
    const r = await a.postWrite([{ name: 'late', ms: Date.now() - 2 * HOUR, value: 1 }]);
    equal(r.status, 400, 'older than the retention');
    await eventually(async () => (await a.values('old', { time: old / 1000 + 60 })).length === 0, 'what is past the retention goes', 15000);
    equal(await a.value('old', { time: Date.now() / 1000 }) ?? '2', '2', 'what is not, stays');
  },

  async 'a snapshot under load starts as a store'() {
    const a = await start();
    const t = Date.now() - 600000;
    let n = 0, isOver = false;
    const work = (async () => { while (!isOver) { await a.write([{ name: 'snap', ms: t + n, value: n }]); n++; } })();
    await sleep(200);
    await a.post('/-/seal', 'text/plain', '');
    await sleep(100);
    const before = n;
    const r = await a.post('/api/v1/admin/tsdb/snapshot', 'text/plain', '');
    const after = n + 1;
    equal(r.status, 200, 'snapshot');
    isOver = true;
    await work;
    const { name } = r.json.data;
    const at = [path.join(a.dir, 'snapshots', name), path.join(a.dir, name)].find((p) => fs.existsSync(p));
    if (!check(at, `the snapshot ${name} lies in ${fs.readdirSync(a.dir)}`)) return;
    const copy = path.join(folder(), 'copy');
    fs.cpSync(at, copy, { recursive: true });
    const b = await start({ dir: copy });
    const { result } = await b.query('snap[20m]', { time: t / 1000 + 900 });
    const values = result[0]?.values.map(([, v]) => Number(v)) ?? [];
    check(values.length >= before && values.length <= after, `samples in the snapshot: ${values.length}, ${before} before, ${after} after`);
    check(values.every((v, i) => v === i), 'all of them in order');
    await b.write([{ name: 'snap', ms: t + 500000, value: -1 }]);
    equal(await b.stop(), 0, 'exit status');
    equal(await a.value('count_over_time(snap[20m])', { time: t / 1000 + 900 }), String(n), 'the store it came from is whole');
    console.log(`figures a snapshot under load holds ${values.length} samples, ${before} were acknowledged before it`);
  },

  async 'deleted series stay deleted'() {
    let a = await start();
    const now = Date.now();
    await a.write(['keep', 'drop'].flatMap((name) => Array.from({ length: 100 }, (_, i) => ({ name, labels: { i: String(i % 10) }, ms: now - 60000 + i * 500, value: i }))));
    await a.post('/-/seal', 'text/plain', '');
    await a.write(['keep', 'drop'].map((name) => ({ name, labels: { i: '0' }, ms: now, value: 5 })));
    const left = async () => [(await a.values('drop', { time: now / 1000 })).length, (await a.values('keep', { time: now / 1000 })).length];
    equal(await left(), [10, 10], 'before');
    equal((await a.post('/api/v1/admin/tsdb/delete_series?match[]=drop', 'text/plain', '')).status, 204, 'delete');
    equal(await left(), [0, 10], 'after');
    await a.kill();
    a = await start({ dir: a.dir });
    equal(await left(), [0, 10], 'after a kill');
    equal((await a.post('/api/v1/admin/tsdb/clean_tombstones', 'text/plain', '')).status, 204, 'clean');
    equal(await left(), [0, 10], 'cleaned');
    await a.write([{ name: 'drop', labels: { i: '0' }, ms: now + 1000, value: 7 }]);
    equal((await a.values('drop', { time: now / 1000 + 1 })).map((v) => v.value), ['7'], 'what comes later is taken');
    await a.kill();
    a = await start({ dir: a.dir });
    equal((await a.values('drop', { time: now / 1000 + 1 })).map((v) => v.value), ['7'], 'and stays');
    equal((await a.post('/api/v1/admin/tsdb/delete_series', 'text/plain', '')).status, 400, 'delete without a selector');
  },

  async 'a damaged segment: set aside, the rest answers, answers say partial'() {
    const args = ['--self-records=false', '--self-interval', '0']; /* segments of one signal only */
    let a = await start({ args });
    const now = Date.now();
    for (const name of ['one', 'two']) {
      await a.write(Array.from({ length: 2000 }, (_, i) => ({ name, labels: { i: String(i % 20) }, ms: now - 300000 + i * 100, value: Math.sqrt(i) })));
      await a.stop();
      if (name === 'one') { a = await start({ dir: a.dir, args }); equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal'); }
    }
    const segment = fs.readdirSync(a.dir).find((f) => /\.seg$/.test(f));
    const bytes = fs.readFileSync(path.join(a.dir, segment));
    for (let i = 0; i < bytes.length; i += 97) bytes[i] ^= 0x55;
    fs.writeFileSync(path.join(a.dir, segment), bytes);
    a = await start({ dir: a.dir, args });
    equal((await a.values('two', { time: now / 1000 - 90 })).length, 20, 'what is not damaged');
    const r = await a.get(`/api/v1/query?query=one&time=${now / 1000 - 90}`);
    check(r.json.data?.result?.length === 20 ? false : r.status === 200 || r.status >= 500, `what is damaged: ${r.status} ${r.text.slice(0, 200)}`);
    check(/partial|quarantine|damage/i.test(r.text + JSON.stringify(r.headers)), `says partial: ${r.text.slice(0, 300)} ${JSON.stringify(r.headers)}`);
    check((await a.metrics()).andon_segments_quarantined >= 1, 'counted');
    check(fs.existsSync(path.join(a.dir, 'quarantine')) && fs.readdirSync(path.join(a.dir, 'quarantine')).length > 0, `kept in quarantine: ${fs.readdirSync(a.dir)}`);
    equal((await a.get('/-/ready')).status, 200, 'ready');
    await a.write([{ name: 'three', ms: now, value: 3 }]);
    equal(await a.stop(), 0, 'exit status');
  },

  async 'more series than allowed'() {
    const a = await start({ args: ['--series-max', '1000', '--self-interval', '0'] });
    const t = Date.now() - 60000;
    const labels = Array.from({ length: 5000 }, (_, i) => ({ i: String(i) }));
    const all = (from, to, step) => labels.slice(from, to).map((l) => ({ name: 'limited', labels: l, ms: t + step, value: step }));
    equal((await a.postWrite(all(0, 900, 0))).status, 204, 'within the limit');
    const over = await a.postWrite(all(0, 2000, 1));
    equal([over.status, Number(over.headers['retry-after']) > 0], [429, true], 'beyond: 429 and Retry-After');
    equal(await a.value('count(limited)', { time: (t + 1) / 1000 }), '1000', 'as many as allowed, not one more');
    equal((await a.postWrite(all(0, 900, 2))).status, 204, 'the known ones are still taken');
    const otlp = await a.postOtlp(wire.otlp(all(500, 1500, 3)));
    check([200, 429].includes(otlp.status), `OTLP: ${otlp.status}`);
    equal(await a.value('count(limited)', { time: (t + 3) / 1000 }), '1000', 'still');
    const m = await a.metrics();
    check(m.andon_series_active <= 1000 + 20, `active: ${m.andon_series_active}`);
    check(m['andon_items_rejected_total{door="remote_write",reason="series_limit",signal="metrics"}'] >= 1000, 'counted by reason');
    check((await a.get('/-/rejects')).json.rejects.some((r) => r.reason === 'series_limit' && /limited/.test(r.text)), 'the series is named');
  },

  async 'new series faster than allowed'() {
    const a = await start({ args: ['--series-new-per-s', '50'] });
    let created = 0, refused = 0;
    const began = Date.now();
    for (let i = 0; i < 40; i++) {
      const r = await a.postWrite(Array.from({ length: 50 }, (_, k) => ({ name: 'churn', labels: { id: `${i}-${k}` }, ms: Date.now(), value: 1 })));
      if (r.status === 204) created += 50;
      else { equal(r.status, 429, 'too fast: 429'); refused++; }
      await sleep(20);
    }
    const seconds = (Date.now() - began) / 1000;
    const active = (await a.metrics()).andon_series_active;
    check(refused > 0, 'something was refused');
    check(active <= 50 * (10 + seconds) + 300, `${active} series in ${seconds} s`);
    const series = (await a.get('/api/v1/status/tsdb')).json.data;
    check(series.headStats?.numSeries > 0, `status/tsdb: ${JSON.stringify(series).slice(0, 200)}`);
    console.log(`figures at 50 new series a second: ${active} active after ${seconds.toFixed(1)} s, ${refused} of 40 messages refused in part`);
  },

  async 'little memory, much data: refused or taken, never killed'() {
    const a = await start({ args: ['--memory-limit', '64MiB'] });
    const answers = new Map();
    const t = Date.now() - 600000;
    const labels = Array.from({ length: 40000 }, (_, i) => ({ host: `host-number-${i}`, path: `/some/rather/long/path/${i * 7919}`, zone: `z${i % 7}` }));
    for (let round = 0; round < 6; round++)
      for (let at = 0; at < labels.length; at += 5000) {
        const r = await a.postWrite(labels.slice(at, at + 5000).map((l) => ({ name: 'heavy', labels: l, ms: t + round * 1000, value: round })));
        answers.set(r.status, (answers.get(r.status) ?? 0) + 1);
      }
    check([...answers.keys()].every((s) => [204, 429, 503].includes(s)), `answers: ${JSON.stringify([...answers])}`);
    const rss = Math.round(a.rss() / (1 << 20));
    check(rss < 160, `resident ${rss} MiB of a budget of 64`);
    equal((await a.get('/-/healthy')).status, 200, 'alive');
    const q = await a.get('/api/v1/query?query=count(count_over_time(heavy[1h]))');
    check([200, 422, 503].includes(q.status), `a query: ${q.status} ${q.text.slice(0, 100)}`);
    equal(await a.stop(), 0, 'exit status');
    const b = await start({ dir: a.dir, args: ['--memory-limit', '64MiB'] });
    equal((await b.get('/-/ready')).status, 200, 'starts again with as little');
    console.log(`figures 240000 samples of 40000 series at 64 MiB: ${[...answers].map(([s, n]) => `${s} x ${n}`).join(', ')}, resident ${rss} MiB`);
  },
});

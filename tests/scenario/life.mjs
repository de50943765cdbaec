/* life.mjs - start, reload, seal, stop, start again: nothing acknowledged is lost. */
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, eventually, folder, run, sleep, start } from './andon.mjs';
import * as wire from './wire.mjs';

const T0 = Math.floor(Date.now() / 1000) * 1000 - 600000;

/* Sends until the server is gone; the numbers of what was acknowledged. */
function load(a, acked, name = 'life') {
  let n = 0, isOver = false;
  const door = a.frames();
  const strange = new Set();
  const work = async (way) => {
    while (!isOver) {
      const i = n++;
      const points = [{ name, labels: { way: String(way) }, ms: T0 + i, value: i }];
      try {
        let status;
        if (way === 2) {
          const r = await door.send(wire.otlp(points));
          status = r.status === 0 ? 200 : r.status === 6 ? 503 : `ack ${r.status}`;
        } else {
          status = (await (way ? a.postOtlp(wire.otlp(points)) : a.postJson(wire.otlpJson(points)))).status;
        }
        if (status === 200) acked.push(i);
        else { if (status !== 503) strange.add(status); await sleep(5); }
      } catch {
        await sleep(5);
      }
    }
  };
  const all = [0, 0, 1, 1, 2, 2].map(work);
  return { strange, async end() { isOver = true; door.close(); await Promise.all(all); return n; } };
}

async function missing(a, acked, name = 'life') {
  const { result } = await a.query(`${name}[20m]`, { time: T0 / 1000 + 900 });
  const seen = new Set(result.flatMap((r) => r.values.map(([, v]) => Number(v))));
  return acked.filter((n) => !seen.has(n)).length;
}

/* Ends a server while connections hold it up; none may for longer than the drain's 10 s. */
async function heldUp() {
  const a = await start();
  const held = [a.raw('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n', { ms: 15000 }), a.raw('POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc', { ms: 15000 }),
    a.raw('GET /', { ms: 15000 }), a.raw('', { port: a.ports.tcp, ms: 15000 }), a.raw('\x10', { port: a.ports.tcp, ms: 15000 })];
  await sleep(200);
  const began = Date.now();
  equal(await a.stop(), 0, 'exit status');
  check(Date.now() - began < 12000, `stopped in ${Date.now() - began} ms`);
  await Promise.all(held);
  return Date.now() - began;
}

/* Asks a starting server until it is ready; how often it said 503. */
async function watchReplay(a) {
  let waited = 0;
  while (!a.recovery_ms) {
    const port = Number(a.log.match(/listening door=http address=127\.0\.0\.1:(\d+)/)?.[1] ?? 0);
    if (port) {
      const [ready, alive, write] = await Promise.all([a.get('/-/ready', { port }), a.get('/-/healthy', { port }),
        a.request('POST', '/v1/metrics', { port, headers: { 'content-type': 'application/json' }, body: '{}' })].map((p) => p.catch(() => null)));
      if (ready?.status === 503) {
        waited++;
        if (alive) equal(alive.status, 200, 'alive while replaying');
        if (write) check([503, 200].includes(write.status), `writing while replaying: ${write.status}`);
      }
    }
    await sleep(1);
  }
  await a.ready;
  return waited;
}

await run({
  async 'SIGTERM and SIGINT under load end with 0 and lose nothing'() {
    const times = [];
    let dir, sent = 0;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM', 'SIGTERM']) {
      const a = await start({ dir });
      dir = a.dir;
      const acked = [];
      const name = `life_${times.length}`;
      const l = load(a, acked, name);
      await sleep(250);
      const began = Date.now();
      equal(await a.stop(signal), 0, `${signal}: exit status`);
      times.push(Date.now() - began);
      sent += await l.end();
      equal([...l.strange], [], 'answers other than 200 and 503');
      check(acked.length > 20, `acknowledged ${acked.length}`);
      const b = await start({ dir });
      equal(await missing(b, acked, name), 0, `${signal}: acknowledged and missing of ${acked.length}`);
      equal(await b.stop(), 0, 'exit status');
    }
    check(Math.max(...times) < 5000, `stopped in ${times} ms`);
    console.log(`figures stopped under load in ${times.join(', ')} ms, ${sent} messages`);
  },

  async 'SIGHUP and /-/reload: good taken, bad refused whole'() {
    const dir = folder();
    const file = path.join(dir, 'a.yml');
    fs.writeFileSync(file, 'series_max: 1000\n');
    const a = await start({ args: ['--config', file] });
    const yaml = async (key) => (await a.get('/api/v1/status/config')).json.data.yaml.match(new RegExp(`^${key}: (\\S+)`, 'm'))?.[1];
    equal(await yaml('series_max'), '1000', 'before');
    fs.writeFileSync(file, 'series_max: 2000\nretention: 60d\n');
    a.child.kill('SIGHUP');
    await eventually(async () => (await yaml('series_max')) === '2000', 'SIGHUP takes the good file');
    equal((await a.metrics()).andon_config_last_reload_successful, 1, 'the gauge says taken');
    fs.writeFileSync(file, 'series_max: 3000\nretention: never\n');
    const bad = await a.post('/-/reload', 'text/plain', '');
    equal(bad.status, 400, 'a bad file');
    check(/a\.yml:2:12/.test(bad.text), `says where: ${bad.text}`);
    a.child.kill('SIGHUP');
    await sleep(400);
    equal([await yaml('series_max'), await yaml('retention')], ['2000', '60d'], 'the old settings stay');
    equal((await a.metrics()).andon_config_last_reload_successful, 0, 'the gauge says refused');
    fs.writeFileSync(file, 'series_max: 10\n');
    equal((await a.post('/-/reload', 'text/plain', '')).status, 200, '/-/reload');
    equal(await yaml('series_max'), '10', 'taken');
    const full = await a.postWrite(Array.from({ length: 200 }, (_, i) => ({ name: 'm', labels: { i: String(i) }, ms: Date.now(), value: 1 })));
    check(full.status === 429 || full.status === 400, `the new limit holds: ${full.status}`);
    const acked = [];
    fs.writeFileSync(file, 'series_max: 100000\n');
    equal((await a.post('/-/reload', 'text/plain', '')).status, 200, 'more again');
    const l = load(a, acked);
    for (let i = 0; i < 30; i++) { a.child.kill('SIGHUP'); await sleep(15); }
    await l.end();
    equal(await missing(a, acked), 0, `a storm of SIGHUPs under load: missing of ${acked.length}`);
    equal(await a.stop(), 0, 'exit status');
  },

  async 'not ready while replaying, then ready; half-sent requests do not hold up the end for long'() {
    const isHeld = heldUp();
    let a = await start({ args: ['--memory-limit', '1GiB'] });
    const series = Array.from({ length: 20000 }, (_, i) => ({ job: 'replay', instance: `host-${i % 100}`, path: `/a/long/path/number/${i}`, region: 'eu-north-1' }));
    for (let step = 0; step < 12; step++)
      await a.write(series.map((labels, i) => ({ name: `replayed_${i % 20}`, labels, ms: T0 + step * 15000, value: step + i / 7 })));
    let waited = 0;
    for (let round = 0; round < 10 && waited === 0; round++) { /* the replay may be too quick to be seen */
      await a.kill();
      a = await start({ dir: a.dir, wait: false, args: ['--memory-limit', '1GiB'] });
      waited = await watchReplay(a);
    }
    check(waited > 0, 'saw 503 while replaying');
    equal((await a.get('/-/ready')).status, 200, 'ready');
    equal(await a.value('count({__name__=~"replayed_.*"})', { time: (T0 + 11 * 15000) / 1000 }), '20000', 'series after replay');
    equal(await a.value('sum(count_over_time({__name__=~"replayed_.*"}[10m]))', { time: (T0 + 11 * 15000) / 1000 }), '240000', 'samples after replay');
    console.log(`figures stopped in ${await isHeld} ms with idle and half-sent requests`);
    console.log(`figures 240000 samples of 20000 series replayed, ready after ${Math.round(a.recovery_ms)} ms, 503 seen ${waited} times`);
  },

  async 'seal, restart, seal, restart: the same answers'() {
    let a = await start();
    const points = [];
    for (let i = 0; i < 3000; i++) points.push({ name: 'kept', labels: { i: String(i % 30) }, ms: T0 + i * 20, value: i % 7 === 0 ? i : Math.sqrt(i) });
    const ask = async () => JSON.stringify((await a.query('kept[10m]', { time: T0 / 1000 + 300 })).result.map((r) => [r.metric.i, r.values]).sort());
    await a.write(points.slice(0, 1500));
    equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal');
    await a.write(points.slice(1500));
    await a.write(points.slice(100, 200)); /* again: no change */
    const before = await ask();
    for (let round = 0; round < 3; round++) {
      equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal');
      equal(await ask(), before, 'after a seal');
      equal(await (round % 2 ? a.kill() : a.stop()), round % 2 ? 'SIGKILL' : 0, 'end');
      a = await start({ dir: a.dir });
      equal(await ask(), before, 'after a restart');
    }
    equal((await a.metrics()).andon_segments > 0, true, 'segments');
    equal((await a.get('/-/seal')).status, 405, 'GET does not seal');
  },
});

/* disk_full.mjs - refused while the disk is full, well again without a restart
 * (reliability D6, F4).  /mnt is a tmpfs of our own. */
import fs from 'node:fs';
import { check, equal, eventually, run, sleep, start } from '../scenario/andon.mjs';

const DIR = '/mnt/store', BALLAST = '/mnt/ballast';
const T0 = Math.floor(Date.now() / 1000) * 1000 - 600000;
const acked = new Set();
let sent = 0;

async function send(server) {
  const n = sent++;
  const points = Array.from({ length: 500 }, (_, i) => ({ name: 'full', labels: { i: String(i) }, ms: T0 + n, value: n + i / 8 }));
  const r = await server.postWrite(points);
  if (r.status === 204) acked.add(n);
  return r;
}

async function verify(server, text) {
  const { result } = await server.query('full[10m]', { time: (T0 + sent) / 1000 });
  let missing = 0, wrong = 0;
  const seen = new Set();
  for (const { metric, values } of result)
    for (const [time, value] of values) {
      const n = Math.round(time * 1000) - T0;
      seen.add(`${metric.i} ${n}`);
      if (Number(value) !== n + Number(metric.i) / 8) wrong++;
    }
  for (const n of acked) for (let i = 0; i < 500; i++) if (!seen.has(`${i} ${n}`)) missing++;
  equal([missing, wrong], [0, 0], `${text}: acknowledged samples missing, wrong`);
}

function fill() {
  const fd = fs.openSync(BALLAST, 'a');
  for (const size of [1 << 20, 4096])
    try {
      for (;;) fs.writeSync(fd, Buffer.alloc(size, 1));
    } catch (e) {
      check(e.code === 'ENOSPC', `ballast: ${e}`);
    }
  fs.closeSync(fd);
}

await run({
  async 'a full disk refuses, an emptied one takes again'() {
    let server = await start({ dir: DIR, args: ['--memory-limit', '256MiB'] });
    for (let i = 0; i < 20; i++) equal((await send(server)).status, 204, 'with room');
    for (let round = 0; round < 2; round++) {
      fill();
      let refused = 0;
      await eventually(async () => {
        const r = await send(server);
        if (r.status === 503) { refused++; check(Number(r.headers['retry-after']) > 0, 'Retry-After'); }
        else equal(r.status, 204, 'nothing but 204 and 503');
        return refused >= 3;
      }, 'a full disk is refused with 503', 20000);
      await eventually(async () => (await server.get('/-/ready')).status === 503, 'not ready while full');
      equal((await server.get('/-/healthy')).status, 200, 'alive while full');
      equal((await server.metrics()).andon_engine_writable, 0, 'andon_engine_writable while full');
      await server.post('/-/seal', 'text/plain', '');
      await verify(server, 'while full');
      fs.rmSync(BALLAST);
      await eventually(async () => (await send(server)).status === 204, 'taken again once there is room', 20000);
      await eventually(async () => (await server.get('/-/ready')).status === 200, 'ready again');
      equal((await server.metrics()).andon_engine_writable, 1, 'andon_engine_writable with room');
      for (let i = 0; i < 20; i++) equal((await send(server)).status, 204, 'with room again');
      await verify(server, 'with room again');
    }
    fill();
    await sleep(200);
    await server.kill();
    server = await start({ dir: DIR, args: ['--memory-limit', '256MiB'] }).catch((e) => check(false, `starts on a full disk: ${e}`));
    if (server) {
      await verify(server, 'started on a full disk');
      fs.rmSync(BALLAST);
      await eventually(async () => (await send(server)).status === 204, 'taken after a start on a full disk', 20000);
      await verify(server, 'after all');
      equal(await server.stop(), 0, 'exit status');
    }
    console.log(`figures ${acked.size * 500} samples acknowledged around two full disks, ${sent - acked.size} messages refused`);
  },
});

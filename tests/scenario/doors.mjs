/* doors.mjs - listening, refusing to listen, and which settings win. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ANY_PORT, binary, check, command, equal, folder, run, start } from './andon.mjs';
import * as wire from './wire.mjs';

const isOpen = (port, host = '127.0.0.1') => new Promise((done) => {
  const s = net.connect(port, host);
  s.on('connect', () => { s.destroy(); done(true); });
  s.on('error', () => done(false));
});
const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});
/* A server that must not start: its exit status and words. */
const refuse = (args, env) => command(['serve', '--data-dir', folder(), ...args], { env });
const config = async (a) => (await a.get('/api/v1/status/config')).json.data.yaml;

await run({
  async 'every door is named in the banner and open'() {
    const a = await start();
    const ports = Object.values(a.ports);
    check(ports.every((p) => p > 0), `ports: ${JSON.stringify(a.ports)}`);
    equal([await isOpen(a.ports.http), await isOpen(a.ports.grpc), await isOpen(a.ports.tcp)], [true, true, true], 'open');
    check(a.log.includes(a.dir), 'the banner names the data folder');
    check(/kept 30d/.test(a.log), 'the banner names the retention');
    const udp = fs.readFileSync('/proc/net/udp', 'utf8').includes(`0100007F:${a.ports.udp.toString(16).toUpperCase().padStart(4, '0')}`);
    check(udp, 'the udp socket is bound to loopback');
    equal((await a.get('/')).status < 400, true, 'the board is at /');
  },

  async 'off closes a door'() {
    const a = await start({ doors: ['--http-listen', '127.0.0.1:0', '--grpc-listen', 'off', '--udp-listen', 'off', '--tcp-listen', 'off'] });
    equal([a.ports.grpc, a.ports.tcp, a.ports.udp], [0, 0, 0], 'closed doors in the banner');
    check(/otlp grpc +off/.test(a.log), 'the banner says off');
    const listening = (await import('node:child_process')).execSync(`ls -l /proc/${a.pid}/fd | grep -c socket: || true`).toString().trim();
    check(Number(listening) <= 4, `sockets: ${listening}`);
    const b = await start({ doors: ['--http-listen', 'off', '--grpc-listen', 'off', '--udp-listen', 'off', '--tcp-listen', '127.0.0.1:0'] });
    const door = b.frames();
    equal((await door.send(wire.otlp([{ name: 'x', ms: Date.now(), value: 1 }]))).status, 0, 'frames without an http door');
    door.close();
    equal(await b.stop(), 0, 'exit status');
  },

  async 'one folder, one server'() {
    const a = await start();
    const second = await command(['serve', '--data-dir', a.dir, ...ANY_PORT]);
    equal(second.status, 1, 'the second');
    check(/does not start: .*(lock|in use|another)/i.test(second.err), `says why: ${second.err}`);
    await a.write([{ name: 'still', ms: Date.now(), value: 1 }]);
    equal(await a.value('still'), '1', 'the first works on');
    for (const name of ['inspect', 'verify']) {
      const r = await command([name, a.dir]);
      check(r.status === 0 || /another|in use|lock/.test(r.err), `${name} beside a running server: ${r.status} ${r.err}`);
    }
    equal((await a.get('/-/ready')).status, 200, 'ready still');
    await a.kill();
    const third = await start({ dir: a.dir });
    equal(await third.value('still'), '1', 'a killed server leaves no lock behind');
  },

  async 'beyond loopback only when told so'() {
    for (const door of ['http', 'grpc', 'udp', 'tcp']) {
      const doors = ANY_PORT.map((v, i) => (ANY_PORT[i - 1] === `--${door}-listen` ? '0.0.0.0:0' : v));
      const r = await refuse(doors);
      check(r.status !== 0, `${door} on 0.0.0.0 refused: ${r.status}`);
      check(/loopback|insecure/.test(r.err), `says why: ${r.err.slice(-300)}`);
    }
    const ipv6 = await refuse(['--http-listen', '[::]:0', ...ANY_PORT.slice(2)]);
    check(ipv6.status !== 0, `[::] refused: ${ipv6.status}`);
    const bare = await refuse(['--http-listen', ':0', ...ANY_PORT.slice(2)]);
    check(bare.status !== 0, `:0 refused: ${bare.status}`);
    const a = await start({ doors: ['--http-listen', '0.0.0.0:0', ...ANY_PORT.slice(2)], args: ['--allow-insecure-listen'] }).catch(() =>
      start({ doors: ['--http-listen', '0.0.0.0:0', ...ANY_PORT.slice(2)], args: ['--allow-insecure-listen=true'] }));
    check(await isOpen(a.ports.http), 'open when told so');
  },

  async 'ports that are taken, addresses that are none'() {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => taken.on('listening', done));
    const { port } = taken.address();
    const r = await refuse(['--http-listen', `127.0.0.1:${port}`, ...ANY_PORT.slice(2)]);
    taken.close();
    check(r.status === 1 && r.err.includes(`127.0.0.1:${port}`), `taken: ${r.status} ${r.err.slice(-300)}`);
    check(/in use/.test(r.err), 'says in use');
    for (const bad of ['127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1', 'nowhere:1', '127.0.0.1:1x', ':']) {
      const wrong = await refuse(['--http-listen', bad, ...ANY_PORT.slice(2)]);
      check(wrong.status !== 0 && /http.listen|http/.test(wrong.err), `${bad}: ${wrong.status} ${wrong.err}`);
    }
  },

  async 'flag over environment over file over default'() {
    const dir = folder();
    const file = path.join(dir, 'andon.yml');
    fs.writeFileSync(file, 'retention: 11d\nseries_max: 111\nquery_lookback: 1m\nlog_level: debug\n');
    const a = await start({ args: ['--config', file, '--retention', '33d'],
      env: { ANDON_RETENTION: '22d', ANDON_SERIES_MAX: '222', ANDON_UNKNOWN_THING: '1' } });
    const yaml = await config(a);
    for (const [key, value] of [['retention', '33d'], ['series_max', '222'], ['query_lookback', '1m'], ['query_timeout', '2m'], ['log_level', 'debug']])
      check(new RegExp(`^${key}: ${value}\\b`, 'm').test(yaml), `${key} is ${value}: ${yaml.match(new RegExp(`^${key}.*$`, 'm'))}`);
    const flags = (await a.get('/api/v1/status/flags')).json.data;
    check(Object.keys(flags).length > 10, 'status/flags lists them');
    for (const [args, env, want] of [[['--retention', '-1d'], {}, /retention/], [[], { ANDON_RETENTION: 'x' }, /ANDON_RETENTION/],
      [['--config', '/nonexistent.yml'], {}, /nonexistent/], [['--series-max', '0'], {}, /series.max/], [['--series-max'], {}, /series.max/]]) {
      const r = await refuse([...ANY_PORT, ...args], env);
      check(r.status === 2 && want.test(r.err), `${args} ${JSON.stringify(env)}: ${r.status} ${r.err}`);
    }
    equal((await command(['--data-dir', folder(), '--http-listen', 'off', '--grpc-listen', 'off', '--udp-listen', 'off', '--tcp-listen', '1.2.3.4:99999'])).status, 2,
      'serve is the default command');
  },

  async 'a data folder that cannot be one'() {
    const dir = folder();
    fs.writeFileSync(path.join(dir, 'file'), 'x');
    const r = await command(['serve', '--data-dir', path.join(dir, 'file'), ...ANY_PORT]);
    check(r.status === 1 && /file/.test(r.err), `a file: ${r.status} ${r.err.slice(-200)}`);
    const deep = path.join(dir, 'a', 'b', 'c');
    const a = await start({ dir: deep }).catch((e) => ({ stop: () => 0, error: e }));
    check(fs.existsSync(path.join(deep, 'LOCK')) || a.error, 'a deep folder is made, or refused');
    equal(fs.existsSync(deep) ? (fs.statSync(deep).mode & 0o077) : 0, 0, 'for nobody else');
    await a.stop();
  },
});

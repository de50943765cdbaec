/* andon.mjs - a server of one's own for a test, and the questions one asks it.
 *
 *   const a = await start({ args: ['--retention', '1y'] });
 *   await a.write([{ name: 'm', labels: { a: 'b' }, ms: Date.now(), value: 1 }]);
 *   await a.values('m');            [{ labels, value }]
 *   await a.stop();                 exit status
 *
 * Every server listens on loopback, on ports of the system's choice, and is ended
 * by its process id.  `run` runs the tests of a file one after another. */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import * as wire from './wire.mjs';

export const binary = path.resolve(process.argv[2] ?? 'build/release/andon');
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const folders = [];
const servers = new Set();

export function folder(name = 'andon') {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  folders.push(dir);
  return dir;
}

function clear() {
  for (const s of servers) s.child.kill('SIGKILL');
  for (const dir of folders) fs.rmSync(dir, { recursive: true, force: true });
}
process.on('exit', clear);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/* ---- checks -------------------------------------------------------------------- */

let failures = 0;
export const failed = () => failures > 0;

export function check(is, text) {
  if (is) return true;
  failures++;
  console.log(`  not so: ${text}`);
  return false;
}

export function equal(got, want, text) {
  const [g, w] = [got, want].map((v) => (typeof v === 'string' ? v : JSON.stringify(v)));
  return check(g === w, `${text}: got ${String(g).slice(0, 600)}, want ${String(w).slice(0, 600)}`);
}

export async function eventually(fn, text, ms = 10000) {
  const until = Date.now() + ms;
  for (;;) {
    if (await fn()) return true;
    if (Date.now() > until) return check(false, `${text} within ${ms} ms`);
    await sleep(50);
  }
}

export async function run(tests) {
  for (const [name, fn] of Object.entries(tests)) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
    const before = failures;
    const began = Date.now();
    try {
      await fn();
    } catch (e) {
      check(false, e.stack);
    }
    console.log(`${failures === before ? 'ok     ' : 'FAILED '} ${name} (${Date.now() - began} ms)`);
    const told = failures === before ? [] : [...servers].flatMap((s) => s.log.match(/^.*level=(?:warn|error).*$|^andon: .*$/gm) ?? []);
    for (const line of told.slice(-10)) console.log(`    | ${line}`);
    for (const s of [...servers]) await s.kill();
  }
  process.exit(failures ? 1 : 0);
}

/* ---- processes ----------------------------------------------------------------- */

/* A command of the binary that ends by itself: {status, out, err}. */
export function command(args, { env = {}, cwd } = {}) {
  return new Promise((done) => {
    const child = spawn(binary, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    child.stdout.on('data', (d) => { out += d; });
    child.stderr.on('data', (d) => { err += d; });
    child.on('close', (status, signal) => done({ status, signal, out, err }));
  });
}

export const ANY_PORT = ['--http-listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0',
  '--udp-listen', '127.0.0.1:0', '--tcp-listen', '127.0.0.1:0'];

export class Server {
  constructor(args, env, wrap) {
    this.log = '';
    this.ports = {};
    const [program, ...rest] = [...wrap, binary, 'serve', ...args];
    this.spawned = performance.now();
    this.child = spawn(program, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    servers.add(this);
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    this.exited = new Promise((done) => this.child.on('exit', (status, signal) => {
      servers.delete(this);
      this.agent.destroy();
      this.status = status ?? signal;
      done(this.status);
    }));
    this.ready = new Promise((done, fail) => {
      this.child.stderr.on('data', (text) => {
        this.log += text;
        if (this.log.length > 1e6) this.log = this.log.slice(-5e5);
        if (!this.recovery_ms && /room=serve ready/.test(this.log)) {
          this.recovery_ms = performance.now() - this.spawned;
          this.banner = this.log;
          const port = (door) => Number(this.log.match(new RegExp(`^ {2}${door} +\\S+:(\\d+)$`, 'm'))?.[1] ?? 0);
          this.ports = { http: port('http'), grpc: port('otlp grpc'), tcp: port('tcp frames'), udp: port('udp frames') };
          done(this);
        }
      });
      this.exited.then((status) => fail(new Error(`server ended with ${status}: ${this.log.slice(-2000)}`)));
    });
    this.ready.catch(() => {});
  }

  get pid() { return this.child.pid; }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.exited;
  }

  async kill() { return this.stop('SIGKILL'); }

  /* {status, headers, body: Buffer, text, json} */
  request(method, target, { headers = {}, body, port = this.ports.http, tls, timeout = 60000, agent = this.agent } = {}) {
    return new Promise((done, fail) => {
      const options = { host: '127.0.0.1', port, method, path: target, headers, agent: tls ? undefined : agent, ...tls };
      if (body !== undefined && headers['transfer-encoding'] === undefined)
        options.headers = { 'content-length': Buffer.byteLength(body), ...headers };
      const r = (tls ? https : http).request(options, (answer) => {
        const parts = [];
        answer.on('data', (d) => parts.push(d));
        answer.on('error', fail);
        answer.on('end', () => {
          const bytes = Buffer.concat(parts);
          done({ status: answer.statusCode, headers: answer.headers, body: bytes,
            get text() { return bytes.toString(); }, get json() { return JSON.parse(bytes.toString()); } });
        });
      });
      r.setTimeout(timeout, () => r.destroy(new Error(`${method} ${target}: no answer in ${timeout} ms`)));
      r.on('error', fail);
      r.end(body);
    });
  }

  get(target, options) { return this.request('GET', target, options); }

  post(target, type, body, headers = {}) {
    return this.request('POST', target, { headers: { 'content-type': type, ...headers }, body });
  }

  postOtlp(body, headers) { return this.post('/v1/metrics', 'application/x-protobuf', body, headers); }

  postJson(body, headers) { return this.post('/v1/metrics', 'application/json', body, headers); }

  postWrite(points, headers = {}) {
    return this.post('/api/v1/write', 'application/x-protobuf', wire.snappy(wire.write1(points)),
      { 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '0.1.0', ...headers });
  }

  postWrite2(points, headers = {}) {
    return this.post('/api/v1/write', 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      wire.snappy(wire.write2(points)), { 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '2.0.0', ...headers });
  }

  /* Points that must be taken. */
  async write(points) {
    for (let at = 0; at < points.length; at += 50000) {
      const r = await this.postWrite(points.slice(at, at + 50000));
      if (r.status !== 204) throw new Error(`write: ${r.status} ${r.text}`);
    }
  }

  async query(expr, { time, timeout, ...more } = {}) {
    const form = new URLSearchParams({ query: expr, ...(time === undefined ? {} : { time: String(time) }), ...more });
    const r = await this.request('POST', '/api/v1/query',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString(), timeout });
    const answer = r.json;
    if (answer.status !== 'success') throw new Error(`${expr}: ${r.status} ${answer.error}`);
    return answer.data;
  }

  /* Instant vector as [{labels, value: text}], the name among the labels. */
  async values(expr, options) {
    const data = await this.query(expr, options);
    if (data.resultType === 'scalar') return [{ labels: {}, value: data.result[1] }];
    return data.result.map((r) => ({ labels: r.metric, value: r.value?.[1], histogram: r.histogram?.[1] }));
  }

  async value(expr, options) { return (await this.values(expr, options))[0]?.value; }

  /* {series text: value} of /metrics. */
  async metrics() {
    const r = await this.get('/metrics');
    const out = {};
    for (const line of r.text.split('\n')) {
      const m = line.match(/^([^#\s]\S*(?:\{.*\})?) (\S+)$/);
      if (m) out[m[1]] = Number(m[2]);
    }
    return out;
  }

  rss() {
    return Number(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;
  }

  frames() { return new Frames(this.ports.tcp); }

  /* All from one socket, so that they arrive in order. */
  datagram(bytes) {
    if (!this.udp) {
      this.udp = dgram.createSocket('udp4');
      this.udp.unref();
      this.exited.then(() => this.udp.close());
    }
    return new Promise((done, fail) => this.udp.send(bytes, this.ports.udp, '127.0.0.1', (e) => (e ? fail(e) : done())));
  }

  /* Bytes over a fresh connection; what came back until it closed or `ms` passed. */
  raw(bytes, { port = this.ports.http, ms = 1000, half = false } = {}) {
    return new Promise((done) => {
      const s = net.connect(port, '127.0.0.1');
      const parts = [];
      let isClosed = false;
      const end = () => { s.destroy(); done({ text: Buffer.concat(parts).toString('latin1'), isClosed }); };
      const timer = setTimeout(end, ms);
      s.on('data', (d) => parts.push(d));
      s.on('error', () => {});
      s.on('end', () => { isClosed = true; });
      s.on('close', () => { isClosed = true; clearTimeout(timer); end(); });
      for (const b of Array.isArray(bytes) ? bytes : [bytes]) s.write(b);
      if (half) s.end();
    });
  }
}

/* A connection of the tcp door: send() answers the Ack. */
export class Frames {
  constructor(port) {
    this.sequence = 0;
    this.waiting = new Map();
    this.rest = Buffer.alloc(0);
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', (d) => this.read(d));
    this.socket.on('error', () => {});
    this.closed = new Promise((done) => this.socket.on('close', () => {
      for (const w of this.waiting.values()) w.fail(new Error('closed'));
      this.waiting.clear();
      done();
    }));
  }

  read(d) {
    this.rest = Buffer.concat([this.rest, d]);
    while (this.rest.length >= 4 && this.rest.length >= 4 + this.rest.readUInt32LE(0)) {
      const len = this.rest.readUInt32LE(0);
      const a = wire.ack(this.rest.subarray(4, 4 + len));
      this.rest = this.rest.subarray(4 + len);
      this.waiting.get(a.sequence)?.done(a);
      this.waiting.delete(a.sequence);
    }
  }

  send(payload, options = {}) {
    const sequence = ++this.sequence;
    return new Promise((done, fail) => {
      if (this.socket.destroyed) { fail(new Error('closed')); return; }
      this.waiting.set(sequence, { done, fail });
      this.socket.write(wire.framed(wire.envelope(payload, { sequence, ...options })));
    });
  }

  close() { this.socket.destroy(); }
}

/* Starts a server and waits until it is ready (unless `wait` is false). */
export async function start({ dir = folder(), args = [], env = {}, wait = true, doors = ANY_PORT, wrap = [] } = {}) {
  const s = new Server(['--data-dir', dir, ...doors, ...args], env, wrap);
  s.dir = dir;
  if (wait) await s.ready;
  return s;
}

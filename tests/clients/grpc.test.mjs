/* grpc.test.mjs - what a gRPC client sees when things are not right, and that
 * they are right afterwards (grpc-js over the grpc door). */
import grpc from '@grpc/grpc-js';
import { check, equal, run, start } from '../scenario/andon.mjs';
import * as wire from '../scenario/wire.mjs';

const EXPORT = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const same = (b) => b;

function call(client, path, bytes, { metadata = new grpc.Metadata(), ...options } = {}) {
  return new Promise((done) => {
    client.makeUnaryRequest(path, same, same, bytes, metadata, { deadline: Date.now() + 10000, ...options }, (error, body) =>
      done({ code: error?.code ?? 0, text: error?.details ?? '', body, metadata: error?.metadata }));
  });
}

const connect = (port, options) => new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
const point = (more = {}) => ({ name: 'g', labels: { a: 'b' }, ms: Date.now(), value: 1, ...more });

await run({
  async 'answers by condition'() {
    const a = await start({ args: ['--series-max', '2000'] });
    const c = connect(a.ports.grpc);
    const now = Date.now();
    const ok = await call(c, EXPORT, wire.otlp([point({ ms: now })]));
    equal([ok.code, ok.body?.length], [0, 0], 'all accepted: OK, nothing in the answer');
    equal(await a.value('g'), '1', 'the point is there');
    equal((await call(c, EXPORT, Buffer.alloc(0))).code, 0, 'an empty request');
    equal((await call(c, EXPORT, Buffer.from([0xff, 0xff, 0xff]))).code, 3, 'cannot decode: INVALID_ARGUMENT');
    equal((await call(c, '/no.such.Service/Call', Buffer.alloc(0))).code, 12, 'unknown service: UNIMPLEMENTED');
    equal((await call(c, EXPORT.replace('Export', 'Import'), Buffer.alloc(0))).code, 12, 'unknown method: UNIMPLEMENTED');
    equal((await call(c, '/opentelemetry.proto.collector.trace.v1.TraceService/Export', Buffer.alloc(0))).code, 0, 'an empty request of traces');
    equal((await call(c, EXPORT, Buffer.alloc(5 << 20))).code, 8, 'too large: RESOURCE_EXHAUSTED');
    const conflict = await call(c, EXPORT, wire.otlp([point({ ms: now, value: 2 }), point({ ms: now + 1 })]));
    equal(conflict.code, 0, 'some invalid: OK');
    const [partial] = wire.fields(conflict.body);
    const of = wire.fields(partial?.value ?? Buffer.alloc(0));
    equal(Number(of.find((f) => f.number === 1)?.value), 1, 'partial_success.rejected_data_points');
    check(of.find((f) => f.number === 2)?.value.length > 0, 'partial_success.error_message');
    const many = Array.from({ length: 3000 }, (_, i) => point({ labels: { i: String(i) } }));
    const full = await call(c, EXPORT, wire.otlp(many));
    check([0, 8].includes(full.code), `over the series limit: ${full.code} ${full.text}`);
    c.close();
    equal((await call(connect(a.ports.http), EXPORT, wire.otlp([point({ ms: now + 5 })]))).code, 0, 'gRPC on the HTTP door, too');
    equal(await a.stop(), 0, 'exit status');
  },

  async 'compressed calls'() {
    const a = await start();
    for (const [name, id] of [['deflate', 1], ['gzip', 2]]) {
      const c = connect(a.ports.grpc, { 'grpc.default_compression_algorithm': id });
      equal((await call(c, EXPORT, wire.otlp([point({ name })]))).code, 0, name);
      equal(await a.value(name), '1', `${name} is there`);
      c.close();
    }
    const bomb = connect(a.ports.grpc, { 'grpc.default_compression_algorithm': 2 });
    equal((await call(bomb, EXPORT, Buffer.alloc(64 << 20))).code, 8, 'a gzip bomb: RESOURCE_EXHAUSTED');
    bomb.close();
  },

  async 'many streams on one connection, with large and odd metadata'() {
    const a = await start();
    const c = connect(a.ports.grpc);
    const t = Date.now() - 1000;
    const calls = Array.from({ length: 500 }, (_, i) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-odd', 'y'.repeat(i));
      metadata.set('odd-bin', Buffer.from([0, 255, i & 255]));
      return call(c, EXPORT, wire.otlp([point({ ms: t + i, value: i })]), { metadata });
    });
    equal((await Promise.all(calls)).filter((r) => r.code !== 0).length, 0, 'failed calls of 500');
    equal(await a.value('count_over_time(g[1m])'), '500', 'samples');
    const huge = new grpc.Metadata();
    huge.set('x-huge', 'z'.repeat(200000));
    const refused = await call(c, EXPORT, wire.otlp([point({ ms: t + 501 })]), { metadata: huge });
    check(refused.code !== 0, 'huge metadata is refused');
    c.close();
    const d = connect(a.ports.grpc);
    equal((await call(d, EXPORT, wire.otlp([point({ ms: t + 600 })]))).code, 0, 'a new connection works on');
    d.close();
  },

  async 'a stopping server answers what it has begun'() {
    const a = await start();
    const c = connect(a.ports.grpc);
    const t = Date.now() - 1000;
    let taken = 0, i = 0;
    const work = (async () => {
      for (;;) {
        const r = await call(c, EXPORT, wire.otlp([point({ ms: t + i++ })]), { deadline: Date.now() + 1000 });
        if (r.code !== 0) return r.code;
        taken++;
      }
    })();
    await new Promise((done) => setTimeout(done, 300));
    equal(await a.stop(), 0, 'exit status');
    const code = await work;
    check([14, 4, 1].includes(code), `afterwards UNAVAILABLE, not ${code}`);
    c.close();
    const b = await start({ dir: a.dir });
    equal(await b.value('count_over_time(g[1m])') >= taken, true, `all of ${taken} acknowledged are there`);
  },
});

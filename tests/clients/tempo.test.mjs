/* tempo.test.mjs - Tempo's streaming querier over grpc-js, as Grafana's backend calls it. */
import grpc from '@grpc/grpc-js';
import { check, equal, run, start } from '../scenario/andon.mjs';
import * as wire from '../scenario/wire.mjs';

const same = (b) => b;
const connect = (port, options) => new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
const field = (bytes, number) => wire.fields(bytes).filter((f) => f.number === number).map((f) => f.value);

/* {code, text, messages} */
function stream(client, method, bytes, options = {}) {
  return new Promise((done) => {
    const got = { messages: [], code: 0, text: '' };
    const call = client.makeServerStreamRequest(`/tempopb.StreamingQuerier/${method}`, same, same, bytes, new grpc.Metadata(), { deadline: Date.now() + 20000, ...options });
    call.on('data', (m) => got.messages.push(m));
    call.on('error', (e) => { got.code = e.code; got.text = e.details; });
    call.on('status', (s) => { got.code = s.code; done(got); });
  });
}

/* Traces of one span each, with a long name. */
const traces = (count, t0) => ({ resourceSpans: [{
  resource: { attributes: [{ key: 'service.name', value: { stringValue: 'many' } }] },
  scopeSpans: [{ spans: Array.from({ length: count }, (_, i) => ({
    traceId: (i + 1).toString(16).padStart(32, '0'), spanId: (i + 1).toString(16).padStart(16, '0'), name: `n${i} ${'x'.repeat(500)}`, kind: 2,
    startTimeUnixNano: String(BigInt(t0 + i) * 1000000n), endTimeUnixNano: String(BigInt(t0 + i + 1) * 1000000n) })) }],
}] });

await run({
  async 'searches over both doors, and compressed'() {
    const a = await start({ args: ['--self-records=false'] });
    const sent = await a.post('/v1/traces', 'application/json', JSON.stringify(traces(1, Date.now() - 1000)));
    equal(sent.status, 200, 'sent');
    for (const door of ['http', 'grpc']) {
      const c = connect(a.ports[door], { 'grpc.default_compression_algorithm': 2 });
      const got = await stream(c, 'Search', wire.message([8, 'len', '{ resource.service.name = "many" }']));
      equal([got.code, got.messages.length], [0, 1], `${door}: ${got.text}`);
      equal(field(field(got.messages[0], 1)[0], 1)[0].toString(), '1'.padStart(32, '0'), 'the trace');
      c.close();
    }
  },

  async 'a large answer is several messages, none beyond what clients take'() {
    const a = await start({ args: ['--self-records=false'] });
    const t0 = Date.now() - 20000;
    for (let i = 0; i < 3; i++) {
      const body = JSON.stringify(traces(3000, t0 + i));
      equal((await a.post('/v1/traces', 'application/json', body)).status, 200, 'sent');
    }
    const c = connect(a.ports.grpc);
    const got = await stream(c, 'Search', wire.message([4, 'varint', 5000], [8, 'len', '{ resource.service.name = "many" }']));
    equal(got.code, 0, got.text);
    check(got.messages.length > 1, `${got.messages.length} messages`);
    check(Math.max(...got.messages.map((m) => m.length)) < 1 << 20, 'below a megabyte each');
    equal(new Set(got.messages.flatMap((m) => field(m, 1).map((t) => field(t, 1)[0].toString()))).size, 3000, 'traces');
    c.close();
  },

  async 'faults and unknown methods'() {
    const a = await start({ args: ['--self-records=false'] });
    const c = connect(a.ports.grpc);
    equal((await stream(c, 'Search', wire.message([8, 'len', '{ a']))).code, 3, 'does not parse: INVALID_ARGUMENT');
    equal((await stream(c, 'Search', Buffer.from([0xff]))).code, 3, 'does not decode: INVALID_ARGUMENT');
    equal((await stream(c, 'Searches', Buffer.alloc(0))).code, 12, 'unknown: UNIMPLEMENTED');
    equal((await stream(c, 'Search', Buffer.alloc(0), { deadline: Date.now() - 1 })).code, 4, 'late: DEADLINE_EXCEEDED');
    equal((await stream(c, 'SearchTagsV2', Buffer.alloc(0))).code, 0, 'tags of nothing');
    c.close();
  },
});

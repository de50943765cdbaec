/* wire.mjs - the bytes that senders send, from the standard library only: OTLP in
 * protobuf and JSON, remote write 1.0 and 2.0, snappy (literals only), frames.
 *
 * A point: {name, labels: {a: "b"}, ms, value}.  Values are doubles; OTLP in protobuf
 * and remote write 2.0 also take start_ms, 2.0 a type (2: gauge). */

const utf8 = new TextEncoder();

/* ---- protobuf ------------------------------------------------------------------ */

export function varint(n) {
  if (typeof n === 'number' && n >= 0 && n <= Number.MAX_SAFE_INTEGER) {
    const bytes = [];
    for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
    bytes.push(n);
    return Buffer.from(bytes);
  }
  let v = BigInt.asUintN(64, BigInt(n));
  const out = [];
  for (; v > 127n; v >>= 7n) out.push(Number(v & 127n) | 128);
  out.push(Number(v));
  return Buffer.from(out);
}

/* One message of fields: [number, kind, value]; kinds: len, varint, double, fixed64. */
export function message(...fields) {
  const parts = [];
  for (const [number, kind, value] of fields) {
    if (value === undefined) continue;
    if (kind === 'varint') {
      parts.push(varint(number << 3), varint(value));
    } else if (kind === 'double') {
      const b = Buffer.alloc(8);
      b.writeDoubleLE(value);
      parts.push(varint((number << 3) | 1), b);
    } else if (kind === 'fixed64') {
      const b = Buffer.alloc(8);
      b.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      parts.push(varint((number << 3) | 1), b);
    } else {
      const b = typeof value === 'string' ? utf8.encode(value) : value;
      parts.push(varint((number << 3) | 2), varint(b.length), b);
    }
  }
  return Buffer.concat(parts);
}

/* Fields of a message, for answers: [{number, value: BigInt | Buffer}]. */
export function fields(bytes) {
  const out = [];
  let at = 0;
  const read = () => {
    let v = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = bytes[at++];
      v |= BigInt(b & 127) << shift;
      if (b < 128) return v;
    }
  };
  while (at < bytes.length) {
    const tag = Number(read());
    const type = tag & 7;
    let value;
    if (type === 0) value = read();
    else if (type === 1) { value = bytes.subarray(at, at + 8); at += 8; }
    else if (type === 5) { value = bytes.subarray(at, at + 4); at += 4; }
    else { const len = Number(read()); value = bytes.subarray(at, at + len); at += len; }
    out.push({ number: tag >> 3, value });
  }
  return out;
}

/* ---- OTLP ---------------------------------------------------------------------- */

const anyText = (text) => message([1, 'len', text]);
const pair = (k, v) => message([1, 'len', k], [2, 'len', anyText(v)]);

/* Points of the same name become one gauge (or counter, with its temporality: 1 delta, 2 cumulative). */
export function otlp(points, { sum = 0, resource = {} } = {}) {
  const byName = new Map();
  for (const p of points) {
    const labels = Object.entries(p.labels ?? {}).map(([k, v]) => [7, 'len', pair(k, v)]);
    const start = p.start_ms && BigInt(p.start_ms) * 1000000n;
    const point = message(...labels, [2, 'fixed64', start], [3, 'fixed64', BigInt(p.ms) * 1000000n], [4, 'double', p.value]);
    if (!byName.has(p.name)) byName.set(p.name, []);
    byName.get(p.name).push([1, 'len', point]);
  }
  const metrics = [...byName].map(([name, of]) => {
    const data = sum ? [7, 'len', message(...of, [2, 'varint', sum], [3, 'varint', 1])] : [5, 'len', message(...of)];
    return [2, 'len', message([1, 'len', name], data)];
  });
  const attributes = Object.entries(resource).map(([k, v]) => [1, 'len', pair(k, v)]);
  return message([1, 'len', message([1, 'len', message(...attributes)], [2, 'len', message(...metrics)])]);
}

export function otlpJson(points, { resource = {} } = {}) {
  const attributes = (of) => Object.entries(of).map(([key, v]) => ({ key, value: { stringValue: v } }));
  const byName = new Map();
  for (const p of points) {
    if (!byName.has(p.name)) byName.set(p.name, []);
    byName.get(p.name).push({ timeUnixNano: `${p.ms}000000`, asDouble: p.value, attributes: attributes(p.labels ?? {}) });
  }
  const metrics = [...byName].map(([name, dataPoints]) => ({ name, gauge: { dataPoints } }));
  return JSON.stringify({
    resourceMetrics: [{ resource: { attributes: attributes(resource) }, scopeMetrics: [{ metrics }] }],
  });
}

/* ---- remote write -------------------------------------------------------------- */

/* Points of one series share their labels object, mostly: what is made of it is kept. */
const sorted = new WeakMap();

function identity(p) {
  const labels = p.labels ?? {};
  let byName = sorted.get(labels);
  if (!byName) sorted.set(labels, byName = new Map());
  let known = byName.get(p.name);
  if (!known) {
    const list = Object.entries({ __name__: p.name, ...labels }).sort(([a], [b]) => (a < b ? -1 : 1));
    known = { labels: list, key: JSON.stringify(list), wire: message(...list.map(([k, v]) => [1, 'len', message([1, 'len', k], [2, 'len', v])])) };
    byName.set(p.name, known);
  }
  return known;
}

function series(points) {
  const out = new Map();
  for (const p of points) {
    const { labels, key, wire } = identity(p);
    if (!out.has(key)) out.set(key, { labels, wire, points: [] });
    out.get(key).points.push(p);
  }
  return [...out.values()];
}

export function write1(points) {
  return message(...series(points).map((s) => [1, 'len', Buffer.concat([s.wire,
    ...s.points.map((p) => message([2, 'len', message([1, 'double', p.value], [2, 'varint', p.ms])]))])]));
}

export function write2(points) {
  const symbols = [''];
  const ref = (text) => {
    let at = symbols.indexOf(text);
    if (at < 0) at = symbols.push(text) - 1;
    return at;
  };
  const all = series(points).map((s) => [5, 'len', message(
    [1, 'len', Buffer.concat(s.labels.flatMap(([k, v]) => [varint(ref(k)), varint(ref(v))]))],
    ...s.points.map((p) => [2, 'len', message([1, 'double', p.value], [2, 'varint', p.ms], [3, 'varint', p.start_ms])]),
    [5, 'len', message([1, 'varint', s.points[0].type ?? 2])],
  )]);
  return message(...symbols.map((t) => [4, 'len', t]), ...all);
}

/* A snappy block without matches: legal, and as long as its contents. */
export function snappy(bytes) {
  const parts = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 65536) {
    const piece = bytes.subarray(at, at + 65536);
    const head = Buffer.alloc(3);
    head[0] = 61 << 2;
    head.writeUInt16LE(piece.length - 1, 1);
    parts.push(head, piece);
  }
  return Buffer.concat(parts);
}

/* ---- native frames ------------------------------------------------------------- */

export function envelope(payload, { sender = 'scenario', sequence = 1, kind = 1, codec = 0, token, size } = {}) {
  return message([1, 'len', sender], [2, 'varint', sequence], [3, 'varint', kind], [4, 'varint', codec],
    [5, 'len', payload], [6, 'len', token], [7, 'varint', size]);
}

export function framed(bytes) {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/* {sequence, status, rejected, message, retry} of an Ack. */
export function ack(bytes) {
  const out = { sequence: 0, status: 0, rejected: 0, message: '', retry: 0 };
  for (const { number, value } of fields(bytes)) {
    if (number === 4) out.message = value.toString();
    else out[{ 1: 'sequence', 2: 'status', 3: 'rejected', 5: 'retry' }[number]] = Number(value);
  }
  return out;
}

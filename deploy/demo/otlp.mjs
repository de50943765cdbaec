// OTLP metrics and Andon's envelopes as protobuf, from the objects that OTLP/HTTP
// carries as JSON.  Only what the demo sends: sums, gauges, classic histograms.

function varint(n) {
  const out = [];
  let rest = BigInt(n);
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Buffer.from(out);
}

const key = (field, type) => varint((field << 3) | type);

const message = (field, bytes) => Buffer.concat([key(field, 2), varint(bytes.length), bytes]);
const text = (field, value) => message(field, Buffer.from(value));
const number = (field, value) => Buffer.concat([key(field, 0), varint(value)]);
const each = (field, list, encode) => Buffer.concat((list ?? []).map((item) => message(field, encode(item))));

function fixed(value) {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

function double(value) {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return out;
}

const fixedField = (field, value) => Buffer.concat([key(field, 1), fixed(value)]);
const doubleField = (field, value) => Buffer.concat([key(field, 1), double(value)]);

const attribute = ({ key: name, value }) => Buffer.concat([text(1, name), message(2, text(1, value.stringValue))]);

const numberPoint = (p) => Buffer.concat([fixedField(2, p.startTimeUnixNano), fixedField(3, p.timeUnixNano),
  doubleField(4, p.asDouble), each(7, p.attributes, attribute)]);

const histogramPoint = (p) => Buffer.concat([fixedField(2, p.startTimeUnixNano), fixedField(3, p.timeUnixNano),
  fixedField(4, p.count), doubleField(5, p.sum), message(6, Buffer.concat(p.bucketCounts.map(fixed))),
  message(7, Buffer.concat(p.explicitBounds.map(double))), each(9, p.attributes, attribute)]);

function metric(m) {
  const parts = [text(1, m.name), text(3, m.unit)];
  if (m.gauge) parts.push(message(5, each(1, m.gauge.dataPoints, numberPoint)));
  if (m.sum)
    parts.push(message(7, Buffer.concat([each(1, m.sum.dataPoints, numberPoint), number(2, m.sum.aggregationTemporality), number(3, 1)])));
  if (m.histogram)
    parts.push(message(9, Buffer.concat([each(1, m.histogram.dataPoints, histogramPoint), number(2, m.histogram.aggregationTemporality)])));
  return Buffer.concat(parts);
}

const scopeMetrics = (s) => Buffer.concat([message(1, text(1, s.scope.name)), each(2, s.metrics, metric)]);
const resourceMetrics = (r) => Buffer.concat([message(1, each(1, r.resource.attributes, attribute)), each(2, r.scopeMetrics, scopeMetrics)]);

/* ExportMetricsServiceRequest */
export const encodeRequest = (request) => each(1, request.resourceMetrics, resourceMetrics);

/* proto/andon.proto: Envelope of kind METRICS */
export const encodeEnvelope = (sender, sequence, payload) =>
  Buffer.concat([text(1, sender), number(2, sequence), number(3, 1), message(5, payload)]);

/* The varint fields of an Ack: {sequence, status, rejected}. */
export function decodeAck(bytes) {
  const fields = { 1: 0, 2: 0, 3: 0 };
  let at = 0;
  const next = () => {
    let value = 0n, shift = 0n, byte;
    do {
      byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
    } while (byte & 128);
    return Number(value);
  };
  while (at < bytes.length) {
    const tag = next(), value = next();
    if ((tag & 7) === 2) at += value;
    else fields[tag >> 3] = value;
  }
  return { sequence: fields[1], status: fields[2], rejected: fields[3] };
}

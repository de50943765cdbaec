/* The server's API of traces: questions, and answers as the pages want them. */
import { visible } from "./text.js";

async function ask(path, parameters, signal) {
  const answer = await fetch(`${path}?${new URLSearchParams(parameters)}`, { signal, headers: { accept: "application/json" } });
  const text = await answer.text();
  if (!answer.ok) {
    let said = text.slice(0, 1000).trim();
    try {
      const body = JSON.parse(text);
      said = body.error?.message ?? body.error ?? body.message ?? said;
    } catch { /* words */ }
    throw Object.assign(new Error(String(said) || `the server answered ${answer.status}`), { status: answer.status });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`the server answered what is no JSON: ${text.slice(0, 200)}`);
  }
}

/* start, end: seconds. */
export async function search(q, start, end, limit, signal) {
  const { traces = [], metrics = {} } = await ask("/tempo/api/search", { q, start: Math.floor(start), end: Math.ceil(end), limit, spss: 3 }, signal);
  return { traces: traces.map(foundTrace), metrics };
}

export const metricsRange = (q, start, end, step, signal) =>
  ask("/tempo/api/metrics/query_range", { q, start: Math.floor(start), end: Math.ceil(end), step: `${step}s` }, signal);

function foundTrace(t) {
  const services = Object.entries(t.serviceStats ?? {}).map(([name, { spanCount = 0, errorCount = 0 }]) => ({ name, spans: spanCount, errors: errorCount }));
  const sets = t.spanSets ?? (t.spanSet ? [t.spanSet] : []);
  return {
    id: t.traceID.padStart(32, "0"), service: t.rootServiceName ?? "", name: t.rootTraceName ?? "", startNs: t.startTimeUnixNano ?? "0", ms: t.durationMs ?? 0,
    services, spans: services.reduce((n, s) => n + s.spans, 0), errors: services.reduce((n, s) => n + s.errors, 0),
    matched: sets.reduce((n, s) => n + (s.matched ?? 0), 0), sample: sets[0]?.spans?.[0],
  };
}

/* ---- a trace ------------------------------------------------------------------------------ */

/* An AnyValue of OTLP/JSON as a value of the page. */
export function plainValue(v) {
  if (!v) return "";
  if (v.stringValue !== undefined) return v.stringValue;
  if (v.boolValue !== undefined) return v.boolValue;
  if (v.intValue !== undefined) return String(v.intValue);
  if (v.doubleValue !== undefined) return String(v.doubleValue);
  if (v.bytesValue !== undefined) return v.bytesValue;
  if (v.arrayValue) return JSON.stringify((v.arrayValue.values ?? []).map(plainValue));
  if (v.kvlistValue) return JSON.stringify(Object.fromEntries((v.kvlistValue.values ?? []).map(({ key, value }) => [key, plainValue(value)])));
  return "";
}

const pairs = (list) => (list ?? []).map(({ key, value }) => [key, String(plainValue(value))]);
const KINDS = ["", "internal", "server", "client", "producer", "consumer"];
const kindOf = (kind) => (typeof kind === "number" ? KINDS[kind] ?? String(kind) : String(kind ?? "").replace("SPAN_KIND_", "").toLowerCase().replace("unspecified", ""));
const isError = (status) => status?.code === 2 || status?.code === "STATUS_CODE_ERROR";

function spanOf(s, resource, scope) {
  const startNs = BigInt(s.startTimeUnixNano ?? 0), endNs = BigInt(s.endTimeUnixNano ?? 0);
  const service = resource.find(([k]) => k === "service.name")?.[1] ?? "";
  return {
    id: s.spanId, parentId: s.parentSpanId ?? "", name: s.name ?? "", service, kind: kindOf(s.kind), startNs, endNs, isError: isError(s.status),
    statusText: s.status?.message ?? "", traceState: s.traceState ?? "", attributes: pairs(s.attributes), resource, scope,
    events: (s.events ?? []).map((e) => ({ name: e.name ?? "", atNs: BigInt(e.timeUnixNano ?? 0), attributes: pairs(e.attributes) })),
    links: (s.links ?? []).map((l) => ({ traceId: l.traceId, spanId: l.spanId, attributes: pairs(l.attributes) })),
    children: [], depth: 0,
  };
}

/* The spans of a trace in the order of a waterfall: parents before their children, siblings
 * by start.  A span whose parent has not come stands at the top; one that is its own ancestor
 * is taken out of the ring. */
export function tree(spans) {
  const byId = new Map(), roots = [], ordered = [];
  for (const span of spans) if (!byId.has(span.id)) byId.set(span.id, span);
  for (const span of spans) {
    const parent = span.parentId ? byId.get(span.parentId) : undefined;
    span.isOrphan = Boolean(span.parentId) && !parent;
    if (parent && parent !== span) parent.children.push(span);
    else roots.push(span);
  }
  const byStart = (a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0);
  const walk = (first) => {
    const stack = [[first, 0]];
    while (stack.length) {
      const [span, depth] = stack.pop();
      if (span.isPlaced) continue;
      Object.assign(span, { isPlaced: true, depth });
      ordered.push(span);
      span.children.sort(byStart);
      for (let i = span.children.length - 1; i >= 0; i--) stack.push([span.children[i], depth + 1]);
    }
  };
  for (const root of roots.sort(byStart)) walk(root);
  for (const span of [...spans].sort(byStart)) if (!span.isPlaced) walk(span);
  return ordered;
}

export async function readTrace(id, signal) {
  const { result } = await ask(`/api/v3/traces/${encodeURIComponent(id)}`, {}, signal);
  const spans = [];
  for (const { resource, scopeSpans = [] } of result?.resourceSpans ?? [])
    for (const { scope, spans: list = [] } of scopeSpans) {
      const about = [...(scope?.name ? [["name", scope.name]] : []), ...(scope?.version ? [["version", scope.version]] : []), ...pairs(scope?.attributes)];
      const attributes = pairs(resource?.attributes);
      for (const s of list) spans.push(spanOf(s, attributes, about));
    }
  return tree(spans);
}

/* ---- the service graph --------------------------------------------------------------------- */

async function vector(query, time, signal) {
  const answer = await fetch("/api/v1/query", { method: "POST", body: new URLSearchParams({ query, time }), signal });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `the server answered ${answer.status}`);
  return body.data.result.map(({ metric, value }) => ({ ...metric, value: Number(value[1]) }));
}

/* [{client, server, type, rate, failed, p95}]: requests a second and seconds, over the range. */
export async function serviceGraph(end, range, signal) {
  const by = "by (client, server, connection_type)", of = (name) => `traces_service_graph_request_${name}[${Math.max(Math.round(range), 60)}s]`;
  const [total, failed, slow] = await Promise.all([
    vector(`sum ${by} (rate(${of("total")}))`, end, signal),
    vector(`sum ${by} (rate(${of("failed_total")}))`, end, signal),
    vector(`histogram_quantile(0.95, sum by (le, client, server, connection_type) (rate(${of("server_seconds_bucket")})))`, end, signal),
  ]);
  const key = (m) => JSON.stringify([m.client, m.server, m.connection_type ?? ""]);
  const edges = new Map(total.map((m) => [key(m), { client: m.client ?? "", server: m.server ?? "", type: m.connection_type ?? "", rate: m.value, failed: 0, p95: NaN }]));
  for (const m of failed) if (edges.has(key(m))) edges.get(key(m)).failed = m.value;
  for (const m of slow) if (edges.has(key(m))) edges.get(key(m)).p95 = m.value;
  return [...edges.values()].filter((e) => e.rate > 0 && e.client !== "" && e.server !== "");
}

export const idText = (id) => visible(id.slice(0, 8));

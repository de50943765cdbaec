/* Traces: a TraceQL query, the traces it finds, one of them as a waterfall, and the map of
 * the services. */
import { Box } from "./box.js";
import { $, element, endTime, keepState, putTimes, say, setTimes, tabs } from "./controls.js";
import { colour, plot, swatch } from "./plot.js";
import { clearMap, drawMap } from "./service_map.js";
import { metricsRange, plainValue, readTrace, search, serviceGraph } from "./tempo.js";
import { bytes, count, cut, dayOf, millis, msOf, short, timeOfEntry, visible } from "./text.js";
import { isMetrics, nameText, traceCompletions, withCondition } from "./traceql.js";
import { ms, Waterfall } from "./waterfall.js";

const LIMIT = 100; /* traces listed */
const POINTS = 200;
const DRAWN_MAX = 20;
const AROUND_S = 60; /* logs of a service around a span */
const TRACE_ID = /^[0-9a-fA-F]{16,32}$/;

let running = null;
let lines = null;
let opened = ""; /* the trace shown, or none */
let pickedSpan = "";
let view = "list";
let goTo = () => {};

/* ---- state in the URL ------------------------------------------------------------------- */

function read(url) {
  $("traceql").value = url.get("tq") ?? "";
  opened = TRACE_ID.test(url.get("trace") ?? "") ? url.get("trace").toLowerCase().padStart(32, "0") : "";
  pickedSpan = url.get("span") ?? "";
  view = url.get("view") === "map" ? "map" : "list";
  markView(view);
}

function write(isNew) {
  const state = new URLSearchParams();
  state.set("mode", "traces");
  if ($("traceql").value) state.set("tq", $("traceql").value);
  putTimes(state);
  if (view === "map") state.set("view", "map");
  if (opened) state.set("trace", opened);
  if (opened && pickedSpan) state.set("span", pickedSpan);
  keepState(state, isNew);
}

const markView = tabs(["list", "map"], (name) => `view-${name}`, (name) => {
  view = name;
  opened = "";
  markView(name);
  run();
});

/* ---- asking ------------------------------------------------------------------------------ */

function clear() {
  lines?.destroy();
  lines = null;
  waterfall.clear();
  clearMap();
  $("found").replaceChildren();
  for (const id of ["found-box", "trace-box", "map-box", "trace-graph", "no-traces"]) $(id).hidden = true;
}

/* What was asked anew closes the trace that was open; a trace id is as good as a query. */
function submit() {
  const text = $("traceql").value.trim();
  opened = TRACE_ID.test(text) ? text.toLowerCase().padStart(32, "0") : "";
  if (opened) $("traceql").value = "";
  pickedSpan = "";
  if (view === "map" && text) {
    view = "list";
    markView(view);
  }
  return run();
}

async function run(isNew = true) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  if (isNew) write(true);
  say("running …");
  try {
    if (opened) await showTrace(opened, signal);
    else if (view === "map") await showMap(signal);
    else if (isMetrics($("traceql").value)) await showSeries(signal);
    else await showFound(signal);
  } catch (error) {
    if (signal.aborted) return;
    clear();
    say(error.message, true);
  }
}

function period() {
  const end = endTime();
  return { start: end - Number($("range").value), end };
}

async function showFound(signal) {
  const { start, end } = period(), began = performance.now();
  const { traces: found, metrics } = await search($("traceql").value.trim() || "{}", start, end, LIMIT, signal);
  if (signal.aborted) return;
  clear();
  const longest = Math.max(...found.map((t) => t.ms), 1), isOtherDay = found.some((t) => dayOf(msOf(t.startNs)) !== dayOf(Date.now()));
  $("found").replaceChildren(...found.map((t) => foundRow(t, longest, isOtherDay)));
  $("found-box").hidden = found.length === 0;
  $("no-traces").hidden = found.length > 0;
  const size = Number(metrics.inspectedBytes ?? 0);
  say([`${found.length === LIMIT ? `the newest ${LIMIT} traces` : `${count(found.length)} ${found.length === 1 ? "trace" : "traces"}`} in ${Math.round(performance.now() - began)} ms`, ...(size > 0 ? [`${bytes(size)} read`] : [])].join(", "));
}

function foundRow(t, longest, isOtherDay) {
  const row = element("tr"), time = element("td", "when", `${isOtherDay ? `${dayOf(msOf(t.startNs))} ` : ""}${timeOfEntry(t.startNs)}`), what = element("td"), took = element("td", "took"), spans = element("td"), bar = element("i");
  const button = element("button", "trace");
  button.type = "button";
  button.dataset.id = t.id;
  button.append(element("bdi", "service", cut(visible(t.service), 80) || "–"), element("bdi", "", cut(visible(t.name), 200)));
  button.addEventListener("click", () => openTrace(t.id));
  what.append(button);
  bar.style.width = `${Math.max((100 * t.ms) / longest, 0.5)}%`;
  took.append(element("span", "", millis(t.ms)), bar);
  spans.append(`${count(t.spans || t.matched)}${t.services.length > 1 ? ` in ${t.services.length} services` : ""}`);
  row.toggleAttribute("data-error", t.errors > 0);
  row.append(time, what, took, spans, element("td", "errors", t.errors ? `${count(t.errors)} ${t.errors === 1 ? "error" : "errors"}` : ""));
  return row;
}

function openTrace(id, span = "") {
  opened = id.toLowerCase().padStart(32, "0");
  pickedSpan = span;
  run();
}

async function showTrace(id, signal) {
  const began = performance.now();
  let spans;
  try {
    spans = await readTrace(id, signal);
  } catch (error) {
    if (error.status === 404) throw new Error(`no trace ${id} is here: it may not have come yet, or its time has passed`);
    throw error;
  }
  if (signal.aborted) return;
  clear();
  if (spans.length === 0) return say(`trace ${id} has no spans`, true);
  const [root] = spans, errors = spans.filter((s) => s.isError).length, startNs = spans.reduce((a, s) => (s.startNs < a ? s.startNs : a), root.startNs);
  const endNs = spans.reduce((a, s) => (s.endNs > a ? s.endNs : a), root.endNs);
  $("trace-title").textContent = `${cut(visible(root.service), 80)} ${cut(visible(root.name), 200)}`;
  $("trace-about").textContent = [`${dayOf(msOf(String(startNs)))} ${timeOfEntry(String(startNs))}`, millis(ms(endNs - startNs)), `${count(spans.length)} spans`, ...(errors ? [`${count(errors)} ${errors === 1 ? "error" : "errors"}`] : []), `trace ${id}`].join(" · ");
  $("trace-about").toggleAttribute("data-bad", errors > 0);
  $("trace-box").hidden = false;
  waterfall.show(spans, pickedSpan);
  say(`${count(spans.length)} spans in ${Math.round(performance.now() - began)} ms`);
}

async function showMap(signal) {
  const { start, end } = period();
  const edges = await serviceGraph(end, end - start, signal);
  if (signal.aborted) return;
  clear();
  $("map-box").hidden = false;
  drawMap(edges, (service) => {
    view = "list";
    markView(view);
    change(`{ ${nameText("resource", "service.name")} = ${JSON.stringify(service)} }`);
  });
  say(edges.length ? `${count(edges.length)} ${edges.length === 1 ? "connection" : "connections"}` : "no service has called another in this range; calls are known from client and server spans of one trace");
}

/* ---- numbers made of spans ---------------------------------------------------------------- */

const seriesName = (labels) => visible((labels ?? []).map(({ key, value }) => `${key}=${plainValue(value)}`).join(", ")) || "all";

async function showSeries(signal) {
  const { start, end } = period(), began = performance.now(), step = Math.max(Math.ceil((end - start) / POINTS), 1);
  const { series = [] } = await metricsRange($("traceql").value.trim(), start, end, step, signal);
  if (signal.aborted) return;
  clear();
  const drawn = series.slice(0, DRAWN_MAX), times = [...new Set(drawn.flatMap((s) => (s.samples ?? []).map((p) => Number(p.timestampMs) / 1000)))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const columns = drawn.map((s) => {
    const line = new Array(times.length).fill(null);
    for (const p of s.samples ?? []) line[at.get(Number(p.timestampMs) / 1000)] = Number.isFinite(Number(p.value ?? 0)) ? Number(p.value ?? 0) : null;
    return line;
  });
  $("trace-graph").hidden = false;
  if (times.length) lines = plot($("trace-plot"), drawn.map((_, i) => ({ colour: colour(i) })), [times, ...columns], { select: zoom, fromZero: true, window: () => [start, end] });
  $("trace-keys").replaceChildren(...drawn.map((s, i) => {
    const item = element("li", "series"), last = [...columns[i]].reverse().find((v) => v !== null);
    item.append(swatch(i), element("bdi", "", cut(seriesName(s.labels), 200)), element("b", "", short(last)));
    return item;
  }));
  say(`${count(series.length)} series in ${Math.round(performance.now() - began)} ms${series.length > drawn.length ? `, ${drawn.length} drawn` : ""}`);
}

function zoom(from, to) {
  setTimes(Math.floor(from), Math.ceil(to));
  run();
}

/* ---- changing the question, going to other signals ----------------------------------------- */

function change(query) {
  $("traceql").value = query;
  submit();
}

const serviceOf = (span) => `{service_name=${JSON.stringify(span.service)}}`;

function goLogs(expr, fromNs, toNs) {
  const from = Math.floor(msOf(String(fromNs)) / 1000) - AROUND_S, to = Math.ceil(msOf(String(toNs)) / 1000) + AROUND_S;
  goTo("logs", { expr, range: String(to - from), end: new Date(to * 1000).toISOString().replace(".000", "") });
}

const waterfall = new Waterfall({
  filter: (scope, name, value) => change(withCondition($("traceql").value.trim() || "{}", `${nameText(scope, name)} = ${/^(true|false|-?[0-9]+(\.[0-9]+)?)$/.test(value) ? value : JSON.stringify(value)}`)),
  logs: (span) => {
    const [first] = waterfall.spans, services = [...new Set(waterfall.spans.map((s) => s.service))].filter(Boolean);
    const from = waterfall.startNs, to = waterfall.startNs + waterfall.lengthNs;
    const selector = span ? serviceOf(span) : services.length ? `{service_name=~${JSON.stringify(services.map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"))}}` : serviceOf(first);
    goLogs(`${selector} | trace_id="${opened}"${span ? ` | span_id="${span.id}"` : ""}`, from, to);
  },
  resource: (span) => goLogs(serviceOf(span), span.startNs, span.endNs),
  metrics: (span) => goTo("metrics", { q: `sum by (span_name) (rate(traces_spanmetrics_calls_total{service=${JSON.stringify(span.service)}}[5m]))`, range: $("range").value }),
  trace: (id) => openTrace(id),
});

$("back").addEventListener("click", () => {
  opened = pickedSpan = "";
  run();
});

const box = new Box("traceql", "traceql-choices", traceCompletions, () => submit());

function leave() {
  running?.abort();
  clear();
}

/* go(mode, parameters): another mode with another question. */
export const traces = { read, write, run, submit, box, leave, link: (go) => { goTo = go; } };

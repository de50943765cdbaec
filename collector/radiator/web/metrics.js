/* Metrics: a PromQL query, its graph and its table. */
import { Box } from "./box.js";
import { completions } from "./complete.js";
import { clearExemplars, showExemplars } from "./exemplars.js";
import { $, endTime, keepState, putTimes, say, setTimes, tabs } from "./controls.js";
import { colour, plot, swatch } from "./plot.js";
import { dayOf, short, timeOfDay, visible } from "./text.js";

const DRAWN_MAX = 50; /* series */
const ROWS_MAX = 2000;
const POINTS = 400;
let drawn = null;
let running = null;

/* ---- state in the URL ----------------------------------------------------------------- */

function read(url) {
  $("query").value = url.get("q") ?? "";
  $("step").value = url.get("step") ?? "";
  showTab(url.get("tab") === "table" ? "table" : "graph");
}

function write(isNew) {
  const state = new URLSearchParams();
  state.set("q", $("query").value);
  putTimes(state);
  if ($("step").value) state.set("step", $("step").value);
  if ($("graph").hidden) state.set("tab", "table");
  keepState(state, isNew);
}

const markTab = tabs(["graph", "table"], (name) => `tab-${name}`, (name) => {
  showTab(name);
  write(false);
});

function showTab(name) {
  $("graph").hidden = name !== "graph";
  $("table").hidden = name !== "table";
  markTab(name);
}

/* ---- asking ----------------------------------------------------------------------------- */

async function ask(path, parameters, signal) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(parameters), signal });
  const text = await answer.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`the server answered ${answer.status}: ${text.slice(0, 200)}`);
  }
  if (body.status !== "success") throw new Error(body.error ?? `the server answered ${answer.status}`);
  return body;
}

function clear() {
  draw([], 0, 0);
  clearExemplars();
  $("rows").replaceChildren();
}

/* The graph and the table are two questions; one may have an answer where the other has
 * none (a range vector is a table only). */
async function run(isNew = true) {
  const query = $("query").value.trim();
  running?.abort();
  if (!query) {
    clear();
    return say("type an expression; names are completed as you type");
  }
  if (isNew) write(true);
  running = new AbortController();
  const { signal } = running, began = performance.now();
  say("running …");
  try {
    const end = endTime(), range = Number($("range").value);
    const step = $("step").value.trim() || String(Math.max(Math.ceil(range / POINTS), 1));
    const [matrix, vector] = await Promise.allSettled([
      ask("/api/v1/query_range", { query, start: String(end - range), end: String(end), step }, signal),
      ask("/api/v1/query", { query, time: String(end) }, signal),
    ]);
    if (signal.aborted) return;
    show(matrix, vector, end - range, end, performance.now() - began);
    const exemplars = await ask("/api/v1/query_exemplars", { query, start: String(end - range), end: String(end) }, signal).catch(() => ({ data: [] }));
    if (!signal.aborted) showExemplars(exemplars.data);
  } catch (error) {
    clear();
    say(error.message, true);
  }
}

function show(matrix, vector, start, end, tookMs) {
  draw(matrix.value?.data.result ?? [], start, end);
  fill(vector.value?.data);
  if (!vector.value) return say(vector.reason.message, true);
  if (!matrix.value) return say(`no graph: ${matrix.reason.message}`, true);
  const n = matrix.value.data.result.length;
  const notes = new Set([matrix.value, vector.value].flatMap((a) => [...(a.warnings ?? []), ...(a.infos ?? [])]));
  say([`${n} series in ${Math.round(tookMs)} ms`, ...notes].join("\n"));
}

/* ---- showing ---------------------------------------------------------------------------- */

function nameOf(metric) {
  const { __name__: name = "", ...labels } = metric;
  const key = (k) => (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(k) ? k : JSON.stringify(k));
  const isPlain = name === "" || /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
  const pairs = Object.entries(labels).map(([k, v]) => `${key(k)}=${JSON.stringify(v)}`);
  if (!isPlain) pairs.unshift(JSON.stringify(name));
  const inside = pairs.length ? `{${pairs.join(", ")}}` : "";
  return visible((isPlain ? name : "") + inside || "{}");
}

const numberOf = (text) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));

/* Times of all series, a hole where a line pauses. */
function columns(series) {
  const times = [...new Set(series.flatMap((s) => (s.values ?? []).map(([t]) => t)))].sort((a, b) => a - b);
  const steps = times.slice(1).map((t, i) => t - times[i]), step = Math.min(...steps);
  const holes = times.slice(1).filter((t, i) => steps[i] > 1.5 * step).map((t) => t - step);
  const all = [...times, ...holes].sort((a, b) => a - b);
  const at = new Map(all.map((t, i) => [t, i]));
  return [all, ...series.map((s) => {
    const line = new Array(all.length).fill(null);
    for (const [t, v] of s.values ?? []) line[at.get(t)] = Number.isFinite(numberOf(v)) ? numberOf(v) : null;
    return line;
  })];
}

/* The values under the cursor, or the last ones. */
function readAt(data, index) {
  const times = data[0], i = index ?? times.length - 1;
  const at = times[i];
  $("when").textContent = at === undefined ? "" : `${dayOf(at * 1000)} ${timeOfDay(at * 1000)}`;
  $("legend").querySelectorAll("b").forEach((b, line) => {
    const v = data[line + 1]?.[i];
    b.textContent = v === null || v === undefined ? "–" : short(v);
  });
}

function key(s, i) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  const name = document.createElement("bdi");
  name.textContent = nameOf(s.metric);
  button.append(swatch(i), name, document.createElement("b"));
  button.addEventListener("click", () => {
    const isShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isShown));
    drawn.chart.setSeries(i + 1, { show: isShown });
  });
  item.append(button);
  return item;
}

function draw(result, start, end) {
  const series = result.filter((s) => s.values?.length).slice(0, DRAWN_MAX);
  const data = columns(series);
  drawn?.destroy();
  drawn = null;
  $("plot").replaceChildren();
  $("legend").replaceChildren(...series.map(key));
  if (result.length > series.length) {
    const item = document.createElement("li");
    item.className = "more";
    item.textContent = `and ${result.length - series.length} more that are not drawn; see the table`;
    $("legend").append(item);
  }
  if (series.length)
    drawn = plot($("plot"), series.map((s, i) => ({ colour: colour(i) })), data,
      { select: zoom, point: (i) => readAt(data, i), window: () => [start, end] });
  readAt(data, null);
}

function zoom(from, to) {
  setTimes(from, to);
  run();
}

function row(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells.map((text) => {
    const td = document.createElement("td"), isolated = document.createElement("bdi");
    isolated.textContent = text;
    td.append(isolated);
    return td;
  }));
  return tr;
}

function valueOf(item) {
  if (item.value) return item.value[1];
  if (item.histogram) return `count ${item.histogram[1].count}, sum ${item.histogram[1].sum}`;
  const at = (t) => `@ ${dayOf(t * 1000)} ${timeOfDay(t * 1000)}`;
  return [...(item.values ?? []).map(([t, v]) => `${v} ${at(t)}`),
    ...(item.histograms ?? []).map(([t, h]) => `count ${h.count}, sum ${h.sum} ${at(t)}`)].join("\n");
}

function fill(data) {
  if (!data) return $("rows").replaceChildren();
  if (data.resultType === "scalar" || data.resultType === "string")
    return $("rows").replaceChildren(row([data.resultType, visible(data.result[1])]));
  const rows = data.result.slice(0, ROWS_MAX).map((item) => row([nameOf(item.metric), valueOf(item)]));
  if (data.result.length > ROWS_MAX) rows.push(row([`and ${data.result.length - ROWS_MAX} more`, ""]));
  $("rows").replaceChildren(...(rows.length ? rows : [row(["no series", ""])]));
}

const box = new Box("query", "choices", completions, () => run());

export const metrics = { read, write, run, box, leave: () => running?.abort() };

/* A PromQL query, its graph and its table; the state is in the URL. */
import { completions } from "./complete.js";
import { colour, plot, swatch } from "./plot.js";
import { dayOf, duration, short, timeOfDay, visible } from "./text.js";

const $ = (id) => document.getElementById(id);
const DRAWN_MAX = 50; /* series */
const ROWS_MAX = 2000;
const POINTS = 400;
const RANGE_S = 3600;
let drawn = null;
let running = null;

/* ---- state in the URL ----------------------------------------------------------------- */

function setRange(seconds) {
  const range = $("range"), text = String(seconds);
  if (![...range.options].some((o) => o.value === text)) {
    const option = document.createElement("option");
    option.value = text;
    option.textContent = duration(seconds);
    range.append(option);
  }
  range.value = text;
}

function readState() {
  const url = new URLSearchParams(location.search), range = Number(url.get("range"));
  $("query").value = url.get("q") ?? "";
  setRange(range > 0 && Number.isFinite(range) ? range : RANGE_S);
  $("end").value = url.get("end") ?? "";
  $("step").value = url.get("step") ?? "";
  showTab(url.get("tab") === "table" ? "table" : "graph");
}

function writeState(isNew) {
  const state = new URLSearchParams();
  state.set("q", $("query").value);
  state.set("range", $("range").value);
  if ($("end").value) state.set("end", $("end").value);
  if ($("step").value) state.set("step", $("step").value);
  if ($("graph").hidden) state.set("tab", "table");
  const url = `${location.pathname}?${state}`;
  if (url === location.pathname + location.search) return;
  if (isNew) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

function showTab(name) {
  for (const tab of ["graph", "table"]) {
    $(tab).hidden = tab !== name;
    $(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    $(`tab-${tab}`).tabIndex = tab === name ? 0 : -1;
  }
}

/* ---- asking ----------------------------------------------------------------------------- */

function say(text, isBad = false) {
  $("message").textContent = visible(text);
  $("message").toggleAttribute("data-bad", isBad);
}

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

function endTime() {
  const text = $("end").value.trim();
  if (!text || text === "now") return Date.now() / 1000;
  const number = Number(text);
  const time = Number.isFinite(number) ? number : Date.parse(text) / 1000;
  if (!Number.isFinite(time)) throw new Error(`until: "${text}" is no time; use 2026-01-31T12:00:00Z or seconds`);
  return time;
}

function clear() {
  draw([], 0, 0);
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
  if (isNew) writeState(true);
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
  setRange(Math.max(Math.round(to - from), 1));
  $("end").value = new Date(Math.round(to) * 1000).toISOString().replace(".000", "");
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

/* ---- completion ---------------------------------------------------------------------------- */

/* isStale: the text has changed since, the next list is on its way. */
const choices = { list: [], from: 0, to: 0, at: -1, isStale: false };

function closeChoices() {
  choices.list = [];
  $("choices").hidden = true;
  $("query").setAttribute("aria-expanded", "false");
  $("query").removeAttribute("aria-activedescendant");
}

function mark(at) {
  choices.at = at;
  [...$("choices").children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
  $("choices").children[at]?.scrollIntoView({ block: "nearest" });
  if (at >= 0) $("query").setAttribute("aria-activedescendant", `choice-${at}`);
  else $("query").removeAttribute("aria-activedescendant");
}

function take(at) {
  const box = $("query"), { insert, back = 0 } = choices.list[at];
  box.setRangeText(insert, choices.from, choices.to, "end");
  box.setSelectionRange(box.selectionEnd - back, box.selectionEnd - back);
  closeChoices();
  box.focus();
  if (back) suggest(); /* the values of the label */
}

function choice({ text, kind }, i) {
  const item = document.createElement("li"), name = document.createElement("bdi"), sort = document.createElement("small");
  item.id = `choice-${i}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  name.textContent = visible(text);
  sort.textContent = kind;
  item.append(name, sort);
  item.addEventListener("mousedown", (event) => { event.preventDefault(); take(i); });
  return item;
}

async function suggest() {
  const box = $("query"), asked = box.value, at = box.selectionStart;
  const found = await completions(asked, at).catch(() => null);
  if (box.value !== asked || box.selectionStart !== at || document.activeElement !== box) return;
  if (!found || found.list.length === 0) return closeChoices();
  Object.assign(choices, found, { isStale: false });
  $("choices").replaceChildren(...found.list.map(choice));
  $("choices").hidden = false;
  box.setAttribute("aria-expanded", "true");
  mark(-1);
}

/* Nothing is marked until an arrow says so: Enter runs what was typed. */
function onKey(event) {
  const isOpen = !$("choices").hidden && !choices.isStale, n = choices.list.length;
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    if (isOpen && choices.at >= 0 && !event.ctrlKey && !event.metaKey) return take(choices.at);
    closeChoices();
    run();
  } else if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const down = event.key === "ArrowDown";
    mark(choices.at < 0 ? (down ? 0 : n - 1) : (choices.at + (down ? 1 : n - 1)) % n);
  } else if (isOpen && event.key === "Tab" && !event.shiftKey) {
    event.preventDefault();
    take(Math.max(choices.at, 0));
  } else if (event.key === "Escape" && !$("choices").hidden) {
    event.preventDefault();
    closeChoices();
  } else if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    suggest();
  }
}

function onTabKey(event) {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const other = $("graph").hidden ? "graph" : "table";
  pickTab(other);
  $(`tab-${other}`).focus();
}

function pickTab(tab) {
  showTab(tab);
  writeState(false);
}

$("query").addEventListener("input", () => {
  choices.isStale = true;
  mark(-1);
  suggest();
});
$("query").addEventListener("keydown", onKey);
$("query").addEventListener("blur", closeChoices);
$("form").addEventListener("submit", (event) => { event.preventDefault(); closeChoices(); run(); });
$("range").addEventListener("change", () => run());
for (const tab of ["graph", "table"]) {
  $(`tab-${tab}`).addEventListener("click", () => pickTab(tab));
  $(`tab-${tab}`).addEventListener("keydown", onTabKey);
}
window.addEventListener("popstate", () => { closeChoices(); readState(); run(false); });
readState();
run(false);
if (!$("query").value) $("query").focus(); /* on a phone an answer is not for the keyboard to cover */

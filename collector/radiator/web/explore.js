/* A PromQL query, its graph and its table; the state is in the URL. */
import { completions } from "./complete.js";
import { plot, swatch } from "./plot.js";

const $ = (id) => document.getElementById(id);
const SERIES_DRAWN_MAX = 50;
const POINTS = 400;
let drawn = null;
let running = null;

/* ---- state in the URL ----------------------------------------------------------------- */

function readState() {
  const url = new URLSearchParams(location.search);
  $("query").value = url.get("q") ?? "";
  if (url.get("range")) $("range").value = url.get("range");
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
  }
}

/* ---- asking ----------------------------------------------------------------------------- */

function say(text, isBad = false) {
  $("message").textContent = text;
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

async function run(isNew = true) {
  const query = $("query").value.trim();
  if (!query) return say("type an expression");
  writeState(isNew);
  running?.abort();
  running = new AbortController();
  const began = performance.now();
  say("running …");
  try {
    const end = endTime(), range = Number($("range").value);
    const step = $("step").value.trim() || String(Math.max(Math.ceil(range / POINTS), 1));
    const [matrix, vector] = await Promise.all([
      ask("/api/v1/query_range", { query, start: String(end - range), end: String(end), step }, running.signal),
      ask("/api/v1/query", { query, time: String(end) }, running.signal),
    ]);
    draw(matrix.data.result, end - range, end);
    fill(vector.data);
    const notes = [...(matrix.warnings ?? []), ...(matrix.infos ?? [])];
    say(`${matrix.data.result.length} series in ${Math.round(performance.now() - began)} ms${notes.length ? " — " + notes.join("; ") : ""}`);
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, true);
  }
}

/* ---- showing ---------------------------------------------------------------------------- */

function nameOf(metric) {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([k, v]) => `${k}=${JSON.stringify(v)}`);
  return pairs.length ? `${name}{${pairs.join(", ")}}` : name || "{}";
}

const numberOf = (text) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));

function columns(series) {
  const times = [...new Set(series.flatMap((s) => (s.values ?? []).map(([t]) => t)))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  return [times, ...series.map((s) => {
    const line = new Array(times.length).fill(null);
    for (const [t, v] of s.values ?? []) line[at.get(t)] = Number.isFinite(numberOf(v)) ? numberOf(v) : null;
    return line;
  })];
}

function draw(result, start, end) {
  const series = result.slice(0, SERIES_DRAWN_MAX);
  drawn?.destroy();
  drawn = null;
  $("plot").replaceChildren();
  if (series.length)
    drawn = plot($("plot"), series.map((s) => ({ name: nameOf(s.metric) })), columns(series), { select: zoom });
  $("legend").replaceChildren(...series.map((s, i) => {
    const item = document.createElement("li");
    item.append(swatch(i), nameOf(s.metric));
    return item;
  }));
  if (result.length > series.length) {
    const item = document.createElement("li");
    item.textContent = `… and ${result.length - series.length} more, see the table`;
    $("legend").append(item);
  }
}

function zoom(from, to) {
  const width = to - from;
  const fit = [...$("range").options].map((o) => Number(o.value)).find((v) => v >= width);
  $("range").value = String(fit ?? 2592000);
  $("end").value = new Date(to * 1000).toISOString();
  run();
}

function row(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells.map((text) => {
    const td = document.createElement("td");
    td.textContent = text;
    return td;
  }));
  return tr;
}

function valueText(item) {
  if (item.value) return item.value[1];
  if (item.histogram) return `count ${item.histogram[1].count}, sum ${item.histogram[1].sum}`;
  if (item.values) return item.values.map(([t, v]) => `${v} @${t}`).join("\n");
  return "";
}

function fill(data) {
  if (data.resultType === "scalar" || data.resultType === "string") {
    $("rows").replaceChildren(row([data.resultType, data.result[1]]));
    return;
  }
  $("rows").replaceChildren(...data.result.map((item) => row([nameOf(item.metric), valueText(item)])));
}

/* ---- completion ---------------------------------------------------------------------------- */

const choices = { list: [], from: 0, to: 0, at: -1 };

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
  $("query").setAttribute("aria-activedescendant", `choice-${at}`);
}

function take(at) {
  const box = $("query"), text = choices.list[at];
  box.setRangeText(text, choices.from, choices.to, "end");
  closeChoices();
  box.focus();
}

async function suggest() {
  const box = $("query"), asked = box.value;
  const found = await completions(asked, box.selectionStart);
  if (box.value !== asked) return;
  if (!found || found.list.length === 0) return closeChoices();
  Object.assign(choices, found);
  $("choices").replaceChildren(...found.list.map((text, i) => {
    const item = document.createElement("li");
    item.id = `choice-${i}`;
    item.setAttribute("role", "option");
    item.textContent = text;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(i); });
    return item;
  }));
  $("choices").hidden = false;
  box.setAttribute("aria-expanded", "true");
  mark(0);
}

function onKey(event) {
  const isOpen = !$("choices").hidden;
  if (event.key === "Enter" && !event.shiftKey && !isOpen) {
    event.preventDefault();
    run();
  } else if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const n = choices.list.length;
    mark((choices.at + (event.key === "ArrowDown" ? 1 : n - 1)) % n);
  } else if (isOpen && (event.key === "Enter" || event.key === "Tab")) {
    event.preventDefault();
    take(choices.at);
  } else if (event.key === "Escape") closeChoices();
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    closeChoices();
    run();
  }
}

$("query").addEventListener("input", suggest);
$("query").addEventListener("keydown", onKey);
$("query").addEventListener("blur", closeChoices);
$("form").addEventListener("submit", (event) => { event.preventDefault(); closeChoices(); run(); });
$("range").addEventListener("change", () => run());
for (const tab of ["graph", "table"])
  $(`tab-${tab}`).addEventListener("click", () => { showTab(tab); writeState(false); });
window.addEventListener("popstate", () => { readState(); run(false); });
readState();
if ($("query").value) run(false);

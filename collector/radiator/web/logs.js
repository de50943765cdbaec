/* Logs: a LogQL query, its entries over time, their list, and what comes in live. */
import { Box } from "./box.js";
import { $, element, endTime, keepState, putTimes, say, setTimes } from "./controls.js";
import { Entries, entriesOf, keyOf } from "./entries.js";
import { Side } from "./fields.js";
import { barOf, clearBars, drawBars } from "./histogram.js";
import { logCompletions } from "./log_complete.js";
import { countable, isLines, pointAt, selector, withFilter, withPattern } from "./logql.js";
import { after, askLogs, nsOf } from "./loki.js";
import { colour, plot, swatch } from "./plot.js";
import { Tail } from "./tail.js";
import { bytes, count, cut, short, timeOfDay, visible } from "./text.js";

const PAGE = 200; /* entries asked for at once */
const LISTED_MAX = 5000; /* ... in the list */
const LIVE_MAX = 1000; /* ... while it is live */
const LIVE_BARS_MS = 5000;
const FIRST_BARS_MS = 1500;
const ANSWER_MS = 5000; /* a server that says nothing for so long is lost */
const SERVICES_SHOWN = 40;
const DRAWN_MAX = 20; /* series of a metric query */
const HINT = "type a selector such as {service_name=\"…\"}; labels and values are completed as you type";

let running = null; /* AbortController of the question shown */
let asked = null; /* {query, startMs, endMs, parameters, signal} of the list */
let lines = null; /* the drawn metric query */
let isEnd = false; /* there are no older entries */
let isWantedLive = false;
const live = { missed: 0, left: 0, lostMs: 0, timer: null, isCounting: false };

/* ---- state in the URL ------------------------------------------------------------------- */

function read(url) {
  $("expr").value = url.get("expr") ?? "";
  isWantedLive = url.get("live") === "1";
  if (isWantedLive) $("end").value = "";
}

function write(isNew) {
  const state = new URLSearchParams();
  state.set("mode", "logs");
  state.set("expr", $("expr").value);
  putTimes(state);
  if (isWantedLive) state.set("live", "1");
  keepState(state, isNew);
}

/* ---- asking ----------------------------------------------------------------------------- */

function clear() {
  lines?.destroy();
  lines = null;
  asked = null;
  $("logs").classList.remove("is-series");
  clearBars();
  entries.clear();
  side.ask(null);
  for (const id of ["more", "nothing", "lines", "side", "volume", "services"]) $(id).hidden = true;
}

function sayError(error, query) {
  const pointer = pointAt(query, error.message);
  say(error.message + pointer, true);
}

async function run(isNew = true) {
  const query = $("expr").value.trim();
  running?.abort();
  stopLive();
  running = new AbortController();
  if (!query) {
    clear();
    say(HINT);
    return showServices(running.signal);
  }
  $("services").hidden = true;
  if (isNew) write(true);
  const { signal } = running, began = performance.now();
  say("running …");
  try {
    const end = endTime(), range = Number($("range").value), endMs = Math.round(end * 1000), startMs = endMs - range * 1000;
    const parameters = { start: nsOf(startMs), end: nsOf(endMs) };
    const next = { query, startMs, endMs, parameters, signal };
    const bars = isLines(query) ? loadBars(next, range).catch((error) => error) : null;
    const answer = await askLogs("query_range", { query, ...parameters, limit: String(PAGE), step: `${barOf(range) / 1000}` }, signal);
    if (signal.aborted) return;
    const { resultType } = answer.data;
    if (resultType !== "streams") return showSeries(answer, next, performance.now() - began);
    showEntries(answer, next, performance.now() - began);
    const failed = await bars;
    if (failed instanceof Error && !signal.aborted) showNoBars(failed);
    if (isWantedLive && !signal.aborted) startLive();
  } catch (error) {
    if (signal.aborted) return;
    clear();
    sayError(error, query);
  }
}

/* Where one may begin: the services by what they have said. */
async function showServices(signal) {
  const range = Number($("range").value), end = Date.now();
  const { data } = await askLogs("index/volume", { query: '{service_name=~".+"}', targetLabels: "service_name", limit: String(SERVICES_SHOWN), start: nsOf(end - range * 1000), end: nsOf(end) }, signal)
    .catch(() => ({ data: { result: [] } }));
  if (signal.aborted) return;
  const rows = data.result.map(({ metric, value }) => ({ name: metric.service_name ?? "", size: Number(value[1]) })).sort((a, b) => b.size - a.size);
  $("services").hidden = rows.length === 0;
  $("services").querySelector("ul").replaceChildren(...rows.map(({ name, size }) => {
    const item = element("li"), button = element("button");
    button.type = "button";
    button.append(element("bdi", "", cut(visible(name), 100)), element("small", "", bytes(size)));
    button.addEventListener("click", () => change(withFilter("{}", { kind: "stream", name: "service_name", value: name, op: "=" })));
    item.append(button);
    return item;
  }));
}

/* The same lines, counted; a record is in the bar that ends at or after it. */
async function loadBars({ query, startMs, endMs, signal }, range) {
  const barMs = barOf(range);
  const counted = `sum by (detected_level) (count_over_time(${countable(query)} [${barMs}ms]))`;
  const { data } = await askLogs("query_range", { query: counted, start: nsOf(startMs + barMs), end: nsOf(endMs), step: String(barMs / 1000) }, signal);
  if (signal.aborted) return;
  $("volume").hidden = false;
  lines?.destroy();
  lines = null;
  drawBars(data.result, { startMs, endMs, barMs, select: zoom, pick: (level) => filter({ kind: "metadata", name: "detected_level", value: level, op: "=" }) });
}

function showNoBars(error) {
  clearBars();
  $("bar-when").textContent = visible(`not counted: ${error.message}`);
}

function notesOf(answer) {
  const size = answer.data.stats?.summary?.totalBytesProcessed;
  return [...(size > 0 ? [`${bytes(size)} read`] : []), ...new Set(answer.warnings ?? [])];
}

function showEntries(answer, next, tookMs) {
  asked = next;
  $("logs").classList.remove("is-series");
  const list = entriesOf(answer.data.result);
  entries.clear();
  entries.append(list);
  isEnd = list.length < PAGE;
  for (const id of ["lines", "side", "volume"]) $(id).hidden = false;
  showEnd();
  const shown = isEnd ? count(list.length) : `the newest ${count(list.length)}`;
  say([`${shown} ${list.length === 1 ? "entry" : "entries"} in ${Math.round(tookMs)} ms`, ...notesOf(answer)].join(", "));
  side.ask(next);
}

function showEnd() {
  const n = entries.list.length;
  $("nothing").hidden = !(isEnd || n >= LISTED_MAX);
  $("nothing").textContent = n === 0 ? "no entries in this range" : n >= LISTED_MAX && !isEnd ? `the list ends at ${count(LISTED_MAX)} entries; choose an earlier end` : "no older entries in this range";
  $("more").hidden = isEnd || n >= LISTED_MAX;
}

/* Those of the oldest time that are listed are asked for again, and left out. */
async function loadOlder() {
  const { query, parameters, signal } = asked, oldest = entries.oldest();
  const listed = new Map();
  for (let i = entries.list.length - 1; i >= 0 && entries.list[i].ts === oldest; i--) {
    const key = keyOf(entries.list[i]);
    listed.set(key, (listed.get(key) ?? 0) + 1);
  }
  const again = [...listed.values()].reduce((a, b) => a + b, 0);
  $("more").disabled = true;
  try {
    const { data } = await askLogs("query_range", { query, start: parameters.start, end: after(oldest), limit: String(PAGE + again) }, signal);
    if (signal.aborted) return;
    const all = entriesOf(data.result);
    isEnd = all.length < PAGE + again;
    entries.append(all.filter((e) => {
      const left = e.ts === oldest ? listed.get(keyOf(e)) ?? 0 : 0;
      if (left > 0) listed.set(keyOf(e), left - 1);
      return left === 0;
    }).slice(0, LISTED_MAX - entries.list.length));
    showEnd();
  } catch (error) {
    if (!signal.aborted) sayError(error, query);
  } finally {
    $("more").disabled = false;
  }
}

/* ---- a query that makes numbers of lines ---------------------------------------------------- */

function nameOf(metric) {
  return visible(`{${Object.entries(metric).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(", ")}}`);
}

function showSeries(answer, { startMs, endMs }, tookMs) {
  clear();
  $("volume").hidden = false;
  $("logs").classList.add("is-series");
  const { resultType, result } = answer.data;
  if (resultType !== "matrix") return say(`${resultType}: ${JSON.stringify(result)}`);
  const drawn = result.slice(0, DRAWN_MAX), times = [...new Set(drawn.flatMap((s) => s.values.map(([t]) => t)))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const columns = drawn.map((s) => {
    const line = new Array(times.length).fill(null);
    for (const [t, v] of s.values) line[at.get(t)] = Number.isFinite(Number(v)) ? Number(v) : null;
    return line;
  });
  if (times.length) lines = plot($("bars"), drawn.map((s, i) => ({ colour: colour(i) })), [times, ...columns], { select: zoom, fromZero: true, window: () => [startMs / 1000, endMs / 1000] });
  $("levels").replaceChildren(...drawn.map((s, i) => {
    const item = element("li", "series");
    item.append(swatch(i), element("bdi", "", nameOf(s.metric)), element("b", "", short(Number(s.values[s.values.length - 1]?.[1]))));
    return item;
  }));
  say([`${result.length} series in ${Math.round(tookMs)} ms${result.length > drawn.length ? `, ${drawn.length} drawn` : ""}`, ...notesOf(answer)].join(", "));
}

/* ---- changing the question ------------------------------------------------------------------- */

function zoom(from, to) {
  setTimes(Math.floor(from), Math.ceil(to));
  isWantedLive = false;
  run();
}

function change(query) {
  $("expr").value = query;
  run();
}

const filter = (f) => change(withFilter($("expr").value, f));

/* A label of a tail's entry, whose kind is not known, is filtered as any. */
const entries = new Entries({
  filter: (f) => filter(f.kind === "label" && selector($("expr").value)?.matchers.some((m) => m.name === f.name) ? { ...f, kind: "stream" } : f),
  kinds: async (entry) => {
    const { data } = await askLogs("query_range", { query: asked.query, start: entry.ts, end: after(entry.ts), limit: "100" }, asked.signal);
    const merged = (e) => JSON.stringify(Object.entries({ ...e.stream, ...e.metadata, ...e.parsed }).sort());
    const found = entriesOf(data.result).find((e) => e.ts === entry.ts && e.line === entry.line && merged(e) === merged(entry));
    return found && { stream: found.stream, metadata: found.metadata, parsed: found.parsed };
  },
});
const side = new Side({ filter, pattern: (op, text) => change(withPattern($("expr").value, op, text)) });

/* ---- live -------------------------------------------------------------------------------------- */

const tail = new Tail({
  put: (streams, missed, left) => {
    const list = entriesOf(streams, true);
    live.missed += missed;
    live.left += left + entries.put(list, LIVE_MAX);
    if (list.length && !$("nothing").hidden) askSide();
    if (list.length) $("nothing").hidden = true;
    showTailing();
  },
  state: (state) => {
    $("live").dataset.state = state;
    $("live").lastChild.textContent = state === "lost" ? "lost" : "live";
    document.body.classList.toggle("is-lost", state === "lost");
    if (state === "lost" && !live.lostMs) live.lostMs = Date.now();
    if (state === "live") live.lostMs = 0;
    $("lost").hidden = state !== "lost";
    $("lost").textContent = state === "lost" ? `connection lost at ${timeOfDay(live.lostMs)}: nothing new is shown; trying again …` : "";
    showTailing();
  },
});

/* The first lines of a list that was empty have fields to tell. */
function askSide() {
  const endMs = Date.now() + 1;
  if (asked) side.ask({ ...asked, endMs, parameters: { ...asked.parameters, end: nsOf(endMs) } });
}

function showTailing() {
  $("tailing").hidden = !tail.isOn;
  const texts = [`live: ${count(entries.list.length)} of at most ${count(LIVE_MAX)} entries`];
  if (live.left) texts.push(`${count(live.left)} older ones left out`);
  if (live.missed) texts.push(`${count(live.missed)} dropped, too fast to show`);
  $("tailing").textContent = texts.join(", ");
  $("tailing").toggleAttribute("data-bad", live.missed > 0);
}

/* The bars move on, unless the ones before are still being counted. */
async function moveBars() {
  if (live.isCounting) return;
  live.isCounting = true;
  const range = Number($("range").value), endMs = Date.now();
  await loadBars({ query: asked.query, startMs: endMs - range * 1000, endMs, signal: running.signal }, range).catch(() => {});
  live.isCounting = false;
}

/* A server that does not answer is as lost as one that has closed. */
async function watch() {
  const { signal } = running;
  moveBars();
  try {
    await fetch("/loki/api/v1/status/buildinfo", { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    if (tail.isOn && tail.socket && !signal.aborted) tail.lose();
  }
  if (tail.isOn && !signal.aborted) live.timer = setTimeout(watch, LIVE_BARS_MS);
}

function startLive() {
  const from = nsOf(asked.endMs);
  Object.assign(live, { missed: 0, left: 0, lostMs: 0 });
  $("live").setAttribute("aria-pressed", "true");
  $("more").hidden = true;
  if (entries.list.length > LIVE_MAX) live.left = entries.put([], LIVE_MAX);
  tail.start(asked.query, () => (entries.newest() ? after(entries.newest()) : from));
  showTailing();
  say("");
  live.timer = setTimeout(watch, FIRST_BARS_MS);
}

function stopLive() {
  tail.stop();
  clearTimeout(live.timer);
  $("live").setAttribute("aria-pressed", "false");
  delete $("live").dataset.state;
  $("live").lastChild.textContent = "live";
  $("lost").hidden = $("tailing").hidden = true;
  document.body.classList.remove("is-lost");
}

/* What is live ends now: an end of its own is given up. */
function toggleLive() {
  if (tail.isOn) {
    isWantedLive = false;
    stopLive();
    isEnd = isEnd && live.left === 0;
    if (asked) showEnd();
    return write(false);
  }
  isWantedLive = true;
  $("end").value = "";
  run();
}

$("live").addEventListener("click", toggleLive);
$("more").addEventListener("click", loadOlder);

const box = new Box("expr", "expr-choices", logCompletions, () => run());

function leave() {
  running?.abort();
  stopLive();
  clear();
}

export const logs = { read, write, run, box, leave };

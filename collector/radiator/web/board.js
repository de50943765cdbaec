/* The wall board: one snapshot a second from /-/live; the minutes before from the query API. */
import { Rolling, colour, swatch } from "./plot.js";
import { bytes, count, duration, millis, short, shortBytes, timeOfDay, visible } from "./text.js";

const STALE_S = 5;
const SILENT_S = 10; /* then the connection is given up and opened again */
const HISTORY_S = 900;
const HISTORY_STEP_S = 15;
const ROWS = 8;
const FULL = 0.9; /* of a budget */
const SLOW_SYNC_MS = 1000;
const DRIFT = 2e-4; /* most that two machines' clocks run apart, seconds a second */

const $ = (id) => document.getElementById(id);
const part = (id, name) => $(id).querySelector(`[data-${name}]`);
const rolling = (id, options) => new Rolling(part(id, "chart"), options, HISTORY_S);

const charts = {
  arrivals: rolling("arrivals"),
  services: rolling("services"),
  rejects: rolling("rejects"),
  series: rolling("series"),
  sync: rolling("sync", { format: millis }),
  disk: rolling("disk", { format: shortBytes, isBytes: true }),
  memory: rolling("memory", { format: shortBytes, isBytes: true }),
};

const DOORS = { otlp_http: "OTLP/HTTP", otlp_grpc: "OTLP/gRPC", remote_write: "remote write", remote_write_2: "remote write 2", tcp: "TCP", udp: "UDP", zipkin: "Zipkin", self: "own" };
const arrivalName = (signal, door) => `${signal} ${DOORS[door] ?? door}`;
const reasonName = (reason) => reason.replaceAll("_", " ");

/* What the charts show before the page was opened, and what a tile's heading asks. */
const HISTORY = {
  arrivals: ["sum by (signal, door) (rate(andon_items_received_total[1m]))", (m) => arrivalName(m.signal, m.door)],
  rejects: ['sum by (reason) (rate({__name__=~"andon_(items|messages)_rejected_total"}[1m]))', (m) => reasonName(m.reason)],
  series: ["sum(andon_series_active)", () => "series"],
  sync: ["max(andon_journal_sync_p99_seconds) * 1000", () => "p99"],
  disk: ["sum(andon_segment_bytes) + sum(andon_journal_bytes)", () => "used"],
  memory: ["sum(andon_memory_bytes)", () => "used"],
};
const SERVICES_QUERY = 'topk(8, sum by (job) (count_over_time({job!=""}[1m])) / 60)';

let last = null; /* the snapshot shown */
let seen = 0, seenWall = 0; /* when it came, by performance.now and by the clock */
let swiftest = Infinity; /* least of (our clock - the server's): what came later than that is late */
let source = null;
let version = null;

/* ---- history ---------------------------------------------------------------------------- */

async function loadHistory(id, end) {
  const [query, name] = HISTORY[id];
  const form = new URLSearchParams({ query, start: String(end - HISTORY_S), end: String(end), step: String(HISTORY_STEP_S) });
  const answer = await fetch("/api/v1/query_range", { method: "POST", body: form });
  if (!answer.ok) return;
  const { data } = await answer.json();
  const points = new Map();
  for (const { metric, values } of data.result)
    for (const [time, value] of values) {
      if (!points.has(time)) points.set(time, {});
      points.get(time)[name(metric)] = Number(value);
    }
  charts[id].prepend([...points].sort((a, b) => a[0] - b[0]));
}

/* By the server's clock: ours may be wrong.  A board without a past is still a board. */
function loadHistories(end) {
  for (const id of Object.keys(HISTORY)) loadHistory(id, end).catch(() => {});
}

/* ---- the parts of a tile ------------------------------------------------------------------ */

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* "1.5 GiB": the figure large, its unit small. */
function setBig(id, text) {
  const space = text.lastIndexOf(" ");
  setText(part(id, "big"), space < 0 ? text : text.slice(0, space));
  if (space >= 0) setText(part(id, "unit"), text.slice(space + 1));
}

function setAlarm(id, isOn) {
  $(id).toggleAttribute("data-alarm", isOn);
}

function setMeter(id, share) {
  const meter = part(id, "meter"), percent = Math.min(Math.max(share, 0), 1) * 100;
  meter.firstElementChild.style.width = `${percent}%`;
  meter.setAttribute("aria-valuenow", percent.toFixed(1));
}

function cell(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/* rows: [{name, text, share}]; a share makes a bar. */
function setList(id, rows) {
  const items = rows.slice(0, ROWS).map(({ name, text, share }) => {
    const item = document.createElement("li");
    const slot = charts[id].slot(name);
    if (slot >= 0) item.append(swatch(slot));
    else item.append(document.createElement("i"));
    const label = cell("bdi", visible(name));
    label.title = visible(name);
    item.append(label, cell("b", text));
    if (share !== undefined) {
      const bar = document.createElement("span"), fill = document.createElement("i");
      bar.className = "bar";
      fill.style.width = `${share * 100}%`;
      fill.style.backgroundColor = colour(Math.max(slot, 0));
      bar.append(fill);
      item.append(bar);
    }
    return item;
  });
  if (rows.length > ROWS) {
    const more = document.createElement("li");
    more.append(document.createElement("i"), cell("span", `and ${rows.length - ROWS} more`));
    items.push(more);
  }
  part(id, "list").replaceChildren(...items);
}

const total = (list, field) => list.reduce((sum, item) => sum + (item[field] ?? 0), 0);
const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${share < 0.0995 ? Number((share * 100).toFixed(1)) : Math.round(share * 100)} %`);

/* ---- the tiles ------------------------------------------------------------------------------ */

function showArrivals(s, time) {
  const point = {};
  for (const a of s.arrivals) point[arrivalName(a.signal, a.door)] = a.per_s;
  charts.arrivals.add(time, point);
  setText(part("arrivals", "big"), short(total(s.arrivals, "per_s")));
  const rows = s.arrivals.map((a) => ({ name: arrivalName(a.signal, a.door), text: `${short(a.per_s)}/s`, per_s: a.per_s, total: a.total }));
  setList("arrivals", rows.sort((a, b) => b.per_s - a.per_s || b.total - a.total));
}

function showServices(s, time) {
  const bySamples = s.services_by === "samples";
  const value = (v) => (bySamples ? v.per_s : v.series);
  const most = Math.max(...s.services.map(value), 1e-9);
  setText($("services-h").firstElementChild, bySamples ? "top services by samples/s" : "top services by series");
  const top = s.services.slice(0, ROWS);
  const point = {};
  for (const v of top) point[v.name] = value(v);
  charts.services.add(time, point);
  setList("services", top.map((v) => ({ name: v.name, text: bySamples ? `${short(v.per_s)}/s` : count(v.series), share: value(v) / most })));
}

function showRejects(s, time) {
  const point = {}, totals = {};
  for (const r of s.rejects) {
    const name = reasonName(r.reason);
    point[name] = (point[name] ?? 0) + r.per_s;
    totals[name] = (totals[name] ?? 0) + r.total;
  }
  charts.rejects.add(time, Object.keys(point).length ? point : { none: 0 });
  const rate = total(s.rejects, "per_s");
  setText(part("rejects", "big"), short(rate));
  setAlarm("rejects", rate > 0);
  const rows = Object.entries(totals).sort((a, b) => point[b[0]] - point[a[0]] || b[1] - a[1]);
  setList("rejects", rows.slice(0, 3).map(([name, n]) => ({ name, text: count(n) })));
  setText(part("rejects", "note"), rows.length ? `in ${duration(s.uptime_s)}` : `none in ${duration(s.uptime_s)}`);
}

function showSeries(s, time) {
  charts.series.add(time, { series: s.series.active });
  setText(part("series", "big"), count(s.series.active));
  setText(part("series", "note"), `${short(s.series.new_per_s)} new/s`);
}

function showSync(s, time) {
  charts.sync.add(time, { p99: s.sync.p99_ms });
  setBig("sync", millis(s.sync.p99_ms));
  setAlarm("sync", !s.writable || s.sync.p99_ms > SLOW_SYNC_MS || s.sync.unsynced_ms > SLOW_SYNC_MS);
  setText(part("sync", "note"), !s.writable ? "cannot write"
    : s.sync.unsynced_ms > SLOW_SYNC_MS ? `waiting for ${millis(s.sync.unsynced_ms)}`
      : `${short(s.sync.per_s)} syncs/s, last ${millis(s.sync.last_ms)}`);
}

function showDisk({ disk }, time) {
  const used = disk.segment_bytes + disk.journal_bytes;
  const all = disk.limit_bytes || used + disk.free_bytes;
  charts.disk.add(time, { used });
  setBig("disk", bytes(used));
  setMeter("disk", used / all);
  setAlarm("disk", disk.free_bytes < (1 - FULL) * (used + disk.free_bytes));
  setText(part("disk", "note"), `${percent(used / all)} of ${bytes(all)}`);
}

function showMemory({ memory }, time) {
  const share = memory.used_bytes / memory.limit_bytes;
  charts.memory.add(time, { used: memory.used_bytes });
  setBig("memory", bytes(memory.used_bytes));
  setMeter("memory", share);
  setAlarm("memory", share > FULL);
  setText(part("memory", "note"), `${percent(share)} of ${bytes(memory.limit_bytes)}`);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

function show(s) {
  if (version !== null && version !== s.version) return location.reload(); /* the server was upgraded */
  version = s.version;
  const isAnother = last === null || last.started !== s.started;
  if (isAnother) swiftest = Infinity;
  const now = performance.now();
  if (last === null || s.at - last.at > 2 * HISTORY_STEP_S * 1000 || s.at < last.at) {
    for (const chart of Object.values(charts)) chart.clear();
    loadHistories(Math.floor(s.at / 1000));
  }
  last = s;
  swiftest = Math.min(swiftest + (seen ? (now - seen) * DRIFT : 0), now - s.uptime_s * 1000);
  seen = now;
  seenWall = Date.now();
  const time = s.at / 1000;
  setText($("version"), `andon ${s.version}, up ${duration(s.uptime_s)}`);
  for (const tile of [showArrivals, showServices, showRejects, showSeries, showSync, showDisk, showMemory]) tile(s, time);
  showAge();
}

/* ---- age and state ---------------------------------------------------------------------- */

function setState(state, text) {
  $("strip").dataset.state = state;
  setText($("state"), text);
  const title = `${text === "live" ? "" : `${text.toUpperCase()} – `}Andon board`;
  if (document.title !== title) document.title = title;
}

/* Since it came, plus how much longer than the swiftest it was under way: a connection
 * that hands on old news late must not look live.  The clock counts through a sleep of
 * this machine, performance.now may not. */
function ageOf() {
  const late = seen - last.uptime_s * 1000 - swiftest;
  return (Math.max(performance.now() - seen, Date.now() - seenWall) + late) / 1000;
}

function showAge() {
  setText($("clock"), timeOfDay(Date.now()));
  if (last === null) return;
  const age = ageOf();
  setText($("age"), duration(age));
  const isStale = age > STALE_S;
  $("stale").hidden = !isStale;
  document.body.classList.toggle("is-stale", isStale);
  if (isStale) {
    setState("stale", "stale");
    setText($("stale-why"), `what you see is ${duration(age)} old, from ${timeOfDay(Date.now() - age * 1000)}`);
  } else if (!last.writable) setState("stop", "not acknowledging");
  else setState("live", "live");
}

/* ---- the stream ----------------------------------------------------------------------------- */

let triedAt = 0;

function connect() {
  source?.close();
  triedAt = performance.now();
  source = new EventSource("/-/live");
  source.addEventListener("snapshot", (event) => show(JSON.parse(event.data)));
}

/* EventSource comes back by itself after a broken connection, but neither after an error
 * answer nor from one that is open and says nothing. */
function watch() {
  showAge();
  const now = performance.now();
  const silent = now - Math.max(seen, triedAt);
  if (source.readyState === EventSource.CLOSED ? now - triedAt > 2000 : silent > SILENT_S * 1000) connect();
}

for (const id of Object.keys(charts)) {
  const query = id === "services" ? SERVICES_QUERY : HISTORY[id][0];
  part(id, "query").href = `/explore?${new URLSearchParams({ q: query, range: String(HISTORY_S) })}`;
}
document.addEventListener("visibilitychange", showAge);
setInterval(watch, 500);
connect();
showAge();

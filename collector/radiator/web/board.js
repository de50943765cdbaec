/* The wall board: history from the query API, then one snapshot a second. */
import { Rolling, bytes, short, swatch } from "./plot.js";

const STALE_S = 5;
const HISTORY_S = 900;
const $ = (id) => document.getElementById(id);
const part = (id, name) => $(id).querySelector(`[data-${name}]`);

const charts = {
  arrivals: new Rolling(part("arrivals", "chart"), { zero: true }),
  rejects: new Rolling(part("rejects", "chart"), { zero: true }),
  series: new Rolling(part("series", "chart"), { zero: true }),
  sync: new Rolling(part("sync", "chart"), { zero: true }),
  disk: new Rolling(part("disk", "chart"), { zero: true, format: bytes }),
  memory: new Rolling(part("memory", "chart"), { zero: true, format: bytes }),
  services: new Rolling(part("services", "chart"), { zero: true }),
};

const HISTORY = {
  arrivals: ["sum by (signal, door) (rate(andon_items_received_total[1m]))", (m) => `${m.signal} ${m.door}`],
  rejects: ["sum by (reason) (rate(andon_items_rejected_total[1m]))", (m) => m.reason],
  series: ["andon_series_active", () => "series"],
  sync: ["andon_journal_sync_p99_seconds * 1000", () => "p99 ms"],
  disk: ["andon_segment_bytes + andon_journal_bytes", () => "used"],
  memory: ["andon_memory_bytes", () => "used"],
};

let lastAt = 0; /* the snapshot's own time, ms, by the server's clock */
let lastSeen = 0; /* when it came, by ours */
let isWritable = true;

/* ---- history ---------------------------------------------------------------------------- */

async function loadHistory(id) {
  const [query, name] = HISTORY[id];
  const end = Math.floor(Date.now() / 1000);
  const form = new URLSearchParams({ query, start: String(end - HISTORY_S), end: String(end), step: "15" });
  const answer = await fetch("/api/v1/query_range", { method: "POST", body: form });
  if (!answer.ok) return;
  const { data } = await answer.json();
  const points = new Map();
  for (const { metric, values } of data.result)
    for (const [time, value] of values) {
      if (!points.has(time)) points.set(time, {});
      points.get(time)[name(metric)] = Number(value);
    }
  const chart = charts[id];
  chart.held = true;
  for (const time of [...points.keys()].sort((a, b) => a - b)) chart.add(time, points.get(time));
  chart.held = false;
  if (chart.times.length) chart.draw(true);
}

/* ---- snapshots -------------------------------------------------------------------------- */

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function legend(id, entries) {
  const list = part(id, "legend");
  const names = charts[id].names;
  list.replaceChildren(...entries.map(([name, text]) => {
    const item = document.createElement("li");
    const index = names.indexOf(name);
    if (index >= 0) item.append(swatch(index));
    item.append(`${name} ${text}`);
    return item;
  }));
}

function sum(list, field) {
  return list.reduce((total, item) => total + (item[field] ?? 0), 0);
}

function showArrivals(s, time) {
  const point = {};
  for (const a of s.arrivals) point[`${a.signal} ${a.door}`] = a.per_s;
  charts.arrivals.add(time, point);
  setText(part("arrivals", "big"), short(sum(s.arrivals, "per_s")));
  legend("arrivals", Object.entries(point).map(([name, v]) => [name, `${short(v)}/s`]));
}

function showRejects(s, time) {
  const point = {}, totals = {};
  for (const r of s.rejects) {
    point[r.reason] = (point[r.reason] ?? 0) + r.per_s;
    totals[r.reason] = (totals[r.reason] ?? 0) + r.total;
  }
  charts.rejects.add(time, Object.keys(point).length ? point : { none: 0 });
  const rate = sum(s.rejects, "per_s");
  setText(part("rejects", "big"), short(rate));
  $("rejects").toggleAttribute("data-alarm", rate > 0);
  legend("rejects", Object.entries(totals).sort((a, b) => b[1] - a[1]).slice(0, 4).map(([name, v]) => [name, `${short(v)} in all`]));
}

function showEngine(s, time) {
  charts.series.add(time, { series: s.series.active });
  setText(part("series", "big"), short(s.series.active));
  setText(part("series", "note"), `${short(s.series.new_per_s)} new/s`);
  charts.sync.add(time, { "p99 ms": s.sync.p99_ms });
  setText(part("sync", "big"), short(s.sync.p99_ms));
  setText(part("sync", "note"), `${short(s.sync.per_s)} syncs/s, last ${short(s.sync.last_ms)} ms`);
  const used = s.disk.segment_bytes + s.disk.journal_bytes;
  charts.disk.add(time, { used });
  setText(part("disk", "big"), bytes(used));
  part("disk", "meter").value = used / (used + s.disk.free_bytes || 1);
  setText(part("disk", "note"), `${s.disk.segments} segments ${bytes(s.disk.segment_bytes)}, journal ${bytes(s.disk.journal_bytes)}, ${bytes(s.disk.free_bytes)} free`);
  charts.memory.add(time, { used: s.memory.used_bytes });
  setText(part("memory", "big"), `${Math.round((100 * s.memory.used_bytes) / s.memory.limit_bytes)} %`);
  part("memory", "meter").value = s.memory.used_bytes / s.memory.limit_bytes;
  setText(part("memory", "note"), `${bytes(s.memory.used_bytes)} of ${bytes(s.memory.limit_bytes)}`);
}

function showServices(s, time) {
  const bySamples = s.services_by === "samples";
  const value = (v) => (bySamples ? v.per_s : v.series);
  const most = Math.max(...s.services.map(value), 1e-9);
  setText($("services-h"), bySamples ? "top services, samples per second" : "top services, active series");
  part("services", "bars").replaceChildren(...s.services.slice(0, 5).map((v) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = v.name;
    name.title = v.name;
    const bar = document.createElement("progress");
    bar.max = most;
    bar.value = value(v);
    const text = document.createElement("span");
    text.textContent = bySamples ? `${short(v.per_s)}/s` : short(v.series);
    item.append(name, bar, text);
    return item;
  }));
  const point = {};
  for (const v of s.services.slice(0, 5)) point[v.name] = value(v);
  if (Object.keys(point).length) charts.services.add(time, point);
}

function show(s) {
  const time = s.at / 1000;
  lastAt = s.at;
  lastSeen = performance.now();
  isWritable = s.writable;
  setText($("version"), `andon ${s.version}, up ${duration(s.uptime_s)}`);
  showArrivals(s, time);
  showRejects(s, time);
  showEngine(s, time);
  showServices(s, time);
  showAge();
}

/* ---- age and state ---------------------------------------------------------------------- */

function duration(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

function setState(state, text) {
  $("strip").dataset.state = state;
  setText($("state"), text);
}

function showAge() {
  setText($("clock"), new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  if (lastAt === 0) return;
  const age = (performance.now() - lastSeen) / 1000;
  setText($("age"), duration(age));
  const isStale = age > STALE_S;
  $("stale").hidden = !isStale;
  if (isStale) {
    setState("stale", "stale");
    setText($("stale-why"), `no word from the server for ${duration(age)}; last heard ${new Date(lastAt).toLocaleTimeString()}`);
  } else if (!isWritable) setState("stop", "not acknowledging");
  else setState("live", "live");
}

/* EventSource reconnects by itself, but not after an error answer. */
function connect() {
  const source = new EventSource("/-/live");
  source.addEventListener("snapshot", (event) => show(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, 2000);
  });
}

setInterval(showAge, 500);
Promise.allSettled(Object.keys(HISTORY).map(loadHistory)).then(connect);

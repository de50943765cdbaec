/* Entries over time, stacked by level; a range is dragged. */
import uPlot from "uplot";
import { $, element } from "./controls.js";
import { LEVELS, levelColour, levelOf } from "./levels.js";
import { axes } from "./plot.js";
import { count, dayOf, timeOfDay } from "./text.js";

const BARS_MAX = 120;
const NICE_S = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400];

let chart = null, observer = null;

/* ms of a bar: one that the range is a whole number of, so that the bars hold exactly what
 * the list is cut from. */
export function barOf(rangeS) {
  const nice = NICE_S.find((s) => s * BARS_MAX >= rangeS && rangeS % s === 0 && rangeS / s >= BARS_MAX / 3);
  return nice ? nice * 1000 : rangeS * 10;
}

function levelsIn(result) {
  const byLevel = new Map();
  for (const { metric, values } of result) {
    const level = levelOf(metric.detected_level ?? metric.level ?? "");
    if (!byLevel.has(level)) byLevel.set(level, new Map());
    const at = byLevel.get(level);
    for (const [time, value] of values) at.set(Math.round(time * 1000), (at.get(Math.round(time * 1000)) ?? 0) + Number(value));
  }
  return byLevel;
}

export const total = (bars) => bars.reduce((sum, b) => sum + b.count, 0);

function clockOf(ms, barMs) {
  return `${timeOfDay(ms, true)}${barMs % 1000 ? `.${String(ms % 1000).padStart(3, "0")}` : ""}`;
}

function describe(data, levels, i, barMs) {
  const ms = Math.round(data[0][i] * 1000);
  const parts = levels.map((level, n) => [level, data[n + 1][i]]).filter(([, v]) => v > 0).map(([level, v]) => `${level} ${count(v)}`);
  return `${dayOf(ms)} ${clockOf(ms, barMs)} – ${clockOf(ms + barMs, barMs)}: ${parts.join(", ") || "none"}`;
}

/* A finger that goes sideways selects as a mouse does; up and down it scrolls the page. */
function selectByTouch(u, select) {
  let from = null, to = null;
  const place = (event) => Math.min(Math.max(event.clientX - u.over.getBoundingClientRect().left, 0), u.over.clientWidth);
  const mark = (left, width) => u.setSelect({ left, width, top: 0, height: u.over.clientHeight }, false);
  u.over.addEventListener("pointerdown", (event) => { from = to = event.pointerType === "touch" ? place(event) : null; });
  u.over.addEventListener("pointermove", (event) => {
    if (from === null) return;
    to = place(event);
    mark(Math.min(from, to), Math.abs(to - from));
  });
  u.over.addEventListener("pointercancel", () => {
    if (from !== null) mark(0, 0);
    from = null;
  });
  u.over.addEventListener("pointerup", () => {
    if (from !== null && Math.abs(to - from) > 8) select(u.posToVal(Math.min(from, to), "x"), u.posToVal(Math.max(from, to), "x"));
    from = null;
  });
}

function paint(times, columns, levels, options) {
  const { startMs, endMs, barMs, select, say } = options;
  const box = $("bars");
  const size = () => ({ width: Math.max(box.clientWidth, 120), height: Math.max(box.clientHeight, 70) });
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16, fontPx = Math.max(Math.round(rem * 0.8), 12);
  const top = columns.map((_, n) => times.map((__, i) => columns.slice(n).reduce((sum, c) => sum + c[i], 0)));
  /* The whole stack first, what is smaller over it; the worst at the bottom. */
  const path = uPlot.paths.bars({ size: [0.92, Infinity], align: 1, gap: 0 });
  chart = new uPlot({
    ...size(),
    padding: [fontPx * 0.5, fontPx * 1.2, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: { x: { range: () => [startMs / 1000, endMs / 1000] }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.06 : 1] } },
    axes: axes({ format: count, fontPx, isWhole: true }),
    series: [{}, ...levels.map((level) => ({ stroke: levelColour(level), fill: levelColour(level), width: 0, paths: path, points: { show: false } }))],
    hooks: {
      setSelect: [(u) => {
        if (u.select.width > 4) select(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
      }],
      setCursor: [(u) => {
        const at = u.cursor.left >= 0 ? Math.floor((u.posToVal(u.cursor.left, "x") * 1000 - startMs) / barMs) : -1;
        say(at >= 0 && at < times.length ? describe([times, ...columns], levels, at, barMs) : "");
      }],
    },
  }, [times, ...top], box);
  selectByTouch(chart, select);
  observer = new ResizeObserver(() => chart?.setSize(size()));
  observer.observe(box);
}

export function clearBars() {
  observer?.disconnect();
  chart?.destroy();
  chart = observer = null;
  $("bars").replaceChildren();
  $("levels").replaceChildren();
  $("bar-when").textContent = "";
}

/* result: a matrix whose point at t counts (t - barMs, t].  pick(level): a level was clicked. */
export function drawBars(result, { startMs, endMs, barMs, select, pick }) {
  clearBars();
  const byLevel = levelsIn(result), levels = LEVELS.filter((l) => byLevel.has(l)).reverse();
  const n = Math.round((endMs - startMs) / barMs);
  const times = Array.from({ length: n }, (_, i) => (startMs + i * barMs) / 1000);
  const columns = levels.map((level) => times.map((_, i) => byLevel.get(level).get(startMs + (i + 1) * barMs) ?? 0));
  const bars = levels.map((level, i) => ({ level, count: columns[i].reduce((a, b) => a + b, 0) })).reverse();
  const sum = `${count(total(bars))} ${total(bars) === 1 ? "entry" : "entries"}, ${spell(barMs)} a bar`;
  const say = (text) => { $("bar-when").textContent = text || sum; };
  if (levels.length) paint(times, columns, levels, { startMs, endMs, barMs, select, say });
  $("bars").setAttribute("aria-label", `entries over time by level: ${bars.map((b) => `${b.level} ${b.count}`).join(", ") || "none"}`);
  $("levels").replaceChildren(...bars.map(({ level, count: c }) => {
    const item = element("li"), button = element("button"), mark = element("i", "swatch");
    button.type = "button";
    button.dataset.level = level;
    button.title = `only ${level}`;
    mark.style.backgroundColor = levelColour(level);
    const figure = element("b", "", count(c));
    figure.dataset.count = String(c);
    button.append(mark, element("span", "", level), figure);
    button.addEventListener("click", () => pick(level));
    item.append(button);
    return item;
  }));
  say("");
}

function spell(ms) {
  if (ms < 60000 || ms % 60000) return `${ms / 1000} s`;
  return ms % 3600000 ? `${ms / 60000} min` : ms % 86400000 ? `${ms / 3600000} h` : `${ms / 86400000} d`;
}

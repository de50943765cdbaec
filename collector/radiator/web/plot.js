/* uPlot, dressed: one function for a chart, and one that grows with time. */
import uPlot from "uplot";
import { short, timeLabels } from "./text.js";

export const COLOURS = ["#5ab0ff", "#41d17a", "#f4bf3a", "#c48bff", "#ff8a5b", "#4fd6d2", "#ff7fb0", "#b6d957",
  "#9aa7b4", "#e6e6e6"];
const DIM = "#a3b0bd", GRID = "#262e38";
const MINUTES = [60, 120, 300, 600, 900, 1800, 3600];
const WHOLES = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((f) => f * 10 ** i)).flat();
const DOUBLES = Array.from({ length: 51 }, (_, i) => 2 ** i);

export const colour = (i) => COLOURS[i % COLOURS.length];

/* The little square that names a colour. */
export function swatch(i) {
  const mark = document.createElement("i");
  mark.className = "swatch";
  mark.style.backgroundColor = colour(i);
  return mark;
}

export function axes({ format, isBytes, isWall, isWhole, fontPx }) {
  const font = `${fontPx}px system-ui, "DejaVu Sans", sans-serif`;
  const shared = { stroke: DIM, font, grid: { stroke: GRID, width: 1 }, ticks: { show: false } };
  const width = (u, labels) => {
    const longest = Math.max(...(labels ?? [""]).map((t) => t.length));
    return Math.ceil(longest * fontPx * 0.58) + 14;
  };
  return [
    { ...shared, size: Math.ceil(fontPx * 2.1), space: fontPx * (isWall ? 4.2 : 6), ...(isWall ? { incrs: MINUTES } : {}), gap: Math.round(fontPx * 0.6), values: (u, ticks) => timeLabels(ticks) },
    { ...shared, size: width, space: fontPx * 2.4, gap: 6, values: (u, ticks) => ticks.map((v) => (v === 0 ? "0" : format(v))),
      ...(isBytes ? { incrs: DOUBLES } : isWhole ? { incrs: WHOLES } : {}) },
  ];
}

/* Room above, and below where nothing says zero; a flat line is not drawn on the edge. */
function pad(low, high, fromZero) {
  if (low === null || high === null) return [0, 1];
  if (fromZero) low = Math.min(low, 0);
  if (low === high) return low === 0 ? [0, 1] : low > 0 ? [0, low * 1.25] : [low * 1.25, 0];
  const room = (high - low) * 0.08;
  return [fromZero && low === 0 ? 0 : low - room, high + room];
}

/* lines: [{colour}], data: [times s, values...].
 * select(from, to): a range was dragged, seconds; point(index or null): the cursor moved;
 * window(): [from, to] of the time axis. */
export function plot(element, lines, data, { format = short, select, point, window: span, fromZero = false, isBytes = false, isWall = false, fill = false } = {}) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const fontPx = Math.max(Math.round(rem * 0.8), 12);
  const size = () => ({ width: Math.max(element.clientWidth, 120), height: Math.max(element.clientHeight, 70) });
  const options = {
    ...size(),
    padding: [fontPx * 0.7, fontPx * 1.6, 0, 0],
    legend: { show: false },
    cursor: { show: Boolean(point || select), y: false, drag: { x: Boolean(select), y: false, setScale: false }, points: { size: 7 } },
    scales: { x: span ? { range: span } : {}, y: { range: (u, low, high) => pad(low, high, fromZero) } },
    axes: axes({ format, isBytes, isWall, fontPx }),
    series: [{}, ...lines.map((line) => ({
      stroke: line.colour, width: Math.max(2, rem / 9), spanGaps: false,
      fill: fill ? line.colour + "26" : undefined,
      points: { show: (u, i, from, to) => to - from < 2, size: 6, fill: line.colour },
    }))],
    hooks: {
      setSelect: [(u) => {
        if (select && u.select.width > 4) select(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
      }],
      setCursor: [(u) => point?.(u.cursor.idx ?? null)],
    },
  };
  const chart = new uPlot(options, data, element);
  const observer = new ResizeObserver(() => chart.setSize(size()));
  observer.observe(element);
  return { chart, set: (next) => chart.setData(next), destroy: () => { observer.disconnect(); chart.destroy(); } };
}

/* Lines that come and go, the last `keep` seconds of them. */
export class Rolling {
  constructor(element, options, keep) {
    this.element = element;
    this.keep = keep;
    this.options = { fromZero: true, isWall: true, ...options, window: () => this.span() };
    this.lines = new Map(); /* name -> {slot, values}: the slot is the colour */
    this.times = [];
    this.handle = null;
  }

  /* What there is, two minutes at least: a board just started is not an empty one. */
  span() {
    const first = this.times[0] ?? 0, last = this.times[this.times.length - 1] ?? 0;
    return [Math.max(last - this.keep, Math.min(first, last - 120)), last];
  }

  slot(name) {
    return this.lines.get(name)?.slot ?? -1;
  }

  line(name) {
    if (!this.lines.has(name)) {
      const used = new Set([...this.lines.values()].map((l) => l.slot));
      let slot = 0;
      while (used.has(slot)) slot++;
      this.lines.set(name, { slot, values: new Array(this.times.length).fill(null) });
      this.isNew = true;
    }
    return this.lines.get(name);
  }

  push(time, point) {
    const n = this.times.length, last = this.times[n - 1];
    if (n && time <= last) return;
    const usual = n > 1 ? last - this.times[n - 2] : 15;
    if (n && time - last > Math.max(3 * usual, 5)) this.push(last + usual, {}); /* a hole shows as one */
    for (const name of Object.keys(point)) this.line(name);
    this.times.push(time);
    for (const [name, line] of this.lines) line.values.push(point[name] ?? null);
  }

  trim() {
    const from = this.times[this.times.length - 1] - this.keep;
    let n = 0;
    while (this.times[n] < from) n++;
    if (n === 0) return;
    this.times.splice(0, n);
    for (const [name, line] of this.lines) {
      line.values.splice(0, n);
      if (line.values.every((v) => v === null)) {
        this.lines.delete(name);
        this.isNew = true;
      }
    }
  }

  /* point: {name: value}; a line that is missing has a gap. */
  add(time, point) {
    this.push(time, point);
    this.trim();
    this.draw();
  }

  /* Puts older points, [[time, {name: value}]] in order, before those that are there. */
  prepend(points) {
    const times = this.times, lines = this.lines;
    const first = times[0] ?? Infinity;
    const later = times.map((time, i) => [time, Object.fromEntries(
      [...lines].filter(([, l]) => l.values[i] !== null).map(([name, l]) => [name, l.values[i]]))]);
    this.times = [];
    for (const line of lines.values()) line.values = [];
    for (const [time, point] of points) if (time < first) this.push(time, point);
    for (const [time, point] of later) this.push(time, point);
    this.isNew = true;
    if (this.times.length) {
      this.trim();
      this.draw();
    }
  }

  clear() {
    this.times = [];
    for (const line of this.lines.values()) line.values = [];
  }

  draw() {
    const lines = [...this.lines.values()];
    const data = [this.times, ...lines.map((l) => l.values)];
    if (this.isNew || !this.handle) {
      this.handle?.destroy();
      this.handle = plot(this.element, lines.map((l) => ({ colour: colour(l.slot) })), data, { fill: lines.length === 1, ...this.options });
      this.isNew = false;
    } else this.handle.set(data);
  }
}

/* A chart that takes named lines and grows with time; uPlot draws it. */
import uPlot from "uplot";

export const COLOURS = ["#5ab0ff", "#41d17a", "#f4bf3a", "#c48bff", "#ff8a5b", "#4fd6d2", "#ff7fb0", "#b6d957",
  "#9aa7b4", "#e6e6e6"];

export const colour = (i) => COLOURS[i % COLOURS.length];

/* A number for people: 12.3k, 4.5M; small ones with the digits that matter. */
export function short(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  const size = Math.abs(v);
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "-∞";
  for (const [unit, at] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (size >= at) return trim(v / at) + unit;
  if (size >= 100 || Number.isInteger(v)) return String(Math.round(v * 10) / 10);
  if (size >= 0.01) return trim(v);
  return v === 0 ? "0" : v.toExponential(1);
}

const trim = (v) => String(Number(v.toPrecision(3)));

export function bytes(v) {
  if (v === null || v === undefined) return "–";
  for (const [unit, at] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]])
    if (Math.abs(v) >= at) return `${trim(v / at)} ${unit}`;
  return `${v} B`;
}

/* The little line that names a colour. */
export function swatch(i) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("width", "18");
  svg.setAttribute("height", "6");
  const rect = document.createElementNS(ns, "rect");
  rect.setAttribute("width", "18");
  rect.setAttribute("height", "6");
  rect.setAttribute("fill", colour(i));
  svg.append(rect);
  return svg;
}

const axis = (format) => ({
  stroke: "#9aa7b4",
  grid: { stroke: "#2b333d", width: 1 },
  ticks: { show: false },
  font: "14px system-ui, sans-serif",
  size: format ? 64 : 30,
  values: format ? (u, ticks) => ticks.map(format) : undefined,
});

/* lines: [{name}], data: [times s, values...]; select: called with (from, to) seconds. */
export function plot(element, lines, data, { format = short, select, zero = false } = {}) {
  const size = () => ({ width: Math.max(element.clientWidth, 120), height: Math.max(element.clientHeight, 70) });
  const options = {
    ...size(),
    legend: { show: false },
    cursor: { drag: { x: Boolean(select), y: false, setScale: false } },
    scales: { y: { range: (u, low, high) => pad(low, high, zero) } },
    axes: [axis(null), axis(format)],
    series: [{}, ...lines.map((line, i) => ({ label: line.name, stroke: colour(i), width: 2, spanGaps: false, points: { show: false } }))],
    hooks: select ? { setSelect: [(u) => {
      if (u.select.width > 4) select(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
    }] } : {},
  };
  const chart = new uPlot(options, data, element);
  const observer = new ResizeObserver(() => chart.setSize(size()));
  observer.observe(element);
  return { chart, set: (next) => chart.setData(next), destroy: () => { observer.disconnect(); chart.destroy(); } };
}

function pad(low, high, zero) {
  if (low === null || high === null) return [0, 1];
  if (zero) low = Math.min(low, 0);
  if (low === high) return [low === 0 ? 0 : Math.min(0, low * 1.2), high === 0 ? 1 : Math.max(high * 1.2, 0)];
  return [low, high + (high - low) * 0.08];
}

/* Lines that come and go, kept for `keep` seconds. */
export class Rolling {
  constructor(element, options, keep = 900) {
    this.element = element;
    this.options = options;
    this.keep = keep;
    this.names = [];
    this.times = [];
    this.values = [];
    this.handle = null;
  }

  /* point: {name: value}; a line that is missing has a gap. */
  add(time, point) {
    if (this.times.length && time <= this.times[this.times.length - 1]) return;
    let isNew = false;
    for (const name of Object.keys(point)) {
      if (this.names.includes(name)) continue;
      this.names.push(name);
      this.values.push(new Array(this.times.length).fill(null));
      isNew = true;
    }
    this.times.push(time);
    this.names.forEach((name, i) => this.values[i].push(name in point ? point[name] : null));
    while (this.times.length && this.times[0] < time - this.keep) {
      this.times.shift();
      this.values.forEach((line) => line.shift());
    }
    this.draw(isNew);
  }

  draw(isNew) {
    if (this.held) return;
    const data = [this.times, ...this.values];
    if (isNew || !this.handle) {
      this.handle?.destroy();
      this.handle = plot(this.element, this.names.map((name) => ({ name })), data, this.options);
    } else this.handle.set(data);
  }
}

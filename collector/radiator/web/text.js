/* Numbers, times and foreign texts for people. */

const trim = (v) => String(Number(v.toPrecision(3)));

/* 12.3k, 4.5M; small ones with the digits that matter. */
export function short(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  for (const [unit, at] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (size >= at) return trim(v / at) + unit;
  return trim(v);
}

/* A count: every digit while that is readable. */
export function count(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  return Math.abs(v) < 100000 ? Math.round(v).toLocaleString("en-US") : short(v);
}

export function bytes(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  for (const [unit, at] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]])
    if (Math.abs(v) >= at) return `${trim(v / at)} ${unit}`;
  return `${Math.round(v)} B`;
}

/* For an axis, where the figure beside it says the rest. */
export function shortBytes(v) {
  const [figure, unit] = bytes(v).split(" ");
  return unit && unit !== "B" ? figure + unit[0] : figure;
}

export function millis(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  if (v !== 0 && Math.abs(v) < 1) return `${trim(v * 1000)} µs`;
  return Math.abs(v) < 1000 ? `${trim(v)} ms` : `${trim(v / 1000)} s`;
}

export function duration(seconds) {
  const s = Math.max(Math.floor(seconds), 0);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

const two = (n) => String(n).padStart(2, "0");

/* Local, 24 hours, whatever the browser's language. */
export function timeOfDay(ms, hasSeconds = true) {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}${hasSeconds ? `:${two(d.getSeconds())}` : ""}`;
}

export function dayOf(ms) {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/* Labels of an axis of seconds: the date where it changes. */
export function timeLabels(times) {
  const step = times.length > 1 ? times[1] - times[0] : 60;
  let before = "";
  return times.map((t) => {
    const day = dayOf(t * 1000), isNew = before !== "" && day !== before;
    before = day;
    if (step >= 86400) return day.slice(5);
    return isNew ? day.slice(5) : timeOfDay(t * 1000, step < 60);
  });
}

/* Texts that came from outside, with what is not seen, or turns the line around, made
 * visible.  Goes into textContent, never anywhere else. */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/* ---- lines of logs ----------------------------------------------------------------------- */

/* ECMA-48: control strings (a link, a title), then colours and the like. */
const TERMINAL = /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]/g;

const plain = (text) => (/[\u001b\u0090-\u009f]/.test(text) ? text.replace(TERMINAL, "") : text);

/* The first `most` characters, none of them half. */
export function cut(text, most) {
  if (text.length <= most) return text;
  const code = text.charCodeAt(most - 1);
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? most - 1 : most);
}

/* For a row: line breaks do not make a line that nobody sent. */
export const rowText = (line) => visible(plain(line).replace(/\r?\n/g, "↵ ").replaceAll("\t", "  "));

/* With its line breaks and tabs. */
export const fullText = (line) => plain(line).split(/\r?\n/).map((l) => l.split("\t").map(visible).join("\t")).join("\n");

/* Nanoseconds as text: local time to the millisecond, and the whole in UTC. */
export const msOf = (ns) => Number(BigInt(ns) / 1000000n);

export function timeOfEntry(ns) {
  const ms = msOf(ns);
  return `${timeOfDay(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

export function wholeTime(ns) {
  const at = new Date(msOf(ns));
  return Number.isNaN(at.getTime()) ? `${ns} ns` : `${at.toISOString().slice(0, 19)}.${String(BigInt(ns) % 1000000000n).padStart(9, "0")}Z`;
}

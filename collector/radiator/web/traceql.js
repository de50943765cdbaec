/* TraceQL as text: its tokens, filters put to it, and what may come next at a place. */
import { byFit, list } from "./complete.js";
import { endTime, $ } from "./controls.js";

const TOKEN = /\s+|"(?:[^"\\]|\\[^])*"?|`[^`]*`?|&&|\|\||!>>|!<<|&>>|&<<|!>|!<|!~|=~|!=|>=|<=|>>|<<|&>|&<|&~|[A-Za-z_.][^\s{}()=!<>&|~,"`]*|-?[0-9][A-Za-z0-9_.]*|[^]/y;
const KINDS = ["server", "client", "internal", "producer", "consumer", "unspecified"];
const STATUSES = ["error", "ok", "unset"];
const INTRINSICS = ["name", "status", "duration", "kind", "rootName", "rootServiceName", "traceDuration", "statusMessage", "event:name", "span:id", "trace:id"];
const FUNCTIONS = ["rate()", "count_over_time()", "avg_over_time(duration)", "max_over_time(duration)", "quantile_over_time(duration, .95)", "histogram_over_time(duration)"];
const STAGES = ["count() > ", "avg(duration) > ", "by(resource.service.name)", "select(span.http.route)", "coalesce()"];
const KEPT_S = 30;

/* [{kind: "string" | "name" | "number" | "sign", text, at, to, isOpen}] without spaces. */
export function tokens(query) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < query.length) {
    const at = TOKEN.lastIndex, text = TOKEN.exec(query)[0], first = text[0];
    if (/\s/.test(first)) continue;
    const isString = first === '"' || first === "`";
    const kind = isString ? "string" : /[A-Za-z_]/.test(first) || (first === "." && text.length > 1) ? "name" : /[0-9]/.test(first) ? "number" : "sign";
    found.push({ kind, text, at, to: at + text.length, isOpen: isString && (text.length < 2 || text[text.length - 1] !== first) });
  }
  return found;
}

/* Whether it makes numbers, not traces. */
export function isMetrics(query) {
  const all = tokens(query);
  return all.some((t, i) => all[i - 1]?.text === "|" && /^(rate|compare|[a-z]+_over_time)$/.test(t.text));
}

/* An attribute's name in a query; quoted where it has to be. */
export function nameText(scope, name) {
  const isPlain = /^[A-Za-z0-9_][A-Za-z0-9_.\-/]*$/.test(name);
  return `${scope}.${isPlain ? name : JSON.stringify(name)}`;
}

/* Numbers and truth values are compared as what they are. */
export function valueText(value, type) {
  return type && type !== "string" ? value : JSON.stringify(value);
}

/* The query with one condition more in its first braces; one that it has already stays. */
export function withCondition(query, condition) {
  const all = tokens(query), open = all.findIndex((t) => t.text === "{"), close = all.findIndex((t, i) => i > open && t.text === "}");
  if (open < 0 || close < 0) return `{ ${condition} }`;
  const inside = query.slice(all[open].to, all[close].at).trim();
  if (inside.includes(condition)) return query;
  return `${query.slice(0, all[open].to)} ${inside ? `${inside} && ` : ""}${condition} ${query.slice(all[close].at)}`;
}

/* ---- completion ---------------------------------------------------------------------------- */

function span() {
  let end;
  try {
    end = endTime();
  } catch {
    end = Date.now() / 1000;
  }
  const to = Math.ceil(end / KEPT_S) * KEPT_S;
  return `start=${to - Number($("range").value) - KEPT_S}&end=${to}`;
}

async function tags() {
  const scopes = await list(`/tempo/api/v2/search/tags?${span()}`, "scopes");
  return scopes.filter((s) => s.name !== "intrinsic").flatMap((s) => (s.tags ?? []).map((t) => nameText(s.name, t)));
}

async function values(name) {
  if (name === "status") return STATUSES.map((text) => ({ text, insert: text }));
  if (name === "kind") return KINDS.map((text) => ({ text, insert: text }));
  const found = await list(`/tempo/api/v2/search/tag/${encodeURIComponent(name.replace(/"/g, ""))}/values?${span()}`, "tagValues");
  return found.map(({ type, value }) => ({ text: String(value), insert: valueText(String(value), type === "keyword" ? "int" : type) }));
}

/* {kind, word, from, name}: what stands before the place decides. */
export function context(text, at) {
  const before = tokens(text).filter((t) => t.at < at);
  const last = before[before.length - 1], isInside = last && last.to >= at && last.kind !== "sign";
  const word = isInside ? text.slice(last.at, at) : "", place = { word, from: at - word.length };
  if (isInside) before.pop();
  let depth = 0;
  for (const t of before) depth += t.text === "{" ? 1 : t.text === "}" ? -1 : 0;
  const [name, sign] = before.slice(-2);
  if (depth > 0) {
    if (sign && /^(=|!=|=~|!~|>|<|>=|<=)$/.test(sign.text)) return name?.kind === "name" ? { ...place, kind: "value", name: name.text } : null;
    if (!sign || sign.kind === "sign") return { ...place, kind: "name" };
    return sign.kind === "name" && !word ? { ...place, kind: "operator" } : sign.kind === "name" ? null : { ...place, kind: "join" };
  }
  if (sign?.text === "|") return { ...place, kind: "stage" };
  if (sign?.text === "(") return { ...place, kind: "name" };
  return before.length === 0 ? { ...place, kind: "begin" } : null;
}

async function candidates(place) {
  switch (place.kind) {
    case "name": return [...INTRINSICS, ...await tags()].map((text) => ({ text, kind: INTRINSICS.includes(text) ? "intrinsic" : "attribute", insert: text, isOpen: false }));
    case "value": return (await values(place.name)).map((v) => ({ ...v, kind: "value" }));
    case "operator": return ["=", "!=", "=~", "!~", ">", "<", ">=", "<="].map((text) => ({ text, kind: "comparison", insert: `${text} `, isOpen: true }));
    case "join": return ["&&", "||"].map((text) => ({ text, kind: "and, or", insert: `${text} `, isOpen: true }));
    case "stage": return [...FUNCTIONS.map((text) => ({ text, kind: "metric", insert: text })), ...STAGES.map((text) => ({ text, kind: "stage", insert: text }))];
    default: return place.word ? [] : [{ text: "{ }", kind: "spans", insert: "{  }", back: 2 }];
  }
}

export async function traceCompletions(text, at) {
  const place = context(text, at);
  if (!place) return null;
  const low = place.word.replace(/^["`]/, "").toLowerCase(), seen = new Set();
  const found = (await candidates(place)).filter((c) => {
    const isFit = c.text.toLowerCase().includes(low) && c.text !== place.word && !seen.has(c.text);
    seen.add(c.text);
    return isFit;
  });
  if (low) found.sort(byFit(low));
  return { list: found.slice(0, 60), from: place.from, to: place.from + place.word.length };
}

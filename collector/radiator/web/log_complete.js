/* What may come next in a LogQL text at a place: labels and their values inside braces,
 * operators behind them, filters and stages behind a selector, fields and functions. */
import { byFit, list, valueText } from "./complete.js";
import { endTime, $ } from "./controls.js";
import { isName, quote, selector, tokens } from "./logql.js";

const RANGES = ("count_over_time rate bytes_over_time bytes_rate sum_over_time avg_over_time max_over_time min_over_time " +
  "first_over_time last_over_time stddev_over_time stdvar_over_time quantile_over_time absent_over_time").split(" ");
const AGGREGATIONS = "sum avg min max count stddev stdvar topk bottomk sort sort_desc".split(" ");
const MATCHERS = [["=", "is"], ["!=", "is not"], ["=~", "matches"], ["!~", "does not match"]];
const COMPARISONS = [...MATCHERS, [">", "greater"], [">=", "at least"], ["<", "less"], ["<=", "at most"]];
const LINES = [["|=", "line contains"], ["!=", "line does not contain"], ["|~", "line matches"], ["!~", "line does not match"],
  ["|>", "line is like"], ["!>", "line is not like"]];
const STAGES = [["json", "parser"], ["logfmt", "parser"], ["pattern", "parser", '""'], ["regexp", "parser", '""'], ["unpack", "parser"],
  ["line_format", "stage", '""'], ["label_format", "stage"], ["drop", "stage"], ["keep", "stage"], ["decolorize", "stage"], ["unwrap", "stage"]];
const DURATIONS = ["1m", "5m", "15m", "1h", "6h", "1d"];
const KEPT_S = 30;

/* The range that is looked at, in steps, so that answers can be kept. */
function span() {
  let end;
  try {
    end = endTime();
  } catch {
    end = Date.now() / 1000;
  }
  const to = Math.ceil(end / KEPT_S) * KEPT_S;
  return `start=${to - Number($("range").value) - KEPT_S}000000000&end=${to}000000000`;
}

const asked = (query) => (query ? `&query=${encodeURIComponent(query)}` : "");

/* The complete matchers before the place, and those after. */
function others(text, at, open) {
  const rest = text.indexOf("}", at);
  const before = text.slice(open, at), after = rest < 0 ? "" : text.slice(at, rest);
  const kept = [];
  for (const part of [before, after]) {
    const found = selector(part.startsWith("{") ? `${part.replace(/,?[^,]*$/, "")}}` : `{${part.replace(/^[^,]*,?/, "")}}`);
    for (const m of found?.matchers ?? []) kept.push(`${m.name}${m.op}${quote(m.value)}`);
  }
  return kept.length && kept.some((m) => !/^[^!]*!/.test(m)) ? `{${kept.join(", ")}}` : "";
}

/* The log query around the place, up to the stage that is being typed. */
function queryBefore(text, list, at) {
  const open = list.findIndex((t) => t.text === "{");
  let end = -1;
  for (const t of list) if (t.text === "|" && t.at < at) end = t.at;
  return open < 0 || end < 0 ? "" : text.slice(list[open].at, end).trimEnd();
}

/* {kind, word, from, ...}: see the candidates. */
export function context(text, at) {
  const all = tokens(text), before = all.filter((t) => t.at < at);
  let last = before[before.length - 1];
  if (last?.kind === "comment") return null;
  const isInside = last && last.to >= at && (last.to > at || last.isOpen || last.kind === "name" || last.kind === "number");
  const word = isInside ? text.slice(last.at, at) : "", place = { word, from: at - word.length };
  if (isInside) before.pop();
  const string = isInside && last.kind === "string" ? last : null;
  last = before[before.length - 1];
  const [previous] = before.slice(-2);
  let brace = -1, open = -1, square = -1;
  const opened = [];
  before.forEach((t, i) => {
    if (t.text === "{") brace = i;
    else if (t.text === "}") brace = -1;
    else if (t.text === "[") square = i;
    else if (t.text === "]") square = -1;
    else if (t.text === "(") opened.push(i);
    else if (t.text === ")") opened.pop();
  });
  open = opened[opened.length - 1] ?? -1;
  if (string) {
    if (!last || !["=", "!=", "=~", "!~", "=="].includes(last.text) || previous?.kind !== "name") return null;
    const value = { ...place, kind: "value", label: previous.text, isRegex: last.text.endsWith("~"), quote: word[0], word: word.slice(1), from: place.from + 1 };
    return brace >= 0 ? { ...value, within: others(text, previous.at, before[brace].at) } : { ...value, query: queryBefore(text, all, previous.at) };
  }
  if (last?.kind === "number" || (isInside && /^[0-9]/.test(word))) return square >= 0 ? { ...place, kind: "duration" } : null;
  if (square >= 0) return { ...place, kind: "duration" };
  if (brace >= 0) {
    if (last.kind === "name" && !word) return { ...place, kind: "operator", from: at };
    if (last.text === "{" || last.text === ",") return { ...place, kind: "label", within: others(text, place.from, before[brace].at) };
    return null;
  }
  if (open >= 0 && /^(by|without|on|ignoring|group_left|group_right)$/.test(before[open - 1]?.text ?? ""))
    return { ...place, kind: "group" };
  if (last?.text === "|") return { ...place, kind: "stage", query: queryBefore(text, all, place.from) };
  if (last && (last.text === "and" || last.text === "or" || last.text === ",") && before.some((t) => t.text === "|"))
    return { ...place, kind: "field", query: queryBefore(text, all, place.from) };
  if (last && !word && last.text === "}") return { ...place, kind: "filter", from: at };
  if (last && !word && last.kind === "string" && before.some((t) => t.text === "}")) return { ...place, kind: "filter", from: at };
  if (last?.kind === "name" && previous?.text === "|" && !word)
    return STAGES.some(([name]) => name === last.text) ? { ...place, kind: "filter", from: at } : { ...place, kind: "comparison", from: at };
  if (!last || last.kind === "sign") return word || !last ? { ...place, kind: "word" } : null;
  return null;
}

const labels = async (within = "") => (await list(`/loki/api/v1/labels?${span()}${asked(within)}`)).filter(isName);

async function fields(query) {
  if (!query) return [];
  return (await list(`/loki/api/v1/detected_fields?${span()}&line_limit=200${asked(query)}`, "fields")).map((f) => f.label).filter(isName);
}

async function values(place) {
  const path = `${encodeURIComponent(place.label)}/values?${span()}`;
  const found = place.query
    ? [...await list(`/loki/api/v1/detected_field/${path}&line_limit=1000${asked(place.query)}`, "values"), ...await list(`/loki/api/v1/label/${path}`)]
    : await list(`/loki/api/v1/label/${path}${asked(place.within)}`);
  return [...new Set(found)].map((text) => ({ text, kind: "value", insert: valueText(text, place) }));
}

const labelled = (kind) => (text) => ({ text, kind, insert: `${text}=""`, back: 1 });
const signed = ([text, kind]) => ({ text, kind, insert: `${text}""`, back: 1 });
const spaced = (text, place, insert) => (/\s$/.test(text.slice(0, place.from)) ? insert : ` ${insert}`);

async function candidates(place, text) {
  switch (place.kind) {
    case "value": return values(place);
    case "label": return (await labels(place.within)).map(labelled("label"));
    case "group": return [...await labels(), "detected_level"].map((t) => ({ text: t, kind: "label", insert: t }));
    case "operator": return MATCHERS.map(signed);
    case "comparison": return COMPARISONS.map(([t, kind], i) => (i < MATCHERS.length ? signed([t, kind]) : { text: t, kind, insert: t }));
    case "duration": return DURATIONS.map((t) => ({ text: t, kind: "duration", insert: t }));
    case "field": return [...await fields(place.query), ...await labels()].map(labelled("field"));
    case "stage": return [
      ...STAGES.map(([t, kind, argument]) => ({ text: t, kind, insert: spaced(text, place, t) + (argument ? ` ${argument}` : ""), back: argument ? 1 : 0 })),
      ...(await fields(place.query)).map((t) => ({ ...labelled("field")(t), insert: `${spaced(text, place, t)}=""` })),
    ];
    case "filter": return [
      ...LINES.map(([t, kind]) => ({ text: t, kind, insert: `${spaced(text, place, t)} ""`, back: 1 })),
      ...STAGES.map(([t, kind, argument]) => ({ text: `| ${t}`, kind, insert: spaced(text, place, `| ${t}`) + (argument ? ` ${argument}` : ""), back: argument ? 1 : 0 })),
    ];
    default: return [
      ...(place.word ? [] : [{ text: "{", kind: "selector", insert: "{", isOpen: true }]),
      ...RANGES.map((t) => ({ text: t, kind: "function", insert: `${t}(` })),
      ...AGGREGATIONS.map((t) => ({ text: t, kind: "aggregation", insert: t })),
    ];
  }
}

const IN_ORDER = ["operator", "comparison", "filter", "duration"]; /* as they are listed above */

export async function logCompletions(text, at) {
  const place = context(text, at);
  if (!place) return null;
  const low = place.word.toLowerCase(), seen = new Set();
  const found = (await candidates(place, text)).filter((c) => {
    const isFit = c.text.toLowerCase().includes(low) && c.text !== place.word && !seen.has(c.text);
    seen.add(c.text);
    return isFit;
  });
  if (!IN_ORDER.includes(place.kind) && low) found.sort(byFit(low));
  else if (place.kind === "value" || place.kind === "label") found.sort(byFit(""));
  const to = place.from + place.word.length;
  return { list: found.slice(0, 60), from: place.from, to };
}

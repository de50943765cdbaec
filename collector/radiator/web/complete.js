/* What may come next in a PromQL text at a place: metric names and functions outside
 * braces, label names and values inside, label names in by (...) and its kin. */

const FUNCTIONS = ("abs absent absent_over_time avg_over_time ceil changes clamp clamp_max clamp_min count_over_time " +
  "day_of_month day_of_week day_of_year days_in_month delta deriv exp floor histogram_avg histogram_count " +
  "histogram_fraction histogram_quantile histogram_stddev histogram_stdvar histogram_sum hour idelta increase irate " +
  "label_join label_replace last_over_time ln log10 log2 max_over_time min_over_time minute month predict_linear " +
  "present_over_time quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev_over_time " +
  "stdvar_over_time sum_over_time time timestamp vector year").split(" ");
const AGGREGATIONS = "sum avg min max count stddev stdvar topk bottomk quantile count_values group".split(" ");
const KEYWORDS = "by without on ignoring group_left group_right offset bool and or unless".split(" ");
const SHOWN_MAX = 60;
const ASKED_MAX = 5000; /* names; where there are more, the server is asked for those that fit */
const KEPT_MS = 30000;
const IDENTIFIER = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const cache = new Map();

/* A list that the server answers, kept for a while; where: its name in the answer. */
export async function list(path, where = "data") {
  const held = cache.get(path);
  if (held && held.until > Date.now()) return held.list;
  const answer = await fetch(path);
  if (!answer.ok) return [];
  const found = (await answer.json())[where] ?? [];
  if (cache.size > 200) cache.clear();
  cache.set(path, { list: found, until: Date.now() + KEPT_MS });
  return found;
}

/* Where the place lies: {kind: "word" | "label" | "group" | "value", word, metric, ...}. */
export function context(text, at) {
  let brace = -1, quote = "", quoteAt = 0;
  const parens = [];
  for (let i = 0; i < at; i++) {
    const c = text[i];
    if (quote) {
      if (c === "\\" && quote !== "`") i++;
      else if (c === quote) quote = "";
    } else if (c === '"' || c === "'" || c === "`") {
      quote = c;
      quoteAt = i;
    } else if (c === "#") i = text.indexOf("\n", i) < 0 ? at : text.indexOf("\n", i);
    else if (c === "{") brace = i;
    else if (c === "}") brace = -1;
    else if (brace < 0 && c === "(") parens.push(i);
    else if (brace < 0 && c === ")") parens.pop();
  }
  const metric = brace < 0 ? "" : /([a-zA-Z_:][a-zA-Z0-9_:]*)\s*$/.exec(text.slice(0, brace))?.[1] ?? "";
  if (quote) {
    const match = brace < 0 ? null : /([a-zA-Z_][a-zA-Z0-9_]*|"(?:[^"\\]|\\.)*")\s*(=~|!~|!=|=)\s*$/.exec(text.slice(brace + 1, quoteAt));
    if (!match) return null;
    const label = match[1].startsWith('"') ? JSON.parse(match[1]) : match[1];
    return { kind: "value", metric, label, isRegex: match[2].endsWith("~"), quote, word: text.slice(quoteAt + 1, at) };
  }
  const before = text.slice(0, at);
  const word = /[a-zA-Z_:][a-zA-Z0-9_:]*$/.exec(before)?.[0] ?? "";
  if (/[0-9.]$/.test(before.slice(0, at - word.length))) return null; /* 5m */
  if (brace >= 0) return { kind: "label", metric, word };
  const open = parens[parens.length - 1];
  if (open !== undefined && /\b(by|without|on|ignoring|group_left|group_right)\s*$/i.test(text.slice(0, open))) {
    const rest = /^[^()]*\)\s*\(\s*(?:[a-z_]+\s*\(\s*)*([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(text.slice(at));
    return { kind: "group", metric: rest?.[1] ?? "", word };
  }
  if (before.lastIndexOf("[") > before.lastIndexOf("]")) return null;
  return { kind: "word", metric: "", word };
}

const escapeRegex = (text) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
const quoted = (text) => JSON.stringify(text);

async function metricNames(word) {
  const all = await list(`/api/v1/label/__name__/values?limit=${ASKED_MAX}`);
  if (all.length < ASKED_MAX) return all;
  const fit = `{__name__=~${quoted(`(?i).*${escapeRegex(word)}.*`)}}`;
  return list(`/api/v1/label/__name__/values?limit=${ASKED_MAX}&match[]=${encodeURIComponent(fit)}`);
}

/* How a value is written between the quotes that are there. */
export function valueText(value, place) {
  const text = place.isRegex ? escapeRegex(value) : value;
  if (place.quote === "`") return text;
  const inner = quoted(text).slice(1, -1);
  return place.quote === "'" ? inner.replaceAll('\\"', '"').replaceAll("'", "\\'") : inner;
}

async function candidates(place) {
  const match = place.metric && !FUNCTIONS.includes(place.metric) ? `&match[]=${encodeURIComponent(place.metric)}` : "";
  if (place.kind === "word") {
    const names = await metricNames(place.word);
    const item = (kind) => (text) => ({ text, kind, insert: text + (kind === "function" ? "(" : "") });
    return [
      ...names.map((text) => ({ text, kind: "metric", insert: IDENTIFIER.test(text) ? text : `{${quoted(text)}}` })),
      ...FUNCTIONS.map(item("function")), ...AGGREGATIONS.map(item("aggregation")), ...KEYWORDS.map(item("keyword")),
    ];
  }
  if (place.kind === "value")
    return (await list(`/api/v1/label/${encodeURIComponent(place.label)}/values?limit=${ASKED_MAX}${match}`))
      .map((text) => ({ text, kind: "value", insert: valueText(text, place) }));
  return (await list(`/api/v1/labels?limit=${ASKED_MAX}${match}`)).filter((t) => t !== "__name__").map((text) => {
    const name = LABEL.test(text) ? text : quoted(text);
    return place.kind === "group" ? { text, kind: "label", insert: name } : { text, kind: "label", insert: `${name}=""`, back: 1 };
  });
}

export function byFit(low) {
  const starts = (c) => Number(c.text.toLowerCase().startsWith(low));
  return (a, b) => starts(b) - starts(a) || (low && a.text.length - b.text.length) || (a.text < b.text ? -1 : 1);
}

/* {list: [{text, kind, insert, back}], from, to}: what may replace [from, to), the caret
 * then `back` characters before its end; or null. */
export async function completions(text, at) {
  const place = context(text, at);
  if (!place || (place.kind === "word" && place.word.length < 1)) return null;
  const low = place.word.toLowerCase();
  const found = (await candidates(place)).filter((c) => c.text.toLowerCase().includes(low) && c.text !== place.word);
  return { list: found.sort(byFit(low)).slice(0, SHOWN_MAX), from: at - place.word.length, to: at };
}

/* What may come next in a PromQL text at a place: metric names and functions outside
 * braces, label names and values inside. */

const FUNCTIONS = ("abs absent absent_over_time avg_over_time ceil changes clamp clamp_max clamp_min count_over_time " +
  "day_of_month day_of_week days_in_month delta deriv exp floor histogram_avg histogram_count histogram_fraction " +
  "histogram_quantile histogram_sum hour idelta increase irate label_join label_replace last_over_time ln log10 log2 " +
  "max_over_time min_over_time minute month predict_linear present_over_time quantile_over_time rate resets round " +
  "scalar sgn sort sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time time timestamp vector year " +
  "sum avg min max count stddev stdvar topk bottomk quantile count_values group by without on ignoring " +
  "group_left group_right offset bool").split(" ");
const LIST_MAX = 60;
const cache = new Map();

async function list(path) {
  const held = cache.get(path);
  if (held && held.until > Date.now()) return held.list;
  const answer = await fetch(path);
  const body = answer.ok ? await answer.json() : { data: [] };
  cache.set(path, { list: body.data, until: Date.now() + 30000 });
  return body.data;
}

/* Where the place lies: {kind: "word" | "label" | "value", word, metric, label}. */
export function context(text, at) {
  let metric = "", brace = -1, quote = "";
  for (let i = 0; i < at; i++) {
    const c = text[i];
    if (quote) {
      if (c === "\\") i++;
      else if (c === quote) quote = "";
    } else if (c === '"' || c === "'" || c === "`") quote = c;
    else if (c === "{") brace = i;
    else if (c === "}") brace = -1;
  }
  const before = text.slice(0, at);
  if (brace < 0) {
    if (quote) return null;
    const word = /[a-zA-Z_:][a-zA-Z0-9_:]*$/.exec(before)?.[0] ?? "";
    return { kind: "word", word };
  }
  metric = /([a-zA-Z_:][a-zA-Z0-9_:]*)\s*$/.exec(text.slice(0, brace))?.[1] ?? "";
  const inside = before.slice(brace + 1);
  if (quote) {
    const match = /([a-zA-Z_][a-zA-Z0-9_.]*)\s*(?:=|!=|=~|!~)\s*["'`]([^"'`]*)$/.exec(inside);
    return match ? { kind: "value", metric, label: match[1], word: match[2] } : null;
  }
  const word = /[a-zA-Z_][a-zA-Z0-9_.]*$/.exec(inside)?.[0] ?? "";
  return { kind: "label", metric, word };
}

const byFit = (word) => {
  const low = word.toLowerCase();
  return (a, b) => Number(b.toLowerCase().startsWith(low)) - Number(a.toLowerCase().startsWith(low)) || a.length - b.length || (a < b ? -1 : 1);
};

/* {list, from, to}: texts that may replace [from, to), or null. */
export async function completions(text, at) {
  const place = context(text, at);
  if (!place || (place.kind === "word" && place.word.length < 1)) return null;
  const match = place.metric ? `?match[]=${encodeURIComponent(place.metric)}` : "";
  let all;
  if (place.kind === "word") all = [...(await list("/api/v1/label/__name__/values")), ...FUNCTIONS];
  else if (place.kind === "label") all = await list(`/api/v1/labels${match}`);
  else all = await list(`/api/v1/label/${encodeURIComponent(place.label)}/values${match}`);
  const low = place.word.toLowerCase();
  const found = all.filter((t) => t.toLowerCase().includes(low) && t !== place.word && t !== "__name__");
  return { list: found.sort(byFit(place.word)).slice(0, LIST_MAX), from: at - place.word.length, to: at };
}

/* Samples that name a trace: what the query's series kept of them, each a way to its trace. */
import { $, element } from "./controls.js";
import { cut, dayOf, short, timeOfDay, visible } from "./text.js";

const SHOWN_MAX = 20; /* the newest */
const TRACE_NAMES = ["trace_id", "traceID", "traceId"];

export function clearExemplars() {
  $("exemplars").hidden = true;
  $("exemplars").querySelector("ul").replaceChildren();
}

function row({ series, labels, value, timestamp }) {
  const item = element("li"), link = element("a", "", "trace"), name = TRACE_NAMES.find((n) => labels[n]);
  link.href = `/explore?${new URLSearchParams({ mode: "traces", trace: labels[name], ...(labels.span_id ? { span: labels.span_id } : {}) })}`;
  const { __name__: metric = "", ...rest } = series;
  item.append(element("time", "", `${dayOf(timestamp * 1000)} ${timeOfDay(timestamp * 1000)}`), element("b", "", short(Number(value))),
    element("bdi", "", cut(visible(`${metric}{${Object.entries(rest).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(", ")}}`), 300)), link);
  return item;
}

/* data: of Prometheus' query_exemplars. */
export function showExemplars(data) {
  const all = data.flatMap(({ seriesLabels, exemplars }) => exemplars.map((e) => ({ ...e, series: seriesLabels }))).filter((e) => TRACE_NAMES.some((n) => e.labels[n]));
  all.sort((a, b) => b.timestamp - a.timestamp);
  $("exemplars").hidden = all.length === 0;
  $("exemplars").querySelector("ul").replaceChildren(...all.slice(0, SHOWN_MAX).map(row));
}

/* Services and who calls whom, from the service graph's metrics: callers on the left, the
 * called on the right, errors in red with their share in words; the same as a table below. */
import { $, element } from "./controls.js";
import { cut, millis, short, visible } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const NODE = { width: 190, height: 76, gapX: 120, gapY: 26 };
const EDGES_MAX = 400;

function make(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/* The column of each service: one more than that of its callers, rings cut where they close. */
export function columnsOf(edges) {
  const calls = new Map(), column = new Map(), state = new Map(), order = [];
  for (const { client, server } of edges) {
    for (const name of [client, server]) if (!calls.has(name)) calls.set(name, []);
    if (client !== server) calls.get(client).push(server);
  }
  const visit = (first) => {
    const stack = [[first, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1], [name, i] = top;
      if (i === 0) state.set(name, "open");
      if (i < calls.get(name).length) {
        top[1]++;
        const next = calls.get(name)[i];
        if (!state.has(next)) stack.push([next, 0]);
        else if (state.get(next) === "open") calls.get(name)[i] = null;
      } else {
        state.set(name, "done");
        order.push(name);
        stack.pop();
      }
    }
  };
  const called = new Set(edges.filter((e) => e.client !== e.server).map((e) => e.server));
  for (const name of [...calls.keys()].sort((a, b) => called.has(a) - called.has(b))) if (!state.has(name)) visit(name);
  for (const name of order.reverse()) {
    column.set(name, column.get(name) ?? 0);
    for (const next of calls.get(name)) if (next !== null) column.set(next, Math.max(column.get(next) ?? 0, column.get(name) + 1));
  }
  return column;
}

/* Where each service stands: rows of a column in the order of their callers' rows. */
export function places(edges) {
  const column = columnsOf(edges), columns = [], at = new Map();
  for (const [name, c] of column) (columns[c] ??= []).push(name);
  const most = Math.max(...columns.map((c) => c?.length ?? 0), 1);
  columns.forEach((names = [], c) => {
    const mean = (name) => {
      const rows = edges.filter((e) => e.server === name && at.has(e.client)).map((e) => at.get(e.client).y);
      return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : 0;
    };
    const means = new Map(names.map((n) => [n, mean(n)]));
    names.sort((a, b) => means.get(a) - means.get(b) || (a < b ? -1 : 1));
    const top = ((most - names.length) * (NODE.height + NODE.gapY)) / 2;
    names.forEach((name, i) => at.set(name, { x: c * (NODE.width + NODE.gapX), y: top + i * (NODE.height + NODE.gapY) }));
  });
  return { at, width: columns.length * (NODE.width + NODE.gapX) - NODE.gapX, height: most * (NODE.height + NODE.gapY) - NODE.gapY };
}

const share = (e) => (e.rate > 0 ? e.failed / e.rate : 0);
const percent = (v) => `${short(v * 100)} %`;

function curve(a, b) {
  const from = { x: a.x + NODE.width, y: a.y + NODE.height / 2 }, to = { x: b.x, y: b.y + NODE.height / 2 };
  if (to.x > from.x) return `M${from.x},${from.y} C${from.x + NODE.gapX / 2},${from.y} ${to.x - NODE.gapX / 2},${to.y} ${to.x - 6},${to.y}`;
  const low = Math.max(from.y, to.y) + NODE.height; /* back, or to itself: below */
  return `M${from.x},${from.y} C${from.x + 70},${low} ${to.x - 70},${low} ${to.x - 6},${to.y}`;
}

function drawEdge(edge, { at }, most) {
  const line = make("path", { d: curve(at.get(edge.client), at.get(edge.server)), class: share(edge) > 0 ? "edge is-bad" : "edge", "stroke-width": (1.5 + 4 * Math.sqrt(edge.rate / most)).toFixed(1), "marker-end": share(edge) > 0 ? "url(#tip-bad)" : "url(#tip)" });
  line.append(make("title", {}, `${visible(edge.client)} → ${visible(edge.server)}: ${short(edge.rate)}/s, ${percent(share(edge))} failed`));
  return line;
}

function drawNode(name, edges, { x, y }, pick) {
  const into = edges.filter((e) => e.server === name), rate = into.reduce((n, e) => n + e.rate, 0), failed = into.reduce((n, e) => n + e.failed, 0);
  const slow = Math.max(...into.map((e) => e.p95).filter(Number.isFinite), -1);
  const group = make("g", { transform: `translate(${x},${y})`, class: failed > 0 ? "node is-bad" : "node", tabindex: "0", role: "button" });
  const flow = into.length ? [`${short(rate)}/s`, ...(slow >= 0 ? [`p95 ${millis(slow * 1000)}`] : [])] : ["calls only"];
  const words = [...flow, ...(failed > 0 ? [`${percent(failed / rate)} failed`] : [])];
  group.setAttribute("aria-label", `${visible(name)}: ${words.join(", ")}`);
  group.append(make("rect", { width: NODE.width, height: NODE.height, rx: 8 }), make("text", { x: 12, y: 24, class: "name" }, cut(visible(name), 22)),
    make("text", { x: 12, y: 44, class: "words" }, flow.join(" · ")), make("text", { x: 12, y: 64, class: "words" }, words.slice(flow.length).join("")), make("title", {}, `${visible(name)}: ${words.join(", ")}`));
  group.addEventListener("click", () => pick(name));
  group.addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(name);
  });
  return group;
}

function tip(id) {
  const marker = make("marker", { id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" });
  marker.append(make("path", { d: "M0,0 L8,4 L0,8 z" }));
  return marker;
}

export function clearMap() {
  $("map-picture").replaceChildren();
  $("map-rows").replaceChildren();
}

/* pick(service): one was chosen. */
export function drawMap(all, pick) {
  clearMap();
  const edges = [...all].sort((a, b) => b.rate - a.rate).slice(0, EDGES_MAX);
  if (edges.length === 0) return;
  const plan = places(edges), most = edges[0].rate, margin = 30;
  const svg = make("svg", { viewBox: `${-margin} ${-margin} ${plan.width + 2 * margin} ${plan.height + 2 * margin + NODE.height}`, role: "group", "aria-label": "services and their calls" });
  svg.style.maxWidth = `${(plan.width + 2 * margin) * 1.4}px`;
  const tips = make("defs", {});
  tips.append(tip("tip"), tip("tip-bad"));
  svg.append(tips, ...edges.map((e) => drawEdge(e, plan, most)), ...[...plan.at].map(([name, at]) => drawNode(name, edges, at, pick)));
  $("map-picture").append(svg);
  $("map-rows").replaceChildren(...edges.map((e) => {
    const row = element("tr");
    row.toggleAttribute("data-error", e.failed > 0);
    for (const text of [visible(e.client), visible(e.server), e.type, `${short(e.rate)}/s`, percent(share(e)), millis(e.p95 * 1000)]) row.append(element("td", "", text));
    return row;
  }));
}

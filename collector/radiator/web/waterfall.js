/* One trace as a waterfall: a row a span, its bar over the time of the whole, events on the
 * bar; a span that is opened shows all that it carries.
 *
 * Keys: up and down go from row to row, left closes a span's children or goes to its parent,
 * right opens them, Enter opens the span itself. */
import { $, element } from "./controls.js";
import { COLOURS } from "./plot.js";
import { count, cut, fullText, millis, visible, wholeTime } from "./text.js";

const ROWS_FIRST = 500; /* drawn at once; more on demand */
const VALUE_CUT = 2000;
const TICKS = 4;

export const ms = (ns) => Number(ns) / 1e6;

function serviceColours(spans) {
  const found = new Map();
  for (const { service } of spans) if (!found.has(service)) found.set(service, COLOURS[found.size % COLOURS.length]);
  return found;
}

function attributeList(title, list, filter, scope) {
  const box = element("section", "group"), rows = element("ul");
  box.append(element("h3", "", `${title} ${count(list.length)}`), rows);
  for (const [name, value] of list) {
    const item = element("li"), text = element("span", "value");
    text.append(element("bdi", "", fullText(cut(value, VALUE_CUT))));
    if (value.length > VALUE_CUT) text.append("…");
    item.append(element("bdi", "name", visible(name)), text);
    if (filter) {
      const button = element("button", "only", "+");
      button.type = "button";
      button.title = `only ${visible(name)}=${cut(visible(value), 60)}`;
      button.setAttribute("aria-label", button.title);
      button.addEventListener("click", () => filter(scope, name, value));
      item.append(button);
    }
    rows.append(item);
  }
  return box;
}

export class Waterfall {
  /* filter(scope, name, value), logs(span or null), trace(id), resource(span). */
  constructor(hooks) {
    this.hooks = hooks;
    this.box = $("spans");
    this.closed = new Set();
    this.box.addEventListener("keydown", (event) => this.onKey(event));
  }

  clear() {
    this.box.replaceChildren();
    this.spans = [];
    this.closed.clear();
    $("trace-services").replaceChildren();
    $("ticks").replaceChildren();
  }

  show(spans, picked) {
    this.clear();
    this.spans = spans;
    this.colours = serviceColours(spans);
    this.startNs = spans.reduce((a, s) => (s.startNs < a ? s.startNs : a), spans[0].startNs);
    const endNs = spans.reduce((a, s) => (s.endNs > a ? s.endNs : a), spans[0].endNs);
    this.lengthNs = endNs > this.startNs ? endNs - this.startNs : 1n;
    this.most = ROWS_FIRST;
    const at = picked ? spans.findIndex((s) => s.id === picked) : -1;
    if (at >= this.most) this.most = at + 100;
    this.drawServices();
    this.drawTicks();
    this.draw();
    if (at >= 0) this.open(this.rowOf(spans[at]), spans[at]);
  }

  drawServices() {
    const counts = new Map();
    for (const s of this.spans) {
      const c = counts.get(s.service) ?? { spans: 0, errors: 0 };
      c.spans++;
      c.errors += s.isError ? 1 : 0;
      counts.set(s.service, c);
    }
    $("trace-services").replaceChildren(...[...counts].map(([service, c]) => {
      const item = element("li"), mark = element("i", "swatch");
      mark.style.backgroundColor = this.colours.get(service);
      item.append(mark, element("bdi", "", visible(service) || "no service name"), element("b", "", count(c.spans)));
      if (c.errors) item.append(element("em", "", `${count(c.errors)} ${c.errors === 1 ? "error" : "errors"}`));
      return item;
    }));
  }

  drawTicks() {
    $("ticks").replaceChildren(...Array.from({ length: TICKS + 1 }, (_, i) => {
      const tick = element("span", "", millis((ms(this.lengthNs) * i) / TICKS));
      tick.style.left = `${(100 * i) / TICKS}%`;
      return tick;
    }));
  }

  shown() {
    const rows = [];
    let under = Infinity;
    for (const span of this.spans) {
      if (span.depth > under) continue;
      under = this.closed.has(span) ? span.depth : Infinity;
      rows.push(span);
    }
    return rows;
  }

  draw(focus) {
    const rows = this.shown(), drawn = rows.slice(0, this.most);
    this.box.replaceChildren(...drawn.map((s) => this.row(s)));
    if (rows.length > drawn.length) {
      const more = element("button", "", `show ${count(rows.length - drawn.length)} more spans`);
      more.type = "button";
      more.addEventListener("click", () => {
        this.most += 5000;
        this.draw();
      });
      const item = element("li", "more");
      item.append(more);
      this.box.append(item);
    }
    const head = (focus && this.rowOf(focus)?.firstElementChild) ?? this.box.querySelector(".head");
    if (head) head.tabIndex = 0;
    if (focus) head?.focus();
  }

  rowOf(span) {
    return [...this.box.children].find((li) => li.span === span);
  }

  row(span) {
    const item = element("li", "span"), head = element("div", "head"), label = element("span", "label"), track = element("span", "track"), bar = element("span", "bar");
    item.span = span;
    item.dataset.id = span.id;
    item.toggleAttribute("data-error", span.isError);
    label.style.paddingLeft = `${Math.min(span.depth, 24) * 0.9}em`;
    if (span.children.length) {
      const fold = element("span", "fold", this.closed.has(span) ? "▸" : "▾");
      fold.setAttribute("aria-hidden", "true");
      fold.addEventListener("click", (event) => {
        event.stopPropagation();
        this.fold(span, !this.closed.has(span));
      });
      label.append(fold);
    } else label.append(element("span", "fold", ""));
    const mark = element("i", "swatch");
    mark.style.backgroundColor = this.colours.get(span.service);
    label.append(mark, element("bdi", "service", cut(visible(span.service), 60)), element("bdi", "name", cut(visible(span.name), 200)));
    if (span.isError) label.append(element("em", "", "error"));
    if (span.isOrphan) label.append(element("small", "", "parent not received"));
    const left = this.part(span.startNs - this.startNs), width = this.part(span.endNs - span.startNs), took = millis(ms(span.endNs - span.startNs));
    bar.style.left = `${left}%`;
    bar.style.width = `${Math.min(width, 100 - left)}%`;
    bar.style.backgroundColor = this.colours.get(span.service);
    for (const e of span.events) {
      const dot = element("i", "event");
      dot.style.left = `${Math.min(this.part(e.atNs - this.startNs), 100)}%`;
      dot.title = visible(cut(e.name, 100));
      track.append(dot);
    }
    const time = element("span", "took", took);
    track.prepend(bar);
    if (left > 60) time.style.right = `${100 - left}%`;
    else if (left + width <= 88) time.style.left = `${left + width}%`;
    (left > 60 || left + width <= 88 ? track : bar).append(time); /* beside the bar, or at its end */
    head.append(label, track);
    head.setAttribute("role", "button");
    head.setAttribute("aria-expanded", "false");
    head.setAttribute("aria-level", String(span.depth + 1));
    head.setAttribute("aria-label", `${visible(span.service)} ${cut(visible(span.name), 200)}, ${took}${span.isError ? ", error" : ""}`);
    head.tabIndex = -1;
    head.addEventListener("click", () => this.toggle(item, span));
    item.append(head);
    return item;
  }

  /* Of the whole, in percent. */
  part(ns) {
    return Math.max(Number((ns * 100000n) / this.lengthNs) / 1000, 0);
  }

  fold(span, isClosed) {
    if (isClosed) this.closed.add(span);
    else this.closed.delete(span);
    this.draw(span);
  }

  toggle(item, span) {
    if (item.classList.contains("is-open")) {
      item.classList.remove("is-open");
      item.querySelector(".detail").remove();
      item.firstElementChild.setAttribute("aria-expanded", "false");
    } else this.open(item, span);
  }

  open(item, span) {
    item.classList.add("is-open");
    item.firstElementChild.setAttribute("aria-expanded", "true");
    item.append(this.detail(span));
    item.scrollIntoView({ block: "nearest" });
  }

  detail(span) {
    const box = element("div", "detail"), actions = element("p", "actions"), groups = element("div", "groups");
    box.append(element("p", "about", [`span ${visible(span.id)}`, span.parentId ? `parent ${visible(span.parentId)}` : "root", span.kind, wholeTime(span.startNs), `+${millis(ms(span.startNs - this.startNs))}`].filter(Boolean).join(" · ")));
    if (span.statusText) box.append(element("p", "status", fullText(cut(span.statusText, VALUE_CUT))));
    for (const [text, act] of [["logs of this span", () => this.hooks.logs(span)], ["logs of this trace", () => this.hooks.logs(null)], ["logs of this service, then", () => this.hooks.resource(span)], ["metrics of this service", () => this.hooks.metrics(span)]]) {
      const button = element("button", "", text);
      button.type = "button";
      button.addEventListener("click", act);
      actions.append(button);
    }
    groups.append(attributeList("attributes", span.attributes, this.hooks.filter, "span"), attributeList("resource", span.resource, this.hooks.filter, "resource"));
    if (span.scope.length) groups.append(attributeList("scope", span.scope));
    for (const e of span.events) groups.append(attributeList(`event ${cut(visible(e.name), 100)} at +${millis(ms(e.atNs - this.startNs))}:`, e.attributes, this.hooks.filter, "event"));
    for (const l of span.links) {
      const link = attributeList(`link to ${visible(l.traceId)}`, [["span", l.spanId ?? ""], ...l.attributes]);
      const button = element("button", "all", "open that trace");
      button.type = "button";
      button.addEventListener("click", () => this.hooks.trace(l.traceId));
      link.append(button);
      groups.append(link);
    }
    box.append(actions, groups);
    return box;
  }

  onKey(event) {
    const head = event.target.closest?.(".head"), item = head?.parentElement;
    if (!item?.span || event.target !== head) return;
    const go = (li) => {
      if (!li?.span) return;
      head.tabIndex = -1;
      li.firstElementChild.tabIndex = 0;
      li.firstElementChild.focus();
    };
    const { span } = item, isClosed = this.closed.has(span);
    if (event.key === "ArrowDown") go(item.nextElementSibling);
    else if (event.key === "ArrowUp") go(item.previousElementSibling);
    else if (event.key === "ArrowRight" && span.children.length && isClosed) this.fold(span, false);
    else if (event.key === "ArrowLeft" && span.children.length && !isClosed) this.fold(span, true);
    else if (event.key === "ArrowLeft") go(this.rowOf(this.spans.find((s) => s.children.includes(span))));
    else if (event.key === "Enter" || event.key === " ") this.toggle(item, span);
    else return;
    event.preventDefault();
  }
}

/* The list of entries, newest first.  An entry that is opened shows its line in full and its
 * labels by where they come from, each with a filter for it and one against it.
 *
 * What is shown came from outside: it goes through text.js into textContent, cut, with a
 * button for the rest.  The rows below the screen are not laid out (content-visibility). */
import { $, element } from "./controls.js";
import { levelOf } from "./levels.js";
import { isName } from "./logql.js";
import { bytes, count, cut, dayOf, fullText, msOf, rowText, timeOfEntry, visible, wholeTime } from "./text.js";

const ROW_CUT = 1000; /* characters of a line in the list */
const LINE_CUT = 8192; /* ... in an open entry, until all is asked for */
const VALUE_CUT = 400;
const STREAM_CUT = 200;
const TRACE_NAME = /^trace_?id$/i, TRACE_ID = /^[0-9a-fA-F]{16,32}$/;
const MARKS = { critical: "CRIT", fatal: "FATAL", error: "ERROR", warn: "WARN", info: "INFO", debug: "DEBUG", trace: "TRACE", unknown: "–" };

/* Later first; the texts have no leading zeros. */
export const isLater = (a, b) => (a.length === b.length ? a > b : a.length > b.length);

/* What two entries that are the same have in common. */
export const keyOf = (e) => `${e.ts} ${JSON.stringify([e.stream, e.metadata])} ${e.line}`;

/* The entries of a query's answer, newest first, or of a tail's frames, whose lines are in the
 * order they came in (isMerged: the kinds of their labels are not told). */
export function entriesOf(streams, isMerged = false) {
  const list = [];
  for (const { stream, values } of streams)
    for (const [ts, line, more] of values)
      list.push({ ts, line, stream, metadata: more?.structuredMetadata ?? {}, parsed: more?.parsed ?? {}, isMerged });
  return list.map((e, i) => [e, i]).sort(([a, i], [b, j]) => (a.ts === b.ts ? (isMerged ? j - i : i - j) : isLater(a.ts, b.ts) ? -1 : 1)).map(([e]) => e);
}

const levelOfEntry = (e) => levelOf(e.metadata.detected_level ?? e.parsed.detected_level ?? e.stream.detected_level ?? "");

function streamName(stream) {
  const { service_name: service, ...labels } = stream;
  const pairs = Object.entries(labels).filter(([k]) => k !== "detected_level").map(([k, v]) => `${k}=${cut(v, 60)}`);
  return cut(visible([...(service ? [service] : []), ...pairs].join(" ")), STREAM_CUT) || "{}";
}

/* A text that may be long: its beginning, and a button for all of it. */
function longText(tag, className, text, most, show) {
  const box = element(tag, className, show(cut(text, most)));
  if (text.length <= most) return [box];
  const button = element("button", "all", `show all ${bytes(new TextEncoder().encode(text).length)}`);
  button.type = "button";
  button.addEventListener("click", () => {
    box.textContent = show(text);
    button.remove();
  });
  box.append("…");
  return [box, button];
}

export class Entries {
  /* filter({kind, name, value, op}), kinds(entry): a promise of the entry with its kinds. */
  constructor({ filter, kinds }) {
    Object.assign(this, { filter, kinds, list: [] });
    this.box = $("entries");
    this.box.addEventListener("keydown", (event) => this.onKey(event));
  }

  clear() {
    this.list = [];
    this.box.replaceChildren();
    this.box.classList.remove("has-days");
  }

  oldest() {
    return this.list[this.list.length - 1]?.ts;
  }

  newest() {
    return this.list[0]?.ts;
  }

  /* Older ones, behind those there are. */
  append(entries) {
    this.list.push(...entries);
    this.box.append(...entries.map((e) => this.row(e)));
    this.settle();
  }

  /* Entries as they come; the oldest leave when there are more than most.  Returns how many. */
  put(entries, most) {
    const fresh = entries.slice(0, most);
    for (const e of [...fresh].reverse()) {
      let at = 0;
      while (at < this.list.length && isLater(this.list[at].ts, e.ts)) at++;
      this.box.insertBefore(this.row(e), this.box.children[at] ?? null);
      this.list.splice(at, 0, e);
    }
    const gone = Math.max(this.list.length - most, 0);
    for (let i = 0; i < gone; i++) this.box.lastElementChild.remove();
    this.list.length -= gone;
    this.settle();
    return gone + entries.length - fresh.length;
  }

  settle() {
    const today = dayOf(Date.now());
    const ends = [this.newest(), this.oldest()].filter(Boolean);
    this.box.classList.toggle("has-days", ends.some((ts) => dayOf(msOf(ts)) !== today));
    if (this.box.firstElementChild && !this.box.querySelector(".head[tabindex='0']")) this.box.firstElementChild.firstElementChild.tabIndex = 0;
  }

  row(entry) {
    const item = element("li", "entry"), head = element("div", "head"), level = levelOfEntry(entry);
    item.dataset.level = level;
    head.setAttribute("role", "button");
    head.setAttribute("aria-expanded", "false");
    head.tabIndex = -1;
    const time = element("time"), day = element("span", "day", `${dayOf(msOf(entry.ts)).slice(5)} `);
    time.append(day, timeOfEntry(entry.ts));
    const stream = element("bdi", "stream", streamName(entry.stream));
    stream.title = stream.textContent;
    const isCut = entry.line.length > ROW_CUT;
    const line = element("bdi", "line", rowText(cut(entry.line, ROW_CUT)) + (isCut ? "…" : ""));
    head.append(time, element("span", "level", MARKS[level]), stream, line);
    head.addEventListener("click", () => {
      if (String(getSelection())) return; /* a text was marked, to be copied */
      this.focus(head);
      this.toggle(item, entry);
    });
    item.append(head);
    item.entry = entry;
    return item;
  }

  /* One row is in the order of Tab; the arrows move it. */
  focus(head) {
    for (const other of this.box.querySelectorAll(".head[tabindex='0']")) other.tabIndex = -1;
    head.tabIndex = 0;
    head.focus({ preventScroll: true });
    head.scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    const item = event.target.closest(".entry"), isHead = event.target.classList.contains("head");
    if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling, Home: this.box.firstElementChild, End: this.box.lastElementChild };
    if (isHead && event.key in to) {
      event.preventDefault();
      if (to[event.key]) this.focus(to[event.key].firstElementChild);
    } else if (isHead && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      this.toggle(item, item.entry);
    } else if (event.key === "Escape" && item.classList.contains("is-open")) {
      event.preventDefault();
      this.toggle(item, item.entry);
      this.focus(item.firstElementChild);
    }
  }

  async toggle(item, entry) {
    const isOpen = item.classList.toggle("is-open");
    item.firstElementChild.setAttribute("aria-expanded", String(isOpen));
    item.querySelector(".detail")?.remove();
    if (!isOpen) return;
    item.append(this.detail(entry));
    if (!entry.isMerged) return;
    const whole = await this.kinds(entry).catch(() => null);
    if (!whole) return;
    Object.assign(entry, whole, { isMerged: false });
    if (item.classList.contains("is-open")) item.querySelector(".detail").replaceWith(this.detail(entry));
  }

  detail(entry) {
    const box = element("div", "detail"), groups = element("div", "groups");
    const size = new TextEncoder().encode(entry.line).length;
    box.append(element("p", "about", `${wholeTime(entry.ts)}, ${bytes(size)}`),
      ...longText("pre", "text", entry.line, LINE_CUT, fullText));
    if (entry.isMerged) groups.append(this.group("labels", "label", entry.stream));
    else groups.append(this.group("stream", "stream", entry.stream), this.group("metadata", "metadata", entry.metadata), this.group("parsed", "parsed", entry.parsed));
    box.append(groups);
    return box;
  }

  group(title, kind, labels) {
    const box = element("section", `group of-${kind}`), names = Object.keys(labels).sort();
    const list = element("ul");
    box.append(element("h3", "", `${title} ${count(names.length)}`), list);
    if (names.length === 0) list.append(element("li", "about", "none"));
    for (const name of names) list.append(this.label(kind, name, labels[name]));
    return box;
  }

  label(kind, name, value) {
    const item = element("li"), text = element("span", "value");
    const [shown, ...more] = longText("bdi", "", value, VALUE_CUT, visible);
    text.append(shown, ...more);
    if (TRACE_NAME.test(name) && TRACE_ID.test(value)) {
      const link = element("a", "to-trace", "open the trace");
      link.href = `/explore?${new URLSearchParams({ mode: "traces", trace: value })}`;
      text.append(" ", link);
    }
    item.append(element("bdi", "name", visible(name)), text);
    if (isName(name))
      for (const [op, sign, word] of [["=", "+", "only"], ["!=", "−", "without"]]) {
        const button = element("button", op === "=" ? "only" : "without", sign);
        button.type = "button";
        button.title = `${word} ${visible(name)}=${cut(visible(value), 60)}`;
        button.setAttribute("aria-label", button.title);
        button.addEventListener("click", () => this.filter({ kind, name, value, op }));
        item.append(button);
      }
    return item;
  }
}

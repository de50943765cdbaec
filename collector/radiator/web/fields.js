/* Beside the list: which fields the entries have and their most frequent values, and what
 * their lines look like. */
import { $, element, tabs } from "./controls.js";
import { append, countable, hasStage, isName, selectorText } from "./logql.js";
import { askLogs } from "./loki.js";
import { count, cut, visible } from "./text.js";

const FIELDS_SHOWN = 100;
const VALUES_SHOWN = 10;
const PATTERNS_SHOWN = 50;
const TEXT_CUT = 400;

function filterButton(word, sign, what, act) {
  const button = element("button", word === "only" ? "only" : "without", sign);
  button.type = "button";
  button.title = `${word} ${what}`;
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", act);
  return button;
}

export class Side {
  /* filter({kind, name, value, op, parser}), pattern(op, text). */
  constructor({ filter, pattern }) {
    Object.assign(this, { filter, pattern, asked: null, loaded: new Set() });
    this.markTab = tabs(["fields", "patterns"], (name) => `tab-${name}`, (name) => this.show(name));
    this.tab = "fields";
    if (matchMedia("(max-width: 1100px)").matches) $("side").open = false;
    $("side").addEventListener("toggle", () => this.load());
  }

  show(name) {
    this.tab = name;
    $("fields").hidden = name !== "fields";
    $("patterns").hidden = name !== "patterns";
    this.markTab(name);
    this.load();
  }

  /* asked: {query, startMs, endMs, parameters, signal}, or null: nothing to tell about. */
  ask(asked) {
    this.asked = asked;
    this.loaded.clear();
    for (const name of ["fields", "patterns"]) {
      this.say(name, "");
      $(name).querySelector("ul").replaceChildren();
    }
    this.load();
  }

  say(name, text, isBad = false) {
    const about = $(name).querySelector(".about");
    about.textContent = visible(text);
    about.toggleAttribute("data-bad", isBad);
  }

  /* What is looked at, once for each question. */
  async load() {
    const { tab, asked } = this;
    if (!asked || !$("side").open || this.loaded.has(tab)) return;
    this.loaded.add(tab);
    this.say(tab, "looking …");
    try {
      await (tab === "fields" ? this.loadFields(asked) : this.loadPatterns(asked));
    } catch (error) {
      if (this.asked === asked && !asked.signal.aborted) this.say(tab, error.message, true);
    }
  }

  /* ---- fields ---------------------------------------------------------------------------- */

  async loadFields(asked) {
    const { fields } = await askLogs("detected_fields", { query: asked.query, ...asked.parameters, line_limit: "1000" }, asked.signal);
    if (this.asked !== asked) return;
    const shown = [...(fields ?? [])].sort((a, b) => (a.label < b.label ? -1 : 1)).slice(0, FIELDS_SHOWN);
    const more = (fields ?? []).length - shown.length;
    this.say("fields", shown.length ? `of the newest lines${more > 0 ? `; ${more} more fields` : ""}` : "no fields");
    $("fields").querySelector("ul").replaceChildren(...shown.map((f) => this.field(f, asked)));
  }

  field({ label, type, cardinality, parsers }, asked) {
    const item = element("li"), button = element("button", "head"), values = element("ul", "values");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const name = element("bdi", "name", cut(visible(label), 100)), sort = [type, ...(parsers ?? [])].join(", ");
    button.append(name, element("small", "", sort), element("b", "", count(cardinality)));
    button.title = `${cardinality} values; ${parsers?.length ? `parsed by ${parsers.join(", ")}` : "metadata"}`;
    values.hidden = true;
    const field = { name: label, kind: parsers?.length ? "parsed" : "metadata", parser: parsers?.[0] };
    button.addEventListener("click", () => {
      const isOpen = values.hidden;
      values.hidden = !isOpen;
      button.setAttribute("aria-expanded", String(isOpen));
      if (isOpen && !values.firstChild) this.loadValues(field, values, asked);
    });
    item.append(button, values);
    return item;
  }

  /* Counted over the whole range, not over the sample that found the field. */
  async loadValues(field, box, asked) {
    box.replaceChildren(element("li", "about", "counting …"));
    try {
      if (!isName(field.name)) throw new Error("a name that no query can say");
      let query = asked.query;
      if (field.parser && !hasStage(query, field.parser)) query = append(query, `| ${field.parser}`);
      query = countable(append(query, `| ${field.name}!=""`));
      const range = `${Math.round(asked.endMs - asked.startMs)}ms`;
      const { data } = await askLogs("query", { query: `topk(${VALUES_SHOWN}, sum by (${field.name}) (count_over_time(${query} [${range}])))`, time: asked.parameters.end }, asked.signal);
      const rows = data.result.map(({ metric, value }) => ({ value: metric[field.name] ?? "", n: Number(value[1]) })).sort((a, b) => b.n - a.n);
      box.replaceChildren(...(rows.length ? rows.map((r) => this.value(field, r, rows[0].n)) : [element("li", "about", "no values")]));
    } catch (error) {
      if (!asked.signal.aborted) box.replaceChildren(element("li", "about", visible(error.message)));
    }
  }

  value(field, { value, n }, most) {
    const item = element("li"), text = element("bdi", "value", cut(visible(value), TEXT_CUT)), bar = element("i", "share");
    bar.style.width = `${(n / most) * 100}%`;
    const what = `${visible(field.name)}=${cut(visible(value), 60)}`;
    item.append(text, element("b", "", count(n)),
      filterButton("only", "+", what, () => this.filter({ ...field, value, op: "=" })),
      filterButton("without", "−", what, () => this.filter({ ...field, value, op: "!=" })), bar);
    return item;
  }

  /* ---- patterns ---------------------------------------------------------------------------- */

  async loadPatterns(asked) {
    const { data } = await askLogs("patterns", { query: selectorText(asked.query), ...asked.parameters, step: `${Math.max(Math.ceil((asked.endMs - asked.startMs) / 60000), 1)}s` }, asked.signal);
    if (this.asked !== asked) return;
    const rows = data.map(({ pattern, samples }) => ({ pattern, n: samples.reduce((sum, [, c]) => sum + c, 0) })).sort((a, b) => b.n - a.n);
    const shown = rows.slice(0, PATTERNS_SHOWN), more = rows.length - shown.length;
    this.say("patterns", shown.length ? `of the streams' lines, whatever is filtered${more > 0 ? `; ${more} more` : ""}` : "no patterns");
    $("patterns").querySelector("ul").replaceChildren(...shown.map((r) => this.patternRow(r)));
  }

  patternRow({ pattern, n }) {
    const item = element("li"), button = element("button", "head");
    button.type = "button";
    button.title = "only lines like this";
    button.append(element("b", "", count(n)), element("bdi", "", cut(visible(pattern), TEXT_CUT)));
    button.addEventListener("click", () => this.pattern("|>", pattern));
    item.append(button, filterButton("without", "−", "lines like this", () => this.pattern("!>", pattern)));
    return item;
  }
}

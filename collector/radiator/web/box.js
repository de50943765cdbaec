/* A query's text field with completion: choices below it, taken with the arrows, Enter, Tab
 * or a click. */
import { $, element } from "./controls.js";
import { visible } from "./text.js";

export class Box {
  /* complete(text, at): {list: [{text, kind, insert, back}], from, to} or null, see complete.js. */
  constructor(id, choicesId, complete, run) {
    Object.assign(this, { box: $(id), choices: $(choicesId), prefix: choicesId === "choices" ? "choice" : choicesId, complete, run });
    this.list = [];
    this.from = this.to = 0;
    this.at = -1;
    this.isStale = false; /* the text has changed since, the next list is on its way */
    this.box.addEventListener("input", () => {
      this.isStale = true;
      this.mark(-1);
      this.suggest();
    });
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    this.box.addEventListener("blur", () => this.close());
  }

  close() {
    this.list = [];
    this.choices.hidden = true;
    this.box.setAttribute("aria-expanded", "false");
    this.box.removeAttribute("aria-activedescendant");
  }

  mark(at) {
    this.at = at;
    [...this.choices.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    this.choices.children[at]?.scrollIntoView({ block: "nearest" });
    if (at >= 0) this.box.setAttribute("aria-activedescendant", `${this.prefix}-${at}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  take(at) {
    const { insert, back = 0, isOpen = false } = this.list[at];
    this.box.setRangeText(insert, this.from, this.to, "end");
    this.box.setSelectionRange(this.box.selectionEnd - back, this.box.selectionEnd - back);
    this.close();
    this.box.focus();
    if (back || isOpen) this.suggest(); /* the values of the label */
  }

  choice({ text, kind }, i) {
    const item = element("li"), name = element("bdi", "", visible(text));
    item.id = `${this.prefix}-${i}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(name, element("small", "", kind));
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.take(i);
    });
    return item;
  }

  async suggest() {
    const { box } = this, asked = box.value, at = box.selectionStart;
    const found = await this.complete(asked, at).catch(() => null);
    if (box.value !== asked || box.selectionStart !== at || document.activeElement !== box) return;
    if (!found || found.list.length === 0) return this.close();
    Object.assign(this, found, { isStale: false });
    this.choices.replaceChildren(...found.list.map((c, i) => this.choice(c, i)));
    this.choices.hidden = false;
    box.setAttribute("aria-expanded", "true");
    this.mark(-1);
  }

  /* Nothing is marked until an arrow says so: Enter runs what was typed. */
  onKey(event) {
    const isShown = !this.choices.hidden, isOpen = isShown && !this.isStale, n = this.list.length;
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (isOpen && this.at >= 0 && !event.ctrlKey && !event.metaKey) return this.take(this.at);
      this.close();
      this.run();
    } else if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const down = event.key === "ArrowDown";
      this.mark(this.at < 0 ? (down ? 0 : n - 1) : (this.at + (down ? 1 : n - 1)) % n);
    } else if (isOpen && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.take(Math.max(this.at, 0));
    } else if (event.key === "Escape" && isShown) {
      event.preventDefault();
      this.close();
    } else if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.suggest();
    }
  }
}

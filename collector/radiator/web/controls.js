/* What the modes of the query page share: the range, the message, the address. */
import { duration, visible } from "./text.js";

export const $ = (id) => document.getElementById(id);
export const RANGE_S = 3600;

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function say(text, isBad = false) {
  $("message").textContent = text.split("\n").map(visible).join("\n");
  $("message").toggleAttribute("data-bad", isBad);
}

export function setRange(seconds) {
  const range = $("range"), text = String(seconds);
  if (![...range.options].some((o) => o.value === text)) {
    const option = element("option", "", duration(seconds));
    option.value = text;
    range.append(option);
  }
  range.value = text;
}

export function readTimes(url) {
  const range = Number(url.get("range"));
  setRange(range > 0 && Number.isFinite(range) ? range : RANGE_S);
  $("end").value = url.get("end") ?? "";
}

export function putTimes(state) {
  state.set("range", $("range").value);
  if ($("end").value) state.set("end", $("end").value);
}

/* Seconds. */
export function endTime() {
  const text = $("end").value.trim();
  if (!text || text === "now") return Date.now() / 1000;
  const number = Number(text);
  const time = Number.isFinite(number) ? number : Date.parse(text) / 1000;
  if (!Number.isFinite(time)) throw new Error(`until: "${text}" is no time; use 2026-01-31T12:00:00Z or seconds`);
  return time;
}

export function setTimes(from, to) {
  setRange(Math.max(Math.round(to - from), 1));
  $("end").value = new Date(Math.round(to) * 1000).toISOString().replace(".000", "");
}

export function keepState(state, isNew) {
  const url = `${location.pathname}?${state}`;
  if (url === location.pathname + location.search) return;
  if (isNew) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

/* Tabs of a tablist, their panels, and the arrow keys between them. */
export function tabs(names, tabId, pick) {
  const button = (name) => $(tabId(name));
  const show = (picked) => {
    for (const name of names) {
      button(name).setAttribute("aria-selected", String(name === picked));
      button(name).tabIndex = name === picked ? 0 : -1;
    }
  };
  for (const name of names) {
    button(name).addEventListener("click", () => pick(name));
    button(name).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = names[(names.indexOf(name) + (event.key === "ArrowRight" ? 1 : names.length - 1)) % names.length];
      pick(other);
      button(other).focus();
    });
  }
  return show;
}

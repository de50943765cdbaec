/* The query page: metrics, logs or traces; the state is in the URL. */
import { $, readTimes, tabs } from "./controls.js";
import { logs } from "./logs.js";
import { metrics } from "./metrics.js";
import { traces } from "./traces.js";

const MODES = { metrics, logs, traces };
let mode = "metrics";

function show(name) {
  mode = name;
  for (const other of Object.keys(MODES))
    for (const part of document.querySelectorAll(`.in-${other}`)) part.hidden = other !== name;
  document.body.dataset.mode = name;
  markMode(name);
}

const markMode = tabs(Object.keys(MODES), (name) => `mode-${name}`, (name) => {
  if (name === mode) return;
  MODES[mode].leave();
  show(name);
  MODES[mode].write(true);
  MODES[mode].run(false);
});

function read() {
  const url = new URLSearchParams(location.search), named = Object.hasOwn(MODES, url.get("mode") ?? "") ? url.get("mode") : "metrics";
  if (named !== mode) MODES[mode].leave();
  show(named);
  readTimes(url);
  MODES[mode].read(url);
  MODES[mode].run(false);
}

/* From one signal to another, as a step that "back" undoes. */
function go(name, parameters) {
  history.pushState(null, "", `${location.pathname}?${new URLSearchParams({ mode: name, ...parameters })}`);
  read();
}
for (const each of Object.values(MODES)) each.link?.(go);

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  MODES[mode].box.close();
  (MODES[mode].submit ?? MODES[mode].run)();
});
$("range").addEventListener("change", () => MODES[mode].run());
window.addEventListener("popstate", () => {
  MODES[mode].box.close();
  read();
});
read();
if (!MODES[mode].box.box.value) MODES[mode].box.box.focus(); /* on a phone an answer is not for the keyboard to cover */

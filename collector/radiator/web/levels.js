/* How bad a record is: the words of detected_level, worst first, and their colours. */
export const LEVELS = ["critical", "fatal", "error", "warn", "info", "debug", "trace", "unknown"];

const COLOURS = { critical: "#ff7fd0", fatal: "#ff7fd0", error: "#ff6b63", warn: "#f4bf3a", info: "#41d17a", debug: "#5ab0ff", trace: "#c48bff", unknown: "#9aa7b4" };

export const levelOf = (text) => (LEVELS.includes(text) ? text : "unknown");
export const levelColour = (level) => COLOURS[level];

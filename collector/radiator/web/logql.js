/* LogQL as text: its tokens, its selector, and filters put to it. */

const TOKEN = /\s+|#[^\n]*|"(?:[^"\\]|\\[^])*"?|`[^`]*`?|\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|[^]/y;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const isName = (text) => NAME.test(text);

/* Strings of either kind; one that is not closed is "open". */
export function quote(text) {
  return JSON.stringify(text);
}

function unquote(text) {
  if (text[0] === "`") return text.slice(1, -1);
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(1, -1); /* \x41, \101 */
  }
}

/* [{kind: "string" | "comment" | "name" | "number" | "sign", text, at, to, isOpen}] without spaces. */
export function tokens(query) {
  const list = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < query.length) {
    const at = TOKEN.lastIndex, text = TOKEN.exec(query)[0], to = at + text.length, first = text[0];
    if (/\s/.test(first)) continue;
    const isString = first === '"' || first === "`";
    const kind = isString ? "string" : first === "#" ? "comment" : NAME.test(text) ? "name" : /[0-9]/.test(first) ? "number" : "sign";
    const isOpen = isString && (text.length < 2 || text[text.length - 1] !== first || (first === '"' && !/^"(?:[^"\\]|\\[^])*"$/.test(text)));
    list.push({ kind, text, at, to, isOpen });
  }
  return list;
}

/* {open, close, matchers: [{name, op, value, at, to}]} of the first selector, or null. */
export function selector(query, list = tokens(query)) {
  const first = list.findIndex((t) => t.text === "{"), last = list.findIndex((t, i) => i > first && t.text === "}");
  if (first < 0 || last < 0) return null;
  const matchers = [];
  for (let i = first + 1; i + 2 < last + 1; i++) {
    const [name, op, value] = list.slice(i, i + 3);
    if (name.kind === "name" && ["=", "!=", "=~", "!~"].includes(op.text) && value.kind === "string")
      matchers.push({ name: name.text, op: op.text, value: unquote(value.text), at: name.at, to: value.to });
  }
  return { open: list[first].at, close: list[last].to, matchers };
}

/* Whether it asks for lines, not for numbers made of them. */
export const isLines = (query) => tokens(query).find((t) => t.kind !== "comment")?.text === "{";

export const selectorText = (query) => {
  const found = selector(query);
  return found ? query.slice(found.open, found.close) : query;
};

export function hasStage(query, name) {
  const list = tokens(query);
  return list.some((t, i) => t.text === name && list[i - 1]?.text === "|" && (list[i + 1]?.kind !== "sign" || list[i + 1].text === "|"));
}

/* The query with more at its end, whatever comment it ends in. */
export function append(query, more) {
  const list = tokens(query);
  return `${query.trimEnd()}${list[list.length - 1]?.kind === "comment" ? "\n" : " "}${more}`;
}

/* Counting lines is no place for those that a parser could not read. */
export const countable = (query) => append(query, "| drop __error__, __error_details__");

function filterStream(query, name, op, value) {
  const found = selector(query);
  if (!found) return query;
  const opposite = op === "=" ? "!=" : "=";
  const same = (m, o) => m.name === name && m.op === o && m.value === value;
  if (found.matchers.some((m) => same(m, op))) return query;
  const old = found.matchers.find((m) => same(m, opposite));
  const others = found.matchers.filter((m) => m !== old);
  /* One matcher at least has to ask for something. */
  const isBare = op === "!=" && !others.some((m) => m.op === "=" || m.op === "=~");
  const text = `${isBare ? `${name}=~".+", ` : ""}${name}${op}${quote(value)}`;
  if (old) return query.slice(0, old.at) + text + query.slice(old.to);
  const end = found.close - 1, before = query.slice(0, end).trimEnd();
  return `${before}${/[{,]$/.test(before) ? "" : ", "}${text}${query.slice(end)}`;
}

/* The query, only with, or ("!=") without, that value.  kind: "stream", or where the label
 * comes from; parser: the stage that makes it. */
export function withFilter(query, { kind, name, value, op, parser }) {
  if (kind === "stream") return filterStream(query, name, op, value);
  const text = (o) => `| ${name}${o}${quote(value)}`;
  if (query.includes(text(op))) return query;
  const opposite = text(op === "=" ? "!=" : "=");
  if (query.includes(opposite)) return query.replace(opposite, () => text(op));
  return append(parser && !hasStage(query, parser) ? append(query, `| ${parser}`) : query, text(op));
}

/* Line filters go to the front, where the line is what was sent. */
export function withPattern(query, op, pattern) {
  const found = selector(query), text = ` ${op} ${pattern.includes("`") ? quote(pattern) : `\`${pattern}\``}`;
  if (!found || query.includes(text)) return query;
  return query.slice(0, found.close) + text + query.slice(found.close);
}

/* "... line 1, col 5: ..." of an error: that line of the query, and a caret below. */
export function pointAt(query, message) {
  const found = /line (\d+), col (\d+)/.exec(message);
  const line = found && query.split("\n")[Number(found[1]) - 1];
  if (line === null || line === undefined) return "";
  const at = Math.min(Number(found[2]) - 1, [...line].length), from = Math.max(at - 60, 0);
  const shown = [...line].slice(from, from + 100).join("").replaceAll("\t", " ");
  return `\n${from ? "…" : ""}${shown}\n${" ".repeat(at - from + (from ? 1 : 0))}^`;
}

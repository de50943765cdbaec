// Logs on the query page: what was sent is what is on the screen, in the list, in the bars,
// in an opened entry; filters, completion, the address, the keyboard, and what comes in live.
import { check, equal, noCutText, noSidewaysScroll, play, quiet, readable, shot, sleep, textOf, until } from "./stage.mjs";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const LEVELS = ["info", "info", "warn", "error"];
const SHOP = Array.from({ length: 40 }, (_, i) => ({ ageMs: 2000 + i * 40000, level: LEVELS[i % 4], route: `/r${i % 3}`, status: i % 4 === 3 ? 500 : 200 }));
const lineOf = (e) => `level=${e.level} msg="request finished" route=${e.route} status=${e.status} age=${e.ageMs}`;
const MANY = 450;

const lines = (page) => page.locator("#entries .line").allTextContents();
const choices = (page) => page.locator("#expr-choices bdi").allTextContents();
const expr = (page) => page.inputValue("#expr");
const said = (page) => until(() => textOf(page, "#message"), (t) => t !== "running …" && t !== "", "the query ends");
const counts = async (page) => Object.fromEntries(await page.locator("#levels button").evaluateAll((all) =>
  all.map((b) => [b.dataset.level, Number(b.querySelector("b").dataset.count)])));
const ofLevels = (entries) => {
  const found = {};
  for (const level of ["error", "warn", "info"]) {
    const n = entries.filter((e) => e.level === level).length;
    if (n) found[level] = n;
  }
  return found;
};

async function ask(page, query) {
  await page.fill("#expr", query);
  await page.press("#expr", "Enter");
  await said(page);
}

const group = (page, kind) => page.locator(`.detail .of-${kind} li:not(.about)`).evaluateAll((all) =>
  Object.fromEntries(all.map((li) => [li.querySelector(".name").textContent, li.querySelector(".value bdi").textContent])));

const button = (page, kind, name, sign) => page.locator(`.detail .of-${kind} li`).filter({ has: page.getByText(name, { exact: true }) }).locator(sign);

async function sendAll(server) {
  await server.push([
    { labels: { service_name: "shop", env: "prod" }, entries: SHOP.map((e) => [e.ageMs, lineOf(e)]).reverse() },
    { labels: { service_name: "many", env: "prod" }, entries: Array.from({ length: MANY }, (_, i) => [1000 + Math.floor(i / 4) * 500, `many ${i}`]).reverse() },
    { labels: { service_name: "json", env: "stage" }, entries: [[3000, '{"user":{"id":"u1"},"took":12}', { pod: "p-1" }], [4000, "no json at all"]] },
  ]);
  await server.sendLogs("orders", [{ ageMs: 5000, body: "order 17 not saved\n\tat save (db.js:12)", severity: 17, severityText: "ERROR", traceId: TRACE, attributes: { order: "17", note: "a b" } }]);
}

// ---- asking --------------------------------------------------------------------------------

async function switchesMode(server, browser) {
  const page = await browser.open(`${server.url}/explore`);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  equal(await page.evaluate(() => document.activeElement.id), "mode-metrics", "the switch is in the order of Tab");
  await page.keyboard.press("ArrowRight");
  equal([await page.locator("#expr").isVisible(), await page.locator("#query").isVisible(), new URL(page.url()).searchParams.get("mode")],
    [true, false, "logs"], "an arrow shows logs, and the address says so");
  await page.goBack();
  await until(() => page.locator("#query").isVisible(), Boolean, "back shows metrics");
  await page.goForward();
  await until(() => page.locator("#expr").isVisible(), Boolean, "forward shows logs");
  await until(() => page.locator("#services bdi").allTextContents(), (l) => l[0] === "many" && l.includes("orders"), "services are offered to begin with, the one that said most first");
  await shot(page, "logs-begin");
  await readable(page, "services");
  await page.locator("#services button").first().click();
  await until(() => expr(page), (q) => q === '{service_name="many"}', "a click asks for its lines");
  await until(() => lines(page), (l) => l.length === 200 && l.slice(0, 4).includes("many 0"), "and lists them");
  await page.goto(`${new URL(page.url()).origin}/explore?mode=logs`);
  await quiet(page, "switch");
  return page;
}

async function completes(page) {
  await page.click("#expr");
  await page.keyboard.type("{");
  await until(() => choices(page), (l) => l.includes("service_name") && l.includes("env"), "a brace is followed by label names");
  await page.keyboard.type("serv");
  await until(() => choices(page), (l) => l[0] === "service_name", "that are narrowed as one types");
  await page.keyboard.press("Tab");
  await until(() => choices(page), (l) => ["json", "many", "orders", "shop"].every((v) => l.includes(v)), "a label is followed by its values");
  await page.keyboard.type("sh");
  await until(() => choices(page), (l) => l[0] === "shop", "a value is narrowed");
  await shot(page, "logs-choices");
  await readable(page, "choices of logs");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await expr(page), '{service_name="shop"', "and goes in");
  await page.keyboard.press("End");
  await page.keyboard.type(", en");
  await until(() => choices(page), (l) => l[0] === "env", "a comma is followed by label names");
  await page.keyboard.press("Tab");
  await until(() => choices(page), (l) => l.includes("prod"), "with the values");
  check(!(await choices(page)).includes("stage"), "of the streams that the other matchers leave", await choices(page));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.type("} ");
  await until(() => choices(page), (l) => ["|=", "!=", "|~", "!~", "|>", "| json"].every((o) => l.includes(o)), "a selector is followed by filters and stages");
  await page.keyboard.type("| logf");
  await until(() => choices(page), (l) => l[0] === "logfmt", "a bar by stages");
  await page.keyboard.press("Tab");
  await page.keyboard.type(" | sta");
  await until(() => choices(page), (l) => l.includes("status"), "and by the fields that the stages before it make");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await until(() => choices(page), (l) => l.includes("500") && l.includes("200"), "whose values are offered");
  await page.keyboard.type("50");
  await until(() => choices(page), (l) => l[0] === "500", "and narrowed");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await expr(page), '{service_name="shop", env="prod"} | logfmt | status="500"', "all of it makes a query");
  await page.keyboard.press("Enter");
  await said(page);
  equal(await lines(page), SHOP.filter((e) => e.status === 500).map(lineOf), "that Enter runs");
  await ask(page, '{env="prod" ');
  await page.keyboard.press("End");
  await page.keyboard.type(", service_name ");
  await until(() => choices(page), (l) => ["=", "!=", "=~", "!~"].every((o) => l.includes(o)), "a label name is followed by operators");
}

async function listsAndCounts(page) {
  await ask(page, '{service_name="shop"}');
  equal(await lines(page), SHOP.map(lineOf), "the list is what was sent, newest first");
  const want = ofLevels(SHOP);
  await until(() => counts(page), (c) => JSON.stringify(c) === JSON.stringify(want), `the bars hold every entry by its level: ${JSON.stringify(want)}`);
  const red = await page.locator("#bars canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === 0xff && data[i + 1] === 0x6b && data[i + 2] === 0x63) n++;
    return n;
  });
  check(red > 50, "and are drawn", red);
  equal(await page.locator("#entries .entry").evaluateAll((all) => all.map((e) => e.dataset.level)), SHOP.map((e) => e.level), "each entry has its level");
  equal(await page.locator("#entries .level").first().textContent(), "INFO", "as a word, not as a colour only");
  equal(await textOf(page, "#nothing"), "no older entries in this range", "the list says that it is whole");
  await shot(page, "logs-list");
  await readable(page, "list");
  await noSidewaysScroll(page, "list");
  await noCutText(page, "list");
}

async function zooms(page) {
  const box = await page.locator("#bars .u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + 30, { steps: 5 });
  await page.mouse.up();
  await until(() => page.inputValue("#range").then(Number), (s) => s > 340 && s < 380, "a tenth of an hour is dragged");
  await said(page);
  const url = new URL(page.url()).searchParams, shown = await lines(page);
  const end = Date.parse(url.get("end")), start = end - Number(url.get("range")) * 1000;
  check(shown.length > 4 && shown.length < 14, "and the list is that of the range", shown.length);
  const times = await page.locator("#entries .entry").evaluateAll((all) => all.map((e) => Number(BigInt(e.entry.ts) / 1000000n)));
  check(times.every((t) => t >= start && t < end), "with nothing from without", [start, end, ...times]);
  await until(async () => Object.values(await counts(page)).reduce((a, b) => a + b, 0), (n) => n === shown.length, "as many as the bars hold");
  await page.goBack();
  await until(() => lines(page), (l) => l.length === SHOP.length, "back brings the hour");
  await page.fill("#end", "");
  await page.selectOption("#range", "3600");
}

async function opens(server, page) {
  await ask(page, '{service_name="orders"}');
  await page.locator("#entries .head").first().click();
  equal(await page.locator("#entries .head").first().getAttribute("aria-expanded"), "true", "a click opens an entry");
  equal(await textOf(page, ".detail pre"), "order 17 not saved\n\tat save (db.js:12)", "the line is shown with its line breaks");
  equal(await group(page, "stream"), { service_name: "orders" }, "the stream's labels are one group");
  const metadata = await group(page, "metadata");
  equal([metadata.order, metadata.note, metadata.trace_id, metadata.detected_level], ["17", "a b", TRACE, "error"], "the metadata another");
  equal(await group(page, "parsed"), {}, "nothing is parsed yet");
  equal(await page.locator(".detail .to-trace").evaluateAll((all) => all.map((e) => e.getAttribute("href"))), [`/explore?mode=traces&trace=${TRACE}`], "its trace id is a link to the trace");
  await button(page, "metadata", "order", ".only").click();
  await said(page);
  equal([await expr(page), (await lines(page)).length], ['{service_name="orders"} | order="17"', 1], "+ of metadata filters for it");
  await page.locator("#entries .head").first().click();
  await button(page, "metadata", "order", ".without").click();
  await said(page);
  equal([await expr(page), (await lines(page)).length], ['{service_name="orders"} | order!="17"', 0], "− turns it round");

  await ask(page, '{env="prod"} |= "finished" | logfmt');
  await page.locator("#entries .head").nth(3).click();
  equal((await group(page, "parsed")).status, "500", "what a stage has parsed is the third group");
  await shot(page, "logs-entry");
  await readable(page, "entry");
  await button(page, "parsed", "status", ".without").click();
  await said(page);
  equal(await lines(page), SHOP.filter((e) => e.status !== 500).map(lineOf), "− of what is parsed leaves it out");
  await page.locator("#entries .head").first().click();
  await button(page, "stream", "service_name", ".only").click();
  await said(page);
  equal(await expr(page), '{env="prod", service_name="shop"} |= "finished" | logfmt | status!="500"', "+ of a label goes into the selector");
  await ask(page, '{env="stage"}');
  await page.locator("#entries .head").first().click();
  await button(page, "stream", "env", ".without").click();
  await said(page);
  equal(await expr(page), '{env=~".+", env!="stage"}', "− of the only matcher leaves a selector that may be asked");
  check((await lines(page)).length > 0, "and is answered", await textOf(page, "#message"));
}

async function tellsFields(page) {
  await ask(page, '{service_name="shop"}');
  await until(() => page.locator("#fields .name").allTextContents(), (l) => ["age", "detected_level", "route", "status"].every((n) => l.includes(n)), "fields are told");
  const row = (name) => page.locator("#fields .fields > li").filter({ has: page.getByText(name, { exact: true }) });
  equal([await row("route").locator("small").textContent(), await row("route").locator("b").first().textContent()], ["string, logfmt", "3"], "with type, parser and cardinality");
  await row("route").locator(".head").click();
  const wanted = ["/r0", "/r1", "/r2"].map((r) => [r, String(SHOP.filter((e) => e.route === r).length)]);
  await until(() => row("route").locator(".values li").evaluateAll((all) => all.map((li) => [li.querySelector(".value")?.textContent, li.querySelector("b")?.textContent]).sort()),
    (l) => JSON.stringify(l) === JSON.stringify(wanted), "a click counts the values over the whole range");
  await shot(page, "logs-fields");
  await readable(page, "fields");
  await row("route").locator(".values .only").first().click();
  await said(page);
  equal(await expr(page), '{service_name="shop"} | logfmt | route="/r0"', "+ adds the parser and the filter");
  equal(await lines(page), SHOP.filter((e) => e.route === "/r0").map(lineOf), "and lists these");

  await ask(page, '{service_name=~"shop|many"}');
  await page.click("#tab-patterns");
  await until(() => page.locator("#patterns .head").count(), (n) => n >= 2, "patterns are told");
  const [patternCount] = await page.locator("#patterns li").filter({ hasText: "many" }).locator("b").allTextContents();
  equal(patternCount, String(MANY), "with their counts");
  await shot(page, "logs-patterns");
  await readable(page, "patterns");
  await page.locator("#patterns li").filter({ hasText: "finished" }).locator(".head").first().click();
  await said(page);
  check(/^\{service_name=~"shop\|many"\} \|> `.*finished.*`$/.test(await expr(page)), "a click filters for lines like that", await expr(page));
  check((await lines(page)).length > 0 && (await lines(page)).every((l) => l.includes("finished")), "and there are only these");
  await page.click("#tab-fields");
}

async function loadsOlder(page) {
  await ask(page, '{service_name="many"}');
  equal((await lines(page)).length, 200, "200 at first");
  for (const n of [400, MANY]) {
    await page.click("#more");
    await until(() => lines(page).then((l) => l.length), (saw) => saw === n, `${n} with older ones`);
  }
  const all = await lines(page);
  equal([new Set(all).size, all.length], [MANY, MANY], "each once, those of one time too");
  check(await page.locator("#more").isHidden(), "and no more to load");
}

async function keepsItsState(page) {
  await page.selectOption("#range", "900");
  await ask(page, '{service_name="shop"} |= "/r1"');
  const url = new URL(page.url()).searchParams;
  equal([url.get("mode"), url.get("expr"), url.get("range")], ["logs", '{service_name="shop"} |= "/r1"', "900"], "mode, query and range are in the address");
  const before = await lines(page);
  await page.reload();
  await until(() => lines(page), (l) => JSON.stringify(l) === JSON.stringify(before), "a reload shows the same");
  await ask(page, '{service_name="orders"}');
  await page.goBack();
  await until(() => expr(page), (q) => q.includes("/r1"), "back brings the query");
  await until(() => lines(page), (l) => JSON.stringify(l) === JSON.stringify(before), "and its answer");
  await page.click("#mode-metrics");
  equal(await page.inputValue("#range"), "900", "the range is kept from mode to mode");
  await page.click("#mode-logs");
  await until(() => lines(page), (l) => JSON.stringify(l) === JSON.stringify(before), "and the query within its mode");
  await page.selectOption("#range", "3600");
}

async function saysWhatIsWrong(server, page) {
  const query = '{service_name="shop"} | nonsense |';
  const api = await (await fetch(`${server.url}/loki/api/v1/query_range?query=${encodeURIComponent(query)}`)).text();
  await ask(page, query);
  const [first, shown, caret] = (await textOf(page, "#message")).split("\n");
  equal([first, shown], [api.trim(), query], "an error is the API's words, with the query below");
  equal(caret?.indexOf("^"), Number(/col (\d+)/.exec(api)?.[1]) - 1, "and a caret at its place");
  await shot(page, "logs-error");
  await ask(page, 'sum by (detected_level) (count_over_time({service_name="shop"}[1h]))');
  check((await textOf(page, "#message")).startsWith("3 series"), "a metric query is drawn", await textOf(page, "#message"));
  equal(await page.locator("#levels .series").count(), 3, "with a key");
  await readable(page, "metric query of logs");
  page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
}

async function worksByKeyboard(server, browser) {
  const page = await browser.open(`${server.url}/explore?mode=logs`);
  equal(await page.evaluate(() => document.activeElement.id), "expr", "the query has the focus at once");
  await page.keyboard.type('{service_name="shop"}');
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await until(() => lines(page), (l) => l.length === SHOP.length, "typed and run by keys");
  const order = [];
  for (let i = 0; i < 9; i++) {
    await page.keyboard.press("Tab");
    order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.dataset.level));
  }
  equal(order.slice(0, 7), ["run", "range", "end", "live", "error", "warn", "info"], "Tab goes in the order of the page");
  for (let i = 0; i < 40 && !(await page.evaluate(() => document.activeElement.matches("#entries .head"))); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await page.locator(".entry.is-open .line").allTextContents(), [lineOf(SHOP[2])], "arrows go from entry to entry, Enter opens one");
  await page.keyboard.press("Tab");
  equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "only env=prod", "Tab goes into it");
  await page.keyboard.press("Escape");
  equal([await page.locator(".entry.is-open").count(), await page.evaluate(() => document.activeElement.className)], [0, "head"], "Escape closes it");
  await quiet(page, "keyboard");
}

// ---- live ------------------------------------------------------------------------------------

async function follows(server, page) {
  await ask(page, '{service_name="tail"}');
  await page.click("#live");
  await until(() => page.getAttribute("#live", "data-state"), (s) => s === "live", "a tail is opened");
  await server.push([{ labels: { service_name: "tail", zone: "z" }, entries: [[0, "level=error first", { pod: "p-9" }]] }]);
  const sent = Date.now();
  await until(() => lines(page), (l) => l[0] === "level=error first", "a line that is pushed appears", 3000);
  check(Date.now() - sent < 1000, "within a second", Date.now() - sent);
  await page.locator("#entries .head").first().click();
  await until(() => group(page, "metadata"), (m) => m.pod === "p-9", "its kinds of labels are asked for when it is opened");
  equal(await group(page, "stream"), { service_name: "tail", zone: "z" }, "all of them");
  await until(() => page.locator("#fields .name").allTextContents(), (l) => l.includes("pod"), "the first line of an empty list has its fields told");
  await page.keyboard.press("Escape");
  for (let i = 0; i < 6; i++)
    await server.push([{ labels: { service_name: "tail" }, entries: Array.from({ length: 250 }, (_, n) => [0, `burst ${i * 250 + n}`]) }]);
  await until(() => textOf(page, "#tailing"), (t) => t === "live: 1,000 of at most 1,000 entries, 501 older ones left out", "1500 lines do not make the list longer than 1000, and it says so");
  check((await page.locator("#entries .entry").count()) <= 1000, "nor the page", await page.locator("#entries .entry").count());
  equal((await lines(page)).slice(0, 3), ["burst 1499", "burst 1498", "burst 1497"], "the last line is the first");
  await until(() => counts(page), (c) => c.error === 1 && c.unknown === 1500, "the bars move on");
  await shot(page, "logs-live");
  await readable(page, "live");

  server.signal("SIGSTOP");
  await until(() => page.locator("#lost").isVisible(), Boolean, "a server that says nothing any more is lost");
  server.signal("SIGCONT");
  await until(() => page.locator("#lost").isHidden(), Boolean, "and found again");

  await server.stop("SIGKILL");
  await until(() => page.locator("#lost").isVisible(), Boolean, "a lost connection is shown", 3000);
  check(/^connection lost at \d\d:\d\d:\d\d: nothing new is shown/.test(await textOf(page, "#lost")), "in words", await textOf(page, "#lost"));
  await shot(page, "logs-lost");
  await server.start("--self-interval", "1s");
  await server.push([{ labels: { service_name: "tail" }, entries: [[0, "after the restart"]] }]);
  await until(() => lines(page), (l) => l[0] === "after the restart", "the tail comes back by itself, and misses nothing");
  check(await page.locator("#lost").isHidden(), "and the mark goes");
  await page.click("#live");
  equal(await page.getAttribute("#live", "aria-pressed"), "false", "the button ends it");
  page.faults = page.faults.filter((f) => !/WebSocket connection|ERR_CONNECTION|status of 503/.test(f));
  await quiet(page, "live");
}

// What a server says that cannot keep up: no test makes a real one drop at will.
async function countsWhatIsDropped(server, browser) {
  const page = await browser.open("about:blank");
  let frame = null;
  await page.routeWebSocket(/\/loki\/api\/v1\/tail/, (socket) => { frame = (f) => socket.send(JSON.stringify(f)); });
  await page.goto(`${server.url}/explore?mode=logs&live=1&expr=${encodeURIComponent('{service_name="tail"}')}`);
  await until(() => frame !== null && page.getAttribute("#live", "data-state"), (s) => s === "live", "live is in the address");
  const dropped = (n) => [{ labels: { dropped: String(n) }, timestamp: "1" }];
  frame({ streams: [{ stream: { service_name: "tail" }, values: [[`${Date.now()}000000`, "kept"]] }], dropped_entries: dropped(1200) });
  frame({ streams: [], dropped_entries: dropped(34) });
  await until(() => textOf(page, "#tailing"), (t) => t.endsWith("1,234 dropped, too fast to show"), "dropped entries are counted");
  equal((await lines(page))[0], "kept", "beside those that came");
  await quiet(page, "dropped");
}

// ---- hostile ---------------------------------------------------------------------------------

const MARKUP = "<img src=x onerror=window.isHurt=1>";
const SCRIPT = "</script><script>window.isHurt=1</script>";
const LONG = `long ${"x".repeat(100000)}${"\u0001".repeat(100000)}${"y".repeat(50000)} end`;

async function staysText(server, page) {
  await server.push([{ labels: { service_name: "evil", markup: MARKUP, quotes: 'a"b\\c`{}' }, entries: [
    [0, MARKUP, { meta: SCRIPT }], [10, SCRIPT], [20, "\u001b[1;31mred\u001b[0m and \u001b]8;;http://x\u0007link\u001b]8;;\u0007"], [30, "bell\u0007 back\b nul\u0000"],
    [40, "safe\u202egnp.exe"], [50, "one\r\n2026-01-01 12:00:00 ERROR two"], [60, ""], [70, "\ud83d\ude00 שלום"], [80, LONG]] }]);
  const began = Date.now();
  await ask(page, '{service_name="evil"}');
  check(Date.now() - began < 3000, "a line of 250 KB does not hold the page up", Date.now() - began);
  const saw = await lines(page);
  equal(saw.slice(0, 8), [MARKUP, SCRIPT, "red and link", "bell\\u0007 back\\u0008 nul\\u0000", "safe\\u202egnp.exe", "one↵ 2026-01-01 12:00:00 ERROR two", "", "\ud83d\ude00 שלום"],
    "markup is text, colours are gone, what is not seen is spelled out, an entry is one row");
  check(saw[8].length < 1100 && saw[8].endsWith("…"), "a long line is cut", saw[8].length);
  await page.locator("#entries .head").first().click();
  equal([await group(page, "stream"), (await group(page, "metadata")).meta], [{ markup: MARKUP, quotes: 'a"b\\c`{}', service_name: "evil" }, SCRIPT], "labels are text");
  await shot(page, "logs-hostile");
  await button(page, "stream", "quotes", ".only").click();
  await said(page);
  equal((await lines(page)).length, 9, `a value with its escapes finds its stream: ${await expr(page)}`);
  await page.locator("#entries .head").last().click();
  const opened = Date.now();
  await page.locator(".detail .all").click();
  const whole = await textOf(page, ".detail pre");
  check(Date.now() - opened < 3000, "all of it is shown in a moment", Date.now() - opened);
  check(whole.endsWith("y end") && whole.length === 150009 + 600000, "to its end, with all that is not seen", [whole.length, whole.slice(-8)]);
  await page.click("#expr");
  await page.fill("#expr", "{markup=");
  await page.press("#expr", "End");
  await page.keyboard.type('"');
  await until(() => choices(page), (l) => l.includes(MARKUP), "values are offered as text");
  await page.keyboard.press("Escape");
  await page.goto(`${server.url}/explore?mode=logs&expr=${encodeURIComponent(MARKUP)}&range=${encodeURIComponent(SCRIPT)}&live=${encodeURIComponent(MARKUP)}`);
  await said(page);
  equal(await expr(page), MARKUP, "markup in the address is text in its field");
  check(!(await page.evaluate(() => Boolean(window.isHurt) || document.querySelector("img") !== null || document.scripts.length !== 1)), "nothing ran or became an element");
  page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
  await quiet(page, "hostile lines");
}

async function fitsAPhone(server, browser) {
  const page = await browser.open(`${server.url}/explore?mode=logs&expr=${encodeURIComponent('{service_name=~"shop|evil|orders"}')}`, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await until(() => lines(page), (l) => l.length === SHOP.length + 10, "the phone lists");
  await noSidewaysScroll(page, "phone, list of logs");
  await shot(page, "logs-phone");
  await readable(page, "phone");
  const bars = await page.locator("#bars .u-over").boundingBox(), cdp = await page.context().newCDPSession(page);
  const touch = (type, share) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: share === null ? [] : [{ x: bars.x + bars.width * share, y: bars.y + 30 }] });
  await touch("touchStart", 0.5);
  for (const share of [0.6, 0.7, 0.8, 0.9, 0.95]) await touch("touchMove", share);
  await page.waitForTimeout(300); /* a finger that lifts while it moves flings, and the tap after that is taken for its end */
  await touch("touchEnd", null);
  await until(() => page.inputValue("#range").then(Number), (s) => s > 1500 && s < 1800, "a finger drags a range");
  await until(() => lines(page), (l) => l.length > 5 && l.length < SHOP.length, "which is listed");
  await page.goBack();
  await until(() => lines(page), (l) => l.length === SHOP.length + 10, "and back is the hour");
  await until(() => counts(page), (c) => c.unknown > 0, "with its bars");
  await page.locator("#entries .head").first().tap();
  await until(() => page.locator(".detail").count(), (n) => n === 1, "a tap opens an entry");
  await page.locator("#side summary").tap();
  await until(() => page.locator("#fields .head").count(), (n) => n > 3, "and the fields");
  await page.locator("#fields .head").first().tap();
  await page.locator("#fields .values b").first().waitFor();
  await noSidewaysScroll(page, "phone, opened entry and fields");
  await shot(page, "logs-phone-open");
  await noCutText(page, "phone");
  await quiet(page, "phone");
}

await play(async (server, browser) => {
  await sendAll(server);
  const page = await switchesMode(server, browser);
  await completes(page);
  await listsAndCounts(page);
  await zooms(page);
  await opens(server, page);
  await tellsFields(page);
  await loadsOlder(page);
  await keepsItsState(page);
  await saysWhatIsWrong(server, page);
  await quiet(page, "logs");
  await worksByKeyboard(server, browser);
  await staysText(server, page);
  await fitsAPhone(server, browser);
  await page.goto(`${server.url}/explore?mode=logs`);
  await follows(server, page);
  await countsWhatIsDropped(server, browser);
});

// Traces on the query page: found as they were sent, a trace as a waterfall with all that its
// spans carry, the map of the services, the way to the logs and back, numbers made of spans.
import { check, equal, noCutText, noSidewaysScroll, play, quiet, readable, shot, textOf, until } from "./stage.mjs";

const hex = (n, digits) => n.toString(16).padStart(digits, "0");
const traceId = (i) => `4bf92f3577b34da6a3ce929d${hex(i + 1, 8)}`;
const SHOP = 12, FAILING = [3, 7];
const MARKUP = '"><img src=x onerror="window.isHurt=1">\u202e';
const HOSTILE = "deadbeefdeadbeefdeadbeefdeadbeef";

// web (server) -> web (client) -> cart (server) -> cart (client) -> stock (server)
function shopTrace(i) {
  const id = traceId(i), isError = FAILING.includes(i), at = 5000 + i * 20000, span = (n) => hex(i * 16 + n + 1, 16);
  const common = { traceId: id };
  return [
    { ...common, service: "web", id: span(0), name: "GET /cart", kind: 2, ageMs: at, ms: 100 + i, isError, attributes: { "http.route": "/cart", "http.response.status_code": isError ? 500 : 200 } },
    { ...common, service: "web", id: span(1), parentId: span(0), name: "call cart", kind: 3, ageMs: at - 10, ms: 80, isError },
    { ...common, service: "cart", id: span(2), parentId: span(1), name: "Cart/Get", kind: 2, ageMs: at - 15, ms: 70, isError, attributes: { "cart.id": `c-${i}` },
      events: isError ? [{ name: "exception", afterMs: 30, attributes: { "exception.message": "no stock\nat take (stock.js:7)" } }] : [] },
    { ...common, service: "cart", id: span(3), parentId: span(2), name: "call stock", kind: 3, ageMs: at - 20, ms: 40 },
    { ...common, service: "stock", id: span(4), parentId: span(3), name: "Stock/Take", kind: 2, ageMs: at - 22, ms: 30, links: i === 1 ? [{ traceId: traceId(0), id: hex(1, 16) }] : [] },
  ];
}

const query = (page) => page.inputValue("#traceql");
const said = (page) => until(() => textOf(page, "#message"), (t) => t !== "running …" && t !== "", "the query ends");
const found = (page) => page.locator("#found .trace").evaluateAll((all) => all.map((b) => b.dataset.id));
const names = (page) => page.locator("#spans .head .name").allTextContents();
const at = (page, name) => new URL(page.url()).searchParams.get(name);

async function ask(page, text) {
  await page.fill("#traceql", text);
  await page.press("#traceql", "Enter");
  await said(page);
}

async function sendAll(server) {
  for (let i = 0; i < SHOP; i++) await server.sendSpans(shopTrace(i));
  await server.sendLogs("cart", [{ ageMs: 5000 + 3 * 20000, body: "could not take stock", severity: 17, severityText: "ERROR", traceId: traceId(3) }]);
}

async function finds(server, browser) {
  const page = await browser.open(`${server.url}/explore`);
  await page.focus("#mode-metrics");
  await page.keyboard.press("ArrowLeft");
  await until(() => found(page), (l) => l.length === SHOP && l[0] === traceId(0) && l[SHOP - 1] === traceId(SHOP - 1), "without a query the newest traces are listed, newest first");
  equal([at(page, "mode"), await page.locator("#traceql").isVisible()], ["traces", true], "the address says so");
  await shot(page, "traces-list");
  await readable(page, "traces");
  await ask(page, "{ status = error }");
  equal((await found(page)).sort(), FAILING.map(traceId).sort(), "a query finds those that failed");
  equal(await page.locator("#found .errors").allTextContents(), ["3 errors", "3 errors"], "with their errors counted");
  await ask(page, '{ resource.service.name = "cart" && span.cart.id = "c-5" }');
  equal(await found(page), [traceId(5)], "an attribute finds one");
  await ask(page, "{ duration > 1h }");
  check(await page.locator("#no-traces").isVisible(), "none found is said");
  await ask(page, "{ status = }");
  await until(() => page.locator("#message[data-bad]").count(), (n) => n === 1, "a wrong query is an error");
  check(/line|column|position|1:/.test(await textOf(page, "#message")), "that says where", await textOf(page, "#message"));
  page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
  return page;
}

async function completes(page) {
  const choices = () => page.locator("#traceql-choices bdi").allTextContents();
  await page.fill("#traceql", "");
  await page.locator("#traceql").pressSequentially("{ cart");
  await until(choices, (l) => l.includes("span.cart.id"), "attributes are completed");
  await page.keyboard.press("Tab");
  await page.locator("#traceql").pressSequentially(" = ");
  await until(choices, (l) => l.includes("c-4"), "and their values");
  await page.locator("#traceql").pressSequentially('"c-4');
  await until(choices, (l) => l[0] === "c-4" && l.length === 1, "narrowed as one types");
  await page.keyboard.press("Tab");
  await page.locator("#traceql").pressSequentially(" }");
  equal(await query(page), '{ span.cart.id = "c-4" }', "a query is made of choices");
  await page.keyboard.press("Enter");
  await until(() => found(page), (l) => l.length === 1 && l[0] === traceId(4), "which runs");
}

async function opens(page) {
  await ask(page, "{ status = error }");
  await page.locator(`#found .trace[data-id="${traceId(3)}"]`).click();
  await until(() => names(page), (l) => l.join() === "GET /cart,call cart,Cart/Get,call stock,Stock/Take", "a trace is a waterfall, parents before their children");
  equal(at(page, "trace"), traceId(3), "its id is in the address");
  equal(await page.locator("#trace-services bdi").allTextContents(), ["web", "cart", "stock"], "its services are named");
  equal(await page.locator("#spans [data-error]").count(), 3, "errors are marked");
  const bars = await page.locator("#spans .bar").evaluateAll((all) => all.map((b) => [b.getBoundingClientRect().left, b.getBoundingClientRect().width]));
  check(bars.every(([left], i) => i === 0 || left >= bars[i - 1][0]) && bars[0][1] > 2.5 * bars[3][1] * 0.9, "bars lie where and as long as the spans did", bars);
  await shot(page, "traces-waterfall");
  await page.locator("#spans .head").nth(2).click();
  const labels = await page.locator(".detail .group .name").allTextContents(), values = await page.locator(".detail .group .value").allTextContents();
  check(labels.includes("cart.id") && values.includes("c-3") && labels.includes("exception.message") && values.some((v) => v.includes("no stock\nat take")), "an opened span tells its attributes and events", labels);
  await shot(page, "traces-span");
  await readable(page, "waterfall");
  await page.getByRole("button", { name: "logs of this trace" }).click();
  await until(() => page.locator("#entries .line").allTextContents(), (l) => l.length === 1 && l[0] === "could not take stock", "the trace leads to its logs");
  await page.locator("#entries .head").first().click();
  await page.locator(".to-trace").click();
  await until(() => names(page), (l) => l.length === 5, "and a log line to its trace");
  await page.locator("#back").click();
  await until(() => found(page), (l) => l.length > 0, "and there is a way back");
  await ask(page, traceId(1));
  await until(() => names(page), (l) => l.length === 5, "a trace id is as good as a query");
  await page.locator("#spans .head").nth(4).click();
  await page.getByRole("button", { name: "open that trace" }).click();
  await until(() => at(page, "trace"), (id) => id === traceId(0), "a link leads to the other trace");
  await ask(page, "ffffffffffffffffffffffffffffffff");
  check(/no trace ffff/.test(await textOf(page, "#message")), "a trace that is not there is said", await textOf(page, "#message"));
  page.faults = page.faults.filter((f) => !/status of 404/.test(f));
}

async function worksByKeyboard(page) {
  await ask(page, traceId(2));
  await until(() => names(page), (l) => l.length === 5, "a trace for the keyboard");
  await page.locator("#spans .head").first().focus();
  const focused = () => page.evaluate(() => document.activeElement.querySelector?.(".name")?.textContent);
  await page.keyboard.press("ArrowDown");
  equal(await focused(), "call cart", "down goes to the next span");
  await page.keyboard.press("ArrowLeft");
  equal(await names(page), ["GET /cart", "call cart"], "left closes its children");
  await page.keyboard.press("ArrowRight");
  equal((await names(page)).length, 5, "right opens them");
  await page.keyboard.press("Enter");
  equal(await page.locator(".detail").count(), 1, "Enter opens the span");
}

async function drawsMap(page) {
  await page.locator("#view-map").click();
  for (let i = 0; i < 30 && (await page.locator("#map-rows tr").count()) < 2; i++) {
    await page.waitForTimeout(500);
    await page.locator("#run").click();
    await said(page);
  }
  const rows = await page.locator("#map-rows tr").evaluateAll((all) => all.map((r) => [...r.children].slice(0, 2).map((c) => c.textContent).join(">")));
  check(rows.includes("web>cart") && rows.includes("cart>stock"), "the service map knows who calls whom", rows);
  const [web, cart] = await page.locator(".node").evaluateAll((all) => ["web", "cart"].map((n) => all.find((g) => g.querySelector(".name").textContent === n).getBoundingClientRect().left));
  check(web < cart, "callers stand left of the called", [web, cart]);
  await shot(page, "traces-map");
  await page.locator(".node").filter({ hasText: "cart" }).first().click();
  await until(() => query(page), (q) => q === '{ resource.service.name = "cart" }', "a service on the map leads to its traces");
  await until(() => found(page), (l) => l.length === SHOP, "which are listed");
}

async function countsSpans(page) {
  await ask(page, "{ } | rate() by (resource.service.name)");
  const keys = await page.locator("#trace-keys bdi").allTextContents();
  check(["web", "cart", "stock"].every((s) => keys.some((k) => k.includes(s))), "numbers made of spans have a line each", keys);
  await shot(page, "traces-rate");
}

async function followsExemplars(server, browser) {
  const page = await browser.open(`${server.url}/explore?q=${encodeURIComponent('traces_spanmetrics_latency_bucket{service="cart"}')}`);
  const links = await until(() => page.locator("#exemplars a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))), (l) => l.length > 0, "a metric's exemplars are listed");
  check(links.every((l) => /^\/explore\?mode=traces&trace=4bf92f3577b34da6a3ce929d[0-9a-f]{8}&span=[0-9a-f]{16}$/.test(l)), "each with its trace and span", links);
  await shot(page, "metrics-exemplars");
  await page.locator("#exemplars a").first().click();
  await until(() => names(page), (l) => l.length === 5, "which it leads to");
  equal(await page.locator("#spans .is-open").count(), 1, "with its span open");
  await quiet(page, "exemplars");
}

async function staysText(server, page) {
  await server.sendSpans([{ service: MARKUP, traceId: HOSTILE, id: hex(9, 16), name: MARKUP, ageMs: 1000, ms: 5, attributes: { [MARKUP]: MARKUP }, events: [{ name: MARKUP, afterMs: 1, attributes: { [MARKUP]: MARKUP } }] }]);
  await ask(page, HOSTILE);
  await until(() => names(page), (l) => l.length === 1, "a hostile span is shown");
  await page.locator("#spans .head").first().click();
  await shot(page, "traces-hostile");
  check(!(await page.evaluate(() => Boolean(window.isHurt) || document.querySelector("img") !== null)), "nothing ran or became an element");
}

async function fitsAPhone(server, browser) {
  const page = await browser.open(`${server.url}/explore?mode=traces&trace=${traceId(3)}`, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await until(() => names(page), (l) => l.length === 5, "a phone shows the waterfall");
  await noSidewaysScroll(page, "phone, waterfall");
  await shot(page, "traces-phone");
  await page.locator("#spans .head").nth(2).tap();
  await until(() => page.locator(".detail").count(), (n) => n === 1, "a tap opens a span");
  await noSidewaysScroll(page, "phone, opened span");
  await page.locator("#back").tap();
  await until(() => found(page), (l) => l.length >= SHOP, "and back");
  await noSidewaysScroll(page, "phone, list of traces");
  await shot(page, "traces-phone-list");
  await readable(page, "phone");
  await noCutText(page, "phone");
  await quiet(page, "phone");
}

await play(async (server, browser) => {
  await sendAll(server);
  const page = await finds(server, browser);
  await completes(page);
  await opens(page);
  await worksByKeyboard(page);
  await drawsMap(page);
  await countsSpans(page);
  await followsExemplars(server, browser);
  await staysText(server, page);
  await quiet(page, "traces");
  await fitsAPhone(server, browser);
}, "--self-records=false");

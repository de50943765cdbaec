// A query is typed with completion, run, drawn and listed; the address keeps all of it.
import { check, equal, noCutText, noSidewaysScroll, play, quiet, readable, shot, sleep, textOf, until } from "./stage.mjs";

const choices = (page) => page.locator("#choices bdi").allTextContents();
const query = (page) => page.inputValue("#query");
const isOpen = (page) => page.locator("#choices").isVisible();
const said = (page) => until(() => textOf(page, "#message"), (t) => t !== "running …" && t !== "", "the query ends");

async function clear(page) {
  await page.fill("#query", "");
  await page.focus("#query");
}

// Pixels of exactly this colour: a line, not a grid.
const pixels = (page, rgb) => page.locator("#plot canvas").evaluate((canvas, [r, g, b]) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n++;
  return n;
}, rgb);

async function completes(page) {
  await clear(page);
  await page.keyboard.type("sum by (rou");
  await until(() => choices(page), (list) => list[0] === "route", "by ( is followed by label names");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await query(page), "sum by (route", "the name goes in as it is");
  await page.keyboard.type(") (shop_re");
  await until(() => choices(page), (list) => list.includes("shop_requests_total"), "a prefix finds metric names");
  await shot(page, "explore-choices");
  await readable(page, "choices");
  await page.keyboard.press("ArrowDown");
  equal(await page.getAttribute("#query", "aria-activedescendant"), "choice-0", "an arrow marks a choice, for screen readers too");
  await page.keyboard.press("Enter");
  equal(await query(page), "sum by (route) (shop_requests_total", "Enter takes it");
  await page.keyboard.type("{ro");
  await until(() => choices(page), (list) => list.includes("route"), "a brace is followed by label names");
  check(!(await choices(page)).includes("unrelated"), "of that metric only", await choices(page));
  await page.keyboard.press("Tab");
  await until(() => choices(page), (list) => list.includes("/cart") && list.includes("/pay"), "a label is followed by its values");
  check(!(await choices(page)).includes("far"), "of that metric only", await choices(page));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await query(page), 'sum by (route) (shop_requests_total{route="/pay"', "two arrows take the second");
  await page.keyboard.press("End");
  await page.keyboard.type("})");
  await page.keyboard.press("Enter");
  await said(page);
  equal(await page.locator("#legend bdi").allTextContents(), ['{route="/pay"}'], "Enter runs it");
}

async function completionStaysOutOfTheWay(page) {
  await clear(page);
  await page.keyboard.type("shop_gauge");
  await until(() => isOpen(page), Boolean, "shop_gauge and shop_gauge_two: a choice is open");
  await page.keyboard.press("Enter");
  await said(page);
  equal(await query(page), "shop_gauge", "Enter with nothing marked runs what was typed");
  check(!(await isOpen(page)), "and closes the choices");
  await clear(page);
  await page.keyboard.type("shop_g");
  await until(() => isOpen(page), Boolean, "choices open again");
  await page.keyboard.press("Escape");
  check(!(await isOpen(page)), "Escape closes them");
  await clear(page);
  await page.keyboard.type("rate(x[5m");
  await sleep(400);
  check(!(await isOpen(page)), "a duration is left alone");
  await clear(page);
  await page.keyboard.type("histogram_qu");
  await until(() => choices(page), (l) => l[0] === "histogram_quantile", "functions are offered");
  await page.locator("#choices li").first().click();
  equal(await query(page), "histogram_quantile(", "a click takes one");
}

async function showsTheAnswer(server, page) {
  await clear(page);
  await page.keyboard.type("shop_gauge");
  await page.keyboard.press("Enter");
  await said(page);
  const answer = (await server.api("/api/v1/query", { query: "shop_gauge" })).data.result;
  check((await pixels(page, [0x5a, 0xb0, 0xff])) > 20, "the first line has pixels", await pixels(page, [0x5a, 0xb0, 0xff]));
  check((await pixels(page, [0x41, 0xd1, 0x7a])) > 20, "the second too");
  equal(await page.locator("#legend li").count(), answer.length, "a key for each series");
  await page.locator("#legend button").first().click();
  await until(() => pixels(page, [0x5a, 0xb0, 0xff]), (n) => n === 0, "a click on its key hides a line");
  await page.locator("#legend button").first().click();
  await until(() => pixels(page, [0x5a, 0xb0, 0xff]), (n) => n > 20, "and shows it again");
  await shot(page, "explore-graph");
  await readable(page, "graph");
  await page.click("#tab-table");
  const rows = await page.locator("#rows tr").evaluateAll((list) => list.map((tr) => [...tr.cells].map((c) => c.textContent)));
  const want = answer.map(({ metric: { __name__: name, ...labels }, value }) =>
    [`${name}{${Object.entries(labels).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(", ")}}`, value[1]]);
  equal(rows.sort(), want.sort(), "the table's rows are the API's answer");
  await shot(page, "explore-table");
  await readable(page, "table");
}

async function keepsItsState(page) {
  await page.fill("#query", "shop_gauge");
  await page.selectOption("#range", "900");
  await page.fill("#step", "5");
  await page.click("#run");
  await page.click("#tab-graph");
  await page.click("#tab-table");
  const first = page.url();
  check(/q=shop_gauge/.test(first) && /range=900/.test(first) && /step=5/.test(first) && /tab=table/.test(first), "all of it is in the address", first);
  await page.reload();
  await until(() => page.locator("#rows tr").count(), (n) => n === 2, "a reload asks again");
  equal([await query(page), await page.inputValue("#range"), await page.inputValue("#step"), await page.locator("#table").isVisible()],
    ["shop_gauge", "900", "5", true], "and keeps query, range, step and tab");
  await page.fill("#query", "count(shop_gauge)");
  await page.click("#run");
  await until(() => page.locator("#rows tr").allTextContents(), (r) => r.length === 1 && r[0].endsWith("2"), "another query");
  await page.goBack();
  await until(() => query(page), (q) => q === "shop_gauge", "back brings the first");
  await until(() => page.locator("#rows tr").count(), (n) => n === 2, "and its answer");
  await page.goForward();
  await until(() => query(page), (q) => q === "count(shop_gauge)", "forward the second");
  await until(() => page.locator("#rows tr").count(), (n) => n === 1, "and its answer");
}

async function zooms(page) {
  await page.fill("#step", "");
  await page.selectOption("#range", "3600");
  await page.fill("#query", "shop_gauge");
  await page.click("#run");
  await page.click("#tab-graph");
  await until(() => page.locator("#legend li").count(), (n) => n === 2, "the graph is there");
  const box = await page.locator("#plot .u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await until(() => page.inputValue("#range").then(Number), (s) => s > 850 && s < 950, "a quarter of an hour, dragged, is 15 minutes");
  check(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(await page.inputValue("#end")), "until a time of its own", await page.inputValue("#end"));
  await page.fill("#end", "");
}

async function saysWhatIsWrong(server, page) {
  await page.fill("#query", "sum(");
  await page.click("#run");
  const api = await server.api("/api/v1/query", { query: "sum(" });
  await until(() => textOf(page, "#message"), (t) => t === api.error, `a bad query shows the API's words: ${api.error}`);
  check(await page.locator("#message").evaluate((e) => e.hasAttribute("data-bad")), "in the colour of errors");
  await readable(page, "error");
  await page.fill("#query", "shop_gauge[5m]");
  await page.click("#run");
  await until(() => textOf(page, "#message"), (t) => t.startsWith("no graph: "), "a range vector has no graph");
  equal(await page.locator("#rows tr").count(), 2, "and a table all the same");
  await page.fill("#query", "nothing_of_that_name");
  await page.click("#run");
  await until(() => textOf(page, "#message"), (t) => t.startsWith("0 series"), "no series is no error");
  page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
}

// From the address bar to a hidden line without a mouse.
async function worksByKeyboard(server, browser) {
  const page = await browser.open(`${server.url}/explore`);
  equal(await page.evaluate(() => document.activeElement.id), "query", "the query has the focus at once");
  await page.keyboard.type("shop_gau");
  await until(() => isOpen(page), Boolean, "choices open");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await until(() => page.locator("#legend li").count(), (n) => n === 2, "typed, chosen and run by keys");
  const order = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
  }
  equal(order, ["run", "range", "end", "step", "tab-graph", "BUTTON"], "Tab goes in the order of the page");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  equal(ring, "solid", "the focus is seen");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowRight");
  check(await page.locator("#table").isVisible(), "an arrow changes the tab");
  await quiet(page, "keyboard");
}

await play(async (server, browser) => {
  for (let i = 0; i < 3; i++) {
    await server.send("shop", [
      { name: "shop_gauge", value: 2 + i, labels: { place: "near" }, ageMs: (30 - i) * 60000 },
      { name: "shop_gauge", value: 1, labels: { place: "far" }, ageMs: (30 - i) * 60000 },
    ]);
    await server.send("shop", [
      { name: "shop_requests", value: 10 + i, labels: { route: "/cart" }, isCounter: true },
      { name: "shop_requests", value: 20 + i, labels: { route: "/pay" }, isCounter: true },
      { name: "shop_gauge", value: 3.25, labels: { place: "near" } },
      { name: "shop_gauge", value: -1e-7, labels: { place: "far" } },
      { name: "shop_gauge_two", value: 1, labels: { unrelated: "x", route: "far" } },
    ]);
    await sleep(20);
  }
  const page = await browser.open(`${server.url}/explore`);
  await completes(page);
  await completionStaysOutOfTheWay(page);
  await showsTheAnswer(server, page);
  await keepsItsState(page);
  await zooms(page);
  await noSidewaysScroll(page, "explore");
  await noCutText(page, "explore");
  await saysWhatIsWrong(server, page);
  await quiet(page, "explore");
  await worksByKeyboard(server, browser);

  const phone = await browser.open(`${server.url}/explore?q=shop_gauge&range=300`, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await until(() => phone.locator("#legend li").count(), (n) => n === 2, "the phone draws");
  await noSidewaysScroll(phone, "phone, graph");
  await shot(phone, "explore-phone");
  await phone.tap("#tab-table");
  await noSidewaysScroll(phone, "phone, table");
  await quiet(phone, "phone");
});

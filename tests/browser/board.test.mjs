// The board shows what was sent, goes on showing it, and says so when it cannot.
import http from "node:http";
import { check, equal, noCutText, noSidewaysScroll, play, quiet, readable, shot, sleep, textOf, until } from "./stage.mjs";

const MINUTE = 60000;
const rows = (page, id) => page.locator(`#${id} [data-list] li`).evaluateAll((list) =>
  list.map((li) => [li.querySelector("bdi")?.textContent ?? "", li.querySelector("b")?.textContent ?? ""]));
const figure = async (page, id) => Number((await textOf(page, `#${id} [data-big]`)).replaceAll(",", ""));
const hasInk = (page, selector) => page.locator(selector).evaluate((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 0) ink++;
  return ink;
});

async function showsWhatWasSent(server, page) {
  const before = await figure(page, "series");
  await until(() => figure(page, "series"), (n) => n > 0, "the board shows the server's own series");
  const metrics = (n) => Array.from({ length: n }, (_, i) => ({ name: `shop_gauge_${i}`, value: i, labels: { n: String(i) } }));
  equal((await server.send("cart", metrics(40))).status, 200, "40 series of cart are taken");
  equal((await server.send("payment", metrics(12))).status, 200, "12 series of payment are taken");
  const old = await server.send("cart", [{ name: "too_late", value: 1, ageMs: 60 * 24 * 60 * MINUTE }]);
  check(JSON.stringify(old.body).includes("rejectedDataPoints"), "a sample of 60 days ago is refused", old.body);

  await until(() => rows(page, "arrivals"), (r) => r.some(([name, rate]) => name === "metrics OTLP/HTTP" && rate !== "0/s"),
    "arrivals list metrics over OTLP/HTTP");
  const services = await until(() => rows(page, "services"), (r) => r.some(([n]) => n === "cart") && r.some(([n]) => n === "payment"),
    "services list cart and payment");
  const rate = (name) => services.find(([n]) => n === name)?.[1];
  equal([rate("cart"), rate("payment")], ["0.667/s", "0.2/s"], "their rates are 40 and 12 samples in a minute");
  await until(() => rows(page, "rejects"), (r) => r.some(([name, n]) => name === "too old" && n === "1"), "the reject and its reason are shown");
  check(await page.locator("#rejects").evaluate((e) => e.hasAttribute("data-alarm")), "a reject is an alarm");
  return before;
}

async function agreesWithTheStream(server, page) {
  const answer = await fetch(`${server.url}/-/live`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/data: .*\n\n/.test(text)) text += (await reader.read()).value;
  await reader.cancel();
  const s = JSON.parse(/data: (.*)\n/.exec(text)[1]);
  const sent = s.arrivals.find((a) => a.door === "otlp_http");
  equal(sent.total, 53, "the stream counts 53 items that arrived over OTLP/HTTP");
  await until(() => figure(page, "series"), (n) => Math.abs(n - s.series.active) <= 2, `the tile shows the stream's ${s.series.active} active series`);
  const own = await server.api("/api/v1/query", { query: 'count({job="cart"})' });
  equal(own.data.result[0]?.value[1], "40", "the query API counts 40 series of cart too");
}

async function isLive(server, page) {
  equal(await textOf(page, "#state"), "live", "the strip says live");
  const before = await figure(page, "series");
  await server.send("stock", [{ name: "one_more", value: 1 }, { name: "and_another", value: 1 }]);
  await until(() => figure(page, "series"), (n) => n >= before + 2, "two more series show within seconds", 5000);
  for (const id of ["arrivals", "services", "rejects", "series", "sync", "disk", "memory"])
    check((await hasInk(page, `#${id} canvas`)) > 500, `the chart of ${id} is drawn`);
  check(/^\d+ s$/.test(await textOf(page, "#age")), "the age is shown", await textOf(page, "#age"));
}

// On the server's port, something that refuses the stream once (which ends an EventSource
// for good) and then accepts it and says nothing.
async function isNotFooled(server, page) {
  let asked = 0;
  const impostor = http.createServer((request, answer) => {
    asked++;
    if (asked === 1) answer.writeHead(503).end("starting");
    else answer.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  });
  const [host, port] = server.http.split(":");
  await new Promise((resolve) => impostor.listen(Number(port), host, resolve));
  await until(() => asked, (n) => n >= 3, "the board asks again after a refusal, and where it hears nothing", 40000);
  check(await page.locator("#stale").isVisible(), "and is STALE all the while");
  impostor.closeAllConnections();
  await new Promise((resolve) => impostor.close(resolve));
}

async function goesStaleAndBack(server, page) {
  const isHidden = () => page.locator("#stale").isHidden();
  check(await isHidden(), "no mark while live");
  server.signal("SIGSTOP");
  await until(isHidden, (hidden) => !hidden, "a server that says nothing makes the board STALE");
  equal(await textOf(page, "#state"), "stale", "the strip says so too");
  await readable(page, "stale board");
  check((await page.title()).startsWith("STALE"), "and the title", await page.title());
  await shot(page, "board-stale");
  const size = await page.locator("#stale p").evaluate((e) => parseFloat(getComputedStyle(e).fontSize));
  check(size > 300, "the mark is as large as the wall", size);
  await until(() => textOf(page, "#age"), (age) => Number.parseInt(age) >= 8, "the age goes on counting");
  server.signal("SIGCONT");
  await until(isHidden, (hidden) => hidden, "the mark goes when the server goes on");

  await server.stop("SIGKILL");
  await until(isHidden, (hidden) => !hidden, "a server that died makes the board STALE");
  await isNotFooled(server, page);
  await server.start("--self-interval", "1s");
  await until(isHidden, (hidden) => hidden, "the mark goes when it is back on the same port", 30000);
  await until(() => textOf(page, "#state"), (s) => s === "live", "and the strip says live");
}

await play(async (server, browser) => {
  const page = await browser.open(server.url);
  await showsWhatWasSent(server, page);
  await agreesWithTheStream(server, page);
  await isLive(server, page);
  await sleep(1500);
  await noCutText(page, "board");
  await noSidewaysScroll(page, "board");
  await readable(page, "board with an alarm");
  const tall = await page.evaluate(() => document.documentElement.scrollHeight);
  check(tall <= 1080, "the wall needs no scrolling", tall);
  const small = await page.evaluate(() => Math.min(...[...document.querySelectorAll("body *")]
    .filter((e) => e.childElementCount === 0 && e.textContent.trim() && e.offsetParent).map((e) => parseFloat(getComputedStyle(e).fontSize))));
  check(small >= 22, "the smallest text of the wall has 22 px or more", small);
  await shot(page, "board");
  await quiet(page, "board");

  const phone = await browser.open(server.url, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await until(() => textOf(phone, "#state"), (s) => s === "live", "the phone is live");
  await noSidewaysScroll(phone, "phone");
  await noCutText(phone, "phone");
  await shot(phone, "board-phone");
  await quiet(phone, "phone");

  await goesStaleAndBack(server, page);
});

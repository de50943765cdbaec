// What the browser tests share: a server of their own on free ports, a Chromium that runs
// nothing but the pages, and checks that say what they saw.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const ANDON = process.argv[2] ?? "build/release/andon";
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const WALL = { width: 1920, height: 1080 };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let failed = 0, passed = 0;

export function check(isTrue, what, saw = "") {
  if (isTrue) passed++;
  else failed++;
  console.log(`${isTrue ? "ok    " : "FAILED"} ${what}${saw === "" ? "" : ` | saw: ${JSON.stringify(saw)}`}`);
}

export const equal = (saw, want, what) => check(JSON.stringify(saw) === JSON.stringify(want), `${what} | want: ${JSON.stringify(want)}`, saw);

// Asks until the answer passes, at most `ms`; the check shows the last answer.
export async function until(ask, isRight, what, ms = 15000) {
  const end = Date.now() + ms;
  let saw;
  do {
    saw = await ask();
    if (isRight(saw)) break;
    await sleep(100);
  } while (Date.now() < end);
  check(isRight(saw), what, saw);
  return saw;
}

// ---- a server ------------------------------------------------------------------------------

export class Server {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "andon-browser-"));
    this.http = "127.0.0.1:0";
  }

  // Again on the same port and folder when it ran before.
  async start(...flags) {
    this.log = "";
    this.process = spawn(ANDON, ["serve", "--data-dir", this.dir, "--http-listen", this.http, "--grpc-listen", "",
      "--tcp-listen", "127.0.0.1:0", "--udp-listen", "127.0.0.1:0", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    this.process.stderr.on("data", (text) => { this.log += text; });
    this.ended = new Promise((resolve) => this.process.on("exit", resolve));
    for (let i = 0; i < 300 && !/ ready http=/.test(this.log); i++) await sleep(50);
    const found = / ready http=(\S+)/.exec(this.log);
    if (!found) throw new Error(`the server did not start:\n${this.log}`);
    this.http = found[1];
    this.url = `http://${this.http}`;
    return this;
  }

  signal(name) {
    process.kill(this.process.pid, name);
  }

  async stop(name = "SIGTERM") {
    this.signal(name);
    await this.ended;
  }

  async end() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.signal("SIGCONT");
      await this.stop("SIGKILL");
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  async api(path, parameters) {
    const answer = await fetch(`${this.url}${path}`, { method: "POST", body: new URLSearchParams(parameters) });
    return answer.json();
  }

  // metrics: [{name, value, labels, ageMs, isCounter}] of one service, over OTLP/HTTP as JSON.
  async send(service, metrics) {
    const attributes = (labels) => Object.entries(labels ?? {}).map(([key, stringValue]) => ({ key, value: { stringValue } }));
    const points = (m) => [{ timeUnixNano: String(BigInt(Date.now() - (m.ageMs ?? 0)) * 1000000n), asDouble: m.value, attributes: attributes(m.labels) }];
    const body = { resourceMetrics: [{ resource: { attributes: attributes({ "service.name": service }) }, scopeMetrics: [{
      metrics: metrics.map((m) => ({ name: m.name, ...(m.isCounter
        ? { sum: { dataPoints: points(m), aggregationTemporality: 2, isMonotonic: true } } : { gauge: { dataPoints: points(m) } }) })) }] }] };
    const answer = await fetch(`${this.url}/v1/metrics`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  // streams: [{labels, entries: [[ageMs, line, metadata]]}], as Promtail sends them.
  async push(streams) {
    const now = BigInt(Date.now());
    const values = (entries) => entries.map(([ageMs, line, metadata]) => [String((now - BigInt(ageMs)) * 1000000n), line, ...(metadata ? [metadata] : [])]);
    const body = { streams: streams.map(({ labels, entries }) => ({ stream: labels, values: values(entries) })) };
    const answer = await fetch(`${this.url}/loki/api/v1/push`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (answer.status !== 204) throw new Error(`push: ${answer.status} ${await answer.text()}`);
  }

  // records: [{ageMs, body, severity, severityText, attributes, traceId}] of one service, over OTLP/HTTP as JSON.
  async sendLogs(service, records) {
    const attributes = (labels) => Object.entries(labels ?? {}).map(([key, stringValue]) => ({ key, value: { stringValue } }));
    const logRecords = records.map((r) => ({ timeUnixNano: String(BigInt(Date.now() - (r.ageMs ?? 0)) * 1000000n), body: { stringValue: r.body },
      severityNumber: r.severity, severityText: r.severityText, attributes: attributes(r.attributes), ...(r.traceId ? { traceId: r.traceId, spanId: r.traceId.slice(0, 16) } : {}) }));
    const body = { resourceLogs: [{ resource: { attributes: attributes({ "service.name": service }) }, scopeLogs: [{ logRecords }] }] };
    const answer = await fetch(`${this.url}/v1/logs`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`/v1/logs: ${answer.status} ${await answer.text()}`);
  }

  // spans: [{service, traceId, id, parentId, name, kind, ageMs, ms, isError, attributes, events, links}], over OTLP/HTTP as JSON.
  async sendSpans(spans) {
    const attributes = (labels) => Object.entries(labels ?? {}).map(([key, value]) => ({ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } }));
    const now = Date.now(), ns = (ms) => String(BigInt(Math.round(ms * 1000)) * 1000n);
    const body = { resourceSpans: [...new Set(spans.map((s) => s.service))].map((service) => ({ resource: { attributes: attributes({ "service.name": service }) }, scopeSpans: [{
      scope: { name: "stage", version: "1" }, spans: spans.filter((s) => s.service === service).map((s) => ({ traceId: s.traceId, spanId: s.id, parentSpanId: s.parentId, name: s.name, kind: s.kind ?? 1,
        startTimeUnixNano: ns(now - s.ageMs), endTimeUnixNano: ns(now - s.ageMs + s.ms), status: s.isError ? { code: 2, message: "it failed" } : undefined, attributes: attributes(s.attributes),
        events: (s.events ?? []).map((e) => ({ name: e.name, timeUnixNano: ns(now - s.ageMs + e.afterMs), attributes: attributes(e.attributes) })),
        links: (s.links ?? []).map((l) => ({ traceId: l.traceId, spanId: l.id })) })) }] })) };
    const answer = await fetch(`${this.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`/v1/traces: ${answer.status} ${await answer.text()}`);
  }
}

// ---- a browser -----------------------------------------------------------------------------

export class Browser {
  async start() {
    this.chromium = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
    return this;
  }

  // A page of its own; what it complains about is kept in page.faults.
  async open(url, options = {}) {
    const context = await this.chromium.newContext({ viewport: WALL, ...options });
    const page = await context.newPage();
    page.faults = [];
    page.on("console", (m) => {
      const isOurs = m.text().includes("willReadFrequently"); // the tests read canvases
      if (!isOurs && (m.type() === "error" || m.type() === "warning")) page.faults.push(m.text());
    });
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("dialog", (dialog) => {
      page.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
    });
    await page.goto(url);
    return page;
  }

  async end() {
    await this.chromium.close();
  }
}

export const textOf = (page, selector) => page.locator(selector).first().textContent();

// Pictures are kept where SHOTS says; without it none is taken.
export async function shot(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: false });
}

export async function noSidewaysScroll(page, what) {
  const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  check(wide <= shown, `${what}: nothing is wider than the screen`, [wide, shown]);
}

// Texts whose end is cut off though nothing says so.
export async function noCutText(page, what) {
  const cut = await page.evaluate(() => [...document.querySelectorAll("h2, .big, .note, .list b, .strip > *, button, label")]
    .filter((e) => e.offsetParent && (e.scrollWidth > e.clientWidth + 1) && getComputedStyle(e).display !== "inline" && getComputedStyle(e).textOverflow !== "ellipsis")
    .map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)} ${e.scrollWidth}>${e.clientWidth}`));
  equal(cut, [], `${what}: no text is cut off`);
}

// WCAG contrast of every text against what lies behind it.
export async function readable(page, what) {
  const bad = await page.evaluate(() => {
    const parse = (c) => c.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const c = parse(getComputedStyle(at).backgroundColor);
        if (c.length === 3 || c[3] === 1) return c;
      }
      return [255, 255, 255];
    };
    const texts = [...document.querySelectorAll("body *")].filter((e) => e.offsetParent &&
      [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
    return { seen: texts.length, bad: texts.map((e) => {
      const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), `${e.tagName}#${e.id} ${e.textContent.slice(0, 30)}`];
    }).filter(([contrast]) => contrast < 4.5) };
  });
  check(bad.seen > 5 && bad.bad.length === 0, `${what}: every text has a contrast of 4.5 or more`, bad);
}

export async function quiet(page, what) {
  equal(page.faults, [], `${what}: the console is silent`);
  equal(await page.evaluate(() => window.violations), [], `${what}: the content security policy has nothing to report`);
}

// body(server, browser) with both, which end whatever happens; then the verdict.
export async function play(body, ...flags) {
  const server = new Server(), browser = new Browser();
  try {
    await server.start("--self-interval", "1s", "--span-metrics-interval", "1s", ...flags);
    await browser.start();
    await body(server, browser);
  } catch (error) {
    check(false, "the script ran to its end", String(error.stack));
  } finally {
    await browser.end().catch(() => {});
    await server.end();
  }
  console.log(`${passed} checks passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

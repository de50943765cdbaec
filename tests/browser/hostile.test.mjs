// What comes in is text and stays text: on the board, in completions, keys, tables, errors.
import { check, equal, play, quiet, shot, sleep, textOf, until } from "./stage.mjs";

const MARKUP = "<img src=x onerror=window.isHurt=1>";
const SCRIPT = "</script><script>window.isHurt=1</script>";
const REVERSED = "safe\u202egnp.exe\u2066";
const CONTROL = "bell\u0007tab\tnul-less\u001b[31m";
const HEBREW = "\u05e9\u05dc\u05d5\u05dd";
const QUOTES = 'a"b\\c\'d`e{}$\u2028';
const VALUES = [MARKUP, SCRIPT, REVERSED, CONTROL, HEBREW, QUOTES];

const isHurt = (page) => page.evaluate(() => Boolean(window.isHurt) || document.querySelector("img") !== null || document.scripts.length !== 1);

await play(async (server, browser) => {
  for (const value of VALUES) {
    const { status } = await server.send(value, [{ name: "hostile", value: 1, labels: { evil: value, [value === MARKUP ? "<b>" : "plain"]: "x" } }]);
    equal(status, 200, `a service named ${JSON.stringify(value)} is taken`);
  }

  const board = await browser.open(server.url);
  await until(() => board.locator("#services bdi").allTextContents(), (names) => names.includes(MARKUP) && names.includes(SCRIPT), "the board shows markup as text");
  const names = await board.locator("#services bdi").allTextContents();
  check(names.includes("safe\\u202egnp.exe\\u2066"), "characters that turn a line around are spelled out", names);
  check(names.some((n) => n.includes("bell\\u0007") && n.includes("\\u001b[31m")), "so are control characters");
  check(names.includes(HEBREW), "and Hebrew is Hebrew");
  check(!(await isHurt(board)), "nothing on the board ran or became an element");
  await shot(board, "hostile-board");
  await quiet(board, "board");

  const page = await browser.open(`${server.url}/explore`);
  await page.click("#query");
  await page.keyboard.type('hostile{evil="');
  await until(() => page.locator("#choices bdi").allTextContents(), (list) => list.includes(MARKUP) && list.includes(SCRIPT), "values are offered as text");
  await shot(page, "hostile-choices");
  await page.keyboard.type("a");
  await until(() => page.locator("#choices li").count(), (n) => n >= 1, "and narrowed");
  await page.keyboard.press("Escape");
  for (const value of [QUOTES, MARKUP, CONTROL]) {
    await page.fill("#query", 'hostile{evil="');
    await page.press("#query", "End");
    await page.keyboard.type(value.slice(0, 1));
    await until(() => page.locator("#choices bdi").allTextContents(), (l) => l.length > 0 && l.every((t) => t.includes(value[0])), "choices are narrowed");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.type('"}');
    await page.keyboard.press("Enter");
    const [want] = (await server.api("/api/v1/query", { query: "hostile" })).data.result.filter((r) => r.metric.evil === value);
    check(Boolean(want), `the API has ${JSON.stringify(value)}`);
    await until(() => page.locator("#legend li").count(), (n) => n === 1, `a completed value with its escapes finds its one series: ${await page.inputValue("#query")}`);
  }
  await page.fill("#query", "hostile");
  await page.keyboard.press("Enter");
  await until(() => page.locator("#legend li").count(), (n) => n === VALUES.length, "all are drawn");
  await page.click("#tab-table");
  const rows = (await page.locator("#rows td:first-child").allTextContents()).join("\n");
  check(rows.includes(`evil="${MARKUP}"`) && rows.includes(`evil="${SCRIPT}"`), "the table has them as text");
  check(!/[\u202e\u2066\u0007\u2028]/.test(rows), "with nothing in it that is not seen");
  await shot(page, "hostile-table");

  await page.fill("#query", `"${MARKUP}" +`);
  await page.keyboard.press("Enter");
  await until(() => textOf(page, "#message"), (t) => t.length > 0 && t !== "running …", "an error that quotes markup is text");
  const faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
  equal(faults, [], "the console has the answer's status and nothing else");
  page.faults = [];
  await page.goto(`${server.url}/explore?q=${encodeURIComponent(MARKUP)}&range=${encodeURIComponent(MARKUP)}&end=${encodeURIComponent(SCRIPT)}&tab=${encodeURIComponent(MARKUP)}`);
  await sleep(500);
  equal(await page.inputValue("#query"), MARKUP, "markup in the address is text in its field");
  check((await textOf(page, "#message")).includes("is no time"), "a bad time says so", await textOf(page, "#message"));
  check(!(await isHurt(page)), "nothing on the query page ran or became an element");
  await quiet(page, "explore");

  for (const at of ["/", "/explore"]) {
    const policy = (await fetch(server.url + at)).headers.get("content-security-policy") ?? "";
    check(policy.includes("default-src 'none'") && policy.includes("script-src 'self'") && !policy.includes("unsafe"), `${at} has a strict policy`, policy);
  }
  const isRun = await page.evaluate(() => {
    try {
      const script = document.createElement("script");
      script.textContent = "window.isHurt = 1";
      document.body.append(script);
    } catch { /* trusted types refuse the text */ }
    return Boolean(window.isHurt);
  });
  check(!isRun, "and it is in force: an inline script does not run");
  const reports = await page.evaluate(() => window.violations.length);
  check(reports > 0, "a breach is reported, so silence means something", reports);
});

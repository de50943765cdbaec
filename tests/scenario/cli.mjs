/* cli.mjs - the program's commands, as a person types them. */
import fs from 'node:fs';
import path from 'node:path';
import { check, command, equal, eventually, folder, run, start } from './andon.mjs';

const lines = (text) => text.split('\n').filter(Boolean);

await run({
  async 'help and version'() {
    for (const args of [['--help'], ['-h'], ['serve', '--help'], ['help']]) {
      const r = await command(args);
      equal([r.status, r.err], [0, ''], args.join(' '));
      check(r.out.startsWith('Usage: andon'), `${args}: says Usage: ${r.out.slice(0, 80)}`);
      check(lines(r.out).length <= 50, `${args}: ${lines(r.out).length} lines fit one screen`);
      check(Math.max(...lines(r.out).map((l) => l.length)) <= 120, `${args}: lines are not long`);
    }
    check((await command(['--help'])).out.includes('andon serve --help') && (await command(['serve', '--help'])).out.includes('--data-dir'), 'flags have a screen of their own');
    for (const name of ['query', 'trace', 'tail', 'send', 'inspect', 'verify', 'check', 'version']) {
      const r = await command([name, '--help']);
      equal([r.status, r.err], [0, ''], `${name} --help`);
      check(r.out.includes(`andon ${name}`), `${name} --help says how: ${r.out}`);
    }
    const version = await command(['version']);
    equal(version.status, 0, 'version');
    check(/^andon \d+\.\d+\.\d+\n$/.test(version.out), `version: ${version.out}`);
  },

  async 'what is wrong is said in one line, with 2'() {
    for (const [args, want] of [
      [['frobnicate'], /unknown command "frobnicate"/], [['--no-such-flag'], /no-such-flag/],
      [['--retentoin', '1d'], /did you mean "?(--)?retention/], [['--retention', 'x'], /retention.*duration/],
      [['query'], /usage/], [['query', 'up', '--range', 'x'], /--range/], [['send', 'metric', 'x'], /usage/],
      [['send', 'metric', 'x', 'y'], /want a number/], [['send', 'metric', 'x', '1', '--label', 'ab'], /name=value/],
      [['send', 'metric', 'x', '1', '--to', 'http://x'], /tcp:/], [['inspect'], /usage/], [['check', 'config'], /usage/],
    ]) {
      const r = await command(args);
      check(r.status === 2 || r.status === 64, `${args.join(' ')}: status ${r.status}`);
      equal(lines(r.err).length, 1, `${args.join(' ')}: lines of ${r.err}`);
      check(want.test(r.err), `${args.join(' ')}: ${r.err}`);
    }
    const dead = await command(['query', 'up', '--url', 'http://127.0.0.1:1']);
    check(dead.status === 1 && /127\.0\.0\.1/.test(dead.err), `no server: ${dead.status} ${dead.err}`);
  },

  async 'settings files are checked'() {
    const dir = folder();
    const check_file = async (text) => {
      fs.writeFileSync(path.join(dir, 'a.yml'), text);
      return command(['check', 'config', path.join(dir, 'a.yml')]);
    };
    const good = await check_file('# mine\nretention: 1y\nseries_max: 5000\notlp_promote_resource_attributes: [a.b, c]\nlog_level: ${LEVEL:-warn}\n');
    equal([good.status, good.err], [0, ''], 'a good file');
    for (const [text, want] of [
      ['retention: 1y\nhttp_lisen: x\n', /a\.yml:2:1: unknown key "http_lisen", did you mean "http_listen"/],
      ['retention: soon\n', /a\.yml:1:12: .*retention.*duration/], ['a: [\n', /a\.yml:\d+:\d+: /],
      ['retention: 1y\nretention: 2y\n', /a\.yml:2:1: /], ['- x\n', /a\.yml:1:1: /], ['series_max: 0\n', /a\.yml:1:13: /],
      ['http_listen: 0.0.0.0:4318\n', /loopback|allow_insecure_listen/], ['retention: &a 1y\n', /a\.yml:1:/], ['\t x: y\n', /a\.yml:1:/],
      ['retention: 1y\n---\nretention: 2y\n', /a\.yml:[23]:/], ['\xff\xfe\n', /a\.yml/],
    ]) {
      const r = await check_file(text);
      equal([r.status !== 0, lines(r.err).length], [true, 1], JSON.stringify(text));
      check(want.test(r.err), `${JSON.stringify(text)}: ${r.err}`);
    }
    const printed = await command(['check', 'config', path.join(dir, 'a.yml').replace('a.yml', 'none.yml')]);
    check(printed.status !== 0 && /none\.yml/.test(printed.err), `no such file: ${printed.err}`);
  },

  async 'send, query, inspect, verify'() {
    const a = await start();
    const url = `http://127.0.0.1:${a.ports.http}`;
    const tcp = await command(['send', 'metric', 'room.temperature', '21.5', '--unit', 'Cel', '--label', 'room=kitchen', '--label', 'q=a"b\\c',
      '--to', `tcp://127.0.0.1:${a.ports.tcp}`]);
    equal(tcp.status, 0, `send over tcp: ${tcp.err}`);
    check(/status=ok/.test(tcp.out), `ack: ${tcp.out}`);
    const udp = await command(['send', 'metric', 'doors_opened', '3', '--type', 'counter', '--service', 'house', '--to', `udp://127.0.0.1:${a.ports.udp}`]);
    equal(udp.status, 0, `send over udp: ${udp.err}`);
    await eventually(async () => (await a.value('doors_opened_total')) === '3', 'the datagram arrives');
    const table = await command(['query', 'room_temperature_celsius', '--url', url]);
    equal([table.status, table.err], [0, ''], 'query');
    check(/room_temperature_celsius\{.*room="kitchen".*\}.*21\.5/.test(table.out), `table: ${table.out}`);
    const json = await command(['query', 'doors_opened_total * 2', '--json', '--url', url]);
    equal(JSON.parse(json.out).data?.result?.[0]?.value?.[1] ?? JSON.parse(json.out).result?.[0]?.value?.[1], '6', 'query --json');
    const range = await command(['query', 'room_temperature_celsius', '--range', '5m', '--url', url]);
    equal([range.status, range.err], [0, ''], 'query --range');
    check(/21\.5/.test(range.out), `range: ${range.out}`);
    const wrong = await command(['query', 'sum(', '--url', url]);
    check(wrong.status === 1 && /parse error/.test(wrong.err), `a wrong expression: ${wrong.status} ${wrong.err}`);
    const refused = await command(['send', 'metric', '', '1', '--to', `tcp://127.0.0.1:${a.ports.tcp}`]);
    check(refused.status !== 0, `a metric without a name: ${refused.status} ${refused.out}${refused.err}`);

    await a.write(Array.from({ length: 20000 }, (_, i) => ({ name: 'many', labels: { i: String(i % 50) }, ms: Date.now() - 400000 + i, value: Math.sin(i) })));
    equal((await a.post('/-/seal', 'text/plain', '')).status, 200, 'seal');
    equal(await a.stop(), 0, 'stop');
    const inspect = await command(['inspect', a.dir]);
    equal([inspect.status, inspect.err], [0, ''], 'inspect');
    check(/seg-\d+-metrics\.seg/.test(inspect.out) && /samples +\d{5}/.test(inspect.out), `inspect: ${inspect.out}`);
    const good = await command(['verify', a.dir]);
    equal([good.status, good.err], [0, ''], 'verify a good store');
    const segment = fs.readdirSync(a.dir).find((f) => /^seg-.*\.seg$/.test(f));
    const file = path.join(a.dir, segment);
    const bytes = fs.readFileSync(file);
    let found = 0, tried = 0;
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 25)) {
      const flipped = Buffer.from(bytes);
      flipped[at] ^= 1 << (at % 8);
      fs.writeFileSync(file, flipped);
      const r = await command(['verify', a.dir]);
      tried++;
      if (r.status === 1 && r.err.includes(segment)) found++;
      else console.log(`  byte ${at} of ${bytes.length}: ${r.status} ${r.out}${r.err}`);
    }
    equal(found, tried, 'flipped bits that verify finds');
    fs.writeFileSync(file, bytes);
    equal((await command(['verify', a.dir])).status, 0, 'verify the mended store');
    console.log(`figures ${found} of ${tried} flipped bits found by verify`);
  },
});

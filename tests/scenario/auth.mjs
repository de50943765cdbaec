/* auth.mjs - TLS, users, tokens and their scopes, with certificates made on the spot. */
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import tls from 'node:tls';
import { ANY_PORT, check, command, equal, eventually, folder, run, sleep, start } from './andon.mjs';
import * as wire from './wire.mjs';

const dir = folder('andon-auth');
const file = (name) => path.join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });

function certificate(name, subject = 'localhost') {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${subject}`,
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', `${name}.key`, '-out', `${name}.crt`);
}
certificate('server');
certificate('next', 'next');
certificate('client', 'client');

/* bcrypt of "secret", cost 4, a salt that anyone may know. */
const BCRYPT = '$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW';
const TOKENS = { ingest: 'in-canary', query: 'ask-canary', admin: 'do-canary', both: 'both-canary', expired: 'old-canary' };
const sha = (t) => crypto.createHash('sha256').update(t).digest('hex');

function webConfig({ withTls = true, more = '' } = {}) {
  return `${withTls ? 'tls_server_config: {cert_file: server.crt, key_file: server.key}\n' : ''}basic_auth_users: {alice: "${BCRYPT}"}
tokens:
  - {token_sha256: ${sha(TOKENS.ingest)}, scopes: [ingest]}
  - {token_sha256: ${sha(TOKENS.query)}, scopes: [query]}
  - {token_sha256: ${sha(TOKENS.admin)}, scopes: [admin]}
  - {token_sha256: ${sha(TOKENS.both)}, scopes: [ingest, query], expires: 2100-01-01T00:00:00Z}
  - {token_sha256: ${sha(TOKENS.expired)}, scopes: [ingest, query, admin], expires: 2020-01-01T00:00:00Z}
${more}`;
}

const ca = (name = 'server') => ({ ca: fs.readFileSync(file(`${name}.crt`)), servername: 'localhost' });
const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const point = (more = {}) => ({ name: 'secured', labels: { a: 'b' }, ms: Date.now(), value: 1, ...more });

/* A job of each tenant, an old sample refused from each: who sees what on the board and in the lists. */
async function own(a, tenants, ask) {
  const job = (tenant) => `job-${tenant || 'plain'}`;
  for (const [tenant, token] of Object.entries(tenants)) {
    equal((await a.postWrite([{ name: 'work', labels: { job: job(tenant) }, ms: Date.now(), value: 1 }], bearer(token))).status, 204, `${tenant} works`);
    await a.postWrite([{ name: 'ancient', labels: { job: job(tenant) }, ms: 1000, value: 1 }], bearer(token));
  }
  const get = async (token, target) => (await a.get(target, { headers: bearer(token) })).json;
  for (const [tenant, token] of Object.entries(tenants)) {
    const all = ['', 'blue', 'red'], seen = tenant ? [tenant] : all;
    equal([...new Set((await get(token, '/-/rejects')).rejects.map((r) => r.tenant))].sort(), seen, `rejects that ${tenant || 'the default'} sees`);
    equal((await get(token, '/-/senders')).senders.map((s) => s.tenant).sort(), seen, `senders that ${tenant || 'the default'} sees`);
    const board = await firstServices(a, token);
    equal(board.map((s) => s.name), [job(tenant)], `services that ${tenant || 'the default'} sees`);
    const pairs = (await ask(token, '/api/v1/status/tsdb?limit=100')).seriesCountByLabelValuePair.map((p) => p.name);
    equal(pairs.filter((p) => /^job=|tenant/.test(p)), [`job=${job(tenant)}`], `pairs that ${tenant || 'the default'} sees`);
  }
}

/* The services of the first event that has any. */
function firstServices(a, token) {
  return new Promise((done, fail) => {
    const q = http.get({ port: a.ports.http, host: '127.0.0.1', path: '/-/live', headers: bearer(token) }, (r) => {
      let text = '';
      r.on('data', (d) => {
        text += d;
        for (const line of text.split('\n\n').slice(0, -1).map((e) => e.split('data: ')[1])) {
          const services = line ? JSON.parse(line).services : [];
          if (services.length) { q.destroy(); done(services); return; }
        }
      });
    });
    q.on('error', fail);
    setTimeout(() => { q.destroy(); done([]); }, 20000).unref();
  });
}

await run({
  async 'every route by every credential'() {
    fs.writeFileSync(file('web.yml'), webConfig());
    const a = await start({ args: ['--web-config-file', file('web.yml')] });
    check(/https:\/\//.test(a.log), 'the banner says https');
    const ask = (method, target, headers, body) => a.request(method, target, { headers, body, tls: ca() });
    const routes = {
      ingest: () => ['POST', '/v1/metrics', { 'content-type': 'application/x-protobuf' }, wire.otlp([point()])],
      write: () => ['POST', '/api/v1/write', { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' }, wire.snappy(wire.write1([point()]))],
      query: () => ['GET', '/api/v1/query?query=secured'], series: () => ['GET', '/api/v1/labels'], board: () => ['GET', '/'], metrics: () => ['GET', '/metrics'],
      seal: () => ['POST', '/-/seal'], reload: () => ['POST', '/-/reload'], delete: () => ['POST', '/api/v1/admin/tsdb/delete_series?match[]=nothing'],
      rejects: () => ['GET', '/-/rejects'], healthy: () => ['GET', '/-/healthy'], ready: () => ['GET', '/-/ready'],
    };
    const may = { ingest: ['ingest', 'write'], query: ['query', 'series', 'board', 'metrics', 'rejects'], admin: ['seal', 'reload', 'delete', 'rejects'], both: ['ingest', 'write', 'query', 'series', 'board', 'metrics', 'rejects'] };
    const free = ['healthy', 'ready'];
    let cells = 0, right = 0;
    for (const [who, headers, allowed, otherwise] of [
      ['nobody', {}, [], 401], ['alice', basic('alice', 'secret'), Object.keys(routes), 0], ['alice, wrong password', basic('alice', 'Secret'), [], 401],
      ['bob', basic('bob', 'secret'), [], 401], ['garbage', { authorization: 'Basic ???' }, [], 401], ['wrong token', bearer('x'), [], 401], ['no token', bearer(''), [], 401],
      ['expired token', bearer(TOKENS.expired), [], 401], ...['ingest', 'query', 'admin', 'both'].map((t) => [t, bearer(TOKENS[t]), may[t], 403]),
    ]) {
      for (const [route, make] of Object.entries(routes)) {
        const [method, target, own = {}, body] = make();
        const r = await ask(method, target, { ...own, ...headers }, body);
        const isAllowed = allowed.includes(route) || free.includes(route);
        cells++;
        if (route === 'rejects' && !['nobody', 'alice'].includes(who)) { right++; continue; } /* either scope may see it */
        if (check(isAllowed ? r.status < 300 : r.status === otherwise, `${who}, ${route}: ${r.status}, want ${isAllowed ? '2xx' : otherwise}`)) right++;
        if (r.status === 401) check(/Basic|Bearer/.test(r.headers['www-authenticate'] ?? ''), `${who}, ${route}: WWW-Authenticate`);
        check(!r.text.includes('canary') && !r.text.includes('$2y'), `${who}, ${route}: no secret in the answer`);
      }
    }
    console.log(`figures ${right} of ${cells} route and credential cells right`);
    const config = await ask('GET', '/api/v1/status/config', bearer(TOKENS.query));
    check(!config.text.includes(sha(TOKENS.ingest)), 'no token hash in status/config');
    const m = (await ask('GET', '/metrics', bearer(TOKENS.query))).text;
    check(Number(m.match(/andon_auth_failures_total\{listener="http"\} (\d+)/)[1]) > 50, 'failures are counted');
    const plain = await a.raw('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n');
    check(!/200 OK/.test(plain.text), `plain text at the TLS door: ${plain.text.slice(0, 60)}`);
    for (const [name, options] of [['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }], ['not our CA', { ca: fs.readFileSync(file('next.crt')) }]]) {
      const error = await a.request('GET', '/-/healthy', { tls: { ...ca(), ...options } }).then((r) => r.status, (e) => e.code);
      check(typeof error === 'string', `${name}: ${error}`);
    }
    const h2 = await new Promise((done) => { const s = tls.connect(a.ports.http, '127.0.0.1', { ...ca(), ALPNProtocols: ['h2', 'http/1.1'] }, () => { done(s.alpnProtocol); s.destroy(); }); s.on('error', (e) => done(e.message)); });
    equal(h2, 'h2', 'ALPN');
    check(!a.log.includes('canary'), 'no token in the log');
    equal(await a.stop(), 0, 'exit status');
  },

  async 'tokens of frames, datagrams and commands'() {
    fs.writeFileSync(file('web.yml'), webConfig({ withTls: false }));
    const a = await start({ args: ['--web-config-file', file('web.yml')] });
    const door = a.frames();
    const status = async (token) => (await door.send(wire.otlp([point()]), { token })).status;
    equal([await status(TOKENS.ingest), await status(TOKENS.both)], [0, 0], 'tokens that may');
    equal([await status(undefined), await status('x'), await status(TOKENS.query), await status(TOKENS.expired)], [4, 4, 4, 4], 'tokens that may not: UNAUTHENTICATED');
    door.close();
    const t = Date.now();
    await a.datagram(wire.envelope(wire.otlp([point({ name: 'by_udp', ms: t })]), { sequence: 1 }));
    await a.datagram(wire.envelope(wire.otlp([point({ name: 'by_udp', ms: t + 1, value: 2 })]), { sequence: 2, token: TOKENS.ingest }));
    await eventually(async () => (await a.request('GET', '/api/v1/query?query=by_udp[5m]', { headers: bearer(TOKENS.query) })).json.data.result[0]?.values?.[0]?.[1] === '2', 'only the datagram with the token is stored');
    fs.writeFileSync(file('token'), `${TOKENS.ingest}\n`, { mode: 0o600 });
    fs.writeFileSync(file('token-query'), `${TOKENS.query}\n`, { mode: 0o600 });
    const send = await command(['send', 'metric', 'by_hand', '5', '--to', `tcp://127.0.0.1:${a.ports.tcp}`, '--token-file', file('token')]);
    equal(send.status, 0, `send with a token: ${send.err}${send.out}`);
    const refused = await command(['send', 'metric', 'by_hand', '5', '--to', `tcp://127.0.0.1:${a.ports.tcp}`]);
    check(refused.status === 1 && /unauthenticated/.test(refused.out + refused.err), `send without: ${refused.status} ${refused.out}${refused.err}`);
    const query = await command(['query', 'by_hand', '--url', `http://127.0.0.1:${a.ports.http}`, '--token-file', file('token-query')]);
    check(query.status === 0 && /5/.test(query.out), `query with a token: ${query.err}`);
    const without = await command(['query', 'by_hand', '--url', `http://127.0.0.1:${a.ports.http}`]);
    check(without.status === 1 && /401|credential/.test(without.err), `query without: ${without.err}`);
  },

  async 'tenants see their own, at every door'() {
    const tenants = { '': 'plain-canary', red: 'red-canary', blue: 'blue-canary' };
    fs.writeFileSync(file('web.yml'), `tokens:\n${Object.entries(tenants).map(([tenant, token]) =>
      `  - {token_sha256: ${sha(token)}, scopes: [ingest, query, admin]${tenant ? `, tenant: ${tenant}` : ''}}\n`).join('')}`);
    const a = await start({ args: ['--web-config-file', file('web.yml'), '--self-interval', '0'] });
    const door = a.frames();
    const t = Date.now();
    const doors = ['otlp', 'json', 'write', 'write2', 'frame', 'udp'];
    for (const [tenant, token] of Object.entries(tenants)) {
      const points = (name) => [{ name, labels: { of: 'all' }, ms: t, value: tenant.length }];
      equal([(await a.postOtlp(wire.otlp(points('otlp')), bearer(token))).status, (await a.postJson(wire.otlpJson(points('json')), bearer(token))).status,
        (await a.postWrite(points('write'), bearer(token))).status, (await a.postWrite2(points('write2'), bearer(token))).status,
        (await door.send(wire.otlp(points('frame')), { token })).status], [200, 200, 204, 204, 0], `${tenant} writes`);
      await a.datagram(wire.envelope(wire.otlp(points('udp')), { sender: tenant, sequence: 1, token }));
    }
    for (const [tenant, token] of Object.entries(tenants)) /* running totals are a tenant's own, too */
      for (const ms of [t, t + 1])
        equal((await a.postOtlp(wire.otlp([{ name: 'delta', ms, value: 10 + tenant.length }], { sum: 1 }), bearer(token))).status, 200, `${tenant} adds up`);
    const ask = async (token, target) => (await a.get(target, { headers: bearer(token) })).json.data;
    const verify = async (text) => {
      for (const [tenant, token] of Object.entries(tenants)) {
        const { result } = await ask(token, `/api/v1/query?query={of!=""}&time=${t / 1000}`);
        equal(result.map((r) => [r.metric.__name__, r.metric.of, r.value[1]]).sort(), doors.map((d) => [d, 'all', String(tenant.length)]).sort(), `${text}: what ${tenant || 'the default'} sees`);
        equal(await ask(token, '/api/v1/label/of/values'), ['all'], `${text}: label values`);
        equal(await ask(token, '/api/v1/labels'), ['__name__', 'of'], `${text}: label names`);
        equal((await ask(token, '/api/v1/series?match[]={of!=""}')).length, doors.length, `${text}: series`);
      }
    };
    await eventually(async () => (await ask(tenants.blue, '/api/v1/query?query=udp')).result.length === 1, 'the datagrams arrive');
    for (const [tenant, token] of Object.entries(tenants))
      equal((await ask(token, `/api/v1/query?query=delta_total&time=${(t + 1) / 1000}`)).result.map((r) => r.value[1]), [String(2 * (10 + tenant.length))], `${tenant}'s total`);
    await verify('head');
    equal((await a.request('POST', '/-/seal', { headers: bearer(tenants[''] ) })).status, 200, 'seal');
    await verify('sealed');
    await own(a, tenants, ask);
    equal((await a.request('POST', '/api/v1/admin/tsdb/delete_series?match[]={of!=""}', { headers: bearer(tenants.red) })).status, 204, 'red deletes all it sees');
    equal((await ask(tenants.red, `/api/v1/query?query={of!=""}&time=${t / 1000}`)).result.length, 0, 'red is empty');
    equal((await ask(tenants.blue, `/api/v1/query?query={of!=""}&time=${t / 1000}`)).result.length, doors.length, 'blue is not');
    door.close();
  },

  async 'a tenant may have limits of its own'() {
    const tenants = { red: 'red-canary', blue: 'blue-canary' };
    fs.writeFileSync(file('web.yml'), `tokens:\n${Object.entries(tenants).map(([tenant, token]) =>
      `  - {token_sha256: ${sha(token)}, scopes: [ingest, query, admin], tenant: ${tenant}}\n`).join('')}`);
    const limit = (text) => fs.writeFileSync(file('tenants.yml'), text);
    const args = ['--web-config-file', file('web.yml'), '--self-interval', '0', '--tenants-file', file('tenants.yml')];
    limit('tenants: {red: {series_max: 2}}\n');
    const a = await start({ args });
    let n = 0;
    const put = async (token, count) => (await a.postWrite(Array.from({ length: count }, () => ({ name: 'x', labels: { n: String(n++) }, ms: Date.now(), value: 1 })), bearer(token))).status;
    equal([await put(tenants.red, 2), await put(tenants.blue, 10)], [204, 204], 'within the limits');
    equal([await put(tenants.red, 1), await put(tenants.blue, 1)], [429, 204], 'red has no more series, blue has');
    const reload = async () => (await a.request('POST', '/-/reload', { headers: bearer(tenants.red) })).status;
    limit('tenants: {red: {series_max: 3}, blue: {series_max: 5}}\n');
    equal(await reload(), 200, 'reload');
    equal([await put(tenants.red, 1), await put(tenants.red, 1), await put(tenants.blue, 1)], [204, 429, 429], 'the new limits');
    limit('tenants: {red: {series_max: 3}, blue: {serie_max: 5}}\n');
    check(await reload() >= 400, 'a bad file is refused');
    equal([await put(tenants.red, 1), await put(tenants.blue, 1)], [429, 429], 'the old limits stay');
    check(a.log.includes('tenants.yml:1:'), 'the log says where');
    fs.writeFileSync(file('andon.yml'), `tenants_file: ${file('tenants.yml')}\n`);
    const bad = await command(['check', 'config', file('andon.yml')]);
    check(bad.status === 1 && /tenants\.yml:1:\d+: unknown limit "serie_max"/.test(bad.err), `check config: ${bad.err}`);
    equal(await a.stop(), 0, 'exit status');
    const refused = await command(['serve', '--data-dir', file('refused'), ...args]);
    check(refused.status === 2 && /unknown limit "serie_max"/.test(refused.err), `start: ${refused.status} ${refused.err}`);
  },

  async 'certificates and users are read again'() {
    fs.copyFileSync(file('server.crt'), file('live.crt'));
    fs.copyFileSync(file('server.key'), file('live.key'));
    const text = webConfig().replace('server.crt', 'live.crt').replace('server.key', 'live.key');
    fs.writeFileSync(file('web.yml'), text);
    const a = await start({ args: ['--web-config-file', file('web.yml')] });
    const ask = (name) => a.request('GET', '/-/healthy', { tls: ca(name) }).then((r) => r.status, (e) => e.code);
    equal(await ask('server'), 200, 'the first certificate');
    fs.copyFileSync(file('next.crt'), file('live.crt'));
    fs.copyFileSync(file('next.key'), file('live.key'));
    a.child.kill('SIGHUP');
    await eventually(async () => (await ask('next')) === 200, 'the next certificate after SIGHUP');
    fs.copyFileSync(file('server.crt'), file('live.crt')); /* its key is not the one there */
    a.child.kill('SIGHUP');
    await sleep(500);
    equal(await ask('next'), 200, 'a certificate without its key is refused, the old one stays');
    fs.copyFileSync(file('next.crt'), file('live.crt'));
    const more = 'new-canary';
    fs.writeFileSync(file('web.yml'), text + `  - {token_sha256: ${sha(more)}, scopes: [query]}\n`);
    a.child.kill('SIGHUP');
    const labels = async () => (await a.request('GET', '/api/v1/labels', { tls: ca('next'), headers: bearer(more) })).status;
    await eventually(async () => (await labels()) === 200, 'a new token after SIGHUP');
    fs.writeFileSync(file('web.yml'), text);
    a.child.kill('SIGHUP');
    await eventually(async () => (await labels()) === 401, 'a token that is gone no longer opens');
    fs.writeFileSync(file('web.yml'), 'basic_auth_users: [\n');
    a.child.kill('SIGHUP');
    await sleep(300);
    equal((await a.request('GET', '/api/v1/labels', { tls: ca('next'), headers: bearer(TOKENS.query) })).status, 200, 'a bad web config changes nothing');
    equal((await a.request('GET', '/api/v1/labels', { tls: ca('next') })).status, 401, 'and opens nothing');
    for (const bad of ['tls_server_config: {cert_file: none.crt, key_file: none.key}\n', 'basic_auth_user: {}\n', 'basic_auth_users: {alice: plain}\n', 'tokens: [{scopes: [all]}]\n']) {
      fs.writeFileSync(file('bad.yml'), bad);
      const r = await command(['serve', '--data-dir', folder(), ...ANY_PORT, '--web-config-file', file('bad.yml')]);
      check(r.status !== 0 && /bad\.yml|none\.crt/.test(r.err), `${bad.trim()}: ${r.status} ${r.err.slice(-200)}`);
    }
  },

  async 'clients with certificates'() {
    fs.writeFileSync(file('web.yml'), `tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: client.crt}\n`);
    const a = await start({ args: ['--web-config-file', file('web.yml')] });
    const ask = (options) => a.request('GET', '/-/healthy', { tls: { ...ca(), ...options } }).then((r) => r.status, (e) => e.code);
    check(typeof (await ask({})) === 'string', 'no certificate: refused');
    equal(await ask({ cert: fs.readFileSync(file('client.crt')), key: fs.readFileSync(file('client.key')) }), 200, 'its certificate');
    check(typeof (await ask({ cert: fs.readFileSync(file('next.crt')), key: fs.readFileSync(file('next.key')) })) === 'string', "another's certificate: refused");
  },

  async 'beyond loopback with TLS and users'() {
    fs.writeFileSync(file('web.yml'), webConfig());
    const a = await start({ doors: ['--http-listen', '0.0.0.0:0', '--grpc-listen', '0.0.0.0:0', '--udp-listen', 'off', '--tcp-listen', 'off'], args: ['--web-config-file', file('web.yml')] });
    equal((await a.request('GET', '/-/healthy', { tls: ca() })).status, 200, 'open with a certificate and users');
    fs.writeFileSync(file('open.yml'), 'tls_server_config: {cert_file: server.crt, key_file: server.key}\n');
    const r = await command(['serve', '--data-dir', folder(), '--http-listen', '0.0.0.0:0', '--grpc-listen', 'off', '--udp-listen', 'off', '--tcp-listen', 'off', '--web-config-file', file('open.yml')]);
    check(r.status !== 0, `TLS without users beyond loopback: ${r.status}`);
  },
});

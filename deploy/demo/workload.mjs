// What the demo sends: this machine, read from /proc, and a shop that is made up.
import { readFileSync } from "node:fs";

const TICKS_PER_S = 100; // USER_HZ, the same on every Linux of today
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const CUMULATIVE = 2;
const startTimeUnixNano = String(Date.now() * 1e6);

const lines = (path) => {
  try {
    return readFileSync(path, "utf8").trim().split("\n");
  } catch {
    return []; // a container may hide it
  }
};
const attributes = (labels) => Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: value } }));
const now = () => String(BigInt(Date.now()) * 1000000n);

function gauge(name, unit, values) {
  return { name, unit, gauge: { dataPoints: points(values) } };
}

function counter(name, unit, values) {
  return { name, unit, sum: { dataPoints: points(values), aggregationTemporality: CUMULATIVE, isMonotonic: true } };
}

// values: [[value, labels]]
const points = (values) => values.map(([asDouble, labels]) => ({ startTimeUnixNano, timeUnixNano: now(), asDouble, attributes: attributes(labels) }));

export function request(service, metrics) {
  return { resourceMetrics: [{ resource: { attributes: attributes({ "service.name": service, "service.instance.id": `${service}-1` }) },
    scopeMetrics: [{ scope: { name: "andon-demo" }, metrics }] }] };
}

// ---- the machine ------------------------------------------------------------------------

function cpu() {
  const modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
  return lines("/proc/stat").filter((l) => /^cpu\d/.test(l)).flatMap((l) => {
    const [name, ...ticks] = l.split(/\s+/);
    return modes.map((mode, i) => [Number(ticks[i]) / TICKS_PER_S, { cpu: name.slice(3), mode }]);
  });
}

function memory() {
  const wanted = { MemTotal: "total", MemFree: "free", MemAvailable: "available", Buffers: "buffers", Cached: "cached" };
  return lines("/proc/meminfo").map((l) => l.split(/:?\s+/)).filter(([name]) => wanted[name])
    .map(([name, kib]) => [Number(kib) * 1024, { state: wanted[name] }]);
}

function network(column) {
  return lines("/proc/net/dev").slice(2).map((l) => l.trim().split(/[:\s]+/)).map((f) => [Number(f[column]), { device: f[0] }]);
}

function disk(column) {
  return lines("/proc/diskstats").map((l) => l.trim().split(/\s+/)).filter((f) => !/^(loop|ram|dm-)/.test(f[2]))
    .slice(0, 16).map((f) => [Number(f[column]) * 512, { device: f[2] }]);
}

export function machine() {
  const load = (lines("/proc/loadavg")[0] ?? "0 0 0").split(" ").map(Number);
  return [
    counter("node.cpu.time", "s", cpu()),
    gauge("node.memory", "By", memory()),
    gauge("node.load", "", ["1m", "5m", "15m"].map((over, i) => [load[i], { over }])),
    counter("node.network.receive", "By", network(1)),
    counter("node.network.transmit", "By", network(9)),
    counter("node.disk.read", "By", disk(5)),
    counter("node.disk.written", "By", disk(9)),
  ].filter((m) => (m.sum ?? m.gauge).dataPoints.length);
}

// ---- the shop -----------------------------------------------------------------------------

// rate: requests a second; ms: a usual duration; errors: the share that fails.
const SHOP = {
  frontend: { rate: 120, ms: 18, errors: 0.002, routes: ["/", "/product", "/search", "/cart", "/static"] },
  cart: { rate: 45, ms: 6, errors: 0.001, routes: ["/add", "/remove", "/show"] },
  checkout: { rate: 8, ms: 140, errors: 0.01, routes: ["/begin", "/confirm"] },
  payment: { rate: 6, ms: 310, errors: 0.02, routes: ["/authorize", "/capture"] },
  inventory: { rate: 70, ms: 3, errors: 0.0005, routes: ["/reserve", "/stock"] },
};

class Route {
  constructor(path) {
    this.path = path;
    this.ok = 0;
    this.failed = 0;
    this.sum = 0;
    this.buckets = new Array(BOUNDS.length + 1).fill(0);
  }

  serve(seconds, isFailed) {
    if (isFailed) this.failed++;
    else this.ok++;
    this.sum += seconds;
    const at = BOUNDS.findIndex((bound) => seconds <= bound);
    this.buckets[at < 0 ? BOUNDS.length : at]++;
  }
}

export class Service {
  constructor(name) {
    this.name = name;
    this.spec = SHOP[name];
    this.routes = this.spec.routes.map((path) => new Route(path));
    this.inFlight = 0;
  }

  // Traffic swings over ten minutes; durations are log-normal.
  live(seconds) {
    const swing = 1 + 0.35 * Math.sin((Date.now() / 1000) * (2 * Math.PI / 600) + this.spec.rate);
    const count = Math.round(this.spec.rate * seconds * swing * (0.9 + 0.2 * Math.random()));
    for (let i = 0; i < count; i++) {
      const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
      const route = this.routes[Math.floor(Math.random() ** 1.7 * this.routes.length)];
      route.serve((this.spec.ms / 1000) * Math.exp(0.5 * normal), Math.random() < this.spec.errors);
    }
    this.inFlight = Math.max(Math.round((count / seconds) * (this.spec.ms / 1000) * (1 + Math.random())), 0);
  }

  metrics() {
    return [
      counter("http.server.requests", "1", this.routes.flatMap((r) => [
        [r.ok, { route: r.path, code: "200" }], [r.failed, { route: r.path, code: "500" }]])),
      { name: "http.server.request.duration", unit: "s", histogram: { aggregationTemporality: CUMULATIVE,
        dataPoints: this.routes.map((r) => ({ startTimeUnixNano, timeUnixNano: now(), count: String(r.ok + r.failed), sum: r.sum,
          bucketCounts: r.buckets.map(String), explicitBounds: BOUNDS, attributes: attributes({ route: r.path }) })) } },
      gauge("http.server.active_requests", "", [[this.inFlight, {}]]),
    ];
  }
}

export const SERVICES = Object.keys(SHOP);

// Data points, which is what Andon counts as items: a histogram is one.
export function pointsOf(metrics) {
  return metrics.reduce((n, m) => n + (m.gauge ?? m.sum ?? m.histogram).dataPoints.length, 0);
}

// The demo's sender: node send.mjs HTTP-ADDRESS TCP-ADDRESS UDP-ADDRESS
// This machine goes over UDP, half of the shop over TCP frames, the other half over
// OTLP/HTTP, once a second, until SIGTERM or SIGINT; then one line a door says what was sent.
import dgram from "node:dgram";
import net from "node:net";
import { decodeAck, encodeEnvelope, encodeRequest } from "./otlp.mjs";
import { SERVICES, Service, machine, request, pointsOf } from "./workload.mjs";

const [http, tcp, udp] = process.argv.slice(2);
const TCP_SERVICES = 3; // the first of SERVICES
const DATAGRAM_METRICS = 2; // metrics in one datagram
const PATIENCE_MS = 5000; // for answers, at the end
const tally = Object.fromEntries(["UDP", "TCP", "OTLP/HTTP"].map((door) => [door, { messages: 0, points: 0, acknowledged: 0, failed: 0 }]));
const services = SERVICES.map((name) => new Service(name));
const sender = `demo-${process.pid}-${Date.now()}`;
const split = (address) => [Number(address.slice(address.lastIndexOf(":") + 1)), address.slice(0, address.lastIndexOf(":"))];

function note(door, points) {
  tally[door].messages++;
  tally[door].points += points;
}

// ---- the doors ----------------------------------------------------------------------------

const datagrams = dgram.createSocket("udp4");
const [udpPort, udpHost] = split(udp);
let udpSequence = 0;

function overUdp(name, metrics) {
  const payload = encodeEnvelope(`${sender}-udp`, ++udpSequence, encodeRequest(request(name, metrics)));
  note("UDP", pointsOf(metrics));
  datagrams.send(payload, udpPort, udpHost, (error) => {
    if (error) tally.UDP.failed++;
  });
}

const [tcpPort, tcpHost] = split(tcp);
const frames = net.connect(tcpPort, tcpHost);
let tcpSequence = 0, received = Buffer.alloc(0);
frames.on("error", () => tally.TCP.failed++);
frames.on("data", (bytes) => {
  received = Buffer.concat([received, bytes]);
  while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
    const end = 4 + received.readUInt32LE(0), ack = decodeAck(received.subarray(4, end));
    tally.TCP[ack.status === 0 ? "acknowledged" : "failed"]++;
    received = received.subarray(end);
  }
});

function overTcp(name, metrics) {
  const payload = encodeEnvelope(`${sender}-tcp`, ++tcpSequence, encodeRequest(request(name, metrics)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(payload.length);
  note("TCP", pointsOf(metrics));
  frames.write(Buffer.concat([length, payload]));
}

async function overHttp(name, metrics) {
  note("OTLP/HTTP", pointsOf(metrics));
  try {
    const answer = await fetch(`http://${http}/v1/metrics`, { method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify(request(name, metrics)) });
    await answer.arrayBuffer();
    tally["OTLP/HTTP"][answer.ok ? "acknowledged" : "failed"]++;
  } catch {
    tally["OTLP/HTTP"].failed++;
  }
}

// ---- once a second --------------------------------------------------------------------------

let before = Date.now();

function tick() {
  const seconds = Math.min((Date.now() - before) / 1000, 5);
  before = Date.now();
  const all = machine();
  for (let i = 0; i < all.length; i += DATAGRAM_METRICS) overUdp("machine", all.slice(i, i + DATAGRAM_METRICS));
  services.forEach((service, i) => {
    service.live(seconds || 1);
    if (i < TCP_SERVICES) overTcp(service.name, service.metrics());
    else overHttp(service.name, service.metrics());
  });
}

const open = () => ["TCP", "OTLP/HTTP"].reduce((n, d) => n + tally[d].messages - tally[d].acknowledged - tally[d].failed, 0);

async function stop() {
  clearInterval(timer);
  const end = Date.now() + PATIENCE_MS;
  while (open() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const [door, t] of Object.entries(tally))
    console.log(`  sent    ${door.padEnd(10)} ${t.messages} messages, ${t.points} points, ${door === "UDP" ? "not acknowledged by design" : `${t.acknowledged} acknowledged`}, ${t.failed} failed`);
  process.exit(0);
}

const timer = setInterval(tick, 1000);
tick();
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

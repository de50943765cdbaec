// Many boards at once: as many as promised and no more, and one that does not read delays
// no other.  Sockets of our own: a browser opens six connections to a host at most.
import http from "node:http";
import net from "node:net";
import { check, equal, play, sleep, until } from "./stage.mjs";

const BOARDS_MAX = 128;

// An open stream: {status, events}.
function open(server) {
  return new Promise((resolve, reject) => {
    const request = http.get(`${server.url}/-/live`, { agent: false }, (answer) => {
      const board = { status: answer.statusCode, events: 0, times: [], close: () => request.destroy() };
      answer.on("data", (bytes) => {
        const n = bytes.toString().split("event: snapshot").length - 1;
        board.events += n;
        if (n > 0) board.times.push(performance.now());
      });
      answer.on("end", () => { board.isEnded = true; });
      answer.on("error", () => {});
      resolve(board);
    });
    request.on("error", reject);
  });
}

await play(async (server) => {
  const boards = [];
  for (let i = 0; i < BOARDS_MAX; i++) boards.push(await open(server));
  equal(boards.filter((b) => b.status !== 200).length, 0, `${BOARDS_MAX} boards open`);
  const more = await open(server);
  equal(more.status, 503, "one more is refused");
  await until(() => boards.filter((b) => b.events >= 1).length, (n) => n === BOARDS_MAX, "each has a snapshot at once", 2000);
  const before = boards.map((b) => b.events);
  await sleep(5000);
  const got = boards.map((b, i) => b.events - before[i]);
  check(Math.min(...got) >= 4 && Math.max(...got) <= 6, "and one a second from then on", [Math.min(...got), Math.max(...got)]);

  boards.splice(0, 8).forEach((b) => b.close());
  await sleep(2500);
  const again = await open(server);
  equal(again.status, 200, "places of boards that left are free again");
  const deaf = net.connect(Number(server.http.split(":")[1]), "127.0.0.1");
  deaf.on("error", () => {});
  deaf.pause();
  deaf.write("GET /-/live HTTP/1.1\r\nhost: andon\r\n\r\n");
  const since = boards.map((b) => b.events);
  await sleep(4000);
  const while_deaf = boards.map((b, i) => b.events - since[i]);
  check(Math.min(...while_deaf) >= 3, "a board that does not read delays no other", Math.min(...while_deaf));
  const head = await fetch(`${server.url}/-/live`, { method: "HEAD" });
  equal([head.status, head.headers.get("content-type")], [200, "text/event-stream"], "HEAD is answered and ends");

  const began = performance.now();
  await server.stop("SIGTERM");
  const took = performance.now() - began;
  check(took < 3000, "a stop does not wait for open boards", `${Math.round(took)} ms`);
  await until(() => boards.filter((b) => b.isEnded).length, (n) => n === boards.length, "every stream was ended, not cut", 2000);
  deaf.destroy();
  await server.start();
});

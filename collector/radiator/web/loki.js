/* The server's API of logs: questions, and answers that say what was wrong. */

/* A part of the API's answer; throws its words where it is none. */
export async function askLogs(path, parameters, signal) {
  const answer = await fetch(`/loki/api/v1/${path}`, { method: "POST", body: new URLSearchParams(parameters), signal,
    headers: { "x-loki-response-encoding-flags": "categorize-labels" } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.slice(0, 1000).trim() || `the server answered ${answer.status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`the server answered what is no JSON: ${text.slice(0, 200)}`);
  }
}

/* Milliseconds to nanoseconds, as text. */
export const nsOf = (ms) => `${BigInt(Math.round(ms)) * 1000000n}`;
export const after = (ns) => String(BigInt(ns) + 1n);

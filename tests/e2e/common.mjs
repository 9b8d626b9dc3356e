// What both SDKs' tests share: where the server is, and its records.
import { File } from 'node:buffer';

globalThis.File ??= File; // Node 18 has it, but not as a global, and the SDK's uploads want that

export const url = process.env.QD_URL, key = process.env.QD_KEY, otherKey = process.env.QD_OTHER_KEY;
export const upstreams = ['openai', 'anthropic'];

// The record of one exchange, once the ledger has it.
export async function record(id) {
  for (const end = Date.now() + 20000; Date.now() < end;) {
    const reply = await fetch(`${url}/api/v1/records/${id}`, { headers: { authorization: `Bearer ${process.env.QD_TOKEN}` } });
    if (reply.status === 200) return (await reply.json());
    await reply.text();
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`no record ${id}`);
}

// The records that a filter finds, once there are `count`.
export async function records(query, count) {
  let found = [];
  for (const end = Date.now() + 20000; Date.now() < end;) {
    const reply = await fetch(`${url}/api/v1/records?${query}`, { headers: { authorization: `Bearer ${process.env.QD_TOKEN}` } });
    found = (await reply.json()).records;
    if (found.length >= count) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`wanted ${count} records of ${query}, found ${found.length}`);
}

export async function fails(promise, kind) {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof kind)) throw new Error(`wanted ${kind.name}, got ${error?.constructor?.name}: ${error?.message}`);
    return error;
  }
  throw new Error(`wanted ${kind.name}, nothing was thrown`);
}

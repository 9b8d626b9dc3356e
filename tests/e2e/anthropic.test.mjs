// The official Anthropic SDK against the built server, with both upstream dialects behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { fails, key, otherKey, record, records, upstreams, url } from './common.mjs';

const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0 });
const ask = { max_tokens: 200, system: 'Be brief.', messages: [{ role: 'user', content: 'Where is my parcel?' }] };
const tools = [{
  name: 'track_parcel', description: 'Finds a parcel.',
  input_schema: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
}];

async function collect(stream) {
  const found = { text: '', stop: null, types: [], output: 0 };
  for await (const event of stream) {
    found.types.push(event.type);
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') found.text += event.delta.text;
    if (event.type === 'message_delta') {
      found.stop = event.delta.stop_reason;
      found.output = event.usage.output_tokens;
    }
  }
  return found;
}

for (const upstream of upstreams) {
  const model = `on-${upstream}`;

  test(`${upstream}: plain, with its headers and its record`, async () => {
    const { data, response } = await client.messages.create({ model, ...ask }).withResponse();
    assert.equal(data.type, 'message');
    assert.equal(data.content[0].type, 'text');
    assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
    assert.match(response.headers.get('x-quarterdeck-model'), new RegExp(`^${upstream}/`));
    const kept = await record(response.headers.get('x-quarterdeck-id'));
    assert.equal(kept.dialect, 'anthropic');
    assert.equal(kept.usage.output, data.usage.output_tokens);
  });

  test(`${upstream}: streaming, the same words as plain`, async () => {
    const whole = await client.messages.create({ model, ...ask });
    const found = await collect(await client.messages.create({ model, ...ask, stream: true }));
    assert.equal(found.text, whole.content[0].text);
    assert.equal(found.stop, whole.stop_reason);
    assert.equal(found.types[0], 'message_start');
    assert.equal(found.types.at(-1), 'message_stop');
    assert.equal(found.output, whole.usage.output_tokens);
  });

  test(`${upstream}: the SDK's own accumulator`, async () => {
    const final = await client.messages.stream({ model, ...ask }).finalMessage();
    assert.ok(final.content[0].text.length > 0);
    assert.ok(final.usage.output_tokens > 0);
    assert.equal(final.stop_reason, 'end_turn');
  });

  test(`${upstream}: max_tokens`, async () => {
    const reply = await client.messages.create({ model, ...ask, max_tokens: 3 });
    assert.equal(reply.stop_reason, 'max_tokens');
  });

  test(`${upstream}: tools, there and back`, async () => {
    const reply = await client.messages.create({ model, ...ask, tools, tool_choice: { type: 'any' } });
    assert.equal(reply.stop_reason, 'tool_use');
    const use = reply.content.find((block) => block.type === 'tool_use');
    assert.equal(use.name, 'track_parcel');
    assert.equal(typeof use.input.number, 'string');
    const after = await client.messages.create({
      model, ...ask, tools, messages: [...ask.messages, { role: 'assistant', content: reply.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'It is in Ghent.' }] }],
    });
    assert.ok(after.content.length > 0);
  });

  test(`${upstream}: streamed tools`, async () => {
    const final = await client.messages.stream({ model, ...ask, tools, tool_choice: { type: 'tool', name: 'track_parcel' } }).finalMessage();
    const use = final.content.find((block) => block.type === 'tool_use');
    assert.equal(typeof use.input.number, 'string');
    assert.equal(final.stop_reason, 'tool_use');
  });

  test(`${upstream}: an image`, async () => {
    const reply = await client.messages.create({
      model, max_tokens: 50, messages: [{
        role: 'user', content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==' } },
          { type: 'text', text: 'What is this?' }],
      }],
    });
    assert.equal(reply.content[0].type, 'text');
  });

  test(`${upstream}: a provider's passing trouble is not the client's`, async () => {
    const { response } = await client.messages.create({ model: `flaky-${upstream}-a`, ...ask }).withResponse();
    assert.equal(response.headers.get('x-quarterdeck-attempts'), '2');
  });

  test(`${upstream}: errors as the SDK's types`, async () => {
    await fails(client.messages.create({ model: `overflow-${upstream}-a`, ...ask }), Anthropic.BadRequestError);
    await fails(client.messages.create({ model: `filtered-${upstream}-a`, ...ask }), Anthropic.BadRequestError);
    const broken = await fails(client.messages.create({ model: `broken-${upstream}-a`, ...ask }), Anthropic.InternalServerError);
    assert.equal(broken.status, 503);
    assert.equal(broken.error.type, 'error');
  });

  test(`${upstream}: the SDK does not retry what the gateway has retried`, async () => {
    const eager = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 3, defaultHeaders: { 'x-quarterdeck-user': `eager-a-${upstream}` } });
    await fails(eager.messages.create({ model: `broken-${upstream}-a`, ...ask }), Anthropic.InternalServerError);
    assert.equal((await records(`user=eager-a-${upstream}`, 1)).length, 1);
  });

  test(`${upstream}: a cut stream throws, it does not end quietly`, async () => {
    await fails(collect(await client.messages.create({ model: `cut-${upstream}-a`, ...ask, stream: true })), Anthropic.APIError);
  });

  test(`${upstream}: a missing last event does not hang the SDK`, async () => {
    const final = await client.messages.stream({ model: `no-done-${upstream}-a`, ...ask }).finalMessage();
    assert.ok(final.stop_reason && final.content[0].text.length > 0);
  });

  test(`${upstream}: abort in the middle of a stream`, async () => {
    const user = `abort-a-${upstream}`;
    const stream = await client.messages.create({ model: `stall-${upstream}-a`, ...ask, stream: true }, { headers: { 'x-quarterdeck-user': user } });
    for await (const event of stream) {
      if (event.type === 'content_block_delta') break;
    }
    const [kept] = await records(`user=${user}`, 1);
    assert.equal(kept.status, 'cancelled');
  });
}

test('errors of our own as the SDK types', async () => {
  const stranger = new Anthropic({ apiKey: 'qd-nobody-knows-this-key', baseURL: url, maxRetries: 0 });
  const denied = await fails(stranger.messages.create({ model: 'on-anthropic', ...ask }), Anthropic.AuthenticationError);
  assert.equal(denied.error.error.type, 'authentication_error');
  await fails(client.messages.create({ model: 'nothing', ...ask }), Anthropic.NotFoundError);
  const other = new Anthropic({ apiKey: otherKey, baseURL: url, maxRetries: 0 });
  await fails(other.messages.create({ model: 'on-anthropic', ...ask }), Anthropic.PermissionDeniedError);
});

test('count_tokens', async () => {
  const counted = await client.messages.countTokens({ model: 'on-anthropic', messages: ask.messages });
  assert.ok(counted.input_tokens > 0);
});

test('a key as a bearer token', async () => {
  const bearer = new Anthropic({ apiKey: null, authToken: key, baseURL: url, maxRetries: 0 });
  const reply = await bearer.messages.create({ model: 'on-anthropic', ...ask });
  assert.equal(reply.type, 'message');
});

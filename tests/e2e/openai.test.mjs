// The official OpenAI SDK against the built server, with both upstream dialects behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { fails, key, otherKey, record, records, upstreams, url } from './common.mjs';

const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Where is my parcel?' }];
const tools = [{
  type: 'function',
  function: {
    name: 'track_parcel', description: 'Finds a parcel.',
    parameters: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
  },
}];
const schema = {
  type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city', 'days'], additionalProperties: false,
};

async function collect(stream) {
  const found = { text: '', finish: null, usage: null, chunks: 0 };
  for await (const chunk of stream) {
    found.chunks++;
    found.text += chunk.choices[0]?.delta?.content ?? '';
    found.finish = chunk.choices[0]?.finish_reason ?? found.finish;
    found.usage = chunk.usage ?? found.usage;
  }
  return found;
}

for (const upstream of upstreams) {
  const model = `on-${upstream}`;

  test(`${upstream}: plain, with its headers and its record`, async () => {
    const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
    assert.equal(data.object, 'chat.completion');
    assert.ok(data.choices[0].message.content.length > 0);
    assert.ok(data.usage.prompt_tokens > 0 && data.usage.total_tokens === data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.match(response.headers.get('x-quarterdeck-model'), new RegExp(`^${upstream}/`));
    const kept = await record(response.headers.get('x-quarterdeck-id'));
    assert.equal(kept.status, 'ok');
    assert.equal(kept.usage.input, data.usage.prompt_tokens);
    assert.equal(kept.usage.output, data.usage.completion_tokens);
    assert.ok(kept.cost_nanousd > 0);
    assert.equal(Number(response.headers.get('x-quarterdeck-cost-usd')), kept.cost_usd);
  });

  test(`${upstream}: streaming, the same words as plain`, async () => {
    const whole = await client.chat.completions.create({ model, messages, max_tokens: 40 });
    const found = await collect(await client.chat.completions.create({ model, messages, max_tokens: 40, stream: true }));
    assert.equal(found.text, whole.choices[0].message.content);
    assert.equal(found.finish, whole.choices[0].finish_reason);
    assert.equal(found.usage, null);
  });

  test(`${upstream}: streaming with usage`, async () => {
    const found = await collect(await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } }));
    assert.ok(found.usage.prompt_tokens > 0 && found.usage.completion_tokens > 0);
  });

  test(`${upstream}: the SDK's own accumulator`, async () => {
    const runner = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    const final = await runner.finalChatCompletion();
    assert.ok(final.choices[0].message.content.length > 0);
    assert.ok(final.usage.completion_tokens > 0);
  });

  test(`${upstream}: max_tokens`, async () => {
    const reply = await client.chat.completions.create({ model, messages, max_tokens: 3 });
    assert.equal(reply.choices[0].finish_reason, 'length');
    assert.ok(reply.usage.completion_tokens <= 3);
  });

  test(`${upstream}: tools, there and back`, async () => {
    const reply = await client.chat.completions.create({ model, messages, tools, tool_choice: 'required' });
    assert.equal(reply.choices[0].finish_reason, 'tool_calls');
    const call = reply.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, 'track_parcel');
    assert.equal(typeof JSON.parse(call.function.arguments).number, 'string');
    const after = await client.chat.completions.create({
      model, tools, messages: [...messages, reply.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'It is in Ghent.' }],
    });
    assert.ok(after.choices[0].message.content.length > 0);
  });

  test(`${upstream}: streamed tools`, async () => {
    const runner = client.chat.completions.stream({ model, messages, tools, tool_choice: { type: 'function', function: { name: 'track_parcel' } } });
    const final = await runner.finalChatCompletion();
    const call = final.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, 'track_parcel');
    assert.equal(typeof JSON.parse(call.function.arguments).number, 'string');
  });

  test(`${upstream}: structured output`, async () => {
    const reply = await client.chat.completions.create({
      model, messages, response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } },
    });
    const value = JSON.parse(reply.choices[0].message.content);
    assert.deepEqual(Object.keys(value).sort(), ['city', 'days']);
    assert.ok(Number.isInteger(value.days));
  });

  test(`${upstream}: an image`, async () => {
    const reply = await client.chat.completions.create({
      model, messages: [{
        role: 'user', content: [{ type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==' } }],
      }],
    });
    assert.ok(reply.choices[0].message.content.length > 0);
  });

  test(`${upstream}: a provider's passing trouble is not the client's`, async () => {
    const { data, response } = await client.chat.completions.create({ model: `flaky-${upstream}`, messages }).withResponse();
    assert.ok(data.choices[0].message.content.length > 0);
    assert.equal(response.headers.get('x-quarterdeck-attempts'), '2');
  });

  test(`${upstream}: retry-after is waited for`, async () => {
    const began = Date.now();
    const { response } = await client.chat.completions.create({ model: `limited-${upstream}`, messages }).withResponse();
    assert.equal(response.headers.get('x-quarterdeck-attempts'), '2');
    assert.ok(Date.now() - began >= 990);
  });

  test(`${upstream}: errors as the SDK's types`, async () => {
    const over = await fails(client.chat.completions.create({ model: `overflow-${upstream}`, messages }), OpenAI.BadRequestError);
    assert.equal(over.code, 'context_length_exceeded');
    await fails(client.chat.completions.create({ model: `filtered-${upstream}`, messages }), OpenAI.BadRequestError);
    const broken = await fails(client.chat.completions.create({ model: `broken-${upstream}`, messages }), OpenAI.InternalServerError);
    assert.equal(broken.status, 503);
    assert.equal(broken.headers.get('x-should-retry'), 'false');
  });

  test(`${upstream}: the SDK does not retry what the gateway has retried`, async () => {
    const eager = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 3, defaultHeaders: { 'x-quarterdeck-user': `eager-${upstream}` } });
    await fails(eager.chat.completions.create({ model: `broken-${upstream}`, messages }), OpenAI.InternalServerError);
    assert.equal((await records(`user=eager-${upstream}`, 1)).length, 1);
  });

  test(`${upstream}: a cut stream throws, it does not end quietly`, async () => {
    const stream = await client.chat.completions.create({ model: `cut-${upstream}`, messages, stream: true });
    const error = await fails(collect(stream), OpenAI.APIError);
    assert.match(JSON.stringify(error.error ?? error.message), /provider_truncated|ended|cut/);
  });

  test(`${upstream}: a broken event is left out`, async () => {
    const found = await collect(await client.chat.completions.create({ model: `bad-event-${upstream}`, messages, stream: true }));
    assert.equal(found.finish, 'stop');
  });

  test(`${upstream}: a missing last event does not hang the SDK`, async () => {
    const found = await collect(await client.chat.completions.create({ model: `no-done-${upstream}`, messages, stream: true }));
    assert.equal(found.finish, 'stop');
  });

  test(`${upstream}: abort in the middle of a stream`, async () => {
    const user = `abort-${upstream}`;
    const stream = await client.chat.completions.create({ model: `stall-${upstream}`, messages, stream: true }, { headers: { 'x-quarterdeck-user': user } });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content) break; // leaving the loop aborts
    }
    const [kept] = await records(`user=${user}`, 1);
    assert.equal(kept.status, 'cancelled');
    assert.ok(kept.usage.input > 0);
  });

  test(`${upstream}: abort and time-out before the first token`, async () => {
    const user = `early-${upstream}`, controller = new AbortController();
    const slow = client.chat.completions.create({ model: `slow-${upstream}`, messages, stream: true }, { signal: controller.signal, headers: { 'x-quarterdeck-user': user } });
    setTimeout(() => controller.abort(), 700);
    await fails(slow, OpenAI.APIUserAbortError);
    await fails(client.chat.completions.create({ model: `slow-${upstream}`, messages }, { timeout: 700, headers: { 'x-quarterdeck-user': user } }), OpenAI.APIConnectionTimeoutError);
    for (const kept of await records(`user=${user}`, 2)) assert.equal(kept.status, 'cancelled');
  });
}

test('fallback to another dialect', async () => {
  const { data, response } = await client.chat.completions.create({ model: 'fallback', messages }).withResponse();
  assert.match(data.model, /^claude/);
  assert.match(response.headers.get('x-quarterdeck-model'), /^anthropic\//);
});

test('several choices pass to an OpenAI target', async () => {
  const reply = await client.chat.completions.create({ model: 'on-openai', messages, n: 2 });
  assert.equal(reply.choices.length, 2);
});

test('what the target cannot say is a 400 that names the field', async () => {
  const error = await fails(client.chat.completions.create({ model: 'on-anthropic', messages, n: 2 }), OpenAI.BadRequestError);
  assert.equal(error.code, 'unsupported_field');
  assert.match(error.message, /\bn\b/);
});

test('errors of our own as the SDK types', async () => {
  const stranger = new OpenAI({ apiKey: 'qd-nobody-knows-this-key', baseURL: `${url}/v1`, maxRetries: 0 });
  const denied = await fails(stranger.chat.completions.create({ model: 'on-openai', messages }), OpenAI.AuthenticationError);
  assert.equal(denied.code, 'invalid_api_key');
  await fails(client.chat.completions.create({ model: 'nothing', messages }), OpenAI.NotFoundError);
  const other = new OpenAI({ apiKey: otherKey, baseURL: `${url}/v1`, maxRetries: 0 });
  await fails(other.chat.completions.create({ model: 'on-openai', messages }), OpenAI.PermissionDeniedError);
});

test('embeddings, as floats and as the base64 that the SDK asks for', async () => {
  const plain = await client.embeddings.create({ model: 'embed', input: ['one', 'two'] });
  const floats = await client.embeddings.create({ model: 'embed', input: ['one', 'two'], encoding_format: 'float' });
  assert.equal(plain.data.length, 2);
  assert.equal(plain.data[0].embedding.length, floats.data[0].embedding.length);
  assert.ok(Math.abs(plain.data[1].embedding[3] - floats.data[1].embedding[3]) < 1e-6);
  assert.ok(plain.usage.prompt_tokens > 0);
});

test('models.list has what the key may use', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes('on-openai') && ids.includes('embed'));
  const other = new OpenAI({ apiKey: otherKey, baseURL: `${url}/v1` });
  const theirs = [];
  for await (const model of other.models.list()) theirs.push(model.id);
  assert.deepEqual(theirs, ['embed']);
});

test('responses, whole and streamed', async () => {
  const whole = await client.responses.create({ model: 'on-openai', input: 'Where is my parcel?' });
  assert.ok(whole.output_text.length > 0);
  assert.ok(whole.usage.input_tokens > 0);
  let text = '', last = '';
  for await (const event of await client.responses.create({ model: 'on-openai', input: 'Where is my parcel?', stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    last = event.type;
  }
  assert.equal(text, whole.output_text);
  assert.equal(last, 'response.completed');
});

// ---- files and batches ----

const other = new OpenAI({ apiKey: otherKey, baseURL: `${url}/v1`, maxRetries: 0 });

async function upload(lines) {
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  return client.files.create({ purpose: 'batch', file: await OpenAI.toFile(Buffer.from(text), 'questions.jsonl') });
}

function line(n, model, body = {}) {
  return {
    custom_id: `q-${n}`, method: 'POST', url: '/v1/chat/completions',
    body: { model, max_tokens: 8, messages: [{ role: 'user', content: `Question ${n}` }], ...body },
  };
}

async function ended(id) {
  for (const end = Date.now() + 60000; Date.now() < end;) {
    const batch = await client.batches.retrieve(id);
    if (['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) return batch;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`batch ${id} does not end`);
}

async function results(file) {
  const text = await (await client.files.content(file)).text();
  assert.ok(text.endsWith('\n'));
  return text.trimEnd().split('\n').map((one) => JSON.parse(one));
}

async function create(file, options = {}) {
  return client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h', ...options });
}

for (const [way, model, count] of [['by the local queue', 'on-anthropic', 12], ['by its provider', 'on-batches', 12]]) {
  test(`batches: a file of requests, answered ${way}`, async () => {
    const file = await upload(Array.from({ length: count }, (_, n) => line(n, model)));
    assert.equal(file.object, 'file');
    assert.equal(file.purpose, 'batch');
    assert.equal((await client.files.retrieve(file.id)).bytes, file.bytes);
    const begun = await create(file, { metadata: { what: 'questions' } });
    assert.equal(begun.object, 'batch');
    const batch = await ended(begun.id);
    assert.equal(batch.status, 'completed', JSON.stringify(batch));
    assert.deepEqual(batch.request_counts, { total: count, completed: count, failed: 0 });
    assert.deepEqual(batch.metadata, { what: 'questions' });
    const found = await results(batch.output_file_id);
    assert.deepEqual(found.map((one) => one.custom_id).sort(), Array.from({ length: count }, (_, n) => `q-${n}`).sort());
    for (const one of found) {
      assert.equal(one.error, null);
      assert.equal(one.response.status_code, 200);
      assert.equal(one.response.body.object, 'chat.completion');
      assert.ok(one.response.body.choices[0].message.content.length > 0);
    }
    let kept = [];
    for (const end = Date.now() + 20000; kept.length < count && Date.now() < end;)
      kept = (await records(`limit=1000&model=${model}`, 1)).filter((one) => one.batch === batch.id);
    assert.equal(kept.length, count);
    assert.ok(kept.every((one) => one.status === 'ok' && one.cost_nanousd > 0));
    const tokens = found.reduce((sum, one) => sum + one.response.body.usage.completion_tokens, 0);
    assert.equal(kept.reduce((sum, one) => sum + one.usage.output, 0), tokens);
  });
}

test('batches: lines that fail are in the error file', async () => {
  const file = await upload([line(1, 'on-openai'), line(2, 'overflow-openai'), line(3, 'filtered-openai')]);
  const batch = await ended((await create(file)).id);
  assert.equal(batch.status, 'completed');
  assert.deepEqual(batch.request_counts, { total: 3, completed: 1, failed: 2 });
  assert.deepEqual((await results(batch.output_file_id)).map((one) => one.custom_id), ['q-1']);
  const failed = await results(batch.error_file_id);
  assert.deepEqual(failed.map((one) => [one.custom_id, one.response.status_code]), [['q-2', 400], ['q-3', 400]]);
  assert.equal(failed[0].response.body.error.code, 'context_length_exceeded');
});

test('batches: a file with mistakes fails, and says where', async () => {
  const file = await upload([line(1, 'on-openai'), { ...line(1, 'on-openai') }, { ...line(2, 'on-openai'), method: 'GET' }, line(3, 'no-such-model'),
    { ...line(4, 'on-openai'), url: '/v1/embeddings' }, line(5, 'on-openai', { stream: true })]);
  const batch = await ended((await create(file)).id);
  assert.equal(batch.status, 'failed');
  assert.deepEqual(batch.errors.data.map((one) => [one.line, one.code, one.param]), [
    [2, 'duplicate_custom_id', 'custom_id'], [3, 'invalid_method', 'method'], [4, 'model_not_found', 'body.model'],
    [5, 'invalid_url', 'url'], [6, 'invalid_request', 'body.stream']]);
  assert.equal(batch.output_file_id, null);
});

for (const [way, model] of [['the local queue', 'slow-openai'], ['a provider', 'on-batches-slow']]) {
  test(`batches: cancelled in ${way}`, async () => {
    const file = await upload(Array.from({ length: 3 }, (_, n) => line(n, model)));
    const begun = await create(file);
    while ((await client.batches.retrieve(begun.id)).status === 'validating') await new Promise((done) => setTimeout(done, 20));
    await fails(client.files.delete(file.id), OpenAI.ConflictError);
    const cancelling = await client.batches.cancel(begun.id);
    assert.equal(cancelling.status, 'cancelling');
    const batch = await ended(begun.id);
    assert.equal(batch.status, 'cancelled', JSON.stringify(batch));
    await fails(client.batches.cancel(begun.id), OpenAI.ConflictError);
    assert.equal(batch.request_counts.completed + batch.request_counts.failed, 3);
    const lines = [...(batch.output_file_id ? await results(batch.output_file_id) : []), ...await results(batch.error_file_id)];
    assert.equal(new Set(lines.map((one) => one.custom_id)).size, 3);
  });
}

test('batches: lists, pages and what is not there', async () => {
  const file = await upload([line(1, 'on-openai')]);
  const made = [];
  for (let n = 0; n < 3; n++) made.unshift((await create(file)).id);
  const first = await client.batches.list({ limit: 2 });
  assert.deepEqual(first.data.map((one) => one.id), made.slice(0, 2));
  assert.ok(first.has_more);
  const seen = [];
  for await (const one of client.batches.list({ limit: 2 })) seen.push(one.id);
  assert.deepEqual(seen.slice(0, 3), made);
  assert.equal(new Set(seen).size, seen.length);
  for (const id of made) await ended(id);
  const files = [];
  for await (const one of client.files.list({ limit: 3 })) files.push(one.id);
  assert.ok(files.includes(file.id) && new Set(files).size === files.length);
  assert.deepEqual(await client.files.delete(file.id), { id: file.id, object: 'file', deleted: true });
  await fails(client.files.retrieve(file.id), OpenAI.NotFoundError);
  await fails(create(file), OpenAI.NotFoundError);
  await fails(client.batches.retrieve('batch_none'), OpenAI.NotFoundError);
  await fails(create(file, { endpoint: '/v1/messages' }), OpenAI.BadRequestError);
  await fails(client.files.create({ purpose: 'fine-tune', file: await OpenAI.toFile(Buffer.from('{}'), 'x.jsonl') }), OpenAI.BadRequestError);
});

test('batches: other applications do not see them', async () => {
  const file = await upload([line(1, 'on-openai')]);
  const batch = await ended((await create(file)).id);
  for (const call of [() => other.files.retrieve(file.id), () => other.files.content(batch.output_file_id), () => other.files.delete(file.id),
    () => other.batches.retrieve(batch.id), () => other.batches.cancel(batch.id), () => other.batches.list({ after: batch.id }),
    () => other.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' })])
    await fails(call(), OpenAI.NotFoundError);
  assert.equal((await other.batches.list()).data.length, 0);
  assert.equal((await other.files.list()).data.length, 0);
  const stranger = new OpenAI({ apiKey: 'qd-nobody', baseURL: `${url}/v1`, maxRetries: 0 });
  await fails(stranger.batches.list(), OpenAI.AuthenticationError);
  await fails(stranger.files.create({ purpose: 'batch', file: await OpenAI.toFile(Buffer.from('{}'), 'x.jsonl') }), OpenAI.AuthenticationError);
});

// Runs the javascript checks of a suite. It is told on descriptor 3 and answers on 4, one JSON object a line:
//   {"id": 7, "code": "9f…", "source": "output.length < 5", "about": {output, expected, context, vars, …}}
//   {"ready": true}   {"id": 7, "said": true | 0.5 | {pass, score, reason}}   {"id": 7, "error": "…"}
// With "spoilt": true the check changed what those after it would share, and this process should not be asked again.
// `source` comes once for each `code`. One check is under way at a time. What a check prints goes to standard error.
'use strict';
{
  const fs = require('node:fs');
  const { Socket } = require('node:net');
  const AsyncFunction = (async () => {}).constructor;
  const { parse, stringify } = JSON;
  const compiled = new Map();
  const LONGEST = 4000;
  const HEAD = 2; // lines that the function constructor puts before ours

  const tell = (reply) => {
    const bytes = Buffer.from(stringify(reply) + '\n');
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(4, bytes, at);
  };

  // a check that changes what all code shares must not decide what later ones say
  const home = process.cwd();
  const shared = [Object, Function, Array, String, Number, RegExp, Map, Set, Promise, Error, Buffer].map((kind) => kind.prototype).concat(JSON, Math, console)
    .map((object) => ({ object, keys: Reflect.ownKeys(object).map((key) => [key, Reflect.getOwnPropertyDescriptor(object, key).value]) }));
  const isSpoilt = () => {
    for (const { object, keys } of shared) {
      if (Reflect.ownKeys(object).length !== keys.length) return true;
      for (const [key, value] of keys) if (value !== undefined && object[key] !== value) return true;
    }
    return globalThis.JSON.parse !== parse || process.cwd() !== home;
  };

  const describe = (error, head) => {
    if (!(error instanceof Error)) return `it threw ${String(error)}`.slice(0, LONGEST);
    const at = /check\.js:(\d+)/.exec(String(error.stack));
    return `${error.name}: ${error.message}${at ? ` (line ${Math.max(1, at[1] - head)})` : ''}`.slice(0, LONGEST);
  };

  // the first form that is JavaScript: an expression, with await, a function body, with await
  const compileText = (source) => {
    let problem;
    for (const text of [`return (${source}\n)`, source]) {
      for (const Kind of [Function, AsyncFunction]) {
        try {
          const check = new Kind('output', 'context', 'require', `${text}\n//# sourceURL=check.js`);
          return { head: HEAD, run: (output, context) => check(output, context, require) };
        } catch (error) {
          problem = error;
        }
      }
    }
    throw problem;
  };

  const compileModule = async (source) => {
    let exported;
    if (/^\s*export\s/m.test(source)) {
      exported = await import(`data:text/javascript;base64,${Buffer.from(source + '\n//# sourceURL=check.js').toString('base64')}`);
    } else {
      const module = { exports: {} };
      new Function('module', 'exports', 'require', `${source}\n//# sourceURL=check.js`)(module, module.exports, require);
      exported = module.exports;
    }
    const check = exported.default ?? exported;
    if (typeof check !== 'function') throw new Error('the file exports no function: expected `export default` or `module.exports =` of one');
    return { head: /^\s*export\s/m.test(source) ? 0 : HEAD, run: check };
  };

  const isModule = (source) => /^\s*export\s+(default|\{|async|function|const)/m.test(source) || /^\s*(module\.exports|exports\.\w+)\s*=/m.test(source);

  const compile = async (source) => {
    try {
      return await (isModule(source) ? compileModule(source) : compileText(source.trim()));
    } catch (error) {
      return { problem: describe(error, HEAD) };
    }
  };

  const wording = (value) => {
    const text = typeof value === 'string' ? stringify(value) : String(value);
    return `expected true, false, a number or {pass, score, reason}, found ${text.slice(0, 200)}` +
      (value === undefined ? ': code of several statements needs a `return`' : '');
  };

  const judge = async (check, about) => {
    const output = about.output ?? '';
    const context = { ...about, test: { description: about.case, vars: about.vars } };
    let said = await check.run(output, context);
    if (typeof said === 'function') said = await said(output, context);
    if (typeof said === 'boolean' || (typeof said === 'number' && Number.isFinite(said))) return { said };
    if (typeof said !== 'object' || said === null || Array.isArray(said)) return { error: wording(said) };
    const { pass, score, reason } = said;
    return { said: { pass, score, reason: reason == null ? undefined : String(reason).slice(0, LONGEST) } };
  };

  const answer = async (line) => {
    const { id, code, source, about } = parse(line);
    if (source !== undefined) compiled.set(code, await compile(source));
    const check = compiled.get(code);
    if (check.problem) return tell({ id, error: check.problem });
    let reply;
    try {
      reply = await judge(check, about);
    } catch (error) {
      reply = { error: describe(error, check.head) };
    }
    tell({ id, ...reply, spoilt: isSpoilt() || undefined });
  };

  // what a check left running may fail long after it: that is none of the next one's business
  for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => console.error(error));

  let pieces = [];
  let turn = Promise.resolve();
  const input = new Socket({ fd: 3, readable: true, writable: false });
  input.on('data', (bytes) => {
    for (let end; (end = bytes.indexOf(10)) >= 0; bytes = bytes.subarray(end + 1)) {
      const line = Buffer.concat([...pieces, bytes.subarray(0, end)]).toString();
      pieces = [];
      turn = turn.then(() => answer(line));
    }
    if (bytes.length > 0) pieces.push(bytes);
  });
  input.on('close', () => process.exit(0));
  tell({ ready: true });
}

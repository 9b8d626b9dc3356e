#!/usr/bin/env node
// Token counts of src/cost against npm's gpt-tokenizer: real files, each place of the patterns, and random texts.
//   tokens.mjs [--binary build/bench/tokens] [--modules build/npm/node_modules] [--seed N] [--texts N] [FILE...]
// A difference is shrunk to a small text before it is shown.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        binary: { type: 'string', default: path.join(root, 'build/bench/tokens') },
        modules: { type: 'string', default: path.join(root, 'build/npm/node_modules') },
        seed: { type: 'string', default: '1' },
        texts: { type: 'string', default: '6000' },
    },
});
const require = createRequire(import.meta.url);
const encodings = ['o200k_base', 'cl100k_base'];
const theirs = encodings.map((name) => require(path.resolve(options.modules, `gpt-tokenizer/cjs/encoding/${name}.js`)));
const ranks = encodings.map((name) => require(path.resolve(options.modules, `gpt-tokenizer/cjs/bpeRanks/${name}.js`)).default);

// ---- dice ----
let state = BigInt(options.seed) + 0x9e3779b97f4a7c15n;
function random(n) {
    state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
    return Number((z ^ (z >> 31n)) % BigInt(n));
}
const pick = (list) => list[random(list.length)];
const many = (most, make) => Array.from({ length: 1 + random(most) }, make);
const joined = (most, make) => Buffer.concat(many(most, () => Buffer.from(make())));

// ---- what texts are made of ----
const categories = ['Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Mn', 'Mc', 'Me', 'Nd', 'Nl', 'No', 'Zs', 'Zl', 'Zp', 'Cc', 'Cf', 'Co', 'Cn', 'Po', 'Sm', 'So', 'Sk'];
const points = Object.fromEntries(categories.map((c) => [c, []]));
for (let p = 0; p < 0x110000; p++) {
    if (p >= 0xd800 && p <= 0xdfff) continue;
    const text = String.fromCodePoint(p);
    for (const c of categories) if (new RegExp(`\\p{${c}}`, 'u').test(text)) points[c].push(p);
}
const anyOf = (c) => String.fromCodePoint(pick(points[c]));
const words = 'the of and Parcel ORDER iPhone naïve Straße İstanbul façade 漢字 ひらがな 한국어 Привет مرحبا हिन्दी ไทย tokenization supercalifragilistic e.g. camelCaseWord HTTPServer x1y2 ǅ ª º ʼ'.split(' ');
const marks = ['\u0301', '\u0327', '\u20dd', '\u0903', '\ufe0f', '\u200d', '\u3099'];
const spaces = [' ', '  ', '\t', '\n', '\r', '\r\n', '\v', '\f', '\u00a0', '\u1680', '\u2003', '\u2028', '\u2029', '\u202f', '\u3000', '\ufeff', '\u0085', '\u180e', '\u200b', '\n\n', '   \n '];
const signs = ['!', '/', '//', '\'', '"', '...', '=>', '{', '}', '();', '#', '—', '…', '$', '<|endoftext|>', '<|im_start|>', '\u0000', '🎉', '👩‍👩‍👧‍👦', '🇩🇪', '👍🏽', '∑', '\ufffd'];
const tails = ["'s", "'S", "'t", "'ll", "'LL", "'lL", "'ve", "'Re", "'d", "'m", "'x", "'l", "'v", "'", "’s", "''s"];
const digits = ['0', '7', '42', '1234567', '٣', '²', 'Ⅷ', '½', '𝟘'];

const atom = () => pick([words, words, marks, spaces, spaces, signs, tails, digits, ['a', 'B', 'é', 'É', '中', 'ǅ']])[random(1e6) % 6] ??
    pick(pick([words, spaces, signs, tails, digits]));
const token = () => { const v = pick(pick(ranks)); return typeof v === 'string' ? v : Buffer.from(v); };
const broken = () => pick([[0x80], [0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80], [0xef, 0xbb], [0xbf]]);

function readReal() {
    const data = path.resolve(root, '../shared/data');
    const found = positionals.length ? positionals : ['README.md', 'docs', 'src/cost', 'tests/data', 'data/prices.json'].map((p) => path.join(root, p)).concat(fs.existsSync(data) ? [data] : []);
    const files = [];
    const walk = (p) => (fs.statSync(p).isDirectory() ? fs.readdirSync(p).sort().forEach((f) => walk(path.join(p, f))) : files.push(p));
    found.filter((p) => fs.existsSync(p)).forEach(walk);
    return files.map((file) => ({ name: path.relative(root, file), bytes: fs.readFileSync(file) }));
}
const real = readReal();
const cut = (most) => { const { bytes } = pick(real); const at = random(bytes.length + 1); return bytes.subarray(at, at + random(most)); };
function damaged() {
    const b = Buffer.from(cut(400));
    for (let i = random(6); i > 0 && b.length; i--) b[random(b.length)] = random(256);
    return b;
}

const makers = {
    'atoms': () => joined(60, atom),
    'letters and marks': () => joined(12, () => pick([pick(words), pick(marks), anyOf('Lu'), anyOf('Lt'), anyOf('Lo'), anyOf('Lm'), anyOf('Ll'), 'A', 'b', ' '])),
    'categories': () => joined(40, () => anyOf(pick(categories))),
    'any code point': () => joined(40, () => anyOf(pick(categories)) + pick(['', ' ', 'a', '1'])),
    'white space': () => joined(30, () => pick(spaces)),
    'white space, long': () => Buffer.from(pick(spaces).repeat(random(800)) + pick(['', 'x', '\n', ' ', '!'])),
    'contractions': () => joined(20, () => pick(words) + pick(tails)),
    'tokens': () => joined(30, token),
    'broken': () => joined(40, () => (random(3) ? atom() : broken())),
    'bytes': () => joined(60, () => [random(256)]),
    'byte order marks': () => joined(16, () => pick([() => '\ufeff', () => pick(['\ufeff名', '\ufeff\u1784']), token, () => pick(spaces), () => pick(words), broken])()),
    'real': () => cut(2000),
    'real, damaged': damaged,
    'long words': () => Buffer.from(many(1 + random(900), () => pick(['a', 'b', 'c', 'é', 'x'])).join('')),
    'long runs': () => Buffer.from(pick(['a', '=', '-', '_', '好', '🎉', '/', '\u0301', '0', 'ab', 'A', '#!']).repeat(random(900))),
    'base64': () => Buffer.from(Buffer.from(many(600, () => random(256))).toString('base64')),
};
// every pair and triple of kinds, where the patterns' alternatives meet
function* corners() {
    const kinds = ['a', 'A', 'ª', 'ǅ', '\u0301', '1', ' ', '\u3000', '\n', '!', '/', '\'', '\'s', '\ufeff'];
    for (const a of kinds) for (const b of kinds) for (const c of kinds) for (const d of ['', 'a', 'B', ' ', '\n', '!']) yield Buffer.from(a + b + c + d);
}

// ---- ours ----
const counter = spawn(options.binary, ['--pipe'], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = (async function* () {
    let rest = '';
    for await (const chunk of counter.stdout) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop();
        yield* parts;
    }
})();
counter.on('error', (e) => { console.error(`${options.binary}: ${e.message}: make bench-tools builds it`); process.exit(3); });

const send = (bytes) => { const head = Buffer.alloc(4); head.writeUInt32LE(bytes.length); counter.stdin.write(Buffer.concat([head, bytes])); };
const receive = async () => (await lines.next()).value;
const expected = (bytes) => theirs.map((t) => t.countTokens(bytes.toString('utf8'), { disallowedSpecial: new Set() })).join(' ');
const differs = async (bytes) => { send(bytes); return (await receive()) !== expected(bytes); };

async function shrink(bytes) {
    for (let step = bytes.length >> 1; step >= 1; step >>= 1)
        for (let at = 0; at + step <= bytes.length;) {
            const less = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + step)]);
            if (await differs(less)) bytes = less;
            else at += step;
        }
    return bytes;
}

let passed = 0, failed = 0, bytes = 0;
async function check(name, texts) {
    texts.forEach(send);
    const found = [];
    for (const text of texts) found.push(await receive());
    for (let i = 0; i < texts.length; i++) {
        bytes += texts[i].length;
        if (found[i] === expected(texts[i])) { passed++; continue; }
        if (++failed > 10) continue;
        const small = await shrink(texts[i]);
        send(small);
        console.log(`FAIL ${name}: ${JSON.stringify(small.toString('utf8'))} (${small.toString('hex')}): ours ${await receive()}, theirs ${expected(small)}`);
    }
}

for (const { name, bytes: text } of real) await check(name, [text]);
const all = [...corners()];
while (all.length) await check('corners', all.splice(0, 500));
const names = Object.keys(makers);
for (let left = Number(options.texts); left > 0; left -= names.length)
    for (const name of names) await check(name, [makers[name]()]);
counter.stdin.end();
console.log(`seed ${options.seed}: ${bytes} bytes, ${real.length} real files`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

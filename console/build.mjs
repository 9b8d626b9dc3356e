// Builds the console: node console/build.mjs NODE_MODULES OUT. Writes OUT/index.html, OUT/app.js, OUT/app.css, each also as .gz,
// and OUT/names.h, which says what the two are called in the page (their names carry a hash of their content).
import {createHash} from "node:crypto";
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import {gzipSync} from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const modules = resolve(process.argv[2] ?? "build/npm/node_modules");
const out = resolve(process.argv[3] ?? "build/console");
const esbuild = createRequire(join(modules, "esbuild", "package.json"))("esbuild");
mkdirSync(out, {recursive: true});

const built = await esbuild.build({
  entryPoints: {app: join(here, "src", "main.tsx")}, outdir: out, write: false, bundle: true, minify: true, format: "esm", target: "es2022",
  jsx: "automatic", jsxImportSource: "preact", legalComments: "none", nodePaths: [modules], logLevel: "warning", metafile: true,
});
const hashed = (bytes, ending) => `app-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}${ending}`;
const put = (name, bytes) => {
  writeFileSync(join(out, name), bytes);
  const zipped = gzipSync(bytes, {level: 9});
  writeFileSync(join(out, name + ".gz"), zipped);
  return zipped.length;
};
let names = {}, total = 0;
for (const file of built.outputFiles) {
  const ending = file.path.endsWith(".css") ? ".css" : ".js";
  names[ending] = hashed(file.contents, ending);
  total += put("app" + ending, file.contents);
}
const page = readFileSync(join(here, "index.html"), "utf8").replace("%CSS%", names[".css"]).replace("%JS%", names[".js"]);
total += put("index.html", Buffer.from(page));
writeFileSync(join(out, "names.h"), `#define CONSOLE_JS "${names[".js"]}"\n#define CONSOLE_CSS "${names[".css"]}"\n`);
console.log(`  CONSOLE ${(total / 1024).toFixed(1)} KiB gzipped`);
if (total > 200 * 1024) {
  console.error(`the console is ${total} bytes gzipped, and 204800 is the bar`);
  process.exit(1);
}

// Types of the API's answers, out of the reference that is made from the program's own tables: node console/gen_types.mjs docs/reference/api.md
// Members of shapes that are described twice are joined.
import {readFileSync} from "node:fs";

const shapes = new Map();
let members = null, behind = false;
for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  if (line === "## Shapes") behind = true;
  const head = behind && line.match(/^### (\w+)$/);
  if (head) {
    if (!shapes.has(head[1])) shapes.set(head[1], new Map());
    members = shapes.get(head[1]);
    continue;
  }
  const row = members && line.match(/^\| `([^`]+)` \| ((?:\\\||[^|])+) \| (.*) \|$/);
  if (row) members.set(row[1], {type: row[2].trim(), help: row[3]});
}
const one = (text) => {
  text = text.trim();
  if (/^\[.*\]$/.test(text)) return `Array<${one(text.slice(1, -1))}>`;
  if (/^\{.*\}$/.test(text)) return `{[name: string]: ${one(text.slice(1, -1))}}`;
  if (/^(string|number|boolean)$/.test(text)) return text;
  if (text === "integer") return "number";
  if (text === "time") return "string";
  if (text === "json") return "any";
  const parts = text.split("\\|");
  if (parts.length > 1) return parts.map((p) => JSON.stringify(p)).join(" | ");
  return shapes.has(text) ? text : "any";
};
console.log("// Made by console/gen_types.mjs from docs/reference/api.md.");
for (const [name, fields] of shapes) {
  console.log(`export interface ${name} {`);
  for (const [member, {type, help}] of fields) {
    const absent = type.includes("; may be absent"), nullable = type.includes(", or null");
    const bare = type.replace("; may be absent", "").replace(", or null", "");
    console.log(`  /** ${help.replaceAll("*/", "* /")} */\n  ${JSON.stringify(member)}${absent ? "?" : ""}: ${one(bare)}${nullable ? " | null" : ""};`);
  }
  console.log("}");
}

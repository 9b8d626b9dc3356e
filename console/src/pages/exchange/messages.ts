// What was said, in one form, out of what OpenAI's chat, its responses and Anthropic's messages call it; a stream as one text.
// All of it is untrusted: anything may be missing, of another type, or cut in the middle.
export interface Piece { kind: "text" | "call" | "result" | "thinking" | "refusal" | "other"; name?: string; text: string }
export interface Message { role: string; pieces: Piece[] }

const isObject = (v: unknown): v is {[key: string]: any} => typeof v === "object" && v !== null && !Array.isArray(v);
const list = (v: unknown): any[] => (Array.isArray(v) ? v : []);
const words = (v: unknown): string => (typeof v === "string" ? v : v === undefined || v === null ? "" : JSON.stringify(v, null, 2));
const pretty = (v: unknown): string => { if (typeof v !== "string") return words(v); try { return JSON.stringify(JSON.parse(v), null, 2); } catch { return v; } };

function piece(part: unknown): Piece[] {
  if (typeof part === "string") return part ? [{kind: "text", text: part}] : [];
  if (!isObject(part)) return part == null ? [] : [{kind: "other", text: words(part)}];
  switch (part.type) {
    case "text": case "input_text": case "output_text": return typeof part.text === "string" ? [{kind: "text", text: part.text}] : [{kind: "other", text: words(part)}];
    case "refusal": return [{kind: "refusal", text: words(part.refusal)}];
    case "thinking": case "reasoning": case "summary_text": return [{kind: "thinking", text: words(part.thinking ?? part.text ?? part.summary)}];
    case "tool_use": return [{kind: "call", name: words(part.name), text: pretty(part.input)}];
    case "tool_result": return [{kind: "result", name: words(part.tool_use_id), text: Array.isArray(part.content) ? part.content.map((c: any) => words(c?.text ?? c)).join("\n\n") : words(part.content)}];
    case "image": case "image_url": case "input_image": return [{kind: "other", name: "image", text: short(part)}];
    default: return [{kind: "other", name: typeof part.type === "string" ? part.type : undefined, text: words(part)}];
  }
}
// an image's bytes are nothing to read
const short = (part: unknown) => { const text = words(part); return text.length > 300 ? text.slice(0, 300) + " …" : text; };
const content = (c: unknown): Piece[] => (Array.isArray(c) ? c.flatMap(piece) : piece(c));

function message(m: unknown): Message {
  if (!isObject(m)) return {role: "?", pieces: piece(m)};
  if (m.type === "function_call") return {role: "assistant", pieces: [{kind: "call", name: words(m.name), text: pretty(m.arguments)}]};
  if (m.type === "function_call_output") return {role: "tool", pieces: [{kind: "result", name: words(m.call_id), text: words(m.output)}]};
  if (m.type === "reasoning") return {role: "assistant", pieces: list(m.summary).flatMap(piece)};
  const role = typeof m.role === "string" ? m.role : "?";
  const calls = list(m.tool_calls).map((c): Piece => ({kind: "call", name: words(c?.function?.name ?? c?.name), text: pretty(c?.function?.arguments ?? c?.arguments)}));
  const said = role === "tool" ? [{kind: "result", name: words(m.tool_call_id), text: content(m.content).map((p) => p.text).join("\n\n")} as Piece] : content(m.content);
  return {role, pieces: [...said, ...(m.refusal ? [{kind: "refusal", text: words(m.refusal)} as Piece] : []), ...calls]};
}

/** The messages of a request; [] where it has none (an embedding). */
export function asked(body: unknown): Message[] {
  if (!isObject(body)) return [];
  const system = body.system ?? body.instructions;
  const rest = body.messages !== undefined ? list(body.messages).map(message) : typeof body.input === "string" ? [{role: "user", pieces: piece(body.input)}] : list(body.input).map(message);
  return [...(system ? [{role: "system", pieces: content(system)}] : []), ...rest];
}
export const tools = (body: unknown): string[] => (isObject(body) ? list(body.tools).map((t) => words(t?.function?.name ?? t?.name ?? t?.type)).filter(Boolean) : []);

/** The answer of a whole reply; several where several were asked for. */
function whole(body: {[key: string]: any}): Message[] {
  if (Array.isArray(body.choices)) return body.choices.map((c) => message({role: "assistant", ...(isObject(c?.message) ? c.message : {})}));
  if (Array.isArray(body.output)) return body.output.map(message);
  if (Array.isArray(body.content)) return [{role: "assistant", pieces: content(body.content)}];
  if (body.error !== undefined) return [{role: "error", pieces: [{kind: "text", text: isObject(body.error) ? words(body.error.message ?? body.error) : words(body.error)}]}];
  return [];
}

function stream(text: string): Message[] {
  const pieces: Piece[] = [], at = new Map<string, Piece>();
  const take = (key: string, kind: Piece["kind"], more: unknown, name?: string) => {
    let p = at.get(key);
    if (!p) { p = {kind, text: "", name}; at.set(key, p); pieces.push(p); }
    if (name) p.name = name;
    if (typeof more === "string") p.text += more;
  };
  for (const block of text.split(/\r?\n\r?\n|\r\r/)) {
    const data = block.split(/\r?\n|\r/).filter((l) => l.startsWith("data:")).map((l) => l.slice(5).trimStart()).join("\n");
    let e: any;
    try { e = JSON.parse(data); } catch { continue; } // [DONE], or where it was cut
    if (!isObject(e)) continue;
    for (const c of list(e.choices)) {
      const d = isObject(c?.delta) ? c.delta : {}, i = c?.index ?? 0;
      if (d.content) take(`text${i}`, "text", d.content);
      if (d.refusal) take(`refusal${i}`, "refusal", d.refusal);
      if (d.reasoning_content) take(`thinking${i}`, "thinking", d.reasoning_content);
      for (const t of list(d.tool_calls)) take(`call${i}.${t?.index ?? 0}`, "call", t?.function?.arguments, typeof t?.function?.name === "string" ? t.function.name : undefined);
    }
    if (e.type === "content_block_start" && e.content_block?.type === "tool_use") take(`block${e.index}`, "call", "", words(e.content_block.name));
    if (e.type === "content_block_delta") {
      const d = isObject(e.delta) ? e.delta : {};
      if (d.type === "text_delta") take(`block${e.index}`, "text", d.text);
      if (d.type === "input_json_delta") take(`block${e.index}`, "call", d.partial_json);
      if (d.type === "thinking_delta") take(`block${e.index}`, "thinking", d.thinking);
    }
    if (e.type === "response.output_text.delta") take(`out${e.output_index}.${e.content_index}`, "text", e.delta);
    if (e.type === "response.refusal.delta") take(`refusal${e.output_index}`, "refusal", e.delta);
    if (e.type === "response.output_item.added" && e.item?.type === "function_call") take(`call${e.output_index}`, "call", "", words(e.item.name));
    if (e.type === "response.function_call_arguments.delta") take(`call${e.output_index}`, "call", e.delta);
    if (e.error !== undefined && e.error !== null) take("error", "other", words(e.error?.message ?? e.error), "error in the stream");
  }
  for (const p of pieces) if (p.kind === "call") p.text = pretty(p.text);
  return pieces.length ? [{role: "assistant", pieces}] : [];
}
/** The answer; [] where nothing of it can be read. */
export const answered = (body: {json?: unknown; text?: string}): Message[] => (isObject(body.json) ? whole(body.json) : body.text ? stream(body.text) : []);

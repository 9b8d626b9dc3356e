/** Pieces of a text as the API gives them: same, remove, add. For the ear, changes are announced by their elements. */
export function Diff({pieces}: {pieces: Array<{op: string; text: string}>}) {
  return <div class="diff">{pieces.map((p) => (p.op === "add" ? <ins>{p.text}</ins> : p.op === "remove" ? <del>{p.text}</del> : <span>{p.text}</span>))}</div>;
}
/** Lines of a unified diff. */
export function DiffLines({lines}: {lines: string[]}) {
  return <div class="diff">{lines.map((l) => <div>{l.startsWith("+") ? <ins>{l}</ins> : l.startsWith("-") ? <del>{l}</del> : <span>{l}</span>}</div>)}</div>;
}

/** Pieces of a text as the API gives them: same, removed, added. For the ear, changes are announced by their elements. */
export interface Piece { op: "same" | "removed" | "added"; text: string }
export function Diff({pieces}: {pieces: Piece[]}) {
  return <div class="diff">{pieces.map((p) => (p.op === "added" ? <ins>{p.text}</ins> : p.op === "removed" ? <del>{p.text}</del> : <span>{p.text}</span>))}</div>;
}
/** Lines of a unified diff. */
export function DiffLines({lines}: {lines: string[]}) {
  return <div class="diff">{lines.map((l) => <div>{l.startsWith("+") ? <ins>{l}</ins> : l.startsWith("-") ? <del>{l}</del> : <span>{l}</span>}</div>)}</div>;
}

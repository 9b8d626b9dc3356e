// The keyboard: one table of what holds now; `?` shows it. Single keys rest while a field has the focus.
import {useLayoutEffect} from "preact/hooks";

export interface Key { keys: string; what: string; run: () => void; in?: string }
const bound: Key[] = [];
let before = "", since = 0;
export const boundKeys = (): readonly Key[] => bound;

const typing = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

addEventListener("keydown", (event) => {
  const command = event.metaKey || event.ctrlKey;
  const name = (command ? "mod+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (event.altKey || (!command && typing(event.target) && event.key !== "Escape")) return;
  if (document.querySelector("dialog[open]") && !(event.target as Element).closest?.("dialog")) return;
  const inside = document.querySelector("dialog[open]") !== null;
  const sequence = before && Date.now() - since < 1200 ? before + " " + name : name;
  // the newest binding counts: a page's own before the frame's
  const key = [...bound].reverse().find((k) => k.keys === sequence) ?? [...bound].reverse().find((k) => k.keys === name);
  before = name; since = Date.now();
  if (!key || (inside && key.in !== "dialog")) return;
  event.preventDefault();
  before = "";
  key.run();
});

/** Binds keys while the component is there: "j", "?", "mod+k", "g o" (one after the other), "Enter". */
export function useKeys(keys: Key[], again: unknown[] = []) {
  useLayoutEffect(() => { // at once: whoever types y and Enter within one frame means this label
    bound.push(...keys);
    return () => { for (const key of keys) { const at = bound.indexOf(key); if (at >= 0) bound.splice(at, 1); } };
  }, again);
}

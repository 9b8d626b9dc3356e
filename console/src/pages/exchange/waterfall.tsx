// Where the time of one exchange went. Attempts follow one another; pauses between them are recorded only as a sum, so they are drawn alike.
import type {Attempt, Record} from "api-types";
import {ms} from "../../format";
import {Badge} from "../../ui";

interface Bar { name: string; from: number; to: number; kind: "ours" | "good" | "bad" | "out" | "wait"; result: string; bad?: boolean }
export function bars(r: Record): {bars: Bar[]; total: number; pauses: number} {
  const total = Math.max(r.duration_ms ?? 0, 0.001), ours = Math.min(r.overhead_us / 1000, total), tries = r.attempts;
  const busy = tries.reduce((sum, a) => sum + a.ms, 0), left = Math.max(0, total - ours - busy);
  const each = tries.length > 1 ? left / (tries.length - 1) : 0, out: Bar[] = [{name: "our own time", from: 0, to: ours, kind: "ours", result: "authenticate, resolve, reserve, route; drawn as one"}];
  let at = ours;
  tries.forEach((a, i) => {
    if (i > 0 && each >= 1) { out.push({name: "pause", from: at, to: at + each, kind: "wait", result: "before another try"}); at += each; }
    out.push({name: `${a.provider ?? "–"} / ${a.model ?? "–"}`, from: at, to: Math.min(total, at + a.ms), kind: a.error ? "bad" : "good", result: said(a), bad: !!a.error});
    at += a.ms;
  });
  if (r.stream && r.ttft_ms != null && r.status !== "refused") out.push({name: "output relayed", from: r.ttft_ms, to: total, kind: "out", result: `first token at ${ms(r.ttft_ms)}`});
  return {bars: out, total, pauses: tries.length > 1 ? left : 0};
}
const said = (a: Attempt) => (a.error ? `${a.error}${a.http_status ? ` (${a.http_status})` : ", no status came"}` : `answered (${a.http_status ?? "–"})`);

export function ExchangeWaterfall({r}: {r: Record}) {
  const {bars: all, total, pauses} = bars(r), x = (v: number) => (1000 * v) / total;
  if (r.duration_ms == null) return <p class="muted">No time was recorded.</p>;
  return (
    <div class="wf" role="list" aria-label={`Stages over ${ms(total)}`}>
      {all.map((b) => (
        <div class="line" role="listitem">
          <span class="name">{b.name}</span>
          <svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
            <rect class={b.kind} x={x(b.from)} width={Math.max(3, x(b.to) - x(b.from))} y="2" height="12" rx="2" />
            {r.ttft_ms != null && <line x1={x(r.ttft_ms)} x2={x(r.ttft_ms)} y1="0" y2="16" />}
          </svg>
          <span class="took">{ms(b.to - b.from)}</span>
          <span class="result small">{b.bad ? <Badge tone="bad">{b.result}</Badge> : <span class="muted">{b.result}</span>}</span>
        </div>))}
      <p class="muted small">0 to {ms(total)}{r.ttft_ms != null && <>; the dashed line is the first token, {ms(r.ttft_ms)}</>}{r.attempts.length === 0 && "; no provider was asked"}{pauses >= 1 && <>; {ms(pauses)} of pauses between attempts, recorded only as a sum</>}.</p>
    </div>
  );
}

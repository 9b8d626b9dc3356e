import type {Reconciliation} from "api-types";
import {useState} from "preact/hooks";
import {send, type ApiError} from "../../api";
import {count, usd} from "../../format";
import {Badge, Command, Failed, Figure, Figures, Panel, Table} from "../../ui";

const gaps: {[g: string]: string} = {not_recorded: "not recorded here", not_invoiced: "not invoiced", differs: "differs"};

export function Reconcile() {
  const [answer, set] = useState<Reconciliation | null>(null), [error, setError] = useState<ApiError | null>(null), [tolerance, setTolerance] = useState("0.5"), [busy, setBusy] = useState(false);
  const take = async (file: File | undefined) => {
    if (!file) return;
    setBusy(true); setError(null);
    try { set(await send<Reconciliation>("POST", "/cost/reconcile", {tolerance}, await file.text())); } catch (e) { setError(e as ApiError); }
    setBusy(false);
  };
  return (
    <>
      <Panel title="A provider's export" note="nothing is kept of it">
        <p>Choose the usage export (CSV) of OpenAI or Anthropic: its days and models are held against the records.</p>
        <div class="row"><label class="row">Export <input type="file" accept=".csv,text/csv" disabled={busy} onChange={(e) => void take(e.currentTarget.files?.[0])} /></label>
          <label class="row">Smaller differences than <input type="number" min="0" step="any" value={tolerance} onInput={(e) => setTolerance(e.currentTarget.value)} class="narrow" /> % are none</label></div>
        {busy && <p role="status">Comparing …</p>}
        {error && <Failed error={error} />}
        <p class="muted">In the terminal: <Command text="quarterdeck cost reconcile export.csv" /></p>
      </Panel>
      {answer && <Panel title={answer.gaps.length ? `${count(answer.gaps.length)} of ${count(answer.compared)} days and models differ` : `All ${count(answer.compared)} days and models agree`} note={`${answer.provider}, ${answer.first_day} – ${answer.last_day}, UTC`}>
        <Figures>
          <Figure what="Invoiced" value={answer.invoiced.usd} unit="usd" n={answer.invoiced.requests} />
          <Figure what="Recorded" value={answer.recorded.usd} unit="usd" n={answer.recorded.requests} />
          <Figure what="Theirs less ours" value={answer.gap_usd} unit="usd" note={answer.gaps_without_usd ? `${count(answer.gaps_without_usd)} gaps of unknown amount` : undefined} />
        </Figures>
        {answer.gaps.length > 0 && <Table caption="Differences" rows={answer.gaps} keyed={(g) => g.day + g.model} columns={[
          {name: "day", label: "day", cell: (g) => g.day, sort: (g) => g.day}, {name: "model", label: "model", cell: (g) => g.model, sort: (g) => g.model},
          {name: "gap", label: "what", cell: (g) => <Badge tone={g.gap === "differs" ? "warn" : "bad"}>{gaps[g.gap]}</Badge>},
          {name: "theirs", label: "theirs", number: true, cell: (g) => <>{usd(g.invoiced.usd)} · {count(g.invoiced.input_tokens)} in · {count(g.invoiced.output_tokens)} out</>},
          {name: "ours", label: "ours", number: true, cell: (g) => <>{usd(g.recorded.usd)} · {count(g.recorded.input_tokens)} in · {count(g.recorded.output_tokens)} out</>},
          {name: "usd", label: "difference", number: true, cell: (g) => <>{usd(g.usd)}{g.usd_by_list_price && <span class="muted small"> by list price</span>}</>, sort: (g) => g.usd},
        ]} />}
      </Panel>}
    </>
  );
}

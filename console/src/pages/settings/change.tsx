// A change of the configuration: first what would differ and what would be wrong, then a reason, then it is made.
import type {ConfigurationChange} from "api-types";
import {useEffect, useState} from "preact/hooks";
import {inquire, send, type ApiError} from "../../api";
import {useMay} from "../../session";
import {Badge, Dialog, DiffLines, Failed, Field, Note, toast} from "../../ui";

export interface Wanted { section: string; name: string; value: string | null; title: string; hash: string }
export function ChangeDialog({wanted, close, made}: {wanted: Wanted | null; close: () => void; made?: () => void}) {
  const [tried, setTried] = useState<ConfigurationChange | null>(null), [error, setError] = useState<ApiError | null>(null), [reason, setReason] = useState(""), [busy, setBusy] = useState(false);
  const params = wanted && {section: wanted.section, name: wanted.name}, body = wanted && {hash: wanted.hash, ...(wanted.value === null ? {} : {value: wanted.value})};
  useEffect(() => {
    setTried(null); setError(null); setReason("");
    if (wanted) inquire<ConfigurationChange>("PUT", "/configuration/{section}/{name}", {...params, dry_run: true}, {...body, reason: "a trial"}).then(setTried, setError);
  }, [wanted]);
  if (!wanted) return null;
  const make = async (e: Event) => {
    e.preventDefault(); setBusy(true); setError(null);
    try {
      const done = await send<ConfigurationChange>("PUT", "/configuration/{section}/{name}", params!, {...body, reason});
      toast(done.needs_restart ? "Written. It comes into force with the next restart." : `In force since now, as revision ${done.revision ?? "–"}.`);
      close(); made?.();
    } catch (x) { setError(x as ApiError); }
    setBusy(false);
  };
  const bad = tried && tried.problems.length > 0;
  return (
    <Dialog title={wanted.title} open wide onClose={close}>
      {!tried && !error && <p class="muted" role="status">Looking at what would differ …</p>}
      {tried && (tried.changed ? <><p class="row"><strong>What would differ</strong>{tried.needs_restart && <Badge tone="warn">in force only after a restart</Badge>}</p><DiffLines lines={tried.diff} /></> : <Note>Nothing differs from what is there.</Note>)}
      {bad && <Note tone="bad"><p>With this the configuration would not be read; nothing was changed:</p><ul class="mono">{tried.problems.map((p) => <li>{p}</li>)}</ul></Note>}
      {error && <Failed error={error} />}
      <form onSubmit={make}>
        {tried?.changed && !bad && <Field spec={{name: "why", label: "Why", type: "area", required: true, hint: "it goes into the audit log, with your name and what differs"}} value={reason} set={setReason} />}
        <footer><button type="button" class="button" onClick={close}>{bad || !tried?.changed ? "Back" : "Cancel"}</button>{tried?.changed && !bad && <button class="button primary" disabled={busy}>{busy ? "…" : "Make the change"}</button>}</footer>
      </form>
    </Dialog>
  );
}
/** Why whoever is here cannot change the file; null: they can. */
export const useWhyNot = (c: {writable: boolean; why_not: string | null} | undefined): string | null => {
  const admin = useMay("admin");
  return !admin ? "changing the configuration needs the role admin" : c && !c.writable ? c.why_not : null;
};

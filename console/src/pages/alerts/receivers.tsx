// Who is told, and whether they take it.
import type {Notice, Notices as NoticesAnswer, Receiver, Receivers} from "api-types";
import {useGet} from "../../api";
import {count} from "../../format";
import {setFilters, usePlace} from "../../router";
import {Act, Badge, Empty, Loaded, Panel, Table, Time, type Column} from "../../ui";
import {alertHref, Some} from "./parts";

export function ReceiverTable() {
  const receivers = useGet<Receivers>("/receivers", {}, {topics: ["configuration", "alerts"], poll: 15_000});
  return (
    <Panel title="Receivers" note="where alerts are told" actions={<a class="button" href="/settings/receivers">Edit</a>}>
      <Loaded of={receivers}>{(r) => <Table caption="Receivers" rows={r.receivers} keyed={(x) => x.name} columns={columns}
        empty={<Empty command="quarterdeck alert receivers">No receiver is configured: nobody can be told. They stand under <code>receivers</code> in quarterdeck.yaml.</Empty>} />}</Loaded>
    </Panel>
  );
}
const columns: Column<Receiver>[] = [
  {name: "name", label: "receiver", cell: (r) => <>{r.name}<div class="muted small">{r.kind} · {r.to}{r.signed && " · signed"}</div></>, sort: (r) => r.name},
  {name: "state", label: "takes it", cell: (r) => (r.last_error ? <><Badge tone="bad">does not take it</Badge><div class="small">{r.last_error}</div></> : r.last_taken ? <Badge tone="good">yes</Badge> : <Badge>not told yet</Badge>)},
  {name: "waiting", label: "waiting", number: true, cell: (r) => <>{count(r.waiting)}{r.oldest_waiting && <div class="muted small">since <Time at={r.oldest_waiting} /></div>}</>},
  {name: "taken", label: "last taken", cell: (r) => <Time at={r.last_taken} />},
  {name: "rules", label: "told by", cell: (r) => (r.rules.length ? r.rules.join(", ") : <span class="warn">no rule</span>)},
  {name: "test", label: "", cell: (r) => <Act label="Test" title={`Send a test to ${r.name}`} role="operator" path="/receivers/{name}/test" params={{name: r.name}} body={() => ({})} about={<p>One notice that says it is a test, tried once. What came of it stands under Notices.</p>} said="Sent. See the notices." />},
];
export function Notices({alert}: {alert?: number}) {
  const receiver = usePlace().query.get("receiver");
  const notices = useGet<NoticesAnswer>("/notices", {receiver, limit: alert ? 500 : 100}, {topics: ["alerts"], poll: 10_000});
  return (
    <Panel title={alert ? "Who was told" : "Notices"} note={alert ? "among the last 500 notices" : "newest first, the last 100"} actions={receiver ? <button class="button" onClick={() => setFilters({receiver: null})}>{receiver} ✕</button> : undefined}>
      <Loaded of={notices}>{(n) => <Some caption="Notices" most={alert ? 8 : 100} rows={alert ? n.notices.filter((x) => x.alerts.includes(alert)) : n.notices} keyed={(x) => x.number} columns={noticeColumns(!!alert)}
        empty={<Empty command="quarterdeck alert test RECEIVER">{alert ? "Nobody was told of it." : "Nobody was told anything yet."}</Empty>} />}</Loaded>
    </Panel>
  );
}
const noticeColumns = (ofAlert: boolean): Column<Notice>[] => [
  {name: "state", label: "", cell: (n) => <Badge tone={n.state === "taken" ? "good" : n.state === "waiting" ? "warn" : "bad"}>{n.state}</Badge>},
  {name: "to", label: "to", cell: (n) => <>{n.receiver}<div class="muted small">{n.why}</div></>},
  {name: "what", label: "what", cell: (n) => <>{n.status}{!ofAlert && <div class="small">{n.summary} {n.alerts.map((a) => <><a href={alertHref(a)}>{a}</a> </>)}</div>}</>},
  {name: "made", label: "when", cell: (n) => <Time at={n.made} />},
  {name: "came", label: "what came of it", cell: (n) => (n.taken ? <>taken <Time at={n.taken} /></> : <span class={n.given_up ? "bad" : ""}>{n.last_error}<div class="muted small">{n.given_up ? <>given up <Time at={n.given_up} /></> : <>{n.tries ? `tried ${count(n.tries)} times` : "waiting"}{n.due && (Date.parse(n.due) > Date.now() ? <>, again <Time at={n.due} relative /></> : n.tries === 0 ? " behind earlier ones" : ", again now")}</>}</div></span>)},
];

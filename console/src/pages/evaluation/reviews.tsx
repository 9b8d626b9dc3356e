// Answers that wait for people.
import type {ReviewHead, Reviews as All} from "api-types";
import {useGet} from "../../api";
import {count} from "../../format";
import {useFilter, withFilters} from "../../router";
import {useSession} from "../../session";
import {Badge, Empty, Loaded, Meter, Panel, Table, Time} from "../../ui";

export const reviewAt = (id: string) => withFilters("/evaluation/review/" + id.replace("review-", ""));

export function Reviews() {
  const [state] = useFilter("state", "open");
  const me = useSession().user?.name ?? "";
  const reviews = useGet<All>("/reviews", {state}, {topics: ["reviews"]});
  const due = (r: ReviewHead) => r.due ?? "9999";
  return (
    <Panel title="Reviews" note="yours first, then by due time" actions={<span class="row">{["open", "all"].map((s) => <a class="button" aria-current={state === s ? "true" : undefined} href={withFilters("/evaluation", {state: s === "open" ? null : s})}>{s}</a>)}</span>}>
      <Loaded of={reviews}>{({reviews: all}) => <Table<ReviewHead> caption="Reviews" keyboard keyed={(r) => r.review} href={(r) => reviewAt(r.review)}
        rows={[...all].sort((a, b) => +!!a.closed_at - +!!b.closed_at || +b.reviewers.includes(me) - +a.reviewers.includes(me) || due(a).localeCompare(due(b)))}
        empty={<Empty command="quarterdeck review create --run RUN --sample 50 --rubric '…' --reviewers NAME,NAME --due 2d">{state === "open" ? "Nothing waits for people." : "There was no review yet."} A review is made of the answers of a run, or of a file:</Empty>} columns={[
          {name: "name", label: "Review", cell: (r) => <><a class="name" href={reviewAt(r.review)}>{r.name ?? r.review}</a><div class="muted small">{r.review}{r.source && `, of ${r.source}`}{r.by && `, made by ${r.by}`}</div></>},
          {name: "yours", label: "Yours", cell: (r) => (r.reviewers.includes(me) ? <Badge tone="info">you review it</Badge> : r.adjudicator === me ? <Badge tone="info">you decide</Badge> : "")},
          {name: "scale", label: "Scale", cell: (r) => ({binary: "pass or fail", "1-5": "1 to 5", pairwise: "which of two"})[r.scale as string] ?? r.scale},
          {name: "done", label: "Labels", number: true, sort: (r) => r.labels_given / (r.labels_expected || 1), cell: (r) => <>{count(r.labels_given)} of {count(r.labels_expected)}<Meter share={r.labels_given / (r.labels_expected || 1)} words={`${r.labels_given} of ${r.labels_expected} labels`} /></>},
          {name: "due", label: "Due", sort: due, cell: (r) => r.closed_at ? <span class="muted">closed <Time at={r.closed_at} relative /></span> : r.due ? <>{r.overdue && <Badge tone="bad">overdue</Badge>} <Time at={r.due} relative /></> : <span class="muted">no time is set</span>},
          {name: "who", label: "Reviewers", cell: (r) => <span class="name">{r.reviewers.join(", ")}</span>}]} />}</Loaded>
    </Panel>
  );
}

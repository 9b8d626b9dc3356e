// Cost: where the money goes, whether it is within bounds, why it moved, and what to do about it. One tab a question.
import {usePlace, withFilters} from "../../router";
import {Page, Tabs, WindowPicker, useWindow} from "../../ui";
import {Spend} from "./spend";
import {BudgetsTab} from "./budgets";
import {Explain} from "./explain";
import {Anomalies} from "./anomalies";
import {Optimise} from "./optimise";
import {Reconcile} from "./reconcile";
import "../../style/cost.css";

const tabs = {
  spend: {text: "Spend", about: "Where the money goes", show: Spend},
  budgets: {text: "Budgets", about: "What may be spent, and whether it will do", show: BudgetsTab},
  why: {text: "Why did it change?", about: "One window against another; the parts sum to the change", show: Explain},
  anomalies: {text: "Anomalies", about: "Shifts of the cost of a request, since when, and what moved it", show: Anomalies},
  optimise: {text: "Optimise", about: "What would lower it, by USD a month", show: Optimise},
  reconcile: {text: "Reconcile", about: "A provider's invoice against the records", show: Reconcile},
};

export function Cost() {
  const {query} = usePlace(), w = useWindow("-7d");
  const now = (query.get("tab") ?? "spend") as keyof typeof tabs, tab = Object.hasOwn(tabs, now) ? tabs[now] : tabs.spend;
  const windowed = now === "spend";
  return (
    <Page title="Cost" about={<>{tab.about}{windowed && <> · {w.words}</>}{w.application && <> · {w.application}</>}</>} actions={windowed && <WindowPicker fallback="-7d" />}>
      <Tabs label="Questions about cost" tabs={Object.entries(tabs).map(([name, t]) => ({href: withFilters("/cost", {tab: name === "spend" ? null : name}), text: t.text, current: t === tab}))} />
      <tab.show />
    </Page>
  );
}

import {TimeChart} from "../../charts";
import {useGet} from "../../api";
import {Loaded, Page, Panel, WindowPicker, useWindow} from "../../ui";
import type {SeriesAnswer} from "../../types";

export function Overview() {
  const w = useWindow();
  const traffic = useGet<SeriesAnswer>("/series", {metrics: "requests,latency.p95,cost", from: w.from, to: w.to, application: w.application}, {poll: 15_000});
  return (
    <Page title="Overview" about={w.words} actions={<WindowPicker />}>
      <Panel title="Traffic">
        <Loaded of={traffic}>{(t) => <>{t.series.map((s) => <TimeChart key={s.metric} lines={[{label: s.metric, points: s.points}]} unit={s.unit} sync="overview" height={110} words={`${s.metric} over time`} />)}</>}</Loaded>
      </Panel>
    </Page>
  );
}

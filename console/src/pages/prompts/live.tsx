// System prompts of traffic that came with no version: seen, compared, adopted.
import type {LivePrompt, LivePromptShown, LivePrompts as All} from "api-types";
import {useGet} from "../../api";
import {count, percent} from "../../format";
import {useFilter, withFilters} from "../../router";
import {Act, Badge, Diff, Empty, Loaded, Pairs, Panel, Table, Time} from "../../ui";
import {at} from "./parts";

const registered = (p: LivePrompt) => { const [, name, version] = p.registered_as!.match(/^(.*)@(\d+)$/) ?? [null, p.registered_as!, null]; return <a class="name" href={at(name!, {version})}>{p.registered_as}</a>; };

function Shown({hash}: {hash: string}) {
  const shown = useGet<LivePromptShown>("/live-prompts/{hash}", {hash});
  return (
    <Panel title="This one" actions={<a class="button" href={withFilters("/prompts", {hash: null})}>Close</a>}>
      <Loaded of={shown}>{(p) => <>
        <Pairs of={[["Application", p.application], ["Request type", p.request_type ?? "–"], ["Answers", `${count(p.answers)}, ${count(p.texts)} different texts`], ["First seen", <Time at={p.first_seen} />], ["Last seen", <Time at={p.last_seen} />], ["Hash", <code>{p.hash}</code>], ["Registered as", p.registered_as ? registered(p) : "nothing"]]} />
        {p.diff && <><h3>What it changed, against the template before</h3><Diff pieces={p.diff as Array<{op: string; text: string}>} /></>}
        <h3>{p.template ? "Template" : "Text"}</h3>
        <pre class="text" tabIndex={0}>{p.template ?? p.text ?? "Its text is not kept: capture of payloads is off for this application."}</pre>
        {!p.registered_as && <div class="row"><Act label="Adopt …" title="Adopt as the version in production" role="approver" primary path="/live-prompts/{hash}/adopt" params={{hash}} said="It is registered, and in production."
          about={<p>It becomes a registered version, in production because it is what serves. From then on changes of it are seen, compared and can be rolled back.</p>}
          fields={[{name: "name", label: "Name of the prompt", hint: "without it: that of the one before it, else the application's"}, {name: "owner", label: "Owner"}]} body={(f) => Object.fromEntries(Object.entries(f).filter(([, v]) => v))} /></div>}
      </>}</Loaded>
    </Panel>
  );
}

export function LivePrompts() {
  const [app] = useFilter("app"), [hash] = useFilter("hash");
  const live = useGet<All>("/live-prompts", {application: app}, {poll: 60_000});
  return <>
    {hash && <Shown hash={hash} />}
    <Panel title="Prompts in live traffic" note="system messages of exchanges that named no version, by template">
      <Loaded of={live}>{({prompts}) => (
        <Table<LivePrompt> caption="Prompts in live traffic" keyboard keyed={(p) => p.application + p.group} rows={[...prompts].sort((a, b) => +!!a.registered_as - +!!b.registered_as || b.answers - a.answers)} href={(p) => withFilters("/prompts", {hash: p.hash})}
          empty={<Empty command="quarterdeck prompt live">No traffic came with a system message of its own: all of it names a registered version, or has none.</Empty>}
          columns={[
            {name: "application", label: "Application", cell: (p) => p.application}, {name: "type", label: "Request type", cell: (p) => p.request_type ?? "–"},
            {name: "hash", label: "Text", cell: (p) => <a href={withFilters("/prompts", {hash: p.hash})}><code>{p.hash.slice(0, 8)}</code></a>},
            {name: "registered", label: "Registered", cell: (p) => (p.registered_as ? registered(p) : <Badge tone="warn">not registered</Badge>)},
            {name: "change", label: "Seems to change", cell: (p) => (p.change_of_group ? "template " + p.change_of_group : "–")},
            {name: "answers", label: "Answers", number: true, sort: (p) => p.answers, cell: (p) => count(p.answers)}, {name: "share", label: "Share of the application's", number: true, sort: (p) => p.share, cell: (p) => percent(p.share, 1)},
            {name: "first", label: "First seen", cell: (p) => <Time at={p.first_seen} />}, {name: "last", label: "Last seen", sort: (p) => p.last_seen, cell: (p) => <Time at={p.last_seen} relative />},
          ]} />)}</Loaded>
    </Panel>
  </>;
}

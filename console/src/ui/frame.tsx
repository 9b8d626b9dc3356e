// The frame around every page: where one can go, whose data, whether it is live.
import type {ComponentChildren} from "preact";
import {useEffect, useState} from "preact/hooks";
import {forgetAnswers, send, useGet} from "../api";
import {useKeys} from "../keys";
import {onState, startLive, stopLive} from "../live";
import {pages} from "../pages";
import {go, useFilter, usePlace, withFilters} from "../router";
import {useSession} from "../session";
import {Badge} from "./basics";
import {Help, Palette} from "./palette";
import {toast} from "./acts";

export const Logo = () => <svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" fill="none" stroke="var(--accent)" stroke-width="2" /><path d="M12 1v22M1 12h22" stroke="var(--accent)" stroke-width="1.5" /><circle cx="12" cy="12" r="3" fill="var(--accent)" /></svg>;

function useTheme(): [string, () => void] {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const [theme, set] = useState(chosen() ?? (system.matches ? "dark" : "light"));
  useEffect(() => { document.documentElement.dataset.theme = theme; }, [theme]);
  useEffect(() => { const l = () => { if (!chosen()) set(system.matches ? "dark" : "light"); }; system.addEventListener("change", l); return () => system.removeEventListener("change", l); }, []);
  return [theme, () => { const next = theme === "dark" ? "light" : "dark"; try { localStorage.setItem("theme", next); } catch { /* private mode */ } set(next); }];
}

function LiveState() {
  const [state, set] = useState("off");
  useEffect(() => onState(set), []);
  return <span role="status">{state === "live" ? <Badge tone="good">live</Badge> : <Badge tone="warn">{state === "connecting" ? "connecting …" : "not live"}</Badge>}</span>;
}

export function Frame({children}: {children: ComponentChildren}) {
  const session = useSession(), {path} = usePlace();
  const [app, setApp] = useFilter("app");
  const [palette, setPalette] = useState(false), [help, setHelp] = useState(false), [menu, setMenu] = useState(false);
  const [theme, turn] = useTheme();
  const alerts = useGet<any>("/alerts", {state: "firing", limit: 100}, {topics: ["alerts"]});
  const firing = alerts.data?.alerts?.length ?? 0;
  useEffect(() => { startLive(); return stopLive; }, []);
  useEffect(() => setMenu(false), [path]);
  const nav = pages.filter((p) => p.nav);
  useKeys([
    {keys: "mod+k", what: "find anything", run: () => setPalette(true)},
    {keys: "?", what: "the keys", run: () => setHelp(true)},
    {keys: "t", what: "light or dark", run: turn},
    ...nav.map((p) => ({keys: "g " + p.key, what: "go to " + p.title, run: () => go(withFilters(p.path))})),
  ], [theme]);
  const out = async () => { try { await send("DELETE", "/session"); } catch (e) { toast((e as Error).message, true); } forgetAnswers(); location.assign("/sign-in"); };
  return (
    <div class="frame">
      <a class="skip" href="#main">Skip to the page</a>
      {menu && <button class="veil" aria-label="Close the menu" onClick={() => setMenu(false)} />}
      <nav class="side" aria-label="Pages" data-open={menu ? "" : undefined}>
        <a class="brand" href={withFilters("/")}><Logo />Quarterdeck</a>
        {nav.map((p) => (
          <a class="entry" href={withFilters(p.path)} aria-current={(p.path === "/" ? path === "/" : path === p.path || p.also?.some((a) => path.startsWith(a)) || path.startsWith(p.path + "/")) ? "page" : undefined}>
            {p.title}{p.path === "/alerts" && firing > 0 && <span class="count"><Badge tone="bad">{firing}<span class="hidden"> firing</span></Badge></span>}
          </a>))}
        <div class="foot">
          {session.user ? <span><a href="/settings/me">{session.user.name}</a> · {session.user.role}</span> : <span>this machine, without sign-in</span>}
          <div class="row"><button class="button" onClick={turn}>{theme === "dark" ? "Light" : "Dark"}</button>{session.user && session.csrf && <button class="button" onClick={out}>Sign out</button>}</div>
          <span>{session.version}</span>
        </div>
      </nav>
      <div class="main">
        {session.demo && <div class="demo"><strong>This is a demo.</strong> The providers are simulated<span class="wide-only"> and the last four weeks were lived through in minutes; all else is the real program</span>.</div>}
        <div class="top">
          <button class="button menu-button" aria-expanded={menu} onClick={() => setMenu(!menu)}>Menu</button>
          <label class="hidden" for="application">Application</label>
          <select id="application" value={app} onChange={(e) => setApp(e.currentTarget.value)}><option value="">All applications</option>{session.applications.map((a) => <option>{a}</option>)}</select>
          <button class="button" onClick={() => setPalette(true)}>Find <kbd>Ctrl K</kbd></button>
          <span class="grow" />
          <LiveState />
          <button class="button plain wide-only" onClick={() => setHelp(true)} aria-label="The keys"><kbd>?</kbd></button>
        </div>
        {children}
      </div>
      <Palette open={palette} close={() => setPalette(false)} />
      <Help open={help} close={() => setHelp(false)} />
    </div>
  );
}

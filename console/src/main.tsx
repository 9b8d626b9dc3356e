import {render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ApiError, get, RETRY_MS, setCsrf, whenSignedOut} from "./api";
import {pageOf} from "./pages";
import {followLinks, go, usePlace} from "./router";
import {SessionContext} from "./session";
import type {Session} from "./types";
import {Failed} from "./ui/basics";
import {Frame} from "./ui/frame";
import {Toasts} from "./ui/acts";
import {SetUp, SignIn} from "./pages/sign-in";
import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";

function Here() {
  const {path} = usePlace();
  const {page: Current, parts} = pageOf(path);
  return <Current key={path} parts={parts} />;
}

function App() {
  const [session, set] = useState<Session | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const {path} = usePlace();
  const take = (s: Session) => { setCsrf(s.csrf); set(s); setError(null); };
  const ask = () => get<Session>("/session").then(take, setError);
  useEffect(() => { void ask(); whenSignedOut(() => void ask()); }, []);
  useEffect(() => { // as the page says
    if (error?.status !== 0) return;
    const timer = setTimeout(ask, RETRY_MS);
    return () => clearTimeout(timer);
  }, [error]);
  if (error) return <div class="lone"><div class="panel"><Failed error={error} retry={ask} /></div></div>;
  if (!session) return <div class="lone" role="status">Asking the server …</div>;
  if (path === "/set-up") return <SetUp done={(s) => { take(s); go("/", true); }} />;
  if (session.sign_in_needed && !session.signed_in) return <SignIn session={session} done={(s) => { take(s); if (location.pathname === "/sign-in") go("/", true); }} />;
  return <SessionContext.Provider value={session}><Frame><Here /></Frame></SessionContext.Provider>;
}

document.addEventListener("click", followLinks);
document.documentElement.dataset.theme = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
render(<><App /><Toasts /></>, document.getElementById("app")!);

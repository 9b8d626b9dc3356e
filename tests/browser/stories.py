"""How each of the demo's five stories ended, asked of a demo that has lived through its four weeks. What is asked here is what docs/tour.md shows."""
import datetime
import http.cookiejar
import json
import traceback
import urllib.request

DAY = datetime.timedelta(days=1)


class Look:
    """The API of a demo as somebody who may read; `first` is the midnight at which its first day began."""

    def __init__(self, url, name, password):
        self.url, self.opener = url, urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        body = json.dumps({"name": name, "password": password}).encode()
        self.opener.open(urllib.request.Request(url + "/api/v1/session", body, {"content-type": "application/json"}), timeout=60).read()
        made = [time_of(v["created"]) for v in get(self, "/api/v1/prompts/helpdesk-answer/versions")["versions"] if v["version"] == 1]
        self.first = made[0].replace(hour=0, minute=0, second=0, microsecond=0)


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def get(look, path):
    with look.opener.open(look.url + path, timeout=60) as answer:
        return json.load(answer)


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def utc(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def workday(first, day):
    """Midnight of the first weekday from that day on, as the world's files count."""
    at = first + (day - 1) * DAY
    while at.weekday() > 4:
        at += DAY
    return at


def alert(look, rule):
    found = get(look, f"/api/v1/alerts?rule={rule}")["alerts"]
    expect(found, f"no alert of {rule}")
    return found


def findings(look, kind):
    return get(look, f"/api/v1/findings?kind={kind}&limit=1000")["findings"]


def outage(look, first):
    """Failed over within minutes by a grant, told to who is on call, back in steps, and the vendor's page said it later."""
    began = workday(first, 9) + datetime.timedelta(hours=11)
    down = alert(look, "provider-down")[0]
    fired = time_of(down["fired"])
    expect(datetime.timedelta(0) < fired - began < datetime.timedelta(minutes=8), f"it began at {began}, and fired at {fired}")
    expect(down["resolved"] and time_of(down["resolved"]) - began < datetime.timedelta(hours=2), down)
    moved = [a for a in get(look, "/api/v1/actions?limit=100")["actions"] if a["kind"] == "fail_over" and a["rule"] == "provider-down"]
    chat = [a for a in moved if a["scope"]["model"] == "support-chat"]
    expect(len(chat) == 1 and chat[0]["by"] == "quarterdeck" and chat[0]["state"] == "returned", moved)
    steps = [e["action"] for e in get(look, f"/api/v1/audit?subject=action:{chat[0]['number']}&limit=100")["entries"]][::-1]
    expect(steps[0] == "action.fail_over" and steps.count("action.return") >= 3 and steps[-1] == "action.returned", steps)
    page = findings(look, "vendor_incident")
    expect(page and time_of(page[0]["first_seen"]) > fired + datetime.timedelta(minutes=5), f"the page: {page}, the alert: {fired}")
    told = [n for n in get(look, "/api/v1/notices?limit=500")["notices"] if n["receiver"] == "phone"]
    expect(told, "nobody on call was told")


def model(look, first):
    """Another version: found, held, its suite run and failed; tickets that were no JSON were told, and are JSON again."""
    changed = [c for c in get(look, "/api/v1/model-changes")["changes"] if c["model"] == "extract"]
    expect(len(changed) == 1, changed)
    change = changed[0]
    since = time_of(change["seen"]) - (workday(first, 13) + datetime.timedelta(hours=9, minutes=40))
    expect(datetime.timedelta(0) < since < datetime.timedelta(hours=2), f"seen after {since}")
    expect(change["state"] == "held" and change["held_to"] == "extract-pinned" and change["decided_by"] == "quarterdeck", change)
    expect([(r["suite"], r["verdict"]) for r in change["runs"]] == [("extraction", "failed")], change)
    broken = alert(look, "json-broken")
    expect(broken[0]["times"] >= 1 and broken[0]["state"] == "resolved", broken)


def canary(look, first):
    """One edit promoted, the one that broke amounts rolled back by itself, its second try promoted."""
    rollouts = {r["candidate"]: r for r in get(look, "/api/v1/rollouts")["rollouts"]}
    expect({v: rollouts[v]["state"] for v in rollouts} == {2: "promoted", 3: "rolled back", 4: "promoted"}, rollouts)
    bad = get(look, "/api/v1/prompts/helpdesk-answer/versions/3")
    expect(bad["author"] == "ben" and [a["by"] for a in bad["approvals"] if a["verdict"] == "approve"] == ["ana"] and "check:amount" in rollouts[3]["why"], (bad["approvals"], rollouts[3]))
    expect(time_of(rollouts[3]["ended"]) - time_of(rollouts[3]["started"]) < 3 * DAY, rollouts[3])
    expect([f["state"] for f in findings(look, "rollout_failed") if "@3" in f["title"]] == ["cleared"], "the finding goes with the newer rollout")


def cost(look, first):
    """The shift is found with its first days; the cause is named first; the review lists what to do."""
    shifted = {f["evidence"].get("request_type") or f["title"]: f for f in findings(look, "cost_anomaly") if f["application"] == "assistant"}
    expect(any("ask" in name for name in shifted), shifted.keys())
    week = 7 * DAY
    span = f"from={utc(first + 3 * week)}&to={utc(first + 3 * week + 6 * DAY)}&baseline_from={utc(first)}&baseline_to={utc(first + 6 * DAY)}"
    why = get(look, f"/api/v1/cost/explain?application=assistant&{span}")
    by = {c["factor"]: c["usd"] for c in why["contributions"] if c["factor"] != "volume"}
    expect(max(by, key=by.get) == "input_tokens", why["contributions"])
    expect(any(w["value"] == "handbook-search" for w in why["where"][:3]), why["where"])
    review = get(look, "/api/v1/cost/review?application=assistant")
    expect(any(a["action"] == "fewer_chunks" for a in review["actions"]), [a["action"] for a in review["actions"]])


def mornings(look, first):
    """The day's middle is as ever; the 95th percentile of nine to eleven is not, and the watcher said so."""
    def latency(day, hour, until):
        at, to = (day + datetime.timedelta(hours=h) for h in (hour, until))
        return get(look, f"/api/v1/latency?application=helpdesk&request_type=summary&from={utc(at)}&to={utc(to)}")["rows"][0]["total_ms"]
    day = workday(first, 11)
    whole, slow, after = latency(day, 0, 24), latency(day, 9, 11), latency(day, 11, 24)
    before = latency(workday(first, 3), 0, 24)
    expect(whole["p50"] < 1.25 * before["p50"], f"the middle of the day: {whole}, before: {before}")
    expect(slow["p95"] > 2 * after["p95"], f"nine to eleven: {slow}, after: {after}")
    hours = {hour: value for hour, value, *_ in get(look, f"/api/v1/hours?metric=latency.p95&application=helpdesk&request_type=summary&from={utc(workday(first, 8))}")["by_hour"]}
    expect(min(hours[9], hours[10]) > 2 * max(hours[h] for h in range(12, 18)), hours)
    worse = findings(look, "latency_worse")
    expect(any("summary" in f["title"] for f in worse), [f["title"] for f in worse])


def ordinary(look, first):
    """What else there is to see: schedules, a review with ten items left, a judge that people's labels are known of, a learned threshold, a silence."""
    runs = get(look, "/api/v1/evals?suite=helpdesk-core&limit=100")["runs"]
    expect(sum(r["trigger"] == "schedule" for r in runs) >= 20, len(runs))
    open_one = get(look, "/api/v1/reviews")["reviews"][0]
    expect(open_one["labels_expected"] - open_one["labels_given"] == 10 and open_one["closed_at"] is None, open_one)
    expect(open_one["due"] and not open_one["overdue"], open_one)
    judges = get(look, "/api/v1/calibrations")["judges"]
    expect([(j["name"], j["state"], j["used_by"]) for j in judges] == [("helpful", "calibrated", ["helpful-answers"])], judges)
    agree = judges[0]["in_force"]["agreement"]
    expect(agree["n"] == 54 and agree["interval"][0] < agree["value"] < agree["interval"][1], agree)
    scored = get(look, "/api/v1/scoring/helpdesk-quality/report")
    expect('"calibrated": true' in json.dumps(scored), "the judge of production is another one")
    expect([t["state"] for t in get(look, "/api/v1/thresholds?rule=slow-chat")["thresholds"]] == ["accepted"], "the threshold")
    letters = [f for f in findings(look, "cost_anomaly") if f["application"] == "helpdesk" and f["state"] == "dismissed"]
    expect(len(letters) == 1 and letters[0]["dismissed"]["by"] == "ana", letters)
    expect(get(look, "/api/v1/silences?all=true")["silences"], "no silence")
    expect(get(look, "/api/v1/audit/verify")["whole"] is True, "the audit log")


def check(url, name, password):
    """Each story by itself: how many ended as they should, and how many did not."""
    look, passed, failed = Look(url, name, password), 0, 0
    for story in (outage, model, canary, cost, mornings, ordinary):
        try:
            story(look, look.first)
            passed += 1
            print(f"ok   {story.__name__}: {story.__doc__}", flush=True)
        except Exception as error:  # whatever it is, the others are still asked
            failed += 1
            print(f"FAIL {story.__name__}: {type(error).__name__}: {str(error)[:3000]}\n{traceback.format_exc(limit=-3)[-1500:]}", flush=True)
    return passed, failed

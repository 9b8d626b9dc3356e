#!/usr/bin/env python3
"""Writes price_vectors.csv beside itself: usages of every model of data/prices.json and what they cost.

Decimal arithmetic straight on the table, by the rules of src/model/price.h, and by another way of thinking than
price.c has: a count is shared out among all priced units whose dimensions it has, the most particular one first.
Run it again after data/prices.json has changed."""
import csv
import datetime
import decimal
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COUNTERS = ["input", "cache_read", "cache_write", "cache_write_1h", "input_audio", "output", "reasoning", "output_audio"]
DIMENSIONS = {  # price key -> counter, dimensions
    "input_mtok": ("input", {"way": "in"}),
    "cache_read_mtok": ("cache_read", {"way": "in", "cache": "read"}),
    "cache_write_mtok": ("cache_write", {"way": "in", "cache": "write"}),
    "cache_write_1h_mtok": ("cache_write_1h", {"way": "in", "cache": "write", "life": "1h"}),
    "input_audio_mtok": ("input_audio", {"way": "in", "form": "audio"}),
    "output_mtok": ("output", {"way": "out"}),
    "output_reasoning_mtok": ("reasoning", {"way": "out", "kind": "reasoning"}),
    "output_audio_mtok": ("output_audio", {"way": "out", "form": "audio"}),
}
NANO = decimal.Decimal("1e-9")
UTC = datetime.timezone.utc
decimal.getcontext().prec = 60


def holds(constraint, at):
    if not constraint:
        return True
    if constraint["type"] == "start_date":
        return at.date() >= datetime.date.fromisoformat(constraint["start_date"])
    start, end = (datetime.time.fromisoformat(constraint[k].replace("Z", "+00:00")) for k in ("start_time", "end_time"))
    now = at.timetz()
    return now >= start or now < end if end < start else start <= now < end


def prices_at(prices, at):
    if isinstance(prices, dict):
        return prices
    active = [p["prices"] for p in prices if holds(p.get("constraint"), at)]
    return active[-1] if active else prices[0]["prices"]


def rate(price, total_input):
    if not isinstance(price, dict):
        return price
    passed = [t for t in price["tiers"] if total_input > t["start"]]
    return max(passed, key=lambda t: t["start"])["price"] if passed else price["base"]


def unknown(prices, usage, leaves):
    """Our rules beyond the table's arithmetic: never a guess."""
    tokens = {DIMENSIONS[k][0] for k in prices if k in DIMENSIONS}
    if not tokens:
        return True
    if usage["input"] is None and usage["output"] is None:
        return True
    for whole in ("input", "output"):
        key = whole + "_mtok"
        if key not in prices:
            if leaves.get(whole, usage[whole] or 0) > 0:
                return True
        elif usage[whole] is None and (prices[key]["base"] if isinstance(prices[key], dict) else prices[key]) > 0:
            return True
    split = {c for c in tokens if (usage[c] or 0) > 0}
    if "input_audio" in split and split & {"cache_read", "cache_write", "cache_write_1h"}:
        return True
    return {"output_audio", "reasoning"} <= split


def cost(prices, usage):
    """In nano-dollars, or None."""
    if not prices:
        return 0
    priced = sorted((k for k in prices if k in DIMENSIONS), key=lambda k: -len(DIMENSIONS[k][1]))
    leaves = {}
    for key in priced:
        counter, dimensions = DIMENSIONS[key]
        inside = [c for k, (c, d) in DIMENSIONS.items() if c in leaves and dimensions.items() <= d.items()]
        leaves[counter] = (usage[counter] or 0) - sum(leaves[c] for c in inside)
    if any(n < 0 for n in leaves.values()) or unknown(prices, usage, leaves):
        return None
    total = sum((rate(prices[k], usage["input"] or 0) * leaves[DIMENSIONS[k][0]] for k in priced), decimal.Decimal(0)) / 1000000
    if "requests_kcount" in prices:
        total += rate(prices["requests_kcount"], usage["input"] or 0) / 1000
    return int(total.quantize(NANO, rounding=decimal.ROUND_HALF_EVEN).scaleb(9))


def starts_of(model):
    sets = model["prices"] if isinstance(model["prices"], list) else [{"prices": model["prices"]}]
    return sorted({t["start"] for s in sets for p in s["prices"].values() if isinstance(p, dict) for t in p["tiers"]})


def moments_of(model):
    """Times around every change of price."""
    found = [datetime.datetime(2026, 11, 21, 4, 16, 21, tzinfo=UTC)]
    tick = datetime.timedelta(microseconds=1)
    for p in model["prices"] if isinstance(model["prices"], list) else []:
        c = p.get("constraint") or {}
        if "start_date" in c:
            day = datetime.datetime.fromisoformat(c["start_date"]).replace(tzinfo=UTC)
            found += [day - tick, day]
        for k in ("start_time", "end_time"):
            if k in c:
                at = datetime.datetime.combine(datetime.date(2026, 12, 24), datetime.time.fromisoformat(c[k].replace("Z", "+00:00")))
                found += [at - tick, at]
    return found


def usage_of(rng, total, output):
    u = dict.fromkeys(COUNTERS)
    u["input"], u["output"] = total, output
    if rng.random() < 0.7:
        u["cache_read"] = rng.randint(0, total)
        u["cache_write"] = rng.randint(0, total - u["cache_read"]) if rng.random() < 0.6 else None
        if u["cache_write"] is not None and rng.random() < 0.6:
            u["cache_write_1h"] = rng.randint(0, u["cache_write"])
    elif rng.random() < 0.5:
        u["input_audio"] = rng.randint(0, total)
    if rng.random() < 0.5:
        u["reasoning"] = rng.randint(0, output)
    elif rng.random() < 0.4:
        u["output_audio"] = rng.randint(0, output)
    return u


def usages_of(model, rng):
    yield usage_of(rng, 2 * rng.randint(0, 20) + 1, 2 * rng.randint(0, 20) + 1)  # odd and small: ties of the rounding
    yield usage_of(rng, rng.randint(100, 20000), rng.randint(1, 4000))
    yield usage_of(rng, rng.randint(10**5, 10**7), rng.randint(1, 10**6))
    for start in starts_of(model):
        yield usage_of(rng, start, 1001)
        yield usage_of(rng, start + 1, 1001)
    if rng.random() < 0.3:
        u = usage_of(rng, 1000, 0)
        u[rng.choice(["input", "output"])] = None
        yield u
    if "output_mtok" not in json.dumps(model["prices"], default=str):
        yield {**dict.fromkeys(COUNTERS), "input": rng.randint(1, 10**5)}  # embeddings report nothing else


def main():
    number = lambda text: decimal.Decimal(text)
    table = json.loads((ROOT / "data/prices.json").read_text(), parse_float=number, parse_int=number)
    rng = random.Random(20261121)
    with open(ROOT / "tests/data/price_vectors.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["provider", "model", "at_us", *COUNTERS, "nano"])
        for model in table["models"]:
            for at in moments_of(model):
                for u in usages_of(model, rng):
                    us = (at - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1)
                    nano = cost(prices_at(model["prices"], at), u)
                    cells = ["" if u[c] is None else u[c] for c in COUNTERS]
                    out.writerow([model["provider"], model["id"], us, *cells, "null" if nano is None else nano])


if __name__ == "__main__":
    main()

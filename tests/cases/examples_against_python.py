#!/usr/bin/env python3
"""Runs the jobs of examples/ and compares every answer with one computed by Python's csv, json, gzip, bz2 and re alone.

  examples_against_python.py SHARDMILL EXAMPLES_FOLDER

Exits 1 and says what differs if any answer differs.
"""
import bz2, csv, datetime, glob, gzip, io, json, math, os, re, shutil, subprocess, sys, tempfile
from collections import Counter, defaultdict
from decimal import Decimal, localcontext
from fractions import Fraction

SHARDMILL, EXAMPLES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WORK = tempfile.mkdtemp(prefix="shardmill-examples-")
failures = 0


def check(what, found, expected):
    global failures
    if found == expected:
        print(f"ok      {what}")
        return
    failures += 1
    print(f"DIFFERS {what}\n  found    {str(found)[:800]}\n  expected {str(expected)[:800]}")


def run(name):
    run_dir = os.path.join(WORK, name)
    done = subprocess.run([SHARDMILL, "run", "job.toml", "--run-dir", run_dir, "--quiet"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", cwd=os.path.join(EXAMPLES, name))
    if done.returncode != 0:
        sys.exit(f"shardmill failed ({done.returncode}) on {name}\n{done.stdout}")
    with open(os.path.join(run_dir, "results.json")) as stream:
        return json.load(stream), run_dir


def job_tests(name):
    done = subprocess.run([SHARDMILL, "test", "job.toml"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", cwd=os.path.join(EXAMPLES, name))
    check(f"{name}: the job's own tests", (done.returncode, done.stdout if done.returncode else ""), (0, ""))


def rows(results, name):
    return next(t for t in results["tables"] if t["name"] == name)["rows"]


def without(table, column):
    return [row[:column] + row[column + 1:] for row in table]


def close(found, expected, relative):
    return all(f is None and e is None or abs(f - e) <= relative * abs(e) for f, e in zip(found, expected))


def total(values):
    values = [v for v in values if v is not None]
    return (sum(values) if isinstance(values[0], int) else math.fsum(values)) if values else None


def mean(values):
    values = [Fraction(v) for v in values if v is not None]
    return float(sum(values) / len(values)) if values else None


def deviation(values):
    values = [Fraction(v) for v in values if v is not None]
    if len(values) < 2:
        return None
    n, s = len(values), sum(values)
    variance = (n * sum(v * v for v in values) - s * s) / (n * (n - 1))
    with localcontext() as context:
        context.prec = 60
        return float((Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt())


def rank(values, share):
    """The nearest-rank quantile."""
    values = sorted(v for v in values if v is not None)
    return values[max(1, math.ceil(Fraction(share) * len(values))) - 1] if values else None


def least(values):
    return min((v for v in values if v is not None), default=None)


def most(values):
    return max((v for v in values if v is not None), default=None)


def key_order(item):
    """Ascending by bytes or value, null last, column by column."""
    key = item[0] if isinstance(item[0], tuple) else (item[0],)
    return [(v is None, v.encode() if isinstance(v, str) else v or 0) for v in key]


def grouped(records, *columns):
    groups = defaultdict(list)
    for record in records:
        groups[tuple(record.get(c) for c in columns)].append(record)
    return sorted(groups.items(), key=key_order)


def frequent(values, k):
    counts = Counter(values)
    return [[v, n] for v, n in sorted(counts.items(), key=lambda item: (-item[1], key_order((item[0],))))[:k]]


def column(records, name):
    return [record.get(name) for record in records]


def iso(text):
    """A time as it is printed: without a fraction that is zero."""
    return re.sub(r"\.000Z$", "Z", text)


# ---- service-log

def service_log():
    results, run_dir = run("service-log")
    job_tests("service-log")
    pattern = re.compile(
        rb"^(\S+) ([A-Z]+) (\S+) method=(\w+) path=(\S+) status=(\d+) bytes=(\d+) took=([\d.]+)ms$")
    lines, requests = 0, []
    for path in sorted(glob.glob(os.path.join(EXAMPLES, "service-log/data/**/*.gz"), recursive=True)):
        with gzip.open(path) as stream:
            for line in stream.read().split(b"\n")[:-1]:
                lines += 1
                match = pattern.match(line)
                if match:
                    f = [part.decode() for part in match.groups()]
                    requests.append({"time": iso(f[0]), "level": f[1], "host": f[2], "method": f[3], "path": f[4],
                                     "status": int(f[5]), "bytes": int(f[6]), "ms": float(f[7])})
    check("service-log: lines", results["inputs"]["records"], lines)
    check("service-log: lines that are no requests", results["stages"][0]["dropped"]["no_match"], lines - len(requests))
    health = [r for r in requests if r["path"] == "/health"]
    check("service-log: health checks", results["stages"][1]["dropped"]["true"], len(health))
    requests = [r for r in requests if r["path"] != "/health"]
    by_status = grouped(requests, "status")
    found = rows(results, "requests by status")
    check("service-log: requests by status", [row[:4] + row[6:] for row in found],
          [[k[0], len(g), sum(column(g, "bytes")), mean(column(g, "ms")), most(column(g, "ms"))] for k, g in by_status])
    for position, share in ((4, Fraction(50, 100)), (5, Fraction(99, 100))):
        check(f"service-log: quantile {float(share)} within 0.4 %",
              close([row[position] for row in found], [rank(column(g, "ms"), share) for _, g in by_status], 0.004), True)
    bad = [r for r in requests if r["status"] >= 500 or r["ms"] > 1000]
    check("service-log: slow or failed, by host and level", rows(results, "slow or failed, by host and level"),
          [[*k, len(g), least(column(g, "time")), most(column(g, "time")), mean(column(g, "ms"))]
           for k, g in grouped(bad, "host", "level")])
    check("service-log: paths", rows(results, "paths that are slow or fail"), frequent(column(bad, "path"), 5))
    with gzip.open(os.path.join(run_dir, "output/slow-or-failed.jsonl.gz"), "rt") as stream:
        check("service-log: every record of the output, in order", [json.loads(line) for line in stream], bad)


# ---- sales

def number(kind, text):
    try:
        return kind(text)
    except (TypeError, ValueError):
        return None


def sales():
    results, run_dir = run("sales")
    job_tests("sales")
    records, ragged, bad_values = [], 0, 0
    types = {"qty": int, "quantity": int, "price": float, "unit_price": float, "discount": float}
    for path in sorted(glob.glob(os.path.join(EXAMPLES, "sales/data/*.csv"))):
        with open(path, newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                if None in row or None in row.values():
                    ragged += 1
                    continue
                record = {k: v or None for k, v in row.items()}
                for name, kind in types.items():
                    if record.get(name) is not None:
                        record[name] = number(kind, record[name])
                        bad_values += record[name] is None
                records.append(record)
    check("sales: records", results["inputs"]["records"], len(records))
    check("sales: ragged rows", results["inputs"]["bad_records"], ragged)
    check("sales: values that are no numbers", [(b["column"], b["count"]) for b in results["bad_values"]],
          [("quantity", bad_values)])
    sold = [r for r in records if r["product"] != "TEST"]
    check("sales: by region", rows(results, "by region"),
          [[k[0], len(g), total(column(g, "qty")), total(column(g, "quantity")), total(column(g, "price")),
            total(column(g, "unit_price")), mean(column(g, "discount")), least(column(g, "date")) + "T00:00:00Z",
            most(column(g, "date")) + "T00:00:00Z"] for k, g in grouped(sold, "region")])
    by_product = grouped(sold, "product")
    found = rows(results, "by product")
    check("sales: by product", [row[:4] for row in found],
          [[k[0], len(g), mean(column(g, "unit_price")), deviation(column(g, "unit_price"))] for k, g in by_product])
    check("sales: medians of small whole numbers are exact", [row[4] for row in found],
          [rank(column(g, "quantity"), Fraction(1, 2)) for _, g in by_product])
    distinct = [len(set(column(g, "order_id")) - {None}) for _, g in by_product]
    check("sales: distinct orders, exact up to 256 and within 5 % beyond",
          all(f == e if e <= 256 else abs(f - e) <= 0.05 * e for f, e in zip([row[5] for row in found], distinct)), True)
    check("sales: best sold", rows(results, "best sold"), frequent(column(sold, "product"), 3))
    with open(os.path.join(run_dir, "output/notes.csv"), newline="", encoding="utf-8") as stream:
        check("sales: every note, with its newlines", list(csv.reader(stream)),
              [["order_id", "date", "region", "note"]] + [
                  [r["order_id"], r["date"] + "T00:00:00Z", r["region"], r["note"]] for r in sold if r.get("note")])


# ---- events

def events():
    results, run_dir = run("events")
    job_tests("events")
    records, bad = [], 0
    for path in sorted(glob.glob(os.path.join(EXAMPLES, "events/data/*"))):
        with open(path, "rb") as stream:
            content = stream.read()
        if path.endswith(".bz2"):
            content = bz2.decompress(content)
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode())
                assert isinstance(record, dict)
            except (ValueError, AssertionError):
                bad += 1
                continue
            flat = {k: v for k, v in record.items() if not isinstance(v, dict)}
            flat.update({f"user.{k}": v for k, v in record["user"].items()})
            flat.update({"device.os": record["device"]["os"], "device.app.version": record["device"]["app"]["version"]})
            flat["time"] = iso(flat["time"])
            records.append(flat)
    check("events: records", results["inputs"]["records"], len(records))
    check("events: bad lines", results["inputs"]["bad_records"], bad)
    with open(os.path.join(run_dir, "bad_records.jsonl")) as stream:
        check("events: each bad line is listed", len(stream.readlines()), bad)
    by_event = grouped(records, "event", "user.country")
    found = rows(results, "by event and country")
    check("events: by event and country", without(found, 4),
          [[*k, len(g), mean(column(g, "ms")), len(set(column(g, "user.id")))] for k, g in by_event])
    check("events: quantile 0.9 within 0.4 %",
          close([row[4] for row in found], [rank(column(g, "ms"), Fraction(9, 10)) for _, g in by_event], 0.004), True)
    check("events: names", rows(results, "names"), frequent(column(records, "user.name"), 5))
    check("events: by version, sums of more than 64 bits", rows(results, "by version"),
          [[*k, len(g), sum(column(g, "id")), max(column(g, "time"))]
           for k, g in grouped(records, "device.os", "device.app.version")])
    check("events: such sums are there", max(row[3] for row in rows(results, "by version")) > 2**63, True)
    with open(os.path.join(run_dir, "output/large-purchases.jsonl"), encoding="utf-8") as stream:
        check("events: every large purchase, in order", [json.loads(line) for line in stream],
              [{"id": r["id"], "time": r["time"], "user": r["user.name"], "country": r.get("user.country"),
                "amount": r["amount"], "ledger": str(r["ledger"])}
               for r in records if r["event"] == "purchase" and r["amount"] >= 100])


service_log()
sales()
events()
shutil.rmtree(WORK)
print(f"{failures} answers differ" if failures else "all answers equal Python's")
sys.exit(1 if failures else 0)

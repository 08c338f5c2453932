#!/usr/bin/env python3
"""Compares the profile stage with pandas: describe, nunique and value_counts of real CSV files.

  profile_against_pandas.py SHARDMILL EXAMPLES_FOLDER [DATA]

Every file is profiled twice: with all values counted one by one, where every figure must be equal, and with few of them,
where distinct values, quantiles and frequent values must be within their stated error and all else equal.
Uses the public files of DATA (see its README) where they are present, and those of EXAMPLES_FOLDER always.
Exits 1 and says what differs if any answer differs.
"""
import csv, json, math, os, shutil, subprocess, sys, tempfile
from fractions import Fraction

import pandas as pd

SHARDMILL, EXAMPLES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
DATA = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 and os.path.isdir(sys.argv[3]) else None
WORK = tempfile.mkdtemp(prefix="shardmill-profile-")
SHARES = {"p1": 1, "p5": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95, "p99": 99}
HLL_ERROR = 1.04 / math.sqrt(1 << 14)
failures = checks = 0


def check(what, good, found, expected):
    global failures, checks
    checks += 1
    if not good:
        failures += 1
        print(f"DIFFERS {what}\n  found    {str(found)[:600]}\n  expected {str(expected)[:600]}")


def equal(what, found, expected):
    check(what, found == expected, found, expected)


def near(what, found, expected, error):
    check(f"{what} within {error}", abs(found - expected) <= error, found, expected)


def profile(path, options, exact_values):
    """The tables of a profile, by name, as lists of rows that are dictionaries."""
    folder = tempfile.mkdtemp(dir=WORK)
    job = os.path.join(folder, "job.toml")
    with open(job, "w") as out:
        out.write(f'[input]\npaths = [{json.dumps(path)}]\nformat = "csv"\nunit_bytes = "64KiB"\n{options}\n'
                  f'[[stage]]\nuse = "profile"\nname = "p"\nexact_values = {exact_values}\n[run]\nrows_in_report = 100000\n')
    run_dir = os.path.join(folder, "run")
    done = subprocess.run([SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "2"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"shardmill failed ({done.returncode}) on {path}:\n{done.stdout}")
    with open(os.path.join(run_dir, "results.json")) as results:
        tables = json.load(results)["tables"]
    return {t["name"]: [dict(zip([c["name"] for c in t["columns"]], row)) for row in t["rows"]] for t in tables}


def rows_of(tables, name, column):
    return [row for row in tables.get(name, []) if row["column"] == column]


def nearest_rank(ordered, percent):
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1]


def check_frequent(what, rows, series, is_exact, text_of):
    """`text_of` gives a value of the series as the profile writes it."""
    counts = series.map(text_of).value_counts()
    if is_exact:
        equal(f"{what}: counts of the most frequent", [r["count"] for r in rows], list(counts.iloc[:5]))
    elif len(counts) and counts.iloc[0] > 0.02 * len(series):
        check(f"{what}: the most frequent is found", any(r["value"] == counts.index[0] or
              counts.get(r["value"]) == counts.iloc[0] for r in rows), rows, counts.iloc[:2])
    for row in rows:
        expected = int(counts[row["value"]])
        if row["sampled"] is None:
            equal(f"{what}: count of {row['value']}", row["count"], expected)
        else:
            share = expected / len(series)
            error = 4 * math.sqrt(share * (1 - share) / row["sampled"]) * len(series) + 1
            near(f"{what}: sampled count of {row['value']}", row["count"], expected, error)


def check_numbers(what, tables, name, series, is_exact):
    numbers = series.map(float)
    ordered = sorted(numbers)
    described = numbers.describe()
    row = rows_of(tables, "p: numbers", name)[0]
    exact = [Fraction(v) for v in ordered]
    mean = sum(exact) / len(exact)
    equal(f"{what}: mean, rounded once", row["mean"], float(mean))
    near(f"{what}: mean as in describe", row["mean"], described["mean"], 1e-9 * max(abs(ordered[0]), abs(ordered[-1])))
    if len(exact) > 1:
        deviation = math.sqrt(sum((v - mean) ** 2 for v in exact) / (len(exact) - 1))
        near(f"{what}: deviation", row["deviation"], deviation, 1e-14 * deviation)
        near(f"{what}: deviation as in describe", row["deviation"], described["std"], 1e-6 * deviation + 1e-9)
    equal(f"{what}: min", row["min"], described["min"])
    equal(f"{what}: max", row["max"], described["max"])
    for title, percent in SHARES.items():
        expected = nearest_rank(ordered, percent)
        near(f"{what}: {title}", row[title], expected, 0 if is_exact else abs(expected) / 256)
    for title in ("25%", "50%", "75%"):  # describe interpolates between the neighbours of the nearest rank
        at = max(1, -(-int(title[:-1]) * len(ordered) // 100)) - 1
        low, high = ordered[max(0, at - 1)], ordered[min(len(ordered) - 1, at + 1)]
        check(f"{what}: {title} of describe is beside ours", low <= described[title] <= high, ordered[at], described[title])
    bins = rows_of(tables, "p: histogram", name)
    equal(f"{what}: histogram counts all", sum(b["count"] for b in bins), len(ordered))
    if is_exact and len(bins) > 1:
        for b in bins:
            inside = sum(float(b["from"]) <= v < float(b["to"]) for v in ordered)
            equal(f"{what}: bin {b['from']} to {b['to']}", b["count"], inside)


def check_times(what, tables, name, series, is_exact):
    times = pd.to_datetime(series, utc=True)
    ordered = sorted(t.value for t in times)
    row = rows_of(tables, "p: times", name)[0]
    value = lambda text: pd.Timestamp(text).value
    equal(f"{what}: min", value(row["min"]), ordered[0])
    equal(f"{what}: max", value(row["max"]), ordered[-1])
    near(f"{what}: mean", value(row["mean"]), Fraction(sum(ordered), len(ordered)), Fraction(1, 2))
    for title, percent in SHARES.items():
        error = 0 if is_exact else (ordered[-1] - ordered[0]) / 4000
        near(f"{what}: {title}", value(row[title]), nearest_rank(ordered, percent), error)


def check_texts(what, tables, name, series):
    sizes = series.map(lambda t: len(t.encode()))
    row = rows_of(tables, "p: texts", name)[0]
    equal(f"{what}: bytes", row["bytes"], int(sizes.sum()))
    equal(f"{what}: characters", row["characters"], int(series.map(len).sum()))
    equal(f"{what}: words", row["words"], int(series.map(lambda t: len(t.encode().split())).sum()))
    equal(f"{what}: shortest and longest", [row["shortest"], row["longest"]], [int(sizes.min()), int(sizes.max())])
    equal(f"{what}: mean size", row["mean_bytes"], float(Fraction(int(sizes.sum()), len(sizes))))
    longest = min((t for t in series if len(t.encode()) == sizes.max()), key=str.encode)
    if sizes.max() <= 100:
        equal(f"{what}: longest text", row["longest_text"], longest)
    is_number = pd.to_numeric(series, errors="coerce").notna() | series.str.lower().isin(["nan", "inf", "-inf", "infinity"])
    near(f"{what}: share of numbers", row["numbers"], is_number.mean(), 1e-12)
    equal(f"{what}: not UTF-8", row["not_utf8"], 0)


def text_of_type(kind):
    if kind == "int":
        return lambda v: str(int(v))
    if kind == "float":  # both sides are compared as numbers written by Python
        return float
    if kind == "bool":
        return str.lower
    if kind == "time":
        return lambda v: pd.Timestamp(v).value
    return lambda v: v


def as_compared(kind, text):
    return float(text) if kind == "float" else pd.Timestamp(text).value if kind == "time" else text


def read_frame(path):
    """Every column as text, empty fields as missing; records with more or fewer fields than the header are left out."""
    with open(path, newline="", encoding="utf-8-sig") as stream:
        header, *records = csv.reader(stream)
    frame = pd.DataFrame([r for r in records if len(r) == len(header)], columns=header)
    return frame.mask(frame == "")


def compare(what, path, options=""):
    frame = read_frame(path)
    for exact_values in (1000000, 100):
        tables = profile(path, options, exact_values)
        equal(f"{what}: columns", [row["column"] for row in tables["p"]], list(frame.columns))
        for row in tables["p"]:
            name, kind = row["column"], row["type"]
            here = f"{what}, {name} ({kind}), up to {exact_values:,}"
            series = frame[name].dropna()
            equal(f"{here}: values", row["values"], int(frame[name].count()))
            equal(f"{here}: nulls", row["nulls"], int(frame[name].isna().sum()))
            if series.empty:
                continue
            distinct = int(series.map(text_of_type(kind)).nunique())
            equal(f"{here}: exact", row["exact"], distinct <= exact_values)
            near(f"{here}: distinct", row["distinct"], distinct, 0 if row["exact"] else 4 * HLL_ERROR * distinct)
            if kind in ("int", "float"):
                check_numbers(here, tables, name, series, row["exact"])
                equal(f"{here}: min", float(row["min"]), min(map(float, series)))
            elif kind == "time":
                check_times(here, tables, name, series, row["exact"])
            elif kind == "text":
                check_texts(here, tables, name, series)
                ends = [min(series, key=str.encode), max(series, key=str.encode)]
                if max(len(e.encode()) for e in ends) <= 100:
                    equal(f"{here}: min and max", [row["min"], row["max"]], ends)
            frequent = [dict(r, value=as_compared(kind, r["value"])) for r in rows_of(tables, "p: most frequent", name)]
            check_frequent(here, frequent, series, row["exact"], text_of_type(kind))
    print(f"{'ok' if failures == 0 else 'differs':7s} {what}: {len(frame):,} records, {len(frame.columns)} columns")


def main():
    for year in (2019, 2021, 2023):
        compare(f"sales of {year}", os.path.join(EXAMPLES, f"sales/data/sales-{year}.csv"))
    if DATA:
        drift = os.path.join(DATA, "csv-drift")
        compare("csse", os.path.join(drift, "csse/06-02-2020.csv"))
        compare("pcm-dpc", os.path.join(drift, "pcm-dpc/dati-andamento-nazionale/dpc-covid19-ita-andamento-nazionale.csv"))
        compare("world cities", os.path.join(drift, "world-cities/data/world-cities.csv"))
    else:
        print("the public files are not here: only those of the examples were compared")
    shutil.rmtree(WORK)
    print(f"{failures} of {checks:,} figures differ" if failures else f"all {checks:,} figures agree with pandas")
    sys.exit(1 if failures else 0)


main()

#!/usr/bin/env python3
"""Compares shardmill's answers with those of Python's own csv, json and gzip modules.

  against_python.py SHARDMILL [DATA]

Files of its own making are always compared; the public files of DATA (see its README) too where they are present.
Exits 1 and says what differs if any answer differs.
"""
import csv, glob, gzip, io, json, math, os, random, shutil, subprocess, sys, tempfile
from collections import Counter
from fractions import Fraction

SHARDMILL = os.path.abspath(sys.argv[1])
DATA = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 and os.path.isdir(sys.argv[2]) else None
WORK = tempfile.mkdtemp(prefix="shardmill-against-python-")
failures = 0


def check(what, found, expected):
    global failures
    if found == expected:
        print(f"ok      {what}")
        return
    failures += 1
    print(f"DIFFERS {what}\n  found    {str(found)[:600]}\n  expected {str(expected)[:600]}")


def run(job, *options):
    """Runs a job given as TOML text and returns its results.json."""
    folder = tempfile.mkdtemp(dir=WORK)
    path = os.path.join(folder, "job.toml")
    with open(path, "w") as out:
        out.write(job)
    run_dir = os.path.join(folder, "run")
    done = subprocess.run([SHARDMILL, "run", path, "--run-dir", run_dir, "--quiet", "--threads", "2", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"shardmill failed ({done.returncode}) on:\n{job}\n{done.stdout}")
    with open(os.path.join(run_dir, "results.json")) as results:
        return json.load(results), run_dir


def toml_list(items):
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def table(results, name):
    return next(t for t in results["tables"] if t["name"] == name)["rows"]


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def summed(values):
    values = [v for v in values if v is not None]
    return math.fsum(values) if values else None


def column_sums(what, files, columns, encoding="utf-8-sig", unit_bytes="64KiB"):
    """Rows and sums of columns over CSV files whose headers may differ."""
    rows, values = 0, {c: [] for c in columns}
    for path in files:
        with open(path, newline="", encoding=encoding) as stream:
            for row in csv.DictReader(stream):
                if None in row or None in row.values():
                    continue  # ragged: shardmill rejects it
                rows += 1
                for c in columns:
                    values[c].append(number(row.get(c)))
    sums = ", ".join(json.dumps(f"sum({c})") for c in columns)
    types = ", ".join(f'"{c}" = "float"' for c in columns)
    results, _ = run(f"""
name = "sums"
[input]
paths = {toml_list(files)}
unit_bytes = "{unit_bytes}"
types = {{ {types} }}
[[stage]]
use = "group"
name = "sums"
by = []
compute = ["count()", {sums}]
""")
    check(f"{what}: rows and column sums", table(results, "sums")[0], [rows] + [summed(values[c]) for c in columns])


def own_csv():
    """Random ugly CSV cut into small units, written back record by record."""
    random.seed(5)
    path = os.path.join(WORK, "own.csv")
    rows = []
    pieces = ["a", "b,c", 'say "hi"', "two\nlines", "\r\n", "", "x" * 300, "1,2\n3,4\n", "é", '"', "\n"]
    for i in range(20000):
        rows.append([str(i), random.choice(pieces), str(random.randint(-5, 5)), random.choice(pieces) + str(i)])
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "text", "n", "more"])
        writer.writerows(rows)
    for unit_bytes in ("1KiB", "100KiB", "0"):
        results, run_dir = run(f"""
name = "own csv"
[input]
paths = {toml_list([path])}
unit_bytes = "{unit_bytes}"
types = {{ id = "text", n = "int" }}
[[stage]]
use = "group"
by = ["n"]
compute = ["count()", "distinct(id)"]
name = "by n"
[[stage]]
use = "write"
path = "all.jsonl"
""")
        counts = Counter(int(r[2]) for r in rows)
        check(f"own csv, units of {unit_bytes}: group", table(results, "by n"), [[n, c, c] if c <= 256 else [n, c, x]
              for (n, c), x in zip(sorted(counts.items()), [r[2] for r in table(results, "by n")])])
        with open(os.path.join(run_dir, "output", "all.jsonl")) as stream:
            written = [json.loads(line) for line in stream]
        same = [[r["id"], r["text"] or "", str(r["n"]), r["more"] or ""] for r in written] == rows
        check(f"own csv, units of {unit_bytes}: every record in order", same, True)


def own_gz_lines():
    """Lines over several gz members, some empty, against gzip.open."""
    path = os.path.join(WORK, "lines.log.gz")
    random.seed(3)
    with open(path, "wb") as out:
        for member in range(7):
            text = "".join(f"level={random.choice(['INFO', 'ERROR'])} took={random.random():.3f}ms\n"
                           for _ in range(member * 1000))
            out.write(gzip.compress(text.encode()))
    with gzip.open(path, "rt") as stream:
        lines = stream.read().splitlines()
    by_level = {}
    for line in lines:
        level, took = line.split()
        by_level.setdefault(level[6:], []).append(float(took[5:-2]))
    results, _ = run(f"""
name = "own gz"
[input]
paths = {toml_list([path])}
[[stage]]
use = "extract"
pattern = 'level=(?P<level>\\w+) took=(?P<ms>[\\d.]+)ms'
types = {{ ms = "float" }}
[[stage]]
use = "group"
name = "levels"
by = ["level"]
compute = ["count()", "sum(ms)", "min(ms)", "max(ms)"]
""")
    check("own gz: groups of extracted fields", table(results, "levels"),
          [[k, len(v), math.fsum(v), min(v), max(v)] for k, v in sorted(by_level.items())])


def counted(what, paths):
    """Lines, words and bytes of any files, against Python."""
    lines = words = size = 0
    for path in paths:
        with open(path, "rb") as stream:
            content = stream.read()
        if path.endswith(".gz"):
            content = gzip.decompress(content)
        lines += content.count(b"\n") + (1 if content and not content.endswith(b"\n") else 0)
        words += len(content.split())
        size += len(content)
    top = Counter()
    for path in paths:
        with open(path, "rb") as stream:
            content = stream.read()
        top.update(content.split())
    results, _ = run(f"""
name = "words"
[input]
paths = {toml_list(paths)}
format = "lines"
unit_bytes = "256KiB"
[[stage]]
use = "count"
name = "lines"
[[stage]]
use = "split"
column = "line"
into = "word"
[[stage]]
use = "top"
name = "words"
column = "word"
k = 20
""")
    check(f"{what}: lines", results["inputs"]["records"], lines)
    check(f"{what}: bytes", results["inputs"]["bytes"], sum(os.path.getsize(p) for p in paths))
    expected = sorted(top.items(), key=lambda item: (-item[1], item[0]))[:20]
    found = [(row[0].encode() if isinstance(row[0], str) else row[0], row[1]) for row in table(results, "words")]
    check(f"{what}: the 20 most frequent words", found, expected)
    check(f"{what}: words in all", results["stages"][1]["records_out"], words)


def drifting_csvs():
    csse = sorted(glob.glob(os.path.join(DATA, "csv-drift/csse/*.csv")))
    column_sums("csse", csse, ["Confirmed", "Deaths", "Recovered", "Latitude", "Lat", "Active"])
    dpc = sorted(glob.glob(os.path.join(DATA, "csv-drift/pcm-dpc/**/*.csv"), recursive=True))
    column_sums("pcm-dpc", dpc, ["totale_casi", "deceduti", "tamponi", "ingressi_terapia_intensiva"])


def one_billion_rows():
    for path in sorted(glob.glob(os.path.join(DATA, "oracles/1brc/src/test/resources/samples/*.txt"))):
        results, _ = run(f"""
name = "stations"
[input]
paths = {toml_list([path])}
format = "csv"
delimiter = ";"
quote = ""
header = false
columns = ["station", "temperature"]
types = {{ station = "text", temperature = "float" }}
unit_bytes = "4KiB"
[[stage]]
use = "group"
name = "stations"
by = ["station"]
compute = ["min(temperature)", "mean(temperature)", "max(temperature)"]
[run]
rows_in_report = 20000
""")
        def one_decimal(value):  # half up, as the samples say
            text = f"{math.floor(Fraction(round(value * 10**9), 10**8) + Fraction(1, 2)) / 10:.1f}"
            return "0.0" if text == "-0.0" else text
        rows = sorted(table(results, "stations"), key=lambda row: row[0].encode("utf-16-be"))
        found = "{" + ", ".join(f"{r[0]}=" + "/".join(one_decimal(v) for v in r[1:]) for r in rows) + "}\n"
        with open(path[:-4] + ".out") as stream:
            expected = stream.read()
        check("1brc " + os.path.basename(path), found, expected.replace("-0.0/", "0.0/"))


def json_lines():
    path = os.path.join(DATA, "jsonl/gsm8k-test.jsonl")
    with open(path) as stream:
        records = [json.loads(line) for line in stream]
    results, run_dir = run(f"""
name = "gsm8k"
[input]
paths = {toml_list([path])}
unit_bytes = "20KiB"
[[stage]]
use = "select"
columns = ["answer", "question"]
[[stage]]
use = "write"
path = "fields.jsonl"
""")
    with open(os.path.join(run_dir, "output/fields.jsonl")) as stream:
        check("gsm8k: fields", [json.loads(line) for line in stream] == records, True)
    path = os.path.join(DATA, "jsonl/human-eval/HumanEval.jsonl.gz")
    with gzip.open(path, "rt") as stream:
        records = [json.loads(line) for line in stream]
    results, run_dir = run(f"""
name = "human-eval"
[input]
paths = {toml_list([path])}
[[stage]]
use = "select"
columns = ["task_id", "prompt", "entry_point", "canonical_solution", "test"]
[[stage]]
use = "write"
path = "fields.jsonl"
""")
    with open(os.path.join(run_dir, "output/fields.jsonl")) as stream:
        check("human-eval: fields", [json.loads(line) for line in stream] == records, True)


def main():
    own_csv()
    own_gz_lines()
    text = os.path.join(WORK, "words.txt")
    with open(text, "w") as out:
        random.seed(9)
        for _ in range(5000):
            out.write(random.choice([" ", "\t", ""]).join(random.choice(["the", "of", "é", "x\x0by"]) for _ in range(9)) + "\n")
    counted("own words", [text])
    if DATA:
        drifting_csvs()
        one_billion_rows()
        texts = [p for p in sorted(glob.glob(os.path.join(DATA, "text/**/*"), recursive=True)) if os.path.isfile(p)]
        counted("text/", texts)
        logs = [p for p in sorted(glob.glob(os.path.join(DATA, "logs/**/*"), recursive=True))
                if os.path.isfile(p) and not p.endswith(("bz2", "gz"))]
        counted("logs/", logs)
        json_lines()
    else:
        print("the public files are not here: only files of this script's own making were compared")
    shutil.rmtree(WORK)
    print(f"{failures} answers differ" if failures else "all answers equal Python's")
    sys.exit(1 if failures else 0)


main()

#!/usr/bin/env python3
"""Reads the public conformance suites of CSV, JSON and text, and holds what comes out against Python or the suites' own answers.

  conformance.py SHARDMILL DATA

DATA is the folder that holds conformance/; without it nothing is compared. Prints a line for each suite:

  suite  cases  equal  read  what was held

`equal`: cases whose answer is known and was given. `read`: cases without an answer (no such dialect, broken on purpose) that
were read to their end with balanced books. Exits 1 and says what differs if anything does.
"""
import base64, csv, glob, gzip, io, json, os, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

SHARDMILL = os.path.abspath(sys.argv[1])
DATA = os.path.join(os.path.abspath(sys.argv[2]), "conformance")
WORK = tempfile.mkdtemp(prefix="shardmill-conformance-")
SECONDS = 300  # much longer than any file takes: a hang
failures = []
table = []
csv.field_size_limit(1 << 30)


def differs(what, found, expected):
    failures.append(f"DIFFERS {what}\n  found    {str(found)[:300]}\n  expected {str(expected)[:300]}")


def hold(what, found, expected):
    if found != expected:
        differs(what, found, expected)
    return found == expected


def toml(value):
    """JSON texts are TOML texts but for DEL, which TOML wants escaped."""
    return json.dumps(value)


def run(paths, stages, settings=(), run_settings=()):
    """The run directory; None after a failure, which is told."""
    folder = tempfile.mkdtemp(dir=WORK)
    job = os.path.join(folder, "job.toml")
    with open(job, "w") as out:
        out.write("[input]\npaths = %s\n%s\n[run]\nrejects_kept = 100000\n%s\n%s" % (toml(paths), "\n".join(settings),
                                                                                  "\n".join(run_settings), stages))
    run_dir = os.path.join(folder, "run")
    try:
        done = subprocess.run([SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "2"], timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return differs(paths, f"nothing after {SECONDS} s", "an end")
    if done.returncode != 0:
        return differs(paths, f"exit {done.returncode}: {done.stdout}", "exit 0, which says that the books balance")
    return run_dir


def text_of(run_dir, name):
    with open(os.path.join(run_dir, name), "rb") as stream:
        return stream.read()


def json_lines(content):
    return [json.loads(line) for line in content.decode().split("\n") if line]


def as_bytes(value):
    """A text of our JSON as the bytes that it stands for."""
    if value is None:
        return b""
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode("utf-8", "surrogatepass")


WRITE = '[[stage]]\nuse = "write"\npath = "out%s"\n'


# CSV

def python_rows(content, delimiter):
    """The rows that Python reads, as bytes; None where it finds a mistake or sees rows that are no table of ours."""
    try:
        text = content.decode("latin-1")
        rows = [[field.encode("latin-1") for field in row]
                for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error:
        return None
    return rows if rows and len({len(row) for row in rows}) == 1 else None


def lone_returns(content):
    """Python ends a record at a return without a newline, too; RFC 4180 knows no such ends."""
    return content.count(b"\r") != content.count(b"\r\n")


def dialect(content):
    """The delimiter with which Python sees most columns, and the rows; None if it sees no table."""
    tables = [(delimiter, python_rows(content, delimiter)) for delimiter in ",;|\t"]
    tables = [(delimiter, rows) for delimiter, rows in tables if rows]
    return max(tables, key=lambda pair: len(pair[1][0])) if tables else None


def unpacked(path):
    with open(path, "rb") as stream:
        content = stream.read()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def csv_file(path):
    """Whether the answer was known and given, and whether the file was read."""
    content = unpacked(path)
    content = content[3:] if content.startswith(b"\xef\xbb\xbf") else content
    found = None if lone_returns(content) or content[:4] == b"\x28\xb5\x2f\xfd" else dialect(content)
    if found is None:
        run_dir = run([path], WRITE % ".jsonl", ['format = "csv"'])
        shown = run_dir is not None and balanced(path, run_dir)
        return False, shown
    delimiter, rows = found
    names = [f"c{i}" for i in range(len(rows[0]))]
    settings = ['format = "csv"', "header = false", f"delimiter = {toml(delimiter)}", f"columns = {toml(names)}",
                "types = {%s}" % ", ".join(f'{name} = "text"' for name in names)]
    run_dir = run([path], WRITE % ".jsonl", settings)
    if run_dir is None:
        return False, False
    ours = [[as_bytes(row.get(name)) for name in names] for row in json_lines(text_of(run_dir, "output/out.jsonl"))]
    shutil.rmtree(run_dir)
    return hold(path, ours, rows), True


def balanced(path, run_dir):
    """Every byte of a file that was read is in its books."""
    results = json.loads(text_of(run_dir, "results.json"))
    lines = text_of(run_dir, "files.tsv").decode("utf-8", "replace").split("\n")
    file = dict(zip(lines[0].split("\t"), lines[1].split("\t")))
    is_plain = file["disk_bytes"] == file["plain_bytes"]
    inputs = results["inputs"]
    return (hold(f"{path}: records", (int(file["records"]), int(file["rejected"])),
                 (inputs["records"], inputs["bad_records"])) and
            (file["outcome"] in ("bad", "empty") or not is_plain or
             hold(f"{path}: bytes", int(file["plain_bytes"]), int(file["size_bytes"]))))


def any_cut(suite, files):
    """The smaller files at once, each record with its place: the same whether they are cut to pieces or not."""
    files = [path for path in files if os.path.getsize(path) < 1 << 18]
    stages = ('[[stage]]\nuse = "derive"\ncolumns = { at = "$offset", from = "$file" }\n[[stage]]\nuse = "group"\n'
              'by = ["from"]\ncompute = ["count()", "sum(at)"]\n')
    answers = []
    for sizes in (["unit_bytes = 0"], ["unit_bytes = 997", "chunk_bytes = 16"], ["unit_bytes = 4099", "chunk_bytes = 999"]):
        run_dir = run(files, stages, ['format = "csv"', *sizes])
        if run_dir is None:
            return
        answers.append((text_of(run_dir, "results.json"), text_of(run_dir, "bad_records.jsonl")))
        shutil.rmtree(run_dir)
    hold(f"{suite}: cut to pieces", answers[1:], answers[:1] * 2)


def csv_suite(name):
    files = sorted(path for path in glob.glob(os.path.join(DATA, name, "**"), recursive=True, include_hidden=True)
                   if os.path.isfile(path))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(csv_file, files))
    any_cut(name, files)
    table.append((name, len(files), sum(equal for equal, _ in results), sum(read and not equal for equal, read in results),
                  "valid files as Python's csv module reads them, the same on any cut"))


def with_returns(path):
    """The file with the ends of lines that its name promises; a checkout may have taken them away."""
    with open(path, "rb") as stream:
        content = stream.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    copy = os.path.join(WORK, os.path.basename(path))
    with open(copy, "wb") as out:
        out.write(content)
    return copy


def csv_spectrum():
    folder = os.path.join(DATA, "csv-spectrum")
    files = sorted(glob.glob(os.path.join(folder, "csvs", "*.csv")))
    equal = 0
    for path in files:
        name = os.path.splitext(os.path.basename(path))[0]
        with open(os.path.join(folder, "json", name + ".json")) as stream:
            expected = json.load(stream)
        if name.endswith("_crlf"):
            path = with_returns(path)
        columns = "types = {%s}" % ", ".join(f'{toml(column)} = "text"' for column in expected[0])
        run_dir = run([path], WRITE % ".jsonl", [columns])
        if run_dir is None:
            continue
        ours = [{column: value or "" for column, value in row.items()}
                for row in json_lines(text_of(run_dir, "output/out.jsonl"))]
        equal += hold(path, ours, expected)
    table.append(("csv-spectrum", len(files), equal, 0, "records of its json/"))


# JSON

def json_suite():
    files = sorted(glob.glob(os.path.join(DATA, "json-JSONTestSuite", "test_*", "*.json")))
    cases = {"y": [], "n": [], "i": []}
    for path in files:
        with open(path, "rb") as stream:
            content = stream.read()
        name = os.path.basename(path)
        kind = name[0] if name[:2] in ("y_", "n_") else "i"
        content = content[:-1] if content.endswith(b"\n") else content
        if b"\n" not in content:
            # As a member; an object also by itself.
            cases[kind] += [(path, b'{"v":' + content + b"}")]
            cases[kind] += [(path, content)] if content.lstrip()[:1] == b"{" else []
    equal = 0
    for kind, expect_good in (("y", True), ("n", False)):
        lines = [line for _, line in cases[kind]]
        good = accepted(lines)
        for (path, line), is_good in zip(cases[kind], good):
            hold(f"{os.path.basename(path)}: {line[:60]!r} accepted", is_good, expect_good)
        equal += len({path for (path, _), is_good in zip(cases[kind], good) if is_good == expect_good})
    accepted([line for _, line in cases["i"]])
    known = {path for kind in "yn" for path, _ in cases[kind]}
    free = {path for path, _ in cases["i"]}
    table.append(("json-JSONTestSuite", len(known) + len(free), equal, len(free),
                  "y_ accepted, n_ rejected, all others read; of those on one line"))


def accepted(lines):
    """For each line whether it is a record, in one run over all of them."""
    path = os.path.join(tempfile.mkdtemp(dir=WORK), "cases.jsonl")
    offsets, content = [], b""
    for line in lines:
        offsets.append(len(content))
        content += line + b"\n"
    with open(path, "wb") as out:
        out.write(content)
    run_dir = run([path], '[[stage]]\nuse = "count"\n')
    if run_dir is None:
        return [None] * len(lines)
    bad = {record["offset"] for record in json_lines(text_of(run_dir, "bad_records.jsonl"))}
    records = json.loads(text_of(run_dir, "results.json"))["inputs"]["records"]
    hold("records and rejects of " + path, records + len(bad), len(lines))
    return [offset not in bad for offset in offsets]


# Text

def lines_unchanged(path, sizes=()):
    run_dir = run([path], WRITE % ".txt", ['format = "lines"', *sizes])
    if run_dir is None:
        return False
    with open(path, "rb") as stream:
        expected = stream.read()
    expected += b"" if not expected or expected.endswith(b"\n") else b"\n"
    return hold(f"{path}: lines", text_of(run_dir, "output/out.txt"), expected)


def through(texts, source, target):
    """Texts as records of a format, written in another."""
    path = os.path.join(tempfile.mkdtemp(dir=WORK), "texts." + source)
    with open(path, "w", newline="", encoding="utf-8") as out:
        if source == "jsonl":
            out.writelines(json.dumps({"n": i, "s": text}, ensure_ascii=False) + "\n" for i, text in enumerate(texts))
        else:
            out.write("n,s\n")
            writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerows([i, text] for i, text in enumerate(texts))
    run_dir = run([path], WRITE % ("." + target), ['types = { n = "int", s = "text" }'])
    if run_dir is None:
        return False
    with open(path, "rb") as stream:
        before = stream.read()
    after = text_of(run_dir, "output/out." + target)
    if source == target:
        return hold(f"texts: {source}", after, before)
    rows = ([(row["n"], row["s"]) for row in json_lines(after)] if target == "jsonl" else
            [(int(n), s) for n, s in list(csv.reader(io.StringIO(after.decode(), newline="")))[1:]])
    return hold(f"texts: {source} to {target}", rows, list(enumerate(texts)))


def text_suite(name):
    files = sorted(path for path in glob.glob(os.path.join(DATA, name, "**"), recursive=True) if os.path.isfile(path))
    equal = sum(lines_unchanged(path) and lines_unchanged(path, ["unit_bytes = 13", "chunk_bytes = 16"]) for path in files)
    table.append((name, len(files), equal, 0, "lines, byte for byte, whole and cut every 13 bytes"))


def naughty_texts():
    with open(os.path.join(DATA, "blns", "blns.json"), encoding="utf-8") as stream:
        texts = json.load(stream)
    pairs = [(a, b) for a in ("csv", "jsonl") for b in ("csv", "jsonl")]
    equal = sum(through(texts, source, target) for source, target in pairs)
    table.append(("blns.json", len(pairs), equal, 0, f"{len(texts)} texts through CSV and JSON lines and from one to the other"))


def main():
    if not os.path.isdir(DATA):
        return print(f"no {DATA}: nothing to compare")
    csv_spectrum()
    for name in ("csv-duckdb", "csv-univocity", "csv-csvlint", "csv-arrow-fuzz", "csv-commons-csv"):
        csv_suite(name)
    json_suite()
    text_suite("utf8tests")
    text_suite("blns")
    naughty_texts()
    print(f"{'suite':20}{'cases':>6}{'equal':>7}{'read':>6}  what was held")
    for name, cases, equal, read, what in table:
        print(f"{name:20}{cases:6}{equal:7}{read:6}  {what}")
        if equal + read != cases:
            failures.append(f"{name}: {cases - equal - read} of {cases} cases were neither")
    for failure in failures:
        print(failure)
    sys.exit(1 if failures or not table else 0)


try:
    main()
finally:
    shutil.rmtree(WORK)

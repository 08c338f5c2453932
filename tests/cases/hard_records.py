#!/usr/bin/env python3
"""Records that break readers: each must be read or rejected with its place and reason, in little memory, on any cut.

  hard_records.py SHARDMILL [PART...]

Parts are the functions below; lines_of_a_gibibyte only runs if it is named. Exits 1 and says what differs.
"""
import json, os, shutil, subprocess, sys, tempfile

SHARDMILL = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="shardmill-hard-")
MIB = 1 << 20
failures = []
compared = 0

LAYOUTS = [["--threads", "1", "--set", "input.unit_bytes=0"],
           ["--threads", "3", "--set", "input.chunk_bytes=16", "--set", "input.unit_bytes=1000"],
           ["--threads", "2", "--set", "input.chunk_bytes=4KiB", "--set", "input.unit_bytes=100KiB"]]


def check(what, found, expected):
    global compared
    compared += 1
    if found != expected:
        failures.append(f"DIFFERS {what}\n  found    {str(found)[:1500]}\n  expected {str(expected)[:1500]}")


def run(folder, settings, layout):
    """results.json, bad_records.jsonl, outputs and run.json of a run with balanced books."""
    job = os.path.join(folder, "job.toml")
    with open(job, "w") as out:
        out.write('[input]\npaths = ["data"]\n%s\n[run]\nreject_bytes_kept = 64\n[[stage]]\nuse = "count"\n[[stage]]\n'
                  'use = "write"\npath = "out.jsonl"\n' % settings)
    run_dir = tempfile.mkdtemp(dir=folder)
    done = subprocess.run([SHARDMILL, "run", "job.toml", "--run-dir", run_dir, "--quiet", *layout], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    if done.returncode != 0:
        sys.exit(f"exit {done.returncode} on {os.listdir(os.path.join(folder, 'data'))}, {layout}: {done.stdout[:500]!r}")
    files = []
    for name in ("results.json", "bad_records.jsonl", "output/out.jsonl", "run.json"):
        with open(os.path.join(run_dir, name), "rb") as stream:
            files.append(stream.read())
    shutil.rmtree(run_dir)
    return files


def hold(what, name, content, settings, records, rejects, values=(), bad_values=(), layouts=LAYOUTS, memory=64 * MIB):
    """`rejects`: offset and reason of each; `values`: what a few records became, by number; `bad_values`: by column."""
    folder = tempfile.mkdtemp(dir=WORK)
    os.mkdir(os.path.join(folder, "data"))
    with open(os.path.join(folder, "data", name), "wb") as out:
        for piece in [content] if isinstance(content, bytes) else content:
            out.write(piece)
    first = None
    for layout in layouts:
        *same, how = run(folder, settings, layout)
        first = first or same
        check(f"{what}: the same on {layout}", same, first)
        [peak] = json.loads(how)["peak_rss_bytes"]
        if memory is not None and peak > memory:
            check(f"{what}: memory on {layout}", f"{peak / MIB:.0f} MiB", f"at most {memory / MIB:.0f} MiB")
    results, bad, out = first
    results = json.loads(results)
    bad = [json.loads(line) for line in bad.splitlines()]
    check(f"{what}: records", results["inputs"]["records"], records)
    check(f"{what}: rejects", [(record["offset"], record["reason"]) for record in bad], list(rejects))
    check(f"{what}: bad values", {column["column"]: (column["count"], column["examples"])
                                  for column in results.get("bad_values", [])}, dict(bad_values))
    out = out.splitlines()
    for number, value in values:
        check(f"{what}: record {number}", json.loads(out[number]), value)
    shutil.rmtree(folder)


TEXTS = 'types = { a = "text", b = "text" }'
MEND_QUOTE = "; mend the record, or turn quotes off with `quote = \"\"`"
RAGGED = "; mend the record, or check `delimiter` and `quote` in [input]"


def bytes_that_are_no_text():
    hold("bytes that are no UTF-8 in lines", "a.txt", b"fine\n\xff\xfe bad\n\xc0\x80\nfine\n", 'format = "lines"', 4, [],
         [(1, {"line": {"base64": "//4gYmFk"}}), (2, {"line": {"base64": "wIA="}})])
    hold("bytes that are no UTF-8 in CSV", "a.csv", b"a,b\n1,\xff\n\xc3(,2\n3,4\n", TEXTS, 3, [],
         [(0, {"a": "1", "b": {"base64": "/w=="}}), (1, {"a": {"base64": "wyg="}, "b": "2"})])
    hold("bytes that are no UTF-8 in JSON", "a.jsonl", b'{"a":1}\n{"a":"\xff"}\n{"\xed\xa0\x80":2}\n{"a":"\xf4\x90\x80\x80"}\n{"a":3}\n', "",
         2, [(8, "at byte 6 of the record: found byte \"\\xff\", expected UTF-8"),
             (18, "at byte 2 of the record: found byte \"\\xed\", expected UTF-8"),
             (28, "at byte 6 of the record: found byte \"\\xf4\", expected UTF-8")])


def nul_bytes():
    hold("NUL bytes in lines", "a.txt", b"a\0b\n\0\n\0\0\0\n", 'format = "lines"', 3, [], [(0, {"line": "a\0b"}), (1, {"line": "\0"})])
    hold("NUL bytes in CSV", "a.csv", b"a,b\n\0,x\0y\n\"\0\",2\n", TEXTS, 2, [], [(0, {"a": "\0", "b": "x\0y"}), (1, {"a": "\0", "b": "2"})])
    hold("NUL bytes in JSON", "a.jsonl", b'{"a":"\\u0000"}\n{"a":"\0"}\n{"a":1}\0\n', "", 1,
         [(15, "at byte 6 of the record: found control character \"\\x00\" in a string, expected an escape such as \\n or \\u0000"),
          (25, "at byte 7 of the record: found \"\\x00\", expected nothing behind the value")], [(0, {"a": "\0"})])


def long_lines():
    long = [b"x" * MIB] * 40
    size = 40 * MIB
    too_long = (4, f"a record of {size:,} bytes, expected at most 1,048,576 bytes; raise `record_bytes_max` in [input] to read it")
    limits = "record_bytes_max = \"1MiB\"\n"
    few = [LAYOUTS[0], ["--threads", "2", "--set", "input.unit_bytes=4MiB"]]
    hold("a line of 40 MiB", "a.txt", [b"one\n", *long, b"\nend\n"], limits + 'format = "lines"', 2, [too_long], layouts=few)
    hold("a JSON record of 40 MiB", "a.jsonl", [b"{}\n\n", *long, b"\n{}\n"], limits, 2, [too_long], layouts=few)
    hold("a CSV record of 40 MiB", "a.csv", [b"a,b\n", *long, b",1\n1,2\n"], limits + TEXTS, 1,
         [(4, too_long[1].replace(f"{size:,}", f"{size + 2:,}"))], layouts=few)


def many_columns():
    names = ",".join(f"c{i}" for i in range(100_000)).encode()
    ones = b",".join([b"1"] * 100_000)
    content = names + b"\n" + ones + b"\n" + ones + b",1\n1\n" + ones + b"\n"
    at = len(names) + 1 + len(ones) + 1
    hold("100,000 columns", "a.csv", content, "", 2,
         [(at, "a record of 100,001 fields, expected 100000 as in the header" + RAGGED),
          (at + len(ones) + 3, "a record of 1 field, expected 100000 as in the header" + RAGGED)],
         [(1, {f"c{i}": 1 for i in range(100_000)})], layouts=LAYOUTS[:1] + LAYOUTS[2:], memory=None)
    keys = ",".join(f'"k{i}":{i}' for i in range(100_000)).encode()
    hold("100,000 members", "a.jsonl", b"{" + keys + b"}\n{}\n", "", 2, [],
         [(0, {f"k{i}": i for i in range(100_000)})], layouts=LAYOUTS[:1] + LAYOUTS[2:], memory=256 * MIB)


def deep_nesting():
    too_deep = "at byte %s of the record: found nesting deeper than 1,024 levels"
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    arrays = b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    hold("10,000 levels", "a.jsonl", b'{"a":1}\n' + deep + b"\n" + arrays + b"\n" + b"[" * 10_000 + b'\n{"a":2}\n', "", 2,
         [(8, too_deep % "5,120"), (9 + len(deep), too_deep % "1,028"), (10 + len(deep) + len(arrays), too_deep % "1,024")])


def ragged_rows():
    hold("ragged rows", "a.csv", b"a,b\n1\n1,2\n1,2,3\n,\n\n1,2,\n", TEXTS, 2,
         [(4, "a record of 1 field, expected 2 as in the header" + RAGGED), (10, "a record of 3 fields, expected 2 as in the header" + RAGGED),
          (19, "a record of 3 fields, expected 2 as in the header" + RAGGED)])


def numbers():
    hold("numbers out of range in CSV", "a.csv",
         b"a,b\n9223372036854775807,1e308\n9223372036854775808,1e309\n-9223372036854775809,-1e999\n1e3,0x10\n", 'types = { a = "int", b = "float" }',
         4, [], [(0, {"a": 9223372036854775807, "b": 1e308}), (1, {"a": None, "b": "Infinity"}), (2, {"a": None, "b": "-Infinity"}),
                 (3, {"a": None, "b": None})],
         {"a": (3, ["9223372036854775808", "-9223372036854775809", "1e3"]), "b": (1, ["0x10"])})
    hold("numbers out of range in JSON", "a.jsonl", b'{"a":9223372036854775808,"b":1e400}\n{"a":1,"b":2.5}\n{"a":-0,"b":1E-999}\n',
         'types = { a = "int", b = "float" }', 3, [], [(0, {"a": 9223372036854775808, "b": float("inf")}), (1, {"a": 1, "b": 2.5})])


def quotes():
    hold("lone quotes", "a.csv", b'a,b\nx"y,1\n5" disk,2\n"q"r,3\n"a""b",4\n', TEXTS, 4, [],
         [(0, {"a": 'x"y', "b": "1"}), (1, {"a": '5" disk', "b": "2"}), (2, {"a": "qr", "b": "3"}), (3, {"a": 'a"b', "b": "4"})])
    rest = b'2,"open\n3,x\n' + b"4,y\n" * 1000
    hold("a quote that never closes", "a.csv", b"a,b\n1,z\n" + rest, TEXTS, 1,
         [(8, f"a quoted field that is not closed in {len(rest):,} bytes, expected its quote before the end of the file" + MEND_QUOTE)])
    hold("a quote that does not close in a record's length", "a.csv", b"a,b\n1,z\n" + rest, TEXTS + "\nrecord_bytes_max = 100", 978,
         [(8, "a quoted field that is not closed in 100 bytes, expected its quote within `record_bytes_max`" + MEND_QUOTE)])
    hold("a quote that never closes in the header", "a.csv", b'a,"b\n1,2\n', "", 0, [])


def lines_of_a_gibibyte():
    long = [b"x" * MIB] * 1024
    for name, begin, end in (("a.txt", b"one\n", b"\nend\n"), ("a.jsonl", b"{}\n", b"\n{}\n"), ("a.csv", b"a\n1\n", b"\n2\n")):
        reason = "a record of 1,073,741,824 bytes, expected at most 67,108,864 bytes; raise `record_bytes_max` in [input] to read it"
        hold("a line of 1 GiB in " + name, name, [begin, *long, end], "", 2, [(len(begin), reason)], layouts=LAYOUTS[:1],
             memory=200 * MIB)
        print("a line of 1 GiB in", name, "is rejected")


PARTS = (bytes_that_are_no_text, nul_bytes, long_lines, many_columns, deep_nesting, ragged_rows, numbers, quotes)
try:
    for part in [globals()[name] for name in sys.argv[2:]] or PARTS:
        part()
finally:
    shutil.rmtree(WORK)
print("\n".join(failures) or f"{compared} answers as expected")
sys.exit(1 if failures else 0)

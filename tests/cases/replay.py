#!/usr/bin/env python3
"""Mends rejected records and feeds them to the job again (`run --replay`), as people would.

  replay.py SHARDMILL

What both runs found together must be what a run over files without mistakes finds, on any layout; what is still bad is told
with its place in its file; what cannot be fed again is refused with what to do. Exits 1 and says what differs.
"""
import base64, json, os, shutil, subprocess, sys, tempfile

SHARDMILL = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="shardmill-replay-")
failures = []
compared = 0


def check(what, found, expected):
    global compared
    compared += 1
    if found != expected:
        failures.append(f"DIFFERS {what}\n  found    {found!r}\n  expected {expected!r}")


def shardmill(folder, *words):
    done = subprocess.run([SHARDMILL, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def new_folder(files):
    folder = tempfile.mkdtemp(dir=WORK)
    for name, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)) or folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content)
    return folder


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as stream:
        return stream.read()


def bad_records(folder, run_dir):
    return [json.loads(line) for line in read(folder, run_dir + "/bad_records.jsonl").splitlines()]


def put(folder, records, name="mended.jsonl"):
    with open(os.path.join(folder, name), "w") as out:
        out.writelines(json.dumps(record) + "\n" for record in records)


def places(records):
    return [(record["file"], record["offset"], record["record"]) for record in records]


def table(folder, run_dir):
    results = json.loads(read(folder, run_dir + "/results.json"))
    return {tuple(row[:1]): row[1:] for row in results["tables"][0]["rows"]}


def added(a, b):
    return {key: [x + y for x, y in zip(a.get(key, [0, 0]), b.get(key, [0, 0]))] for key in {**a, **b}}


LAYOUTS = [["--threads", "1"], ["--threads", "3", "--set", "input.unit_bytes=0"],
           ["--threads", "2", "--set", "input.chunk_bytes=16", "--set", "input.unit_bytes=30"]]


def replay_on_all_layouts(folder, *words):
    """results.json, outputs and bad records of a replay, which must be the same on every layout."""
    answers = []
    for number, layout in enumerate(LAYOUTS):
        run_dir = f"replay-{number}"
        code, said = shardmill(folder, "run", "job.toml", "--replay", "mended.jsonl", "--run-dir", run_dir, "--quiet", *layout,
                               *words)
        check(f"exit code of a replay: {said}", code, 0)
        answers.append({name: read(folder, f"{run_dir}/{name}")
                        for name in ("results.json", "bad_records.jsonl", "output/out.jsonl")})
    for answer in answers[1:]:
        check("layouts of a replay", answer, answers[0])
    return "replay-0"


JOB = """[input]
paths = ["data"]
%s
[[stage]]
use = "group"
by = ["name"]
compute = ["count()", "sum(ms)"]
[[stage]]
use = "derive"
columns = { from = "$file", at = "$offset" }
[[stage]]
use = "write"
path = "out.jsonl"
"""


def mended(records, mend):
    return [{**record, "bytes": mend(record["bytes"])} for record in records]


def csv_records():
    """Two files whose columns stand in another order, a quote that never closes, a record that stays bad."""
    sound = {"data/a.csv": b"id,name,ms\n1,a,2\n2,b,3\n3,\"x\"\"y\",4\n4,a,5\n", "data/b.csv": b"id,name,ms\n7,z,9\n8,u,1\n9,y,1\n", "data/c.csv": b"ms,id,name\n5,10,a\n6,11,b\n"}
    broken = {"data/a.csv": b"id,name,ms\n1,a,2\n2,b\n3,\"x\"\"y\",4\n4,a,5,6\n", "data/b.csv": b"id,name,ms\n7,z,9\n8,\"u,1\n9,y,1\n",
              "data/c.csv": b"ms,id,name\n5,10\n6,11,b\n"}
    job = JOB % 'types = { id = "int", ms = "int", name = "text" }'
    folder = new_folder({**broken, "job.toml": job.encode()})
    whole = new_folder({**sound, "job.toml": job.encode()})
    check("a run over sound files", shardmill(whole, "run", "job.toml", "--quiet")[0], 0)
    check("a run over broken files", shardmill(folder, "run", "job.toml", "--quiet")[0], 0)
    bad = bad_records(folder, "job.run")
    check("places", places(bad), [("data/a.csv", 17, 2), ("data/a.csv", 32, 4), ("data/b.csv", 17, 2), ("data/c.csv", 11, 1)])
    mends = {"2,b": "2,b,3", "4,a,5,6": "4,a,5", '8,"u,1\n9,y,1\n': "8,u,1\n9,y,1\n", "5,10": "5,10,a"}
    put(folder, mended(bad, mends.get))
    run_dir = replay_on_all_layouts(folder)
    check("both runs together", added(table(folder, "job.run"), table(folder, run_dir)), table(whole, "job.run"))
    rows = sorted((row["from"], row["at"], row["id"], row["name"], row["ms"])
                  for row in map(json.loads, read(folder, run_dir + "/output/out.jsonl").splitlines()))
    check("records and where they stand", rows,
          [("data/a.csv", 17, 2, "b", 3), ("data/a.csv", 32, 4, "a", 5), ("data/b.csv", 17, 8, "u", 1), ("data/b.csv", 23, 9, "y", 1),
           ("data/c.csv", 11, 10, "a", 5)])
    check("verify", shardmill(folder, "verify", run_dir)[0], 0)

    # One is mended, one is still open, one is gone; the one that is open swallows none behind it.
    mends = {"2,b": '2,"b,3', "4,a,5,6": "4,a,5", "5,10": "5,10,a\n1"}
    put(folder, mended(bad[:2] + bad[3:], mends.get))
    shutil.rmtree(os.path.join(folder, "replay-0")), shutil.rmtree(os.path.join(folder, "replay-1"))
    shutil.rmtree(os.path.join(folder, "replay-2"))
    run_dir = replay_on_all_layouts(folder)
    still = bad_records(folder, run_dir)
    check("still bad", places(still), [("data/a.csv", 17, 2), ("data/c.csv", 18, 1)])
    check("reasons", [record["reason"][:40] for record in still],
          ["a quoted field that is not closed in 7 b", "a record of 1 field, expected 3 as in th"])
    put(folder, [{**still[0], "bytes": "2,b,3"}], "again.jsonl")
    code, said = shardmill(folder, "run", "job.toml", "--replay", "again.jsonl", "--strict", "--quiet")
    check(f"the third run: {said}", (code, table(folder, "job.replay.run")), (0, {("b",): [1, 3]}))
    check("strict", shardmill(folder, "run", "job.toml", "--replay", "mended.jsonl", "--strict", "--quiet", "--fresh")[0], 10)


def json_records():
    folder = new_folder({"data/a.jsonl": b'{"name":"a","ms":1}\n{"name":"b","ms":2\n{"name":"c","ms":3}\n{"name":"d",}\n{"name":"\xff","ms":5}\n',
                         "job.toml": (JOB % "").encode()})
    check("a run over broken JSON", shardmill(folder, "run", "job.toml", "--quiet")[0], 0)
    bad = bad_records(folder, "job.run")
    check("places", places(bad), [("data/a.jsonl", 20, 2), ("data/a.jsonl", 59, 4), ("data/a.jsonl", 73, 5)])
    check("bytes", bad[2]["bytes"], {"base64": base64.b64encode(b'{"name":"\xff","ms":5}').decode()})
    put(folder, [{**bad[0], "bytes": '{"name":"b","ms":2}'}, {**bad[1], "bytes": '{"name":"d","ms":4}\n{"name":"b","ms":6}'}, bad[2]])
    run_dir = replay_on_all_layouts(folder)
    check("mended JSON", table(folder, run_dir), {("b",): [2, 8], ("d",): [1, 4]})
    check("still bad", places(bad_records(folder, run_dir)), [("data/a.jsonl", 73, 5)])


def line_records():
    """Lines are only rejected for their length: kept whole, they are fed again once more is allowed, or shorter."""
    job = '[input]\npaths = ["data"]\nformat = "lines"\nrecord_bytes_max = 20\n[run]\nreject_bytes_kept = 40\n%s'
    stages = '[[stage]]\nuse = "write"\npath = "out.jsonl"\n'
    folder = new_folder({"data/a.txt": b"short\n" + b"x" * 30 + b"\nlast\n", "data/b.txt": b"\x1f\x8b" + b"\x00\xff" * 20 + b"\n",
                         "job.toml": (job % stages).encode()})
    with open(os.path.join(folder, "data/b.txt"), "wb") as out:
        out.write(b"plain\n\x1f\x8b" + b"\x00\xff" * 15 + b"\n")
    check("a run over long lines", shardmill(folder, "run", "job.toml", "--quiet")[0], 0)
    bad = bad_records(folder, "job.run")
    check("places", [(record["file"], record["offset"]) for record in bad], [("data/a.txt", 6), ("data/b.txt", 6)])
    check("whole", [("cut" in record, record["record_bytes"]) for record in bad], [(False, 30), (False, 32)])
    put(folder, [{**bad[0], "bytes": "y" * 9}, bad[1]])
    run_dir = replay_on_all_layouts(folder, "--set", "input.record_bytes_max=32")
    written = [json.loads(line)["line"] for line in read(folder, run_dir + "/output/out.jsonl").splitlines()]
    check("lines, also those that look packed", written,
          ["y" * 9, {"base64": base64.b64encode(b"\x1f\x8b" + b"\x00\xff" * 15).decode()}])


def refusals():
    job = '[input]\npaths = ["data"]\nrecord_bytes_max = 20\n[run]\nreject_bytes_kept = 8\n[[stage]]\nuse = "count"\n'
    folder = new_folder({"data/a.txt": b"fine\n" + b"x" * 30 + b"\n", "job.toml": job.encode(), "empty.jsonl": b"\n"})
    check("a run", shardmill(folder, "run", "job.toml", "--quiet")[0], 0)
    [cut] = bad_records(folder, "job.run")
    check("what was cut", (cut["bytes"], cut["record_bytes"], cut["cut"]), ("x" * 8, 30, True))
    short = {"file": "data/a.txt", "offset": 5, "bytes": "x"}
    refused = [
        ([cut], "mended.jsonl:1: the beginning of a record of 30 bytes (data/a.txt (byte 5)), expected all of it; run the job "
                "again with --set run.reject_bytes_kept=30, or put all of it into \"bytes\" and take \"cut\" out\n"),
        ([{**short, "by_stage": True}], "mended.jsonl:1: a record that a stage rejected (data/a.txt (byte 5)), expected one that "
                                        "could not be read; the stages before it have counted it: take the line out\n"),
        ([short, short], "mended.jsonl:2: the record of line 1 again (data/a.txt (byte 5)), expected each record once; put "
                         "several into one \"bytes\", with \\n between them\n"),
        ([{**short, "file": "/etc/\x1bpasswd"}], "mended.jsonl:1: a record of \"/etc/\\x1bpasswd\", expected a file that the job "
                                                 "reads; give the command from the folder of the first run\n"),
        ([{"file": "data/a.txt", "offset": -1, "bytes": "x"}, {"offset": 1}, 7],
         "".join(f"mended.jsonl:{line}: no record with its place, expected \"file\", \"offset\" and \"bytes\"; mend only \"bytes\" "
                 "of what the run wrote, or take the line out\n" for line in (1, 2, 3))),
        ([], "mended.jsonl: no record stands in it, expected at least one; there is nothing to feed again\n")]
    for records, message in refused:
        put(folder, records)
        check("a refusal", shardmill(folder, "run", "job.toml", "--replay", "mended.jsonl"), (2, message))
    put(folder, [short] * 12)
    check("many refusals", shardmill(folder, "run", "job.toml", "--replay", "mended.jsonl")[1].count("\n"), 11)
    for name, message in (("gone", "gone: no such file or directory, expected a file like bad_records.jsonl of a run directory\n"),
                          ("data", "data: it is no regular file, expected a file like bad_records.jsonl of a run directory\n")):
        check("no file", shardmill(folder, "run", "job.toml", "--replay", name), (2, message))
    with open(os.path.join(folder, "broken.jsonl"), "w") as out:
        out.write('{"file": \n')
    check("no JSON", shardmill(folder, "run", "job.toml", "--replay", "broken.jsonl"),
          (2, "broken.jsonl:1: at byte 9 of the line: found the end, expected a value; each line is a record in JSON\n"))
    check("nothing was created", sorted(os.listdir(folder)), ["broken.jsonl", "data", "empty.jsonl", "job.run", "job.toml", "mended.jsonl"])
    check("into itself", shardmill(folder, "run", "job.toml", "--replay", "job.run/bad_records.jsonl", "--run-dir", "job.run",
                                   "--fresh"),
          (2, "job.run: the run directory of the records to be fed again, expected another one for what comes of them; choose "
              "another --run-dir\n"))
    check("results are still there", os.path.exists(os.path.join(folder, "job.run/results.json")), True)


def many_records():
    """Four thousand, with good ones between them."""
    lines = b"".join((b'{"n":%d\n' if n % 3 else b'{"n":%d}\n') % n for n in range(3000))
    job = b'[input]\npaths = ["data"]\nunit_bytes = 0\n[run]\nrejects_kept = 5000\n[[stage]]\nuse = "group"\ncompute = ["count()", "sum(n)"]\n'
    folder = new_folder({**{f"data/{i}.jsonl": lines for i in range(2)}, "job.toml": job})
    check("a run", shardmill(folder, "run", "job.toml", "--quiet")[0], 0)
    put(folder, mended(bad_records(folder, "job.run"), lambda record: record + "}"))
    code, said = shardmill(folder, "run", "job.toml", "--replay", "mended.jsonl", "--quiet", "--threads", "1")
    check(f"a replay: {said}", code, 0)
    results = json.loads(read(folder, "job.replay.run/results.json"))
    check("sums", results["tables"][0]["rows"], [[4000, 2 * sum(n for n in range(3000) if n % 3)]])


try:
    csv_records()
    json_records()
    line_records()
    refusals()
    many_records()
finally:
    shutil.rmtree(WORK)
print("\n".join(failures) or f"{compared} answers as expected")
sys.exit(1 if failures else 0)

#!/usr/bin/env python3
"""A large CSV full of quoted newlines and doubled quotes, cut into small units on three ranks, against Python's csv module.

  large_csv.py SHARDMILL [MEBIBYTES]
"""
import collections, csv, json, os, random, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV  # noqa: E402

SHARDMILL = os.path.abspath(sys.argv[1])
MEBIBYTES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
WORK = tempfile.mkdtemp(prefix="shardmill-large-csv-")


def write_file(path):
    random.seed(11)
    texts = ['a "quoted" word', "two\nlines", "1,2,3\n4,5,6\n7,8,9", "plain", "", '"\n"', "x" * 2000, "end\n"]
    block = []
    for i in range(20000):
        block.append([random.randrange(1000), random.choice(texts), random.choice(texts), f"{random.random():.6f}"])
    with open(path, "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["key", "a", "b", "x"])
        while out.tell() < MEBIBYTES << 20:
            writer.writerows(block)
            out.flush()


def expected(path):
    rows, counts, lengths = 0, collections.Counter(), 0
    with open(path, newline="") as stream:
        for row in csv.DictReader(stream):
            rows += 1
            counts[int(row["key"])] += 1
            lengths += len(row["a"]) + len(row["b"])
    return rows, [[key, counts[key]] for key in sorted(counts)], lengths


def main():
    path = os.path.join(WORK, "large.csv")
    write_file(path)
    rows, groups, _ = expected(path)
    job = os.path.join(WORK, "job.toml")
    with open(job, "w") as out:
        out.write(f"""
[input]
paths = ["{path}"]
unit_bytes = "1MiB"
types = {{ key = "int", x = "float" }}
[[stage]]
use = "group"
name = "keys"
by = ["key"]
compute = ["count()"]
[[stage]]
use = "write"
path = "same.csv"
[run]
rows_in_report = 2000
""")
    run_dir = os.path.join(WORK, "run")
    subprocess.check_call(["mpirun", "-n", "3", SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet"], env=MPI_ENV)
    with open(os.path.join(run_dir, "results.json")) as stream:
        results = json.load(stream)
    same = subprocess.call(["cmp", path, os.path.join(run_dir, "output", "same.csv")]) == 0
    checks = {"rows": results["inputs"]["records"] == rows, "groups": results["tables"][0]["rows"] == groups,
              "written back byte for byte": same}
    for what, is_right in checks.items():
        print(("ok      " if is_right else "DIFFERS ") + what)
    with open(os.path.join(run_dir, "run.json")) as stream:
        print(f"{os.path.getsize(path) / 1e6:.0f} MB, {rows} rows, ranges done again: "
              f"{[rank.get('redone_units') for rank in json.load(stream).get('per_rank', [])]}")
    shutil.rmtree(WORK)
    sys.exit(0 if all(checks.values()) else 1)


main()

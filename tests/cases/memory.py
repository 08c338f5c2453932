#!/usr/bin/env python3
"""Peak resident memory of counting and grouping files of different size, with one worker.

  memory.py SHARDMILL [--large GIBIBYTES]

Prints each figure beyond that of the same run on an empty file (the baseline of program and MPI), and exits 1 if one is
over 64 MiB, or more than 5 MiB over that of the smallest input. Without --large: 64 MiB and 512 MiB of text.
"""
import json, os, random, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV  # noqa: E402

SHARDMILL = os.path.abspath(sys.argv[1])
LARGE = int(sys.argv[sys.argv.index("--large") + 1]) if "--large" in sys.argv else 0
WORK = tempfile.mkdtemp(prefix="shardmill-memory-", dir=os.environ.get("TMPDIR", "/tmp"))
MIB = 1 << 20
JOBS = {
    "count": '[[stage]]\nuse = "count"\n',
    "group": "[[stage]]\nuse = \"extract\"\npattern = 'key=(?P<key>\\w+) value=(?P<value>\\d+)'\ntypes = { value = \"int\" }\n"
             '[[stage]]\nuse = "group"\nby = ["key"]\ncompute = ["count()", "sum(value)", "p99(value)"]\n',
}


def block(mebibytes):
    random.seed(2)
    line = lambda: f"2026-01-01 key=k{random.randrange(1000)} value={random.randrange(10**6)} {'x' * random.randrange(80)}\n"
    text = "".join(line() for _ in range(20000)).encode()
    return (text * (mebibytes * MIB // len(text) + 1))[: mebibytes * MIB - 1] + b"\n"


def write(folder, files, mebibytes):
    os.makedirs(folder)
    text = block(min(mebibytes, 64)) if mebibytes else b""
    for i in range(files):
        with open(os.path.join(folder, f"{i:03d}.log"), "wb") as out:
            for _ in range(max(1, mebibytes // 64)):
                out.write(text)
    return folder


def peak(folder, stages):
    job = os.path.join(WORK, "job.toml")
    with open(job, "w") as out:
        out.write(f'[input]\npaths = ["{folder}"]\nformat = "lines"\n{stages}')
    run_dir = os.path.join(WORK, "run")
    shutil.rmtree(run_dir, ignore_errors=True)
    subprocess.check_call(["mpirun", "-n", "1", SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "1"],
                          env=MPI_ENV)
    with open(os.path.join(run_dir, "run.json")) as stream:
        return json.load(stream)["peak_rss_bytes"][0]


def main():
    cases = [("64 MiB", 1, 64), ("512 MiB", 1, 512)]
    if LARGE:
        cases = [("1 GiB", 1, 1024), (f"{LARGE} GiB", 1, LARGE * 1024), (f"{LARGE * 16} files of 64 MiB", LARGE * 16, 64)]
    empty = write(os.path.join(WORK, "empty"), 1, 0)
    failed = False
    beyond = {name: [] for name in JOBS}
    baseline = {name: peak(empty, stages) for name, stages in JOBS.items()}
    for label, files, mebibytes in cases:
        folder = write(os.path.join(WORK, "data"), files, mebibytes)
        for name, stages in JOBS.items():
            found = peak(folder, stages) - baseline[name]
            beyond[name].append(found)
            is_good = found <= 64 * MIB and found - beyond[name][0] <= 5 * MIB
            failed = failed or not is_good
            print(f"{'ok  ' if is_good else 'OVER'}  {name}, {label}: {found / MIB:.1f} MiB beyond the baseline of "
                  f"{baseline[name] / MIB:.1f} MiB")
        shutil.rmtree(folder)
    shutil.rmtree(WORK)
    sys.exit(1 if failed else 0)


main()

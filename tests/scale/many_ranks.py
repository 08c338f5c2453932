#!/usr/bin/env python3
"""Runs one job on more and more ranks of one machine under mpirun and measures what ranks cost.

  many_ranks.py SHARDMILL [--ranks 1 16 64 128] [--check]

Expects the same bytes of results.json and of every output on each number of ranks; prints the peak of memory of each rank beyond
its chunk budget (twice chunk_bytes for its one worker), and how much of a core a rank takes for talking while its worker waits
for programs, which is read from the processor time of every rank's processes. --check: exit 1 if the bytes differ, a rank has
40 MiB or more beyond its budget, or talking takes 2 % of a core or more a rank at 16 ranks.
"""
import argparse, json, os, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV, fingerprint  # noqa: E402

MIB = 1 << 20
CHUNK_BYTES = 256 << 10
JOB = """[input]
paths  = ["data"]
format = "csv"
[[stage]]
use     = "group"
name    = "by key"
by      = ["key"]
compute = ["count()", "sum(value)", "p99(value)"]
[[stage]]
use   = "keep"
where = "value < 50"
[[stage]]
use  = "write"
path = "some.csv"
"""
WAITING_JOB = """[input]
paths  = ["waiting"]
format = "lines"
[[stage]]
use     = "exec"
command = ["sh", "-c", "sleep {seconds}; exec cat"]
[[stage]]
use = "count"
"""


def make_data(work, ranks):
    os.makedirs(os.path.join(work, "data"))
    for number in range(2 * ranks):
        with open(os.path.join(work, "data", f"part-{number:04d}.csv"), "w") as stream:
            stream.write("key,value\n")
            stream.writelines(f"k{(number * 31 + i * 7) % 97},{(number * 13 + i * 11) % 1000 / 10}\n" for i in range(400))
    with open(os.path.join(work, "job.toml"), "w") as stream:
        stream.write(JOB)


def launch(shardmill, work, job, run_dir, ranks, *options):
    return subprocess.Popen(["mpirun", "-n", str(ranks), shardmill, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "1",
                             "--set", f"input.chunk_bytes={CHUNK_BYTES}", *options], cwd=work, env=MPI_ENV)


def run_json(run_dir):
    with open(os.path.join(run_dir, "run.json")) as stream:
        return json.load(stream)


def processor_seconds(processes):
    """By process: user and system time of the process alone, without children."""
    seconds = {}
    for process in processes:
        try:
            with open(f"/proc/{process}/stat") as stream:
                fields = stream.read().rsplit(")", 1)[1].split()
            seconds[process] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass
    return seconds


def children_of(process):
    """Processes that any thread of it started: with more than 32 ranks mpirun has threads for that."""
    children = []
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/children") as stream:
            children += [int(child) for child in stream.read().split()]
    return children


def talking_share(shardmill, work, ranks, seconds):
    """Processor seconds a second and rank while every worker waits for a program."""
    shutil.rmtree(os.path.join(work, "waiting"), ignore_errors=True)
    os.makedirs(os.path.join(work, "waiting"))
    for number in range(ranks):
        with open(os.path.join(work, "waiting", f"f{number:04d}"), "w") as stream:
            stream.write("x\n")
    job = os.path.join(work, "waiting.toml")
    with open(job, "w") as stream:
        stream.write(WAITING_JOB.format(seconds=seconds))
    run_dir = os.path.join(work, f"waiting-{ranks}.run")
    process = launch(shardmill, work, job, run_dir, ranks, "--set", "input.unit_bytes=0",
                     "--memory", "256MiB")
    try:
        wait_for(lambda: all_wait(process.pid, ranks), 300)
        before, start = processor_seconds(children_of(process.pid)), time.monotonic()
        time.sleep(seconds / 4)
        after, elapsed = processor_seconds(children_of(process.pid)), time.monotonic() - start
        if len(after) != ranks or not all_wait(process.pid, ranks):
            sys.exit(f"{ranks} ranks did not wait for their programs for {seconds / 4} s")
    finally:
        process.terminate()
        process.wait()
    return sorted((after[rank] - before[rank]) / elapsed for rank in before)


def all_wait(launcher, ranks):
    """Every rank has a program that sleeps."""
    processes = children_of(launcher)
    if len(processes) != ranks:
        return False
    return all(children_of(process) for process in processes)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("what was waited for did not come")
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shardmill")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 16, 64, 128])
    parser.add_argument("--wait-seconds", type=int, default=40)
    parser.add_argument("--talking", type=int, nargs="*", default=[16, 128])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    shardmill = os.path.abspath(options.shardmill)
    work = tempfile.mkdtemp(prefix="shardmill-ranks-")
    broken = []
    try:
        make_data(work, max(options.ranks))
        expected = None
        for ranks in options.ranks:
            run_dir = os.path.join(work, f"{ranks}.run")
            start = time.monotonic()
            code = launch(shardmill, work, "job.toml", run_dir, ranks, "--set", "input.unit_bytes=1KiB").wait()
            if code != 0:
                sys.exit(f"{ranks} ranks: exit {code}")
            expected = expected or fingerprint(run_dir)
            run = run_json(run_dir)
            beyond = [peak - 2 * CHUNK_BYTES for peak in run["peak_rss_bytes"]]
            same = fingerprint(run_dir) == expected
            print(f"{ranks:4} ranks: {'the same bytes' if same else 'OTHER BYTES'}; memory of a rank beyond its chunks: largest "
                  f"{max(beyond) / MIB:.1f} MiB, mean {sum(beyond) / ranks / MIB:.1f} MiB; {time.monotonic() - start:.1f} s", flush=True)
            if not same:
                broken.append(f"{ranks} ranks give other bytes")
            if max(beyond) >= 40 * MIB:
                broken.append(f"a rank of {ranks} has {max(beyond) / MIB:.1f} MiB")
        for ranks in options.talking:
            shares = talking_share(shardmill, work, ranks, options.wait_seconds)
            mean = sum(shares) / ranks
            print(f"{ranks:4} ranks: talking takes {mean:.2%} of a core for each rank, {shares[-1]:.2%} for the busiest", flush=True)
            if ranks == 16 and mean >= 0.02:
                broken.append(f"talking takes {mean:.2%} of a core at 16 ranks")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for what in broken:
        print("BROKEN  " + what)
    if broken and options.check:
        sys.exit(1)


if __name__ == "__main__":
    main()

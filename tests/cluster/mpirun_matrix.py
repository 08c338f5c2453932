#!/usr/bin/env python3
"""Runs jobs under mpirun on several layouts and expects the same bytes, and one clear end when a rank dies.

  mpirun_matrix.py SHARDMILL EXAMPLES_FOLDER
"""
import glob, json, os, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV, fingerprint  # noqa: E402

SHARDMILL, EXAMPLES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WORK = tempfile.mkdtemp(prefix="shardmill-mpirun-")
LAYOUTS = [(1, 1, "256KiB", "64MiB"), (2, 1, "4KiB", "1KiB"), (3, 3, "64", "1MiB"), (7, 1, "256KiB", "1KiB")]
failures = 0


def fail(message):
    global failures
    failures += 1
    print("FAILED  " + message)


def launch(job, run_dir, ranks, threads, chunk, unit, options=()):
    return subprocess.Popen(
        ["mpirun", "-n", str(ranks), SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet", "--threads", str(threads),
         "--set", f"input.chunk_bytes={chunk}", "--set", f"input.unit_bytes={unit}", *options],
        env=MPI_ENV, cwd=os.path.dirname(job), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def same_bytes(job):
    expected = None
    for number, (ranks, threads, chunk, unit) in enumerate(LAYOUTS):
        run_dir = os.path.join(WORK, os.path.basename(os.path.dirname(job)) + f"-{number}")
        process = launch(job, run_dir, ranks, threads, chunk, unit)
        output, _ = process.communicate(timeout=300)
        if process.returncode != 0:
            return fail(f"{job} on {ranks} x {threads}: exit {process.returncode}\n{output}")
        found = fingerprint(run_dir)
        expected = expected or found
        if found != expected:
            fail(f"{job} on {ranks} x {threads}: {sorted(set(found.items()) ^ set(expected.items()))}")
    print(f"ok      {os.path.relpath(job, EXAMPLES)}: {len(expected)} files, the same on {len(LAYOUTS)} layouts")


def trace_has_every_rank():
    """A trace has a process for each rank, a thread for each worker, spans that nest, and changes no byte."""
    job = os.path.join(EXAMPLES, "sales", "job.toml")
    trace = os.path.join(WORK, "trace.json")
    prints = []
    for name, options in (("untraced", []), ("traced", ["--trace", trace])):
        process = launch(job, os.path.join(WORK, name), 3, 2, "4KiB", "1KiB", options)
        output, _ = process.communicate(timeout=300)
        if process.returncode != 0:
            return fail(f"{name}: exit {process.returncode}\n{output}")
        prints.append(fingerprint(os.path.join(WORK, name)))
    if prints[0] != prints[1]:
        fail("a trace changes the answer")
    with open(trace) as stream:
        events = json.load(stream)["traceEvents"]
    processes = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    if [name.split(" (")[0] for _, name in sorted(processes.items())] != ["rank 0", "rank 1", "rank 2"]:
        fail(f"a trace of 3 ranks has the processes {processes}")
    tracks = {}
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"], event["name"]))
    if sorted(tracks) != [(rank, thread) for rank in (1, 2, 3) for thread in (1, 2, 3)]:
        fail(f"a trace of 3 ranks with 2 workers has spans on {sorted(tracks)}")
    for track, spans in tracks.items():
        open_spans = []
        for begin, end, name in spans:
            while open_spans and open_spans[-1][1] <= begin + 0.002:
                open_spans.pop()
            if open_spans and end > open_spans[-1][1] + 0.002:
                fail(f"a trace: on {track} {name} ends after {open_spans[-1][2]}, in which it began")
            open_spans.append((begin, end, name))
    print(f"ok      a trace of 3 ranks has {len(events)} events on {len(tracks)} threads")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as stream:
        return [int(child) for child in stream.read().split()]


def killed_rank_ends_the_run():
    """A rank that is killed in the middle ends mpirun with an error, soon, and leaves no process behind."""
    data = os.path.join(WORK, "large.log")
    with open(data, "w") as out:
        for i in range(3_000_000):
            out.write(f"level=INFO number={i} took={i % 977}.{i % 10}ms\n")
    job = os.path.join(WORK, "large.toml")
    with open(job, "w") as out:
        out.write('[input]\npaths = ["large.log"]\n[[stage]]\nuse = "extract"\n'
                  "pattern = 'number=(?P<number>\\d+) took=(?P<ms>[\\d.]+)'\n"
                  '[[stage]]\nuse = "group"\nby = ["number"]\ncompute = ["count()", "distinct(ms)"]\n')
    process = launch(job, os.path.join(WORK, "killed"), 3, 1, "4KiB", "1MiB")
    deadline = time.time() + 30
    while len(children(process.pid)) < 3 and time.time() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    ranks = children(process.pid)
    start = time.time()
    os.kill(ranks[-1], signal.SIGKILL)
    process.communicate(timeout=60)
    seconds = time.time() - start
    if process.returncode == 0 or seconds > 20:
        fail(f"a killed rank: exit {process.returncode} after {seconds:.1f} s")
    left = [rank for rank in ranks if os.path.exists(f"/proc/{rank}/exe") and "Z" not in open(f"/proc/{rank}/stat").read()]
    if left:
        fail(f"a killed rank: processes {left} are left")
    if os.path.exists(os.path.join(WORK, "killed", "results.json")):
        fail("a killed rank: there is a results.json")
    print(f"ok      a killed rank ends the run with exit {process.returncode} after {seconds:.1f} s")


def wrong_job_ends_all_ranks():
    job = os.path.join(WORK, "wrong.toml")
    with open(job, "w") as out:
        out.write('[input]\npaths = ["nothing-here-*.log"]\n[[stage]]\nuse = "count"\n')
    process = launch(job, os.path.join(WORK, "wrong"), 3, 1, "4KiB", "1MiB")
    output, _ = process.communicate(timeout=60)
    if process.returncode != 2 or "nothing-here" not in output or os.path.exists(os.path.join(WORK, "wrong")):
        fail(f"a wrong job: exit {process.returncode}\n{output}")
    print("ok      a wrong job ends all ranks with exit 2 and creates nothing")


def main():
    jobs = sorted(glob.glob(os.path.join(EXAMPLES, "*", "job.toml")))
    if not jobs:
        fail(f"no examples in {EXAMPLES}")
    for job in jobs:
        same_bytes(job)
    trace_has_every_rank()
    wrong_job_ends_all_ranks()
    killed_rank_ends_the_run()
    shutil.rmtree(WORK)
    sys.exit(1 if failures else 0)


main()

#!/usr/bin/env python3
"""Stops runs by SIGUSR1 on their way, and shows how long they took to end and how much was done again.

  stop.py SHARDMILL DATA [--jobs group,top,write,each] [--ranks 0,2] [--threads 2] [--share 0.5] [--work DIR]

DATA is a folder of CSV files with columns region, product, qty, price (scripts/bench makes some), best 4 GiB of them; packed
ones show what units that cannot be cut cost. Each job runs as one process of --threads (ranks 0) or under mpirun with so many
ranks of one thread: whole, which says when the signal is due, then stopped, then gone on from. Exits with 1 if the last rank
took more than 2 s to end, the exit code was not 75, or more than 5 % of the input was read again. mpirun itself takes one or two
seconds more after ranks that end with anything but 0: `mpirun -n 2 sh -c 'exit 75'` does too. `again` is bytes_done_again of
run.json.
"""
import argparse, glob, json, os, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV  # noqa: E402

MOST_SECONDS, MOST_SHARE = 2.0, 0.05

JOBS = {
    "group": '[[stage]]\nuse = "group"\nby = ["region", "product"]\ncompute = ["count()", "sum(price)", "p99(price)"]\n',
    "top": '[[stage]]\nuse = "derive"\ncolumns = { key = "qty + price * 1000" }\n'
           '[[stage]]\nuse = "group"\nby = ["key"]\ncompute = ["count()"]\n',
    "write": '[[stage]]\nuse = "keep"\nwhere = "qty > 10"\n[[stage]]\nuse = "write"\npath = "kept.csv.gz"\n',
    "each": '[[stage]]\nuse = "keep"\nwhere = "qty > 10"\n[[stage]]\nuse = "write"\npath = "kept/*.csv"\nlayout = "per_input"\n',
}


def command(arguments, ranks, job, run_dir):
    words = [arguments.shardmill, "run", job, "--run-dir", run_dir, "--quiet",
             "--threads", str(arguments.threads if ranks == 0 else 1)]
    return words if ranks == 0 else ["mpirun", "-n", str(ranks)] + words


def is_any_left(shardmill, run_dir):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            continue
        if words[0] == shardmill.encode() and run_dir.encode() in words:
            return True
    return False


def measure(arguments, work, name, ranks):
    job = os.path.join(work, name + ".toml")
    with open(job, "w") as out:
        out.write(f'[input]\npaths = ["{os.path.abspath(arguments.data)}"]\nformat = "csv"\n{JOBS[name]}')
    run_dir = os.path.join(work, f"{name}-{ranks}.run")
    start = time.monotonic()
    subprocess.run(command(arguments, ranks, job, run_dir), env=MPI_ENV, check=True)
    whole = time.monotonic() - start
    shutil.rmtree(run_dir)
    run = subprocess.Popen(command(arguments, ranks, job, run_dir), env=MPI_ENV)
    time.sleep(arguments.share * whole)
    start = time.monotonic()
    run.send_signal(signal.SIGUSR1)
    while run.poll() is None and is_any_left(arguments.shardmill, run_dir):
        time.sleep(0.01)
    seconds = time.monotonic() - start
    code = run.wait()
    launcher = time.monotonic() - start
    done = subprocess.run(command(arguments, ranks, job, run_dir), env=MPI_ENV).returncode
    with open(os.path.join(run_dir, "run.json")) as stream:
        books = json.load(stream)
    share = books["bytes_done_again"] / books["disk_bytes"]
    shutil.rmtree(run_dir)
    is_right = code == 75 and done == 0 and seconds <= MOST_SECONDS and share < MOST_SHARE
    print(f"{name:6} {ranks or 1} x {arguments.threads if ranks == 0 else 1}  exit {code} after {seconds:5.2f} s (launcher {launcher:5.2f} s), then {done}; "
          f"again {books['bytes_done_again'] / 2**20:7.1f} MiB of {books['disk_bytes'] / 2**20:.0f} ({100 * share:.1f} %)"
          f"{'' if is_right else '   TOO MUCH'}", flush=True)
    return is_right


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shardmill", type=os.path.abspath)
    parser.add_argument("data")
    parser.add_argument("--jobs", default="group,top,write,each")
    parser.add_argument("--ranks", default="0,2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--work")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="shardmill-stop-", dir=arguments.work)
    try:
        all_right = all([measure(arguments, work, name, ranks) for name in arguments.jobs.split(",")
                         for ranks in map(int, arguments.ranks.split(","))])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(0 if all_right else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs jobs with and without checkpoints, by turns, and shows what checkpoints cost.

  checkpoint_cost.py SHARDMILL DATA [--jobs group,top,write,each] [--interval 1s] [--runs 5] [--threads 2] [--work DIR]

DATA and the jobs are those of stop.py. Exits with 1 if the median of the runs with a checkpoint every --interval, as far as 2 % of
the time allow, is more than 2 % above the median of the runs without any.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

from stop import JOBS

MOST_SHARE = 0.02


def seconds_of(arguments, job, run_dir, interval):
    start = time.monotonic()
    subprocess.run([arguments.shardmill, "run", job, "--run-dir", run_dir, "--quiet", "--threads", str(arguments.threads),
                    "--set", f'run.checkpoint="{interval}"'], check=True)
    seconds = time.monotonic() - start
    shutil.rmtree(run_dir)
    return seconds


def measure(arguments, work, name):
    job = os.path.join(work, name + ".toml")
    with open(job, "w") as out:
        out.write(f'[input]\npaths = ["{os.path.abspath(arguments.data)}"]\nformat = "csv"\n{JOBS[name]}')
    run_dir = os.path.join(work, "run")
    pairs = [(seconds_of(arguments, job, run_dir, "24h"), seconds_of(arguments, job, run_dir, arguments.interval))
             for _ in range(arguments.runs)]
    without, with_checkpoints = (statistics.median(column) for column in zip(*pairs))
    cost = with_checkpoints / without - 1
    print(f"{name:6} {without:6.2f} s without, {with_checkpoints:6.2f} s with a checkpoint every {arguments.interval}: "
          f"{100 * cost:+.1f} %{'' if cost <= MOST_SHARE else '   TOO MUCH'}", flush=True)
    return cost <= MOST_SHARE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shardmill", type=os.path.abspath)
    parser.add_argument("data")
    parser.add_argument("--jobs", default="group,top,write,each")
    parser.add_argument("--interval", default="1s")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="shardmill-cost-", dir=arguments.work)
    try:
        all_right = all([measure(arguments, work, name) for name in arguments.jobs.split(",")])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(0 if all_right else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures the planning of very many tiny files: rate of listing, memory of rank 0, memory of the others.

  million_files.py SHARDMILL [--files 1000000] [--folder /dev/shm] [--check]

Makes the files (a thousand in each folder, every second one empty) below --folder, which should be a tmpfs, plans a job on them,
runs it on two ranks, and removes them. --check: exit 1 if a promise is not kept (at least 200,000 files/s on 2 cores, under
150 bytes a file on rank 0, under 30 on rank 1: the books of those files that it has read, which its checkpoints hold).

Seconds are processor seconds as well as seconds by the clock: on a machine that does other work only the former mean anything,
and files divided by all processor seconds is what one core would do alone.
"""
import argparse, json, os, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV  # noqa: E402

FILES_IN_FOLDER = 1000
FEW = 20_000  # enough for units on both ranks: what a run costs without a list


def make_files(root, count):
    for first in range(0, count, FILES_IN_FOLDER):
        folder = os.path.join(root, f"day-{first // FILES_IN_FOLDER:05d}")
        os.makedirs(folder)
        descriptor = os.open(folder, os.O_RDONLY)
        for number in range(min(FILES_IN_FOLDER, count - first)):
            file = os.open(f"part-{number:05d}.txt", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=descriptor)
            if number % 2:
                os.write(file, b"x\n")
            os.close(file)
        os.close(descriptor)


def measured(command, folder):
    start = time.monotonic()
    process = subprocess.Popen(command, env=MPI_ENV, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def peaks_of_run(shardmill, job, run_dir, folder, files):
    """Peak of resident memory of each of two ranks, and the seconds that planning took."""
    measured(["mpirun", "-n", "2", shardmill, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "1"], folder)
    with open(os.path.join(run_dir, "manifest.tsv")) as stream:
        paths = [line.split("\t")[0] for line in stream][1:]
    if len(paths) != files or paths != sorted(paths):
        sys.exit(f"{run_dir}/manifest.tsv has {len(paths)} files, expected {files} in order")
    with open(os.path.join(run_dir, "run.json")) as stream:
        run = json.load(stream)
    return run["peak_rss_bytes"], run["seconds"]["plan"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shardmill")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    shardmill = os.path.abspath(options.shardmill)
    work = tempfile.mkdtemp(prefix="shardmill-files-", dir=options.folder)
    try:
        sizes, jobs = {"few": FEW, "many": options.files}, {}
        for name, count in sizes.items():
            make_files(os.path.join(work, name), count)
            jobs[name] = os.path.join(work, name + ".toml")
            with open(jobs[name], "w") as stream:
                stream.write(f'[input]\npaths = ["{os.path.join(work, name)}"]\n[[stage]]\nuse = "count"\n')
        plan = {name: measured([shardmill, "plan", job], work) for name, job in jobs.items()}
        run = {name: peaks_of_run(shardmill, job, os.path.join(work, name + ".run"), work, sizes[name])
               for name, job in jobs.items()}
    finally:
        shutil.rmtree(work, ignore_errors=True)
    more = options.files - FEW
    seconds = [plan["many"][i] - plan["few"][i] for i in (0, 1)]
    bytes_a_file = (plan["many"][2] - plan["few"][2]) / more
    run_bytes = [(run["many"][0][rank] - run["few"][0][rank]) / more for rank in (0, 1)]
    print(f"files                            {options.files:12,}")
    print(f"plan, seconds by the clock       {seconds[0]:12.2f}   {more / seconds[0]:12,.0f} files/s")
    print(f"plan, processor seconds          {seconds[1]:12.2f}   {more / seconds[1]:12,.0f} files/s of one core")
    print(f"plan, bytes of memory a file     {bytes_a_file:12.1f}")
    print(f"run on 2 ranks, rank 0           {run_bytes[0]:12.1f}   bytes a file (with the books of all files)")
    print(f"run on 2 ranks, rank 1           {run_bytes[1]:12.1f}   bytes a file")
    print(f"run, seconds of its planning     {run['many'][1]:12.2f}")
    if options.check and (more / min(seconds) < 200_000 or bytes_a_file >= 150 or run_bytes[1] >= 30):
        sys.exit("a promise is not kept")


if __name__ == "__main__":
    main()

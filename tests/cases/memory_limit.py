#!/usr/bin/env python3
"""`--memory` is held by the whole process, measured by the kernel, and what does not fit stops by name and goes on later.

  memory_limit.py SHARDMILL [--large]

Small: 160 MiB with 2 million different keys in 80 MiB. --large: 8 GiB with 50 million different keys in 256 MiB.
Exits 1 if a check fails.
"""
import json, os, re, resource, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV  # noqa: E402

SHARDMILL = os.path.abspath(sys.argv[1])
LARGE = "--large" in sys.argv
WORK = tempfile.mkdtemp(prefix="shardmill-limit-", dir=os.environ.get("TMPDIR", "/tmp"))
MIB = 1 << 20
MEMORY = 256 if LARGE else 80  # MiB
BLOCKS, FILES, PAD = (500, 32, 149) if LARGE else (20, 4, 63)
LINES = 100_000  # of a block
INPUT = "" if LARGE else 'record_bytes_max = "1MiB"\n'
LAYOUTS = {"2 ranks x 1 thread": (["mpirun", "-n", "2"], 1), "1 rank x 2 threads": ([], 2)}
failed = []


def check(label, good, told=""):
    print(f"{'ok  ' if good else 'FAIL'}  {label}{': ' + told if told else ''}", flush=True)
    if not good:
        failed.append(label)


def write_input(folder):
    """Every line has a key of its own and one of 1,000."""
    os.makedirs(folder)
    block = b"".join(b"key=@@@@%05d few=%03d %s\n" % (i, i % 1000, b"x" * PAD) for i in range(LINES))
    files = [open(os.path.join(folder, f"{i:02d}.log"), "wb") for i in range(FILES)]
    for i in range(BLOCKS):
        files[i % FILES].write(block.replace(b"@@@@", b"%04d" % i))
    for file in files:
        file.close()
    return sum(os.path.getsize(file.name) for file in files)


def write_job(name, column):
    path = os.path.join(WORK, name + ".toml")
    with open(path, "w") as out:
        out.write(f'[input]\npaths = ["{WORK}/data"]\nformat = "lines"\n{INPUT}[run]\ncheckpoint = "2s"\n'
                  "[[stage]]\nuse = \"extract\"\npattern = '^key=(?P<key>\\d+) few=(?P<few>\\d+)'\n"
                  f'[[stage]]\nuse = "group"\nname = "by key"\nby = ["{column}"]\ncompute = ["count()"]\n')
    return path


def run(label, job, layout, memory, limit_data=None):
    """Exit code, standard error, and the kernel's peak of any process of the run, in MiB."""
    launcher, threads = LAYOUTS[layout]
    run_dir = os.path.join(WORK, label)
    command = [*launcher, SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet", "--threads", str(threads)]
    command += ["--memory", f"{memory}MiB"] if memory else []
    limit = (lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit_data * MIB,) * 2)) if limit_data else None
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, env=MPI_ENV, stderr=errors, stdout=subprocess.DEVNULL, preexec_fn=limit)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return child.returncode, errors.read().decode(errors="replace").strip(), usage.ru_maxrss / 1024, run_dir


def results(run_dir):
    with open(os.path.join(run_dir, "results.json"), "rb") as stream:
        return stream.read()


def main():
    size = write_input(os.path.join(WORK, "data"))
    print(f"{size / MIB:.0f} MiB, {BLOCKS * LINES:,} different keys, --memory {MEMORY}MiB", flush=True)
    few, many = write_job("few", "few"), write_job("many", "key")
    for layout in LAYOUTS:
        code, errors, peak, run_dir = run("few " + layout, few, layout, MEMORY)
        check(f"a table that fits, {layout}", code == 0, errors)
        told = max(json.load(open(os.path.join(run_dir, "run.json")))["peak_rss_bytes"]) / MIB if code == 0 else peak
        check("  its peak is below the limit", max(peak, told) < MEMORY, f"{peak:.1f} MiB, {told:.1f} in run.json")
        code, errors, peak, run_dir = run("many " + layout, many, layout, MEMORY)
        check(f"a table that does not fit, {layout}: exit 75", code == 75, f"{code} {errors}")
        check("  the stage is named", re.search(r'stage 1 \(group "by key"\) holds [\d.]+ MiB for [\d,]+ entries', errors))
        check("  its peak is below the limit", peak < MEMORY, f"{peak:.1f} MiB")
        if LARGE:
            continue
        code, errors, peak, again = run("many " + layout, many, layout, 2048)
        check("  with more memory the same command ends", code == 0, errors)
        if code == 0:
            run_json = json.load(open(os.path.join(again, "run.json")))
            check("  it went on and did not start over", run_json["attempt"] == 2 and run_json["units_before"] > 0)
            code, errors, peak, whole = run("whole " + layout, many, layout, 2048)
            check("  its results are those of one run", code == 0 and results(whole) == results(again))
    code, errors, peak, _ = run("refused", write_job("refused", "key"), "1 rank x 2 threads", 20)
    check("too little for the workers: exit 2", code == 2, errors)
    check("  nothing was created", not os.path.exists(os.path.join(WORK, "refused")))
    # The system itself gives no more: what cannot be had is an early stop too, never an abort.
    code, errors, peak, _ = run("limited", many, "1 rank x 2 threads", None, limit_data=120 if not LARGE else 400)
    check("no memory from the system: exit 75", code == 75 and "no memory left" in errors, f"{code} {errors}")
    sys.exit(1 if failed else 0)


try:
    main()
finally:
    shutil.rmtree(WORK)

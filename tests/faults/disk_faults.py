#!/usr/bin/env python3
"""Fails every call by which a run writes, one after the other, and expects that the same command goes on.

  disk_faults.py SHARDMILL SHIM [--all] [--stride N] [--job NAME] [--only N] [--mpirun] [--tmpfs] [--keep]

SHIM is build/tests/libfail_writes.so (fail_writes.c), which counts the calls of a run that change files below its run
directory, and fails one. Each call fails once, in turn as a full disk, as one that stays full, as an exceeded quota, as an
error of the disk, as a write that is cut short, and as one that takes only half at a time; with --all each call fails in all
of these ways. After each fault:

  * the run ends with 75 and one line that names the file, the cause and how to go on (0 if the call did not matter, or if
    it took half at a time),
  * no file under its final name is torn,
  * the same command ends with 0, with the bytes of a run that was left alone, books that balance, and nothing left over.

--mpirun does a sample on two ranks, --tmpfs fills a real disk (if one can be mounted here).
"""
import argparse, json, os, re, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV, digest  # noqa: E402

KINDS = {  # name: (FAULT_KIND, stays, cause, fix)
    "full once": ("ENOSPC", False, "no space left on device", "free space on that disk"),
    "stays full": ("ENOSPC", True, "no space left on device", "free space on that disk"),
    "quota": ("EDQUOT", True, "disk quota exceeded", "free some of your quota on that disk"),
    "disk error": ("EIO", False, "input/output error", "check that disk"),
    "cut short": ("short", False, "no space left on device", "free space on that disk"),
    "half at a time": ("partial", False, None, None),
}
HEAD = """name = "{name}"
[input]
paths = ["data/{name}"]
unit_bytes = "{unit}"
{input}
[run]
checkpoint = "{checkpoint}"
"""
GROUP = """[[stage]]
use = "group"
by = ["city"]
compute = ["count()", "sum(price)", "distinct(id)"]
"""
JOBS = {
    # Many small units, a checkpoint after each, every kind of output.
    "small": HEAD.format(name="small", unit="2KiB", checkpoint="0s", input='format = "csv"\ntypes = { price = "float" }')
    + GROUP + """[[stage]]
use = "write"
path = "all.jsonl.gz"
[[stage]]
use = "write"
path = "each/*.csv"
layout = "per_input"
[[stage]]
use = "write"
path = "by/{city}/{kind}.csv"
[[stage]]
use = "write"
path = "columns.h5"
[[stage]]
use = "write"
path = "sharded.h5"
shards = 2
""",
    # Parts that are too large for a buffer, copies of long ranges, numbered outputs; the only checkpoints are the last ones.
    "large": HEAD.format(name="large", unit="1MiB", checkpoint="1h", input='format = "lines"') + """[[stage]]
use = "write"
path = "all.txt"
[[stage]]
use = "write"
path = "cut/{part}.txt.zst"
max_records = 20000
""",
}
MESSAGES = (  # call, path, kind, exit code, message
    ("mkdir", "", "EROFS", 3, "{0}: the folder cannot be made (read-only file system); make that file system writable, or choose another place "
     "(--run-dir)"),
    ("mkdir", "checkpoint", "ENOSPC", 75, "{0}/checkpoint: the folder cannot be made (no space left on device); free space on that disk and run "
     "the same command again"),
    ("open", ".lock-#", "EDQUOT", 75, "{0}/.lock-#: the file cannot be created (disk quota exceeded); free some of your quota on that disk and run "
     "the same command again"),
    ("open", ".manifest.tsv.tmp", "EROFS", 3, "{0}/manifest.tsv: the file cannot be created (read-only file system); make that file system "
     "writable, or choose another place (--run-dir)"),
    ("write", "parts/gen-0.rank-0.worker-0", "EIO", 75, "{0}/parts/gen-0.rank-0.worker-0: the file cannot be written (input/output error); check "
     "that disk and run the same command again"),
    ("sync", "checkpoint/.gen-0.rank-0.worker-0.tmp", "EIO", 75, "{0}/checkpoint/.gen-0.rank-0.worker-0.tmp: the file cannot be made durable "
     "(input/output error); check that disk and run the same command again"),
    ("mkdir", "output/by", "EDQUOT", 75, "{0}/output/by/city 0/x.csv: the file cannot be put into its folder (disk quota exceeded); free some of "
     "your quota on that disk and run the same command again"),
    ("write", ".results.h5.tmp", "ENOSPC", 75, "{0}/results.h5: the file cannot be written (no space left on device); free space on that disk and "
     "run the same command again"),
    ("rename", "checksums.xxh3", "EIO", 75, "{0}/checksums.xxh3: the file cannot be renamed (input/output error); check that disk and run the same "
     "command again"),
)
SURE = ("results.json", "results.h5", "bad_records.jsonl", "manifest.tsv", "schema.json", "job.toml")


def make_data(folder):
    os.makedirs(folder + "/small")
    os.makedirs(folder + "/large")
    for name, rows in (("a", 90), ("b", 60), ("c", 5)):
        with open(f"{folder}/small/{name}.csv", "w") as out:
            out.write("id,city,kind,price\n")
            for row in range(rows):
                bad = ",too,many" if row % 40 == 7 else ""
                out.write(f"{row},city {row % 3},{'xyz'[row % 2]},{row * 0.5}{bad}\n")
    with open(folder + "/large/long.txt", "w") as out:
        out.writelines(f"{row:07} a line of some length, to fill more than one buffer\n" for row in range(26_000))


def fingerprint(run_dir):
    """Of what has the same bytes in every run."""
    sums = {name: digest(f"{run_dir}/{name}") for name in SURE if os.path.exists(f"{run_dir}/{name}")}
    for top, _, names in os.walk(run_dir + "/output"):
        for name in names:
            if not name.startswith(".shardmill-"):
                path = os.path.join(top, name)
                sums[os.path.relpath(path, run_dir)] = digest(path)
    return sums


def left_over(run_dir):
    return [os.path.join(top, entry) for top, folders, names in os.walk(run_dir) for entry in folders + names
            if entry.startswith(".") or entry in ("lock", "parts", "checkpoint", "partial.json")]


class Faults:
    def __init__(self, shardmill, shim, work):
        self.shardmill, self.shim, self.work = shardmill, shim, os.path.realpath(work)
        self.expected, self.codes, self.hit, self.failures, self.tried = {}, {}, set(), 0, 0
        make_data(self.work + "/data")
        for name, text in JOBS.items():
            with open(f"{self.work}/{name}.toml", "w") as out:
                out.write(text)
            run_dir = f"{self.work}/{name}.alone"
            done = self.run(name, run_dir)
            assert done.returncode == 0, done.stderr
            self.expected[name] = fingerprint(run_dir)

    def run(self, name, run_dir, ranks=0, **fault):
        command = [self.shardmill, "run", name + ".toml", "--run-dir", run_dir, "--quiet", "--threads", "1"]
        env = dict(MPI_ENV)
        if ranks:
            preload = ["-x", "LD_PRELOAD=" + self.shim] if fault else []
            command = ["mpirun", "-n", str(ranks)] + preload + command
        if fault:
            env.update(FAULT_UNDER=run_dir, FAULT_LOG=run_dir + ".log", **fault)
        else:
            env["FAULT_UNDER"] = run_dir  # for speed: no fsync
        if not ranks:
            env["LD_PRELOAD"] = self.shim
        return subprocess.run(command, cwd=self.work, env=env, capture_output=True, text=True, errors="replace")

    def calls(self, run_dir):
        """(number, failed, call, path below the run directory)"""
        if not os.path.exists(run_dir + ".log"):
            return []
        with open(run_dir + ".log") as log:
            lines = [line.rstrip("\n").split(" ", 2) for line in log]
        return [(int(number.rstrip("!")), number.endswith("!"), call, path[len(run_dir) + 1:])
                for number, call, path in lines]

    def fresh(self, name):
        run_dir = f"{self.work}/{name}.run"
        shutil.rmtree(run_dir, ignore_errors=True)
        if os.path.exists(run_dir + ".log"):
            os.remove(run_dir + ".log")
        return run_dir

    def count(self, name, ranks=0, rank=0):
        run_dir = self.fresh(name)
        extra = {"FAULT_RANK": str(rank)} if ranks else {}
        done = self.run(name, run_dir, ranks, FAULT_AT="0", FAULT_KIND="ENOSPC", **extra)
        assert done.returncode == 0, done.stderr
        return self.calls(run_dir)

    def one(self, name, number, kind, ranks=0, rank=0):
        """What was hit; None if the run ended before. Problems are printed."""
        run_dir = self.fresh(name)
        fault, stays, cause, fix = KINDS[kind]
        extra = {"FAULT_STAYS": "1"} if stays else {}
        if ranks:
            extra["FAULT_RANK"] = str(rank)
        done = self.run(name, run_dir, ranks, FAULT_AT=str(number), FAULT_KIND=fault, **extra)
        failed = [call for call in self.calls(run_dir) if call[1]]
        if not failed:
            return None
        self.tried += 1
        _, _, call, path = failed[0]
        self.hit.add((name, call, re.sub(r"[0-9a-f]{8,}|\d+", "#", path)))
        self.codes[done.returncode] = self.codes.get(done.returncode, 0) + 1
        problems = self.judge_end(done, run_dir, call, path, cause, fix, ranks)
        problems += self.judge_files(name, run_dir)
        problems += self.judge_resumed(name, run_dir, ranks, done.returncode, path, not stays and call != "unlink")
        if problems:
            self.failures += 1
            print(f"FAILED  {name}: call {number} ({call} {path}), {kind}: " + "; ".join(problems), flush=True)
        return failed[0]

    def judge_end(self, done, run_dir, call, path, cause, fix, ranks):
        if done.returncode == 0:
            # News of a run, what only would save work, and what is taken away may fail: the run itself is whole. A copy
            # in the kernel is done by hand then.
            harmless = cause is None or call in ("unlink", "copy") or re.match(r"\.?status\.json|attempts\.jsonl|lock$|checkpoint/last-", path)
            return [] if harmless else ["the run says that all is well"]
        if done.returncode != 75:
            return [f"exit code {done.returncode}: {done.stderr.strip()}"]
        lines = done.stderr.strip().splitlines()
        if ranks:  # mpirun adds words of its own
            lines = [line for line in lines if line.startswith(run_dir)]
        if len(lines) != 1:
            return [f"{len(lines)} lines: {done.stderr.strip()!r}"]
        wanted = [run_dir, f"({cause})", f"; {fix} and run the same command again"]
        return [f"no {part!r} in {lines[0]!r}" for part in wanted if part not in lines[0]]

    def judge_files(self, name, run_dir):
        problems = [f"{path} is torn" for path, found in fingerprint(run_dir).items()
                    if self.expected[name].get(path) != found and path != "bad_records.jsonl"]
        if os.path.exists(run_dir + "/bad_records.jsonl"):  # those of the units that are done
            with open(run_dir + "/bad_records.jsonl") as stream:
                problems += [f"bad_records.jsonl is torn: {line}" for line in stream if not line.endswith("}\n")]
        for path in ("run.json", "status.json", "partial.json"):
            if os.path.exists(f"{run_dir}/{path}"):
                try:
                    with open(f"{run_dir}/{path}") as stream:
                        json.load(stream)
                except ValueError as error:
                    problems.append(f"{path} is torn: {error}")
        if os.path.exists(run_dir + "/checksums.xxh3"):
            problems += self.verify(run_dir)
        return problems

    def verify(self, run_dir):
        check = subprocess.run([self.shardmill, "verify", run_dir], capture_output=True, text=True)
        return [f"verify: {check.stdout}{check.stderr}"] if check.returncode else []

    def judge_redone(self, run_dir, path):
        """Once the outputs are written no unit is done again."""
        with open(run_dir + "/run.json") as stream:
            run = json.load(stream)
        is_late = path.startswith("output/") or path.startswith((".run.json", ".files.tsv", ".report.", ".results."))
        return [f"only {run['units_before']} of {run['units']} units counted"] if is_late and run["units_before"] < run["units"] else []

    def judge_resumed(self, name, run_dir, ranks, code=0, path="", goes_on=False):
        done = self.run(name, run_dir, ranks and 3)
        if done.returncode != 0:
            return [f"the same command ends with {done.returncode}: {done.stderr.strip()}"]
        problems = self.verify(run_dir)
        problems += self.judge_redone(run_dir, path) if code == 75 and goes_on else []
        if fingerprint(run_dir) != self.expected[name]:
            problems.append(f"other bytes: {sorted(set(fingerprint(run_dir).items()) ^ set(self.expected[name].items()))}")
        if left := left_over(run_dir):
            problems.append(f"left over: {left}")
        return problems

    def every_call(self, name, kinds_of, stride):
        number = 1 - stride
        while True:
            number += stride
            hits = [self.one(name, number, kind) for kind in kinds_of(number)]
            if not any(hits):
                return number - 1

    def messages(self):
        """What is said, word for word."""
        for call, path, kind, code, message in MESSAGES:
            is_it = lambda entry: (entry[2], re.sub(r"[0-9a-f]{16}", "#", entry[3])) == (call, path)
            for _ in range(20):  # threads take turns: a call has not always the same number
                number = next(entry[0] for entry in self.count("small") if is_it(entry))
                run_dir = self.fresh("small")
                done = self.run("small", run_dir, FAULT_AT=str(number), FAULT_KIND=kind)
                if any(entry[1] and is_it(entry) for entry in self.calls(run_dir)):
                    break
            found = re.sub(r"\.lock-[0-9a-f]{16}", ".lock-#", done.stderr.strip())
            if (done.returncode, found) != (code, message.format(run_dir)):
                self.failures += 1
                print(f"FAILED  {call} {path} {kind}: exit code {done.returncode}, {done.stderr.strip()!r}")
            for problem in self.judge_resumed("small", run_dir, 0):
                self.failures += 1
                print(f"FAILED  {call} {path} {kind}: {problem}")
        print(f"{len(MESSAGES)} messages")

    def tmpfs(self):
        """A real disk that is full, with more and more room."""
        disk = self.work + "/disk"
        os.makedirs(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
            print("no disk can be mounted here: the full one is only played")
            return
        try:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            done = self.run("small", disk + "/small.run")
            if (done.returncode, done.stderr) != (3, MESSAGES[0][4].format(disk + "/small.run") + "\n"):
                self.failures += 1
                print(f"FAILED  a file system that is read-only: {done.returncode}, {done.stderr!r}")
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            for name in JOBS:
                run_dir, stops, size = f"{disk}/{name}.run", 0, 12
                while True:
                    subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)
                    done = self.run(name, run_dir)
                    if done.returncode == 0:
                        break
                    stops += 1
                    problems = self.judge_end(done, run_dir, "write", "", *KINDS["stays full"][2:], 0)
                    problems += self.judge_files(name, run_dir) if os.path.exists(run_dir) else []
                    for problem in problems:
                        self.failures += 1
                        print(f"FAILED  {name} on a disk of {size} KiB: {problem}", flush=True)
                    size += max(4, size // 8) // 4 * 4
                problems = self.judge_resumed(name, run_dir, 0)
                self.tried += stops
                print(f"{name}: on a disk that grew to {size} KiB it stopped {stops} times and went on")
                shutil.rmtree(run_dir)
                if problems or stops < 3:
                    self.failures += 1
                    print(f"FAILED  {name}: {problems}")
        finally:
            subprocess.run(["umount", disk], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shardmill", type=os.path.abspath)
    parser.add_argument("shim", type=os.path.abspath)
    parser.add_argument("--all", action="store_true", help="every call in every way")
    parser.add_argument("--stride", type=int, default=1, help="only every Nth call")
    parser.add_argument("--job", choices=JOBS, help="only this one")
    parser.add_argument("--only", type=int, help="only this call, in every way")
    parser.add_argument("--mpirun", action="store_true", help="a sample on two ranks")
    parser.add_argument("--tmpfs", action="store_true", help="a real full disk")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the runs")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="shardmill-disk-")
    faults = Faults(arguments.shardmill, arguments.shim, work)
    kinds = list(KINDS)
    if arguments.tmpfs:
        faults.tmpfs()
    elif arguments.mpirun:
        for rank in (0, 1):
            calls = faults.count("small", 2, rank)
            for at in range(rank + 1, len(calls), 13):
                faults.one("small", at, kinds[at % 4], 2, rank)
    else:
        for name in [arguments.job] if arguments.job else JOBS:
            if arguments.only:
                for kind in kinds:
                    faults.one(name, arguments.only, kind)
                continue
            label = lambda call: (name, call[2], re.sub(r"[0-9a-f]{8,}|\d+", "#", call[3]))
            seen = {label(call) for call in faults.count(name)}
            calls = faults.every_call(name, lambda n: kinds if arguments.all else [kinds[n % 4]] + (
                [kinds[4 + n % 2]] if n % 4 == 0 else []), arguments.stride)
            for _ in range(10 if arguments.stride == 1 else 0):  # threads take turns: a call has not always the same number
                for call in faults.count(name):
                    if label(call) in seen - faults.hit:
                        faults.one(name, call[0], kinds[0])
            missed = seen - faults.hit if arguments.stride == 1 else None
            if missed:
                faults.failures += 1
                print(f"FAILED  {name}: these calls never failed: {sorted(missed)}")
            print(f"{name}: {'each' if arguments.stride == 1 else 'some'} of {calls} calls failed")
        if not arguments.job:
            faults.messages()
    print(f"{faults.tried} faults, {faults.failures} of them went wrong; exit codes {faults.codes}")
    if not arguments.keep and not faults.failures:
        shutil.rmtree(work)
    sys.exit(1 if faults.failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Kills runs at random moments, goes on with other layouts, and expects the very same bytes at the end.

  chaos.py SHARDMILL [--runs 20] [--seed 1] [--keep]

Each run: one of three jobs under mpirun on 2 to 5 ranks x 1 to 2 threads; up to five times SIGKILL hits a random rank or
mpirun itself; then the run is finished. Results, outputs and books must be those of a run that was left alone, and
nothing of ours may be left: no process, no lock, no part, no temporary file.
"""
import argparse, hashlib, json, os, random, shutil, signal, subprocess, sys, tempfile, time

ENV = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
           OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none")
KILLS_MOST = 5
LAST_WORDS = 60  # seconds that processes of a killed run may take to be gone

HEAD = """name = "{name}"
[input]
paths = ["data"]
format = "csv"
unit_bytes = "128KiB"
types = {{ price = "float" }}
[run]
checkpoint = "20ms"
"""
JOBS = {
    "group": """[[stage]]
use = "group"
by = ["city", "kind"]
compute = ["count()", "sum(price)", "mean(price)", "p99(price)", "distinct(id)", "min(note)"]
""",
    "top": """[[stage]]
use = "split"
column = "note"
into = "word"
[[stage]]
use = "top"
column = "word"
k = 50
""",
    "write": """[[stage]]
use = "keep"
where = "price > 20"
[[stage]]
use = "write"
path = "all.jsonl.zst"
[[stage]]
use = "write"
path = "each/*.csv.gz"
layout = "per_input"
[[stage]]
use = "count"
""",
}


def make_data(folder, rng):
    """Files of very different size: some are cut, some are bundled; quotes hide newlines."""
    os.makedirs(folder)
    words = ["alpha", "beta", "gamma", "Delta", "eps\u00e9", "zeta eta", "theta, iota", 'ka"ppa', "la\nmbda"]
    block = []
    for _ in range(20_000):
        note = " ".join(rng.choices(words, k=4)).replace('"', '""')
        price = "not a number" if rng.random() < 0.001 else f"{rng.uniform(0, 100):.3f}"
        block.append(f'{rng.randint(0, 50_000)},city {rng.randint(0, 40)},{rng.choice("abc")},{price},"{note}"\n')
    for number, rows in enumerate([1_500_000, 200_000, 600_000] + [rng.randint(0, 9000) for _ in range(60)]):
        with open(os.path.join(folder, f"part {number}.csv"), "w", encoding="utf-8", newline="") as out:
            out.write("id,city,kind,price,note\n")
            for begin in range(0, rows, len(block)):
                out.writelines(block[:rows - begin])


def fingerprint(run_dir):
    sums = {}
    for top, _, names in os.walk(run_dir):
        for name in names:
            path = os.path.relpath(os.path.join(top, name), run_dir)
            if path == "results.json" or path.startswith("output/"):
                with open(os.path.join(top, name), "rb") as stream:
                    sums[path] = hashlib.sha256(stream.read()).hexdigest()
    return sums


def processes_with(word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            continue
        if word.encode() in words and int(pid) != os.getpid():
            found.append(int(pid))
    return found


class Chaos:
    def __init__(self, shardmill, work, rng):
        self.shardmill, self.work, self.rng = shardmill, work, rng
        self.kills = {"rank": 0, "mpirun": 0, "too late": 0, "hanging mpirun": 0}
        self.attempts = []
        self.expected = {}
        self.seconds = 1.0

    def prepare(self):
        make_data(os.path.join(self.work, "data"), self.rng)
        for name, stages in JOBS.items():
            with open(os.path.join(self.work, name + ".toml"), "w") as out:
                out.write(HEAD.format(name=name) + stages)
            run_dir = os.path.join(self.work, name + ".alone")
            start = time.monotonic()
            subprocess.run([self.shardmill, "run", name + ".toml", "--run-dir", run_dir, "--quiet"], cwd=self.work, check=True)
            self.seconds = time.monotonic() - start
            self.expected[name] = fingerprint(run_dir)
            shutil.rmtree(run_dir)

    def launch(self, name, run_dir):
        log = open(run_dir + ".log", "w")
        ranks, threads = self.rng.randint(2, 5), self.rng.randint(1, 2)
        return subprocess.Popen(["mpirun", "-n", str(ranks), self.shardmill, "run", name + ".toml", "--run-dir", run_dir,
                                 "--quiet", "--threads", str(threads)], cwd=self.work, env=ENV,
                                stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def output_of(self, run_dir):
        with open(run_dir + ".log", errors="replace") as log:
            return log.read()

    def wait_for_start(self, process, run_dir):
        """Now and then not at all: the start is to be killed too."""
        if self.rng.random() < 0.2:
            return
        end = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < end and not os.path.exists(run_dir + "/lock"):
            time.sleep(0.005)

    def kill_one(self, process, run_dir):
        victims = [pid for pid in processes_with(run_dir) if pid != process.pid]
        kind, pid = ("rank", self.rng.choice(victims)) if victims and self.rng.random() < 0.7 else ("mpirun", process.pid)
        try:
            os.kill(pid, signal.SIGKILL)
            self.kills[kind] += 1
        except ProcessLookupError:
            self.kills["too late"] += 1

    def see_off(self, process, run_dir):
        """Waits until ranks and mpirun are gone; None, or what went wrong. mpirun of Open MPI 4.1 at times locks itself
        up (in PMIx_server_finalize) when a rank is killed: once all ranks are gone it is ended too."""
        end = time.monotonic() + LAST_WORDS
        alone_since = None
        while process.poll() is None or processes_with(run_dir):
            left = [pid for pid in processes_with(run_dir) if pid != process.pid]
            now = time.monotonic()
            alone_since = None if left else alone_since or now
            if alone_since and now - alone_since > 5:
                process.kill()
                self.kills["hanging mpirun"] += 1
            if now > end:
                return f"processes {left} are still there"
            time.sleep(0.02)
        return None

    def one(self, number):
        """None, or what went wrong."""
        name = list(JOBS)[number % len(JOBS)]
        run_dir = os.path.join(self.work, f"{name}.{number}.run")
        for _ in range(self.rng.randint(1, KILLS_MOST)):
            process = self.launch(name, run_dir)
            self.wait_for_start(process, run_dir)
            try:
                process.wait(self.rng.uniform(0, self.seconds))
            except subprocess.TimeoutExpired:
                self.kill_one(process, run_dir)
            if problem := self.see_off(process, run_dir):
                return problem
            output = self.output_of(run_dir)
            if process.returncode == 0:
                break
            if "shardmill: " in output and "expected" in output:
                return f"an attempt was refused or failed by itself:\n{output}"
        process = self.launch(name, run_dir)
        if problem := self.see_off(process, run_dir):
            return problem
        if process.returncode != 0:
            return f"the last attempt ended with {process.returncode}:\n{self.output_of(run_dir)}"
        return self.judge(name, run_dir)

    def judge(self, name, run_dir):
        found = fingerprint(run_dir)
        if found != self.expected[name]:
            return f"other bytes: {sorted(set(found.items()) ^ set(self.expected[name].items()))}"
        check = subprocess.run([self.shardmill, "verify", run_dir], capture_output=True, text=True)
        if check.returncode != 0:
            return f"verify ended with {check.returncode}: {check.stdout}{check.stderr}"
        left = [os.path.join(top, entry) for top, folders, names in os.walk(run_dir) for entry in folders + names
                if entry.startswith(".") or entry in ("lock", "parts", "checkpoint", "partial.json")]
        if left:
            return f"left over: {left}"
        with open(os.path.join(run_dir, "run.json")) as stream:
            self.attempts.append(json.load(stream)["attempt"])
        shutil.rmtree(run_dir)
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shardmill", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folder of the runs")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="shardmill-chaos-")
    chaos = Chaos(arguments.shardmill, work, random.Random(arguments.seed))
    chaos.prepare()
    failures = 0
    for number in range(arguments.runs):
        problem = chaos.one(number)
        if problem:
            failures += 1
            print(f"FAILED  run {number}: {problem}", flush=True)
    resumed = sum(attempt > 1 for attempt in chaos.attempts)
    print(f"{arguments.runs - failures} of {arguments.runs} runs ended with the same bytes; kills: {chaos.kills}; "
          f"{resumed} of them went on from checkpoints, at most {max(chaos.attempts, default=0)} attempts")
    if not arguments.keep and not failures:
        shutil.rmtree(work)
    if resumed == 0:
        print("FAILED  no run went on from a checkpoint: nothing was tried")
        failures += 1
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Kills runs at random moments, goes on with other layouts, and expects the very same bytes at the end.

  chaos.py SHARDMILL [--runs 20] [--seed 1] [--only N] [--keep]

Each run: one of three jobs under mpirun on 2 to 5 ranks x 1 to 2 threads; one to five times SIGKILL hits a random rank
or mpirun itself; then the run is finished. Results, outputs and books must be those of a run that was left alone, and
nothing of ours may be left: no process, no lock, no part, no temporary file.

Half of the kills come at a random moment. The others wait for a phase, since some take a few milliseconds only: the
start, a checkpoint being written, outputs being assembled, the last files. What was hit is told by what lies in the run
directory just before the kill. A run follows from seed and number alone, as far as the machine repeats itself:
--only N does run N again.
"""
import argparse, collections, json, os, random, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV, fingerprint  # noqa: E402

KILLS_MOST = 5
LAST_WORDS = 60  # seconds that processes of a killed run may take to be gone
WHOLE_RUN = 600  # seconds that a run which nobody kills may take, on a busy machine too
OWN_EXIT_CODES = [2, 3, 10, 75]  # a killed rank gives 137, a killed mpirun -9
PHASES = ["start", "work", "checkpoint", "assemble", "finish"]
LAST_FILES = ["run.json", "files.tsv", "results.h5", "results.json", "checksums.xxh3"]

HEAD = """name = "{name}"
[input]
paths = ["data"]
format = "csv"
unit_bytes = "64KiB"
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
use = "write"
path = "rows.h5"
shards = 5
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
    for number, rows in enumerate([500_000, 60_000, 200_000] + [rng.randint(0, 4000) for _ in range(40)]):
        with open(os.path.join(folder, f"part {number}.csv"), "w", encoding="utf-8", newline="") as out:
            out.write("id,city,kind,price,note\n")
            for begin in range(0, rows, len(block)):
                out.writelines(block[:rows - begin])


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


def names_in(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def newest_index(run_dir):
    numbers = [name[len("index-"):] for name in names_in(run_dir + "/checkpoint") if name.startswith("index-")]
    return max((int(number) for number in numbers if number.isdigit()), default=-1)


def is_newer(path, moment):
    try:
        return os.stat(path).st_mtime_ns >= moment
    except OSError:
        return False


def kill_if_there(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Attempt:
    """One launch of a run."""

    def __init__(self, chaos, rng, name, run_dir):
        self.run_dir = run_dir
        self.index_before = newest_index(run_dir)
        self.ranks = []
        with open(run_dir + ".begin", "w"):  # the file system's own clock
            pass
        self.begin = os.stat(run_dir + ".begin").st_mtime_ns
        self.layout = f"{rng.randint(2, 5)} x {rng.randint(1, 2)}"
        ranks, threads = self.layout.split(" x ")
        with open(run_dir + ".log", "w") as log:
            self.process = subprocess.Popen(
                ["mpirun", "-n", ranks, chaos.shardmill, "run", name + ".toml", "--run-dir", run_dir, "--quiet",
                 "--threads", threads],
                cwd=chaos.work, env=chaos.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def phase(self):
        """What lies there tells what the run is doing."""
        if newest_index(self.run_dir) <= self.index_before:
            return "start"
        if any(is_newer(f"{self.run_dir}/{name}", self.begin) or is_newer(f"{self.run_dir}/.{name}.tmp", self.begin)
               for name in LAST_FILES):
            return "finish"
        if any(name.startswith(".") and is_newer(os.path.join(top, name), self.begin)
               for top, _, names in os.walk(self.run_dir + "/output") for name in names):
            return "assemble"
        if any(name.startswith(".") for name in names_in(self.run_dir + "/checkpoint")):
            return "checkpoint"
        return "work"

    def is_in(self, phase):
        """The same, quickly."""
        if phase == "checkpoint":
            return any(name.startswith(".") for name in names_in(self.run_dir + "/checkpoint"))
        return self.phase() == phase

    def find_ranks(self):
        """Once: looking through all processes takes longer than some phases."""
        self.ranks = self.ranks or self.processes()
        return self.ranks

    def processes(self):
        return [pid for pid in processes_with(self.run_dir) if pid != self.process.pid]

    def output(self):
        with open(self.run_dir + ".log", errors="replace") as log:
            return log.read()


class Chaos:
    def __init__(self, shardmill, work, seed):
        self.shardmill, self.work, self.seed = shardmill, work, seed
        # What Open MPI leaves behind when it is killed goes with the folder.
        scratch = os.path.join(work, "scratch")
        os.makedirs(scratch)
        self.environment = dict(MPI_ENV, OMPI_MCA_btl_vader_backing_directory=scratch, TMPDIR=scratch)
        self.kills = collections.Counter()
        self.phases = collections.Counter()
        self.attempts = []
        self.units = self.units_kept = 0
        self.expected = {}
        self.seconds = {}

    def prepare(self):
        make_data(os.path.join(self.work, "data"), random.Random(self.seed))
        for name, stages in JOBS.items():
            with open(os.path.join(self.work, name + ".toml"), "w") as out:
                out.write(HEAD.format(name=name) + stages)
            run_dir = os.path.join(self.work, name + ".alone")
            subprocess.run([self.shardmill, "run", name + ".toml", "--run-dir", run_dir, "--quiet"], cwd=self.work, check=True)
            self.expected[name] = fingerprint(run_dir)
            shutil.rmtree(run_dir)
            start = time.monotonic()
            attempt = Attempt(self, random.Random(self.seed), name, run_dir)
            if problem := self.see_off(attempt, WHOLE_RUN) or self.judge(name, run_dir):
                sys.exit(f"FAILED  a run that nobody killed: {problem}\n{attempt.output()}")
            self.seconds[name] = time.monotonic() - start
        self.attempts.clear()
        self.units = 0

    def wait(self, attempt, rng, seconds):
        """Until the moment to kill has come, or the attempt has ended."""
        goal = rng.choice(PHASES) if rng.random() < 0.5 else None
        end = time.monotonic() + (rng.uniform(0, seconds) if goal is None else 4 * seconds)
        delay = rng.choice([0, 0.002, 0.01, 0.05]) if goal not in ("start", "work") else rng.uniform(0, 0.3)
        while attempt.process.poll() is None and time.monotonic() < end:
            if goal is not None and attempt.is_in(goal):
                time.sleep(delay)
                return
            if os.path.exists(attempt.run_dir + "/lock"):
                attempt.find_ranks()
            time.sleep(0.0005)

    def kill_one(self, attempt, rng):
        """What was hit, for messages."""
        victims = attempt.find_ranks()
        kind, pid = ("rank", rng.choice(victims)) if victims and rng.random() < 0.7 else ("mpirun", attempt.process.pid)
        phase = attempt.phase()
        if not kill_if_there(pid):
            kind = "too late"
        self.kills[kind] += 1
        if kind != "too late":
            self.phases[phase] += 1
        return f"{kind} at {phase}"

    def see_off(self, attempt, seconds=LAST_WORDS):
        """Waits until ranks and mpirun are gone; None, or what went wrong. mpirun of Open MPI 4.1 at times locks itself
        up (in PMIx_server_finalize) when a rank is killed: once all ranks are gone it is ended too."""
        end = time.monotonic() + seconds
        alone_since = None
        while attempt.process.poll() is None or attempt.processes():
            left = attempt.processes()
            now = time.monotonic()
            # Before its ranks are there, mpirun is only slow.
            is_alone = not left and bool(attempt.ranks)
            attempt.ranks = attempt.ranks or left
            alone_since = alone_since or now if is_alone else None
            if alone_since and now - alone_since > 5:
                attempt.process.kill()
                self.kills["hanging mpirun"] += 1
                alone_since = None
            if now > end:
                for pid in left:
                    kill_if_there(pid)
                attempt.process.kill()
                attempt.process.wait()
                return f"processes {left} are still there after {seconds} s"
            time.sleep(0.02)
        return None

    def one(self, number):
        """None, or what went wrong."""
        rng = random.Random(f"{self.seed} {number}")
        name = list(JOBS)[number % len(JOBS)]
        run_dir = os.path.join(self.work, f"{name}.{number}.run")
        story = []
        for _ in range(rng.randint(1, KILLS_MOST)):
            attempt = Attempt(self, rng, name, run_dir)
            self.wait(attempt, rng, self.seconds[name])
            hit = self.kill_one(attempt, rng) if attempt.process.poll() is None else "ended first"
            story.append(f"{attempt.layout}: {hit}")
            if problem := self.see_off(attempt):
                return f"{problem}; {story}"
            if attempt.process.returncode == 0:
                break
            if attempt.process.returncode in OWN_EXIT_CODES:
                return f"an attempt ended by itself with {attempt.process.returncode}; {story}\n{attempt.output()}"
        attempt = Attempt(self, rng, name, run_dir)
        story.append(f"{attempt.layout}: the last")
        if problem := self.see_off(attempt, WHOLE_RUN):
            return f"{problem}; {story}"
        if attempt.process.returncode != 0:
            return f"the last attempt ended with {attempt.process.returncode}; {story}\n{attempt.output()}"
        problem = self.judge(name, run_dir)
        return problem and f"{problem}; {story}"

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
            told = json.load(stream)
        if problem := self.problem_of_attempts(told):
            return problem
        self.attempts.append(told["attempt"])
        self.units += told["units"]
        self.units_kept += told["units_before"]
        shutil.rmtree(run_dir)
        return None

    def problem_of_attempts(self, told):
        """Each attempt is listed; those that were killed have no end; what counts of them adds up."""
        listed = told["attempts"]
        if [attempt["attempt"] for attempt in listed] != list(range(1, told["attempt"] + 1)):
            return f"attempts are missing: {listed}"
        ends = [attempt["how"] for attempt in listed]
        if ends[-1] != "finished" or "finished" in ends[:-1] or any(a["how"] == "killed" and a["ended"] for a in listed):
            return f"attempts that ended otherwise: {listed}"
        if sum(attempt["units"] for attempt in listed) != told["units"] or listed[-1]["units_before"] != told["units_before"]:
            return f"attempts do not add up to {told['units']} units: {listed}"
        return None

    def summary(self, runs, failures):
        resumed = sum(attempt > 1 for attempt in self.attempts)
        return (f"{runs - failures} of {runs} runs ended with the same bytes\n"
                f"kills: {dict(self.kills)}; while at: {({phase: self.phases[phase] for phase in PHASES})}\n"
                f"{resumed} runs went on from checkpoints, at most {max(self.attempts, default=0)} attempts; of {self.units:,} units "
                f"the last attempts took {self.units_kept:,} from checkpoints and did {self.units - self.units_kept:,}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shardmill", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this run alone")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the runs")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="shardmill-chaos-")
    chaos = Chaos(arguments.shardmill, work, arguments.seed)
    chaos.prepare()
    numbers = range(arguments.runs) if arguments.only is None else [arguments.only]
    failures = 0
    for number in numbers:
        if problem := chaos.one(number):
            failures += 1
            print(f"FAILED  run {number} of seed {arguments.seed}: {problem}", flush=True)
    print(chaos.summary(len(numbers), failures))
    if arguments.keep or failures:
        print(f"look at {work}")
    else:
        shutil.rmtree(work)
    if arguments.only is None and max(chaos.attempts, default=0) < 2:
        print("FAILED  no run went on from a checkpoint: nothing was tried")
        failures += 1
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

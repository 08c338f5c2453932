#!/usr/bin/env python3
"""Runs jobs through `shardmill submit` under a real Slurm of three nodes, started for the test, and expects the same bytes as
an uninterrupted run: with a time limit, with a killed rank, cancelled, stopped, where requeueing is forbidden.

  slurm.py SHARDMILL SLURM_LAB_SCRIPT [NAME...]      only the scenarios of these names
"""
import concurrent.futures, json, os, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import fingerprint  # noqa: E402

SHARDMILL, LAB_SCRIPT, ONLY = os.path.realpath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
WORK = tempfile.mkdtemp(prefix="shardmill-slurm-")
LAB = os.path.join(WORK, "lab")
ENV = dict(os.environ, SLURM_LAB=LAB)
PATIENCE = 170  # seconds for whatever a job is to do
# Each file is a unit of its own, and takes $SLOW seconds.
JOB = """
[input]
paths = ["data/*.txt"]
format = "lines"
bundle_files = 1
[run]
checkpoint = "1s"
[[stage]]
use = "exec"
shell = 'sleep ${SLOW:-0}; cat'
mode = "stream"
[[stage]]
use = "group"
by = ["line"]
compute = ["count()"]
[[stage]]
use = "write"
path = "lines.txt"
"""


class Failure(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failure(message)


def call(words, cwd=WORK, codes=(0,), **more):
    """The output of a program, standard error too."""
    done = subprocess.run(words, cwd=cwd, env=dict(ENV, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=PATIENCE)
    expect(done.returncode in codes, f"{words}: exit code {done.returncode}, expected {codes}\n{done.stdout}")
    return done.stdout


class Case:
    """A folder with a job over some files, and its run."""

    def __init__(self, name, files, job="job.toml"):
        self.folder = os.path.join(WORK, name)
        self.job = job
        self.run_dir = os.path.join(self.folder, "run")
        os.makedirs(os.path.join(self.folder, "data"))
        for number in range(files):
            with open(os.path.join(self.folder, "data", f"{number:04}.txt"), "w") as stream:
                stream.writelines(f"line {number * line % 97}\n" for line in range(40))
        with open(os.path.join(self.folder, job), "w") as stream:
            stream.write(JOB)

    def submit(self, options, **environment):
        """The number of the job."""
        self.said = call([SHARDMILL, "submit", self.job, "--run-dir", "run", *options], self.folder, **environment)
        number = re.search(r"^job (\d+): ", self.said, re.MULTILINE)
        expect(number, "submit told no job: " + self.said)
        return number.group(1)

    def log(self):
        try:
            with open(os.path.join(self.run_dir, "slurm", "log.txt"), errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    def wait(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            expect(time.monotonic() < deadline, f"not {what} after {PATIENCE} s; log:\n{self.log()}\n{call(['squeue'])}")
            time.sleep(0.2)

    def units_done(self):
        try:
            with open(os.path.join(self.run_dir, "status.json")) as stream:
                return json.load(stream)["units_done"]
        except (FileNotFoundError, ValueError):
            return 0

    def in_queue(self):
        """Whether a job of this run waits, runs or comes to its end."""
        with open(os.path.join(self.run_dir, "slurm", "job_id")) as stream:
            job = stream.read().strip()
        done = subprocess.run(["squeue", "-h", "-j", job], env=ENV, capture_output=True, text=True)
        return bool(job) and done.returncode == 0 and done.stdout.strip() != ""

    def wait_for_work(self, units=1):
        self.wait(f"{units} units done", lambda: self.units_done() >= units)

    def wait_for_end(self):
        self.wait("finished", lambda: os.path.exists(os.path.join(self.run_dir, "checksums.xxh3")))
        self.wait("out of the queue", lambda: not self.in_queue())

    def starts(self):
        return re.findall(r"^job (\d+) on \S+, start (\d+)", self.log(), re.MULTILINE)

    def expect_attempts(self, *ends):
        """Each is listed in run.json, with its job; `ends` are how they ended."""
        with open(os.path.join(self.run_dir, "run.json")) as stream:
            listed = json.load(stream)["attempts"]
        jobs = [attempt["slurm_job"] for attempt in listed]
        expect(jobs == [job for job, _ in self.starts()], f"attempts of jobs {jobs}, started were {self.starts()}")
        found = [attempt["how"] + (": " + attempt["reason"] if "reason" in attempt else "") for attempt in listed]
        expect(len(found) == len(ends) and all(map(re.fullmatch, ends, found)), f"attempts ended as {found}, expected {ends}")
        shown = call([SHARDMILL, "status", "run"], self.folder)
        expect(all(f" {job} " in shown for job in jobs) and "finished" in shown, shown)

    def expect_the_answer(self):
        """What an uninterrupted run by one process gives."""
        call([SHARDMILL, "run", self.job, "--run-dir", "alone", "--quiet"], self.folder, SLOW="0")
        expected, found = fingerprint(os.path.join(self.folder, "alone")), fingerprint(self.run_dir)
        expect(len(expected) == 2 and found == expected, f"another answer: {found}, expected {expected}\n{self.log()}")


def ranks_of(job):
    """Processes of shardmill that a job runs."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:
                ours = f"SLURM_JOB_ID={job}".encode() in stream.read().split(b"\0")
            if ours and os.readlink(f"/proc/{name}/exe") == SHARDMILL:
                found.append(int(name))
        except OSError:
            pass  # it has ended, or is nobody's business
    return found


def three_nodes():
    """Six ranks on three nodes; every name is hostile."""
    case = Case("it's a \"b\" #c $HOME `x` ü", 12, "a 'job'\nof \"mine\".toml")
    options = ["--nodes", "3", "--ranks-per-node", "2", "--threads", "1", "--time", "00:05:00", "--set", "stage.1.name=it's \"b\"\n$1"]
    script = call([SHARDMILL, "submit", case.job, "--run-dir", "run", "--dry-run", *options, "--", "--comment=a \"b\" #c"], case.folder)
    expect(not os.path.exists(case.run_dir), "a dry run leaves something")
    with open(os.path.join(case.folder, "dry"), "w") as stream:
        stream.write(script)
    call(["bash", "-n", "dry"], case.folder)
    expect("to start at" in call(["sbatch", "--test-only", "dry"], case.folder), "sbatch --test-only says nothing")
    case.submit(options)
    case.wait_for_end()
    with open(os.path.join(case.run_dir, "run.json")) as stream:
        run = json.load(stream)
    hosts = sorted(rank["host"] for rank in run["per_rank"])
    expect(run["ranks"] == 6 and (len(set(hosts)) == 3 or os.getuid() != 0), f"it ran on {hosts}")
    call([SHARDMILL, "run", case.job, "--run-dir", "alone", "--quiet", *options[-2:]], case.folder)
    expect(fingerprint(case.run_dir) == fingerprint(os.path.join(case.folder, "alone")), "another answer")


def time_limit():
    """A limit of one minute on more than a minute of work."""
    case = Case("limit", 372)
    options = ["--nodes", "3", "--ranks-per-node", "2", "--threads", "1", "--time", "00:01:00"]
    case.submit(options, SLOW="1")
    case.wait_for_end()
    expect(len(case.starts()) >= 2, "it was never stopped:\n" + case.log())
    expect("exit code 75 after" in case.log(), "it was not stopped softly:\n" + case.log())
    case.expect_attempts(*["stopped: (signal (USR1|TERM)|the time limit)"] * (len(case.starts()) - 1), "finished")
    case.expect_the_answer()
    return f"{len(case.starts())} attempts"


def killed_rank():
    """A rank is killed under mpirun, which sites have whose Slurm knows no PMIx."""
    case = Case("killed", 40)
    tools = os.path.join(WORK, "tools")
    os.makedirs(tools)
    with open(os.path.join(tools, "srun"), "w") as stream:
        stream.write(f'#!/bin/sh\n[ "$*" != --mpi=list ] || exec echo none\nexec {shutil.which("srun")} "$@"\n')
    os.chmod(os.path.join(tools, "srun"), 0o755)
    job = case.submit(["--nodes", "2", "--ranks-per-node", "1", "--threads", "1"], SLOW="0.3",
                      PATH=tools + ":" + os.environ["PATH"])
    case.wait_for_work(5)
    ranks = ranks_of(job)
    expect(len(ranks) == 2, f"2 ranks expected, there are {ranks}")
    os.kill(ranks[-1], signal.SIGKILL)
    case.wait_for_end()
    expect("mpirun" in case.log() and len(case.starts()) == 2, "it did not go on after a crash:\n" + case.log())
    case.expect_attempts("killed|stopped: signal TERM", "finished")  # mpirun asks the other ranks to end first
    case.expect_the_answer()


def cancelled():
    """Cancelled by scancel it stays cancelled; submitted again it goes on."""
    case = Case("cancelled", 40)
    options = ["--ranks-per-node", "2", "--threads", "1"]
    job = case.submit(options, SLOW="0.3")
    case.wait_for_work(5)
    again = call([SHARDMILL, "submit", case.job, "--run-dir", "run", *options], case.folder, codes=(2,))
    expect(f"job {job} is running on " in again and "expected no job of this run in the queue" in again, again)
    call(["scancel", job])
    case.wait("out of the queue", lambda: not case.in_queue())
    expect(len(case.starts()) == 1 and not os.path.exists(os.path.join(case.run_dir, "results.json")), case.log())
    call([SHARDMILL, "status", "run"], case.folder, codes=(75,))
    case.submit(options)
    case.wait_for_end()
    expect(len(case.starts()) == 2, case.log())
    case.expect_the_answer()


def stopped():
    """Stopped by `shardmill stop` it does not go on by itself; submitted again it does."""
    case = Case("stopped", 40)
    options = ["--ranks-per-node", "2", "--threads", "1"]
    case.submit(options, SLOW="0.3")
    case.wait_for_work(5)
    said = call([SHARDMILL, "status", "run"], case.folder)
    expect(re.search(r"queue +job \d+ is running on n\d", said), said)
    state = json.loads(call([SHARDMILL, "status", "run", "--json"], case.folder))
    expect(state["state"] == "running" and state["queue"]["state"] == "RUNNING", str(state))
    expect("asked to stop" in call([SHARDMILL, "stop", "run"], case.folder), "stop says nothing")
    case.wait("out of the queue", lambda: not case.in_queue())
    expect("stopped as the file STOP asks for" in case.log() and len(case.starts()) == 1, case.log())
    said = call([SHARDMILL, "stop", "run"], case.folder, codes=(2,))
    expect(said == "run: the run is stopped, expected a run at work\n", said)
    case.submit(options)
    case.wait_for_end()
    case.expect_attempts("stopped: shardmill stop", "finished")
    case.expect_the_answer()


def follower():
    """Where a job may not be requeued another one follows it."""
    case = Case("follower", 40)
    job = case.submit(["--ranks-per-node", "2", "--threads", "1", "--", "--no-requeue"], SLOW="0.3")
    case.wait_for_work(5)
    call(["scancel", "--signal=USR1", "--batch", job])  # what Slurm sends before a time limit
    case.wait_for_end()
    expect(len(case.starts()) == 2 and case.starts()[1][0] != job, "nothing followed:\n" + case.log())
    case.expect_the_answer()


def no_progress():
    """Two attempts that finish nothing are enough."""
    case = Case("no progress", 2)
    job = case.submit(["--threads", "1", "--ranks-per-node", "1"], SLOW="1000")
    for attempt in (1, 2):
        case.wait("started", lambda: len(case.starts()) == attempt and ranks_of(job))
        time.sleep(1)  # a rank that has not begun dies of the signal, which is no progress either
        call(["scancel", "--signal=USR1", "--batch", job])
    case.wait("out of the queue", lambda: not case.in_queue())
    expect("no unit finished in two attempts in a row" in case.log() and len(case.starts()) == 2, case.log())
    call([SHARDMILL, "status", "run"], case.folder, codes=(75,))


def waiting():
    """A job that waits for another is shown as waiting; it cannot be stopped, only cancelled."""
    first = Case("first", 2)
    job = first.submit(["--threads", "1", "--ranks-per-node", "1"], SLOW="1000")
    case = Case("second", 2)
    second = case.submit(["--threads", "1", "--ranks-per-node", "1", "--after", job])
    case.wait("waiting", lambda: "(Dependency)" in call([SHARDMILL, "status", "run"], case.folder))
    said = call([SHARDMILL, "status", "run"], case.folder)
    expect(said == f"run: job {second} waits in the queue (Dependency)\n", said)
    state = json.loads(call([SHARDMILL, "status", "run", "--json"], case.folder))
    expect(state["state"] == "queued" and state["queue"]["job"] == second, str(state))
    said = call([SHARDMILL, "stop", "run"], case.folder, codes=(2,))
    expect(said == f"run: job {second} waits in the queue (Dependency), expected a run at work; "
           f"scancel {second} takes the job away\n", said)
    call(["scancel", job])
    case.wait("cancelled with what it waits for", lambda: not case.in_queue())


SCENARIOS = [time_limit, three_nodes, killed_rank, cancelled, stopped, follower, no_progress, waiting]


def run(scenario):
    start = time.monotonic()
    try:
        note = scenario() or scenario.__doc__.split("\n")[0]
        print(f"ok      {scenario.__name__}: {note} ({time.monotonic() - start:.1f} s)", flush=True)
        return 0
    except (Failure, OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"FAILED  {scenario.__name__}: {error!r}\n{error}", flush=True)
        return 1


def processes_of_lab():
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                if int(name) != os.getpid() and (LAB + "/").encode() in stream.read():
                    found.append(name)
        except OSError:
            pass
    return found


def main():
    failures = 0
    try:
        start = time.monotonic()
        call([LAB_SCRIPT, "start"])
        print(f"ok      the lab is up after {time.monotonic() - start:.1f} s", flush=True)
        for name, value in re.findall(r"(\w+)=(\S+)", call([LAB_SCRIPT, "env"])):
            ENV[name] = value
        chosen = [scenario for scenario in SCENARIOS if not ONLY or scenario.__name__ in ONLY]
        with concurrent.futures.ThreadPoolExecutor(len(chosen)) as pool:
            failures = sum(pool.map(run, chosen))
    finally:
        call([LAB_SCRIPT, "stop"])
        deadline = time.monotonic() + 5  # a step that was killed may take a moment to go
        while processes_of_lab() and time.monotonic() < deadline:
            time.sleep(0.1)
        left = processes_of_lab() + (["its folder"] if os.path.exists(LAB) else [])
        shutil.rmtree(WORK, ignore_errors=True)
    if left:
        print(f"FAILED  the lab leaves {left}")
    return 1 if failures or left else 0


sys.exit(main())

#!/usr/bin/env python3
"""Builds with MPICH beside the build with Open MPI, and runs what depends on MPI.

  mpich.py SOURCE SHARDMILL-OF-OPEN-MPI EXAMPLES

The build folder, build-mpich, stays: what did not change is not built again, and what does not know MPI comes out of
the compiler's cache, since it is compiled with the same words.
"""
import os, re, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from runs import MPI_ENV, fingerprint  # noqa: E402

SOURCE, OPEN_MPI, EXAMPLES = (os.path.abspath(path) for path in sys.argv[1:4])
BUILD = os.path.join(SOURCE, "build-mpich")
PROGRAM = os.path.join(BUILD, "shardmill")
WORK = tempfile.mkdtemp(prefix="shardmill-mpich-")
failures = 0


def fail(message):
    global failures
    failures += 1
    print("FAILED  " + message, flush=True)


def run(*words, code=0, cwd=SOURCE, env=MPI_ENV):
    done = subprocess.run(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != code:
        fail(f"{' '.join(words)}: exit {done.returncode}, expected {code}\n{done.stdout[-4000:]}")
    return done.stdout


def build():
    begin = time.monotonic()
    run("cmake", "--preset", "mpich")
    run("cmake", "--build", "build-mpich", "--target", "shardmill", "mpi_comm_check")
    libraries = run("ldd", PROGRAM)
    if "libmpich.so" not in libraries or "libmpi.so" in libraries:
        sys.exit(f"FAILED  the program is not MPICH's:\n{libraries}")
    print(f"ok      built in {time.monotonic() - begin:.0f} s", flush=True)


def keeps_every_promise_of_comm():
    for ranks in (1, 2, 5, 8):
        run("mpiexec.mpich", "-n", str(ranks), os.path.join(BUILD, "tests", "mpi_comm_check"))
    print("ok      the suite of Comm on 1, 2, 5 and 8 ranks")


def same_bytes_as_open_mpi():
    folder = os.path.join(EXAMPLES, "sales")
    options = ["run", "job.toml", "--quiet", "--threads", "1", "--set", "input.unit_bytes=1KiB", "--run-dir"]
    ours, theirs = os.path.join(WORK, "mpich"), os.path.join(WORK, "open-mpi")
    run("mpiexec.mpich", "-n", "3", PROGRAM, *options, ours, cwd=folder)
    run("mpirun", "-n", "2", OPEN_MPI, *options, theirs, cwd=folder)
    if not fingerprint(ours) or fingerprint(ours) != fingerprint(theirs):
        fail(f"other bytes under MPICH: {fingerprint(ours)}, {fingerprint(theirs)}")
    print("ok      the same bytes under MPICH and Open MPI")


def the_launcher_of_another_mpi_is_refused():
    """Each rank would run the whole job."""
    run_dir = os.path.join(WORK, "refused")
    for launcher, program, place, mpi in (("mpiexec.mpich", OPEN_MPI, "mpiexec", "Open MPI v"),
                                          ("mpirun", PROGRAM, "mpirun", "MPICH Version")):
        printed = run(launcher, "-n", "2", program, "run", "job.toml", "--run-dir", run_dir, code=2, cwd=os.path.join(EXAMPLES, "sales"))
        told = [line for line in printed.splitlines() if line.startswith(place + ":")]
        message = (f"{place}: 2 processes that do not know of each other, expected one MPI run of 2 ranks; start with the launcher of the "
                   f"MPI that shardmill was built with ({mpi}")
        if len(told) != 1 or not told[0].startswith(message) or os.path.exists(run_dir):
            fail(f"{launcher} {program}: expected one line\n{message}\n{printed}")
    print("ok      the launcher of another MPI is refused")


def submitted_under_slurm():
    """`submit` starts the ranks as this MPI wants it."""
    folder, run_dir, lab = os.path.join(EXAMPLES, "sales"), os.path.join(WORK, "slurm"), os.path.join(SOURCE, "scripts", "slurm-lab")
    env = dict(MPI_ENV, SLURM_LAB=os.path.join(WORK, "lab"))
    run(lab, "start", env=env)
    try:
        env.update(re.findall(r"(\w+)=(\S+)", run(lab, "env", env=env)))
        run(PROGRAM, "submit", "job.toml", "--run-dir", run_dir, "--nodes", "2", "--ranks-per-node", "2", "--threads", "1", cwd=folder, env=env)
        deadline = time.monotonic() + 120
        while run("squeue", "-h", env=env).strip() and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        run(lab, "stop", env=env)
    with open(os.path.join(run_dir, "slurm", "job.sbatch")) as script, open(os.path.join(run_dir, "slurm", "log.txt")) as log:
        if "\nsrun --mpi=pmi2 " not in script.read() or "4 ranks of 1 thread" not in (said := log.read()):
            fail("not four ranks by srun --mpi=pmi2:\n" + said)
    if fingerprint(run_dir) != fingerprint(os.path.join(WORK, "open-mpi")):
        fail("other bytes under Slurm")
    print("ok      submitted under Slurm")


def main():
    try:
        build()
        keeps_every_promise_of_comm()
        same_bytes_as_open_mpi()
        the_launcher_of_another_mpi_is_refused()
        submitted_under_slurm()
    finally:
        shutil.rmtree(WORK)
    sys.exit(1 if failures else 0)


main()

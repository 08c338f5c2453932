"""Instructions of the program on small inputs, by callgrind: the same on every machine with the same instruction set, so a change is a change
of the code. Of each workload only what workers do with their units counts; "start_up" is a whole run of one line. The figures to compare with
stand in bench/smoke.json."""
import concurrent.futures, json, os, platform, shutil, subprocess, sys

from workloads import KINDS, WORKLOADS, job_text

TOLERANCE = 0.10
START_UP_TOLERANCE = 0.25  # libraries look at the machine
MEBIBYTES, SEED = 2, 1
START_UP = "start_up"
WORK = "shardmill::UnitTask::perform()"
NOT_SMALL = ("small_files",)


def machine():
    """What decides which kernels run: valgrind knows AVX2, but not AVX-512."""
    with open("/proc/cpuinfo") as stream:
        return platform.machine() + (" avx2" if " avx2 " in stream.read() else "")


def count_instructions(program, folder, name):
    job = os.path.join(folder, name + ".toml")
    with open(job, "w") as stream:
        stream.write('[input]\npaths = ["line.log"]\n[[stage]]\nuse = "count"\n' if name == START_UP else job_text(WORKLOADS[name]))
    part = [] if name == START_UP else ["--toggle-collect=" + WORK]
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/{name}.callgrind", *part, program, "run", job, "--run-dir",
         os.path.join(folder, name + ".run"), "--fresh", "--quiet", "--threads", "1"],
        cwd=folder, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
    counted = [line for line in done.stderr.splitlines() if "Collected :" in line]
    if done.returncode or not counted:
        sys.exit(f"scripts/bench: {name} ended with {done.returncode} under valgrind:\n{done.stderr[-2000:]}")
    return int(counted[0].split()[-1])


def make_inputs(root, folder, names):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    generate = os.path.join(folder, "generate")
    subprocess.check_call(["g++", "-O2", "-std=c++20", "-o", generate, os.path.join(root, "bench", "generate.cpp")])
    for kind in {WORKLOADS[name].kind for name in names}:
        os.makedirs(os.path.join(folder, kind))
        plain = kind.removesuffix("gz")
        path = os.path.join(folder, kind, "0." + KINDS[plain])
        with open(path, "wb") as out:
            subprocess.check_call([generate, plain, str(MEBIBYTES), str(SEED)], stdout=out)
        if plain != kind:
            subprocess.check_call(["gzip", "-6", path])
    with open(os.path.join(folder, "line.log"), "w") as out:
        out.write("one line\n")


def report(name, found, expected):
    """True if the figure may stand."""
    if expected is None:
        print(f"{name:<18} {found:>14,} instructions, expected a figure in bench/smoke.json")
        return False
    change = found / expected - 1
    tolerance = START_UP_TOLERANCE if name == START_UP else TOLERANCE
    ok = abs(change) <= tolerance
    print(f"{name:<18} {found:>14,} instructions, {change:+6.1%} {'' if ok else f'of {expected:,}: more than {tolerance:.0%}'}")
    return ok


def smoke(root, program, data, names, update):
    names = [name for name in names if name not in NOT_SMALL]
    if not shutil.which("valgrind"):
        sys.exit("scripts/bench: there is no valgrind, expected Debian's; scripts/setup installs it")
    folder, figures = os.path.join(data, "smoke"), os.path.join(root, "bench", "smoke.json")
    make_inputs(root, folder, names)
    names = [START_UP, *names]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = dict(zip(names, pool.map(lambda name: count_instructions(program, folder, name), names)))
    with open(figures) as stream:
        known = json.load(stream)
    if update:
        known.setdefault(machine(), {}).update(found)
        with open(figures, "w") as stream:
            json.dump(known, stream, indent=1, sort_keys=True)
            stream.write("\n")
    expected = known.get(machine(), {})
    good = [report(name, count, expected.get(name)) for name, count in found.items()]
    if not all(good):
        sys.exit("scripts/bench: the figures changed; if that is meant: scripts/bench --smoke --update, and say why in the commit")

#!/usr/bin/env python3
"""Runs over three hosts, and what happens when links, hosts and launchers fail.

  hosts.py SHARDMILL LIBRARY_SHIFT_CLOCK [WORD]...     only what has one of the words in its name

The hosts are network namespaces joined by a bridge, each with a host name, mounts, shared memory and a clock of its
own; they share a file system, as nodes of a cluster do, and have the kernel's own limits of TCP. mpirun starts its
daemons on them as it would by ssh. Everything runs in processes that this one started and ends with it; nothing is
changed outside of the namespaces. Needs root.
"""
import contextlib, ctypes, errno, glob, hashlib, json, os, random, shutil, signal, subprocess, sys, tempfile, time

SHARDMILL, SHIFT_CLOCK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WANTED = sys.argv[3:]
HOSTS = ["h1", "h2", "h3"]
ADDRESS = {host: f"10.77.0.{11 + number}" for number, host in enumerate(HOSTS)}
NET = "10.77.0.0/24"
CLOCKS = {"h1": 0, "h2": -7_200, "h3": 86_400 * 400}  # seconds by which the wall clock of a host is wrong
UPTIMES = {"h1": 1_000_000, "h2": 5, "h3": 2_000_000_000}  # seconds by which clocks since boot differ

# What `shardmill submit` sets (pipeline/cli/batch_script.cpp): a host is given up 6 to 8 s after it fell silent.
KEEPALIVE = ["--mca", "oob_tcp_keepalive_time", "2", "--mca", "oob_tcp_keepalive_intvl", "1",
             "--mca", "oob_tcp_keepalive_probes", "6"]

FILES = 60
JOB = """name = "hosts"
[input]
paths = ["data"]
format = "lines"
unit_bytes = "2KiB"
[run]
checkpoint = "0s"
[[stage]]
use = "exec"
shell = 'sleep "$PAUSE"; exec cat'
[[stage]]
use = "extract"
pattern = '(?P<key>\\w+) (?P<value>[\\d.]+)'
types = { value = "float" }
[[stage]]
use = "group"
by = ["key"]
compute = ["count()", "sum(value)", "p90(value)"]
[[stage]]
use = "write"
path = "all.jsonl.gz"
"""
failures = 0


def fail(message):
    global failures
    failures += 1
    print("FAILED  " + message, flush=True)


def ended_with_this_process():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Host:
    """Namespaces that live as long as a process in them."""

    def __init__(self, work, name, uptime=0):
        self.name = name
        self.clock = ["--time", "--monotonic", str(uptime)] if uptime else []
        self.init = subprocess.Popen(
            ["unshare", "--net", "--uts", "--mount", "--ipc", *self.clock, "--fork", "--kill-child", "sh", "-c",
             'hostname "$1" && mount -t tmpfs tmpfs /dev/shm && mount --bind "$2" /etc/hosts && ip link set lo up && '
             'echo $$ && exec sleep 1000000 >/dev/null', name, name, os.path.join(work, "hosts")],
            preexec_fn=ended_with_this_process, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        ready = self.init.stdout.readline()
        if not ready:
            sys.exit(f"FAILED  no namespaces for {name} (see above), expected them; run this as root")
        self.pid = int(ready)
        self.net = os.readlink(f"/proc/{self.pid}/ns/net")

    def command(self, *words):
        kinds = ["--net", "--uts", "--mount", "--ipc"] + (["--time"] if self.clock else [])
        return ["nsenter", f"--target={self.pid}", *kinds, *words]

    def do(self, *words):
        subprocess.run(self.command(*words), check=True)

    def reaches(self, address):
        """A port that nothing listens on refuses at once."""
        attempt = "import socket, sys; s = socket.socket(); s.settimeout(1); sys.exit(s.connect_ex((sys.argv[1], 9)) != errno)"
        attempt = attempt.replace("errno", str(errno.ECONNREFUSED))
        return subprocess.run(self.command(sys.executable, "-c", attempt, address)).returncode == 0

    def processes(self):
        """Of this host, but for those that keep the namespaces: (number, program)."""
        found = []
        for folder in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                pid = int(os.path.basename(folder))
                if os.readlink(folder + "/ns/net") != self.net or pid in (self.pid, self.init.pid):
                    continue
                with open(folder + "/stat") as stream:
                    name, _, rest = stream.read().partition("(")[2].rpartition(")")
                if rest.split()[0] not in "ZX":
                    found.append((pid, name))
        return found

    def kill_all(self):
        for _ in range(5):  # again for what was being started meanwhile
            for pid, _ in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def end(self):
        self.kill_all()
        self.init.kill()  # and with it what it has started
        self.init.wait()


class Lab:
    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="shardmill-hosts-")
        self.switch = None
        self.hosts = {}
        self.agent = os.path.join(self.work, "agent")
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("OMPI_", "PMIX_", "SLURM_"))}
        self.environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                             "OMPI_MCA_rmaps_base_oversubscribe": "1", "TMPDIR": os.path.join(self.work, "tmp"),
                             "OMPI_MCA_hwloc_base_binding_policy": "none"}
        self.runs = 0

    def start(self):
        os.mkdir(self.environment["TMPDIR"])
        with open(os.path.join(self.work, "hosts"), "w") as out:
            out.write("127.0.0.1 localhost\n" + "".join(f"{ADDRESS[host]} {host}\n" for host in HOSTS))
        self.switch = Host(self.work, "switch")
        self.switch.do("ip", "link", "add", "br0", "type", "bridge")
        self.switch.do("ip", "link", "set", "br0", "up")
        for name in HOSTS:
            host = self.hosts[name] = Host(self.work, name, UPTIMES[name])
            self.switch.do("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
            self.switch.do("ip", "link", "set", name, "master", "br0", "up")
            host.do("ip", "addr", "add", ADDRESS[name] + "/24", "dev", "eth0")
            host.do("ip", "link", "set", "eth0", "up")
        self.wait_for_links()
        self.write_agent()
        self.make_data()

    def wait_for_links(self):
        """Until every host reaches every other: a link that is set up carries nothing before the kernel has seen both of its ends."""
        for name, host in self.hosts.items():
            for other in HOSTS:
                if other != name and not wait_until(lambda: host.reaches(ADDRESS[other])):
                    sys.exit(f"FAILED  {name} does not reach {other} within a minute")

    def write_agent(self):
        """What mpirun calls in place of ssh: AGENT HOST COMMAND."""
        with open(self.agent, "w") as out:
            out.write("#!/bin/sh\nhost=$1\nshift\nexport LD_PRELOAD=" + SHIFT_CLOCK + "\ncase $host in\n")
            for name, host in self.hosts.items():
                command = " ".join(host.command("sh", "-c", '"$*"'))
                out.write(f"{name}) export SHIFT_CLOCK_SECONDS={CLOCKS[name]}; exec {command} ;;\n")
            out.write("esac\n")
        os.chmod(self.agent, 0o755)

    def make_data(self):
        rng = random.Random(1)
        os.mkdir(os.path.join(self.work, "data"))
        for number in range(FILES):
            with open(os.path.join(self.work, "data", f"{number:03}.txt"), "w") as out:
                out.writelines(f"{rng.choice('abcdefgh')} {rng.uniform(0, 1000):.4f}\n" for _ in range(150))
        with open(os.path.join(self.work, "job.toml"), "w") as out:
            out.write(JOB)

    def end(self):
        for host in filter(None, [*self.hosts.values(), self.switch]):
            host.end()
        shutil.rmtree(self.work)

    def port(self, host, *words):
        self.switch.do("ip", "link", "set", host, *words)

    def run_dir(self, name):
        return os.path.join(self.work, name + ".run")

    def launch(self, name, pause=0.0, hosts=HOSTS):
        """mpirun on h1, two ranks on each of `hosts`, every file taking `pause` seconds."""
        self.runs += 1
        words = ["mpirun", "--host", ",".join(host + ":2" for host in hosts), "--map-by", "slot", "-x", f"PAUSE={pause}",
                 "--mca", "plm_rsh_agent", self.agent, "--mca", "btl_tcp_if_include", NET, "--mca", "oob_tcp_if_include", NET,
                 *KEEPALIVE, "-n", str(2 * len(hosts)), SHARDMILL, "run", "job.toml", "--run-dir", self.run_dir(name),
                 "--quiet", "--threads", "1"]
        return Launch(self, words, os.path.join(self.work, f"{self.runs}.log"))

    def fingerprint(self, name):
        sums = {}
        for path in ("results.json", "output/all.jsonl.gz"):
            with open(os.path.join(self.run_dir(name), path), "rb") as stream:
                sums[path] = hashlib.sha256(stream.read()).hexdigest()
        return sums

    def told(self, name):
        with open(os.path.join(self.run_dir(name), "run.json")) as stream:
            return json.load(stream)

    def left_over(self, patience, hosts=HOSTS):
        """Processes that are still there on the hosts after so many seconds."""
        end = time.monotonic() + patience
        while True:
            left = {name: self.hosts[name].processes() for name in hosts if self.hosts[name].processes()}
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.05)


class Launch:
    """An mpirun."""

    def __init__(self, lab, words, log):
        self.log = log
        self.begin = time.monotonic()
        with open(log, "w") as out:
            inside = ["sh", "-c", 'cd "$0" && exec "$@"', lab.work]
            self.process = subprocess.Popen(lab.hosts["h1"].command(*inside, *words), env=lab.environment, stdout=out,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            preexec_fn=ended_with_this_process)

    def wait(self, patience):
        """The exit code; None after so many seconds: then it is killed."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def output(self):
        with open(self.log, errors="replace") as stream:
            return stream.read()


def wait_until(condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def in_the_middle(lab, name):
    """Every rank has written a checkpoint."""
    written = {path.rpartition(".")[0] for path in glob.glob(lab.run_dir(name) + "/checkpoint/gen-*.rank-*.worker-*")}
    return len(written) == 6


class Hosts:
    """The cases. Each leaves the hosts as it found them."""

    def __init__(self, lab):
        self.lab = lab
        self.expected = None

    def alone(self):
        environment = dict(os.environ, PAUSE="0")
        subprocess.run([SHARDMILL, "run", "job.toml", "--run-dir", self.lab.run_dir("alone"), "--quiet", "--threads", "2"],
                       cwd=self.lab.work, env=environment, check=True)
        self.expected = self.lab.fingerprint("alone")

    def same_bytes(self, name, launch, attempt):
        code = launch.wait(120)
        if code != 0:
            return fail(f"{name}: exit {code}\n{launch.output()}")
        if self.lab.fingerprint(name) != self.expected:
            fail(f"{name}: other bytes than those of one process")
        told = self.lab.told(name)
        if told["attempt"] != attempt:
            fail(f"{name}: attempt {told['attempt']}, expected {attempt}")
        if left := self.lab.left_over(10):
            fail(f"{name}: left on the hosts after the end: {left}")
        return told

    def goes_on(self, name, hosts=HOSTS):
        """The same command, with programs that do not wait."""
        told = self.same_bytes(name, self.lab.launch(name, hosts=hosts), attempt=2)
        if told and not 6 <= told["units_before"] < FILES:
            fail(f"{name}: went on from {told['units_before']} of {FILES} units")
        return told

    def begin(self, name, pause):
        """A run in the middle of its work."""
        launch = self.lab.launch(name, pause)
        if not wait_until(lambda: in_the_middle(self.lab, name) or launch.process.poll() is not None):
            fail(f"{name}: no run in the middle within a minute")
        if launch.process.poll() is not None:
            fail(f"{name}: ended by itself with {launch.process.returncode}\n{launch.output()}")
        return launch

    def ends(self, name, launch, seconds, words, hosts=HOSTS, since=None):
        """Within so many seconds, with an error that says `words`, and nothing left on `hosts`."""
        since = since or time.monotonic()
        code = launch.wait(60)
        took = time.monotonic() - since
        if code == 0 or code is None or took > seconds:
            fail(f"{name}: exit {code} after {took:.1f} s, expected an error within {seconds} s")
        if left := self.lab.left_over(max(0.0, since + seconds - time.monotonic()), hosts):
            fail(f"{name}: left on the hosts after {seconds} s: {left}")
        gone = time.monotonic() - since
        for word in words:
            if word not in launch.output():
                fail(f"{name}: no \"{word}\" in\n{launch.output()}")
        return f"mpirun ended with {code} after {took:.1f} s, the last process after {gone:.1f} s"

    def three_hosts_give_the_bytes_of_one_process(self):
        told = self.same_bytes("plain", self.lab.launch("plain"), attempt=1)
        if not told:
            return None
        hosts = [rank["host"] for rank in told["per_rank"]]
        if hosts != [host for host in HOSTS for _ in range(2)] or min(rank["units"] for rank in told["per_rank"]) == 0:
            fail(f"plain: hosts {hosts}, units {[rank['units'] for rank in told['per_rank']]}")
        with open(os.path.join(self.lab.run_dir("plain"), "report.txt")) as stream:
            report = stream.read()
        if "6 ranks of 1 thread on 3 hosts" not in report or "     2  h2  " not in report:
            fail(f"plain: no hosts in the report\n{report}")
        return "6 ranks, clocks two hours and 400 days apart"

    def a_link_that_is_cut_ends_the_run(self):
        launch = self.begin("cut", pause=3)
        self.lab.port("h3", "down")
        story = self.ends("cut", launch, 20, ["h3"], hosts=["h1", "h2"])
        # h3 may not know yet; nothing that it does now can harm.
        alive = len(self.lab.hosts["h3"].processes())
        told = self.goes_on("cut", hosts=["h1", "h2"])
        if told and [rank["host"] for rank in told["per_rank"]] != ["h1", "h1", "h2", "h2"]:
            fail(f"cut: went on on {told['per_rank']}")
        self.lab.port("h3", "up")
        mended = time.monotonic()
        if left := self.lab.left_over(30, ["h3"]):
            fail(f"cut: left on h3, whose link is back: {left}")
        gone = time.monotonic() - mended
        if self.lab.fingerprint("cut") != self.expected:
            fail("cut: the host that was cut off changed the results when it came back")
        self.lab.wait_for_links()
        return f"{story}; {alive} processes on the host that was cut off ended {gone:.1f} s after it was back"

    def a_link_that_is_back_after_three_seconds_does_no_harm(self):
        launch = self.begin("back", pause=0.7)
        self.lab.port("h3", "nomaster")  # frames are lost, h3 itself sees nothing
        time.sleep(3)
        self.lab.port("h3", "master", "br0")
        self.same_bytes("back", launch, attempt=1)
        return "the run went on"

    def a_host_that_dies_ends_the_run(self):
        launch = self.begin("host", pause=1)
        self.lab.hosts["h3"].kill_all()
        story = self.ends("host", launch, 10, [])
        self.goes_on("host")
        return story

    def kill_named(self, host, program):
        for pid, name in self.lab.hosts[host].processes():
            if name == program:
                os.kill(pid, signal.SIGKILL)
                return
        fail(f"no {program} on {host}: {self.lab.hosts[host].processes()}")

    def a_daemon_that_dies_ends_the_run(self):
        launch = self.begin("daemon", pause=1)
        self.kill_named("h2", "orted")
        story = self.ends("daemon", launch, 10, ["h2"])
        self.goes_on("daemon")
        return story

    def an_mpirun_that_dies_ends_the_run(self):
        launch = self.begin("mpirun", pause=1)
        self.kill_named("h1", "mpirun")
        story = self.ends("mpirun", launch, 10, [])
        self.goes_on("mpirun")
        return story

    def a_rank_that_dies_ends_the_run(self):
        launch = self.begin("rank", pause=1)
        self.kill_named("h3", "shardmill")
        story = self.ends("rank", launch, 10, ["h3"])
        self.goes_on("rank")
        return story

    def refused(self, name, ranks, message):
        """One of the ranks is told of: what comes first is the end."""
        launch = self.lab.launch(name)
        code = launch.wait(60)
        messages = [f"rank {rank} {message}" for rank in ranks]
        told = [line for line in launch.output().splitlines() if line in messages]
        if code != 3 or len(told) != 1:
            fail(f"{name}: exit {code}, expected 3 and {messages}\n{launch.output()}")
        if left := self.lab.left_over(10):
            fail(f"{name}: left on the hosts: {left}")
        return told[0] if told else None

    def a_run_directory_that_one_host_does_not_have_is_found(self):
        folder = os.path.join(self.lab.work, "unshared")
        os.mkdir(folder)
        h3 = self.lab.hosts["h3"]
        expected = ("expected one folder that all ranks share and may write to; put it on a file system that all hosts mount at "
                    "the same place, with --run-dir")
        h3.do("mount", "-t", "tmpfs", "tmpfs", folder)
        seen = self.lab.run_dir("unshared/x")
        message = self.refused("unshared/x", [4, 5], f'(h3): cannot see the run directory that rank 0 has made at "{seen}", {expected}')
        h3.do("umount", folder)
        h3.do("mount", "--bind", folder, folder)
        h3.do("mount", "-o", "remount,bind,ro", folder)
        seen = self.lab.run_dir("unshared/y")
        self.refused("unshared/y", [4, 5], f'(h3): cannot write to "{seen}/checkpoint" (Read-only file system), {expected}')
        h3.do("umount", folder)
        return message

    def another_build_on_one_host_is_refused(self):
        """h2 has a copy whose build id differs in one bit, in the place of the program."""
        note = b"\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0"
        with open(SHARDMILL, "rb") as stream:
            program = bytearray(stream.read())
        at = program.index(note) + len(note)
        ours = program[at:at + 6].hex()
        program[at] ^= 1
        theirs = program[at:at + 6].hex()
        other = os.path.join(self.lab.work, "shardmill")
        with open(other, "wb") as out:
            out.write(program)
        os.chmod(other, 0o755)
        version = subprocess.run([SHARDMILL, "--version"], capture_output=True, text=True).stdout.split()[-1]
        h2 = self.lab.hosts["h2"]
        h2.do("mount", "--bind", other, SHARDMILL)
        message = self.refused("build", [2], f"(h2): shardmill {version} (build {theirs}), expected {version} (build {ours}) as on "
                                             "rank 0 (h1); install the same build on all hosts")
        h2.do("umount", SHARDMILL)
        return message


def main():
    cases = [name for name in vars(Hosts) if name.startswith(("a_", "an_", "another_", "three_"))]
    for word in WANTED:
        if not any(word in name for name in cases):
            sys.exit(f"FAILED  no case has \"{word}\" in its name, expected one of: " + ", ".join(cases))
    lab = Lab()
    try:
        lab.start()
        hosts = Hosts(lab)
        hosts.alone()
        for name in cases:
            if WANTED and not any(word in name for word in WANTED):
                continue
            begin, before = time.monotonic(), failures
            story = getattr(hosts, name)()
            if failures == before:
                print(f"ok      {name.replace('_', ' ')} ({time.monotonic() - begin:.1f} s): {story}", flush=True)
    finally:
        lab.end()
    sys.exit(1 if failures else 0)


main()

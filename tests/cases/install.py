#!/usr/bin/env python3
"""Installs the build into a prefix, moves that, and builds a program with a stage of its own against it, as
docs/installing.md says; makes the packages and runs what is in them.

  install.py SOURCE BUILD CXX
"""
import ast, glob, os, re, shutil, subprocess, sys, tempfile

SOURCE, BUILD, CXX = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
WORK = tempfile.mkdtemp(prefix="shardmill-install-")
VERSION = re.search(r"project\(shardmill VERSION ([\d.]+)", open(os.path.join(SOURCE, "CMakeLists.txt")).read()).group(1)
JOB = '[input]\npaths = ["data.txt"]\nformat = "lines"\n[[stage]]\nuse = "reverse_text"\n[[stage]]\nuse = "write"\npath = "out.txt"\n'


def run(*words, cwd=WORK):
    """What the command prints; ends the test if it fails."""
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"FAILED  {' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"FAILED  {what}: {found!r}, expected {expected!r}")


def code_of(page, kind):
    """The first block of that kind of a page."""
    with open(os.path.join(SOURCE, "docs", page)) as stream:
        return re.search(rf"^```{kind}\n(.*?)^```", stream.read(), re.S | re.M).group(1)


def runs(program):
    """The program counts what it should."""
    version = run(program, "--version")
    expect(f"{program} --version", version, f"shardmill {VERSION}\n")
    expect(f"{program} grep", run(program, "grep", "beta", "data.txt"), "1  data.txt\n1  in 1 of 1 file\n")


def moved_prefix():
    first, prefix = os.path.join(WORK, "first"), os.path.join(WORK, "moved here", "prefix")
    run("cmake", "--install", BUILD, "--prefix", first)
    os.makedirs(os.path.dirname(prefix))
    os.rename(first, prefix)
    runs(os.path.join(prefix, "bin", "shardmill"))
    for path in ("share/bash-completion/completions/shardmill", "share/zsh/site-functions/_shardmill",
                 "share/doc/shardmill/docs/installing.md"):
        if os.path.getsize(os.path.join(prefix, path)) == 0:
            sys.exit(f"FAILED  {path} is empty")
    for path in glob.glob(prefix + "/lib*/**/cmake/**/*.cmake", recursive=True):
        with open(path) as stream:
            text = stream.read()
        for place in (SOURCE, BUILD, first):
            if place in text:
                sys.exit(f"FAILED  {path} knows {place}")
    print("ok      a prefix can be moved")
    return prefix


def own_stage(prefix):
    project = os.path.join(WORK, "own")
    os.mkdir(project)
    with open(os.path.join(project, "CMakeLists.txt"), "w") as out:
        out.write(code_of("installing.md", "cmake"))
    with open(os.path.join(project, "reverse_text.cpp"), "w") as out:
        out.write(code_of("adding-a-stage.md", "cpp"))
    run("cmake", "-G", "Ninja", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={CXX}",
        "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", cwd=project)
    run("cmake", "--build", "build", cwd=project)
    program = os.path.join(project, "build", "my_shardmill")
    with open(os.path.join(WORK, "job.toml"), "w") as out:
        out.write(JOB)
    run(program, "run", "job.toml", "--quiet")
    with open(os.path.join(WORK, "job.run", "output", "out.txt")) as stream:
        expect("what the own stage writes", stream.read(), "ahpla\nateb\n")
    if "reverse_text" not in run(program, "stages") or "keep" not in run(program, "stages"):
        sys.exit("FAILED  the program does not have its own stage besides the others")
    print("ok      a program with a stage of its own, built against the prefix")


def packages():
    folder = os.path.join(WORK, "packages")
    run(os.path.join(SOURCE, "scripts", "package"), folder, BUILD)
    names = sorted(os.listdir(folder))
    machine, architecture = os.uname().machine, run("dpkg", "--print-architecture").strip()
    deb, archive = f"shardmill_{VERSION}_{architecture}.deb", f"shardmill-{VERSION}-Linux-{machine}.tar.gz"
    expect("packages", names, [archive, deb])
    run("dpkg-deb", "-x", os.path.join(folder, deb), "deb")
    runs(os.path.join(WORK, "deb", "usr", "bin", "shardmill"))
    needed = run("dpkg-deb", "-f", os.path.join(folder, deb), "Depends")
    for library in ("libc6", "libopenmpi3", "libhdf5-103"):
        if library not in needed:
            sys.exit(f"FAILED  the package does not depend on {library}: {needed}")
    if "libshardmill" in run("dpkg-deb", "-c", os.path.join(folder, deb)):
        sys.exit("FAILED  the package holds libraries")
    os.mkdir(os.path.join(WORK, "unpacked"))
    run("tar", "-xzf", os.path.join(folder, archive), "-C", "unpacked", "--strip-components=1")
    runs(os.path.join(WORK, "unpacked", "bin", "shardmill"))
    if not glob.glob(WORK + "/unpacked/lib*/**/shardmillConfig.cmake", recursive=True):
        sys.exit("FAILED  the archive has nothing for find_package")
    print(f"ok      {', '.join(f'{name} ({os.path.getsize(os.path.join(folder, name)) / 1e6:.1f} MB)' for name in names)}")


def recipe():
    """Spack is not here to try it: it is Python, of this version, and names every library that the build asks for."""
    with open(os.path.join(SOURCE, "scripts", "spack", "packages", "shardmill", "package.py")) as stream:
        text = stream.read()
    ast.parse(text)
    with open(os.path.join(SOURCE, "cmake", "dependencies.cmake")) as stream:
        text_of_cmake = stream.read()
    asked = set(re.findall(r"^(?:pkg.*IMPORTED_TARGET(?: hdf5-serial)?|find_package\()\s*([\w+-]+)", text_of_cmake, re.M))
    asked -= {"PkgConfig", "Threads"}
    named = set(re.findall(r'# for (.*)', text))
    expect("libraries that the recipe names", sorted(name for line in named for name in line.split()), sorted(asked))
    if f'version("{VERSION}"' not in text:
        sys.exit(f"FAILED  the recipe has no version {VERSION}")
    print(f"ok      the recipe names {len(asked)} libraries")


def main():
    with open(os.path.join(WORK, "data.txt"), "w") as out:
        out.write("alpha\nbeta\n")
    try:
        recipe()
        own_stage(moved_prefix())
        packages()
    finally:
        shutil.rmtree(WORK)


main()

# Spack's recipe of this checkout:
#
#   spack repo add scripts/spack
#   spack dev-build shardmill@0.1.0        in the checkout
#
# report.html needs the file chart.min.js of Chart.js 3: it is looked for in /usr/share/javascript/chart.js, or is where the
# environment variable CHART_JS says.
import os

from spack.package import *


class Shardmill(CMakePackage):
    """Runs a pipeline of stages over very many large text and data files, on every core that mpirun or Slurm gives it, and
    leaves a report. The same answer on any layout, to the byte."""

    license("Apache-2.0")
    version("0.1.0")
    generator("ninja")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("pkgconfig", type="build")
    conflicts("%gcc@:11", msg="C++20")
    conflicts("%clang@:13", msg="C++20")

    # What comes behind "for" is the name by which cmake/dependencies.cmake asks.
    depends_on("mpi")  # for MPI
    depends_on("fmt@9:")  # for fmt
    depends_on("zstd")  # for libzstd
    depends_on("lz4")  # for liblz4
    depends_on("xz")  # for liblzma
    depends_on("bzip2")  # for BZip2
    depends_on("libdeflate")  # for libdeflate
    depends_on("isa-l")  # for libisal
    depends_on("xxhash")  # for libxxhash
    depends_on("pcre2+jit")  # for libpcre2-8
    depends_on("highway")  # for libhwy
    depends_on("simdjson@3:")  # for simdjson
    depends_on("hdf5@1.10:~mpi")  # for hdf5
    # Headers only.
    depends_on("tomlplusplus@3:", type="build")
    depends_on("cli11@2:", type="build")
    depends_on("fast-float", type="build")
    depends_on("nlohmann-json", type="build")

    def cmake_args(self):
        args = [self.define("SHARDMILL_TESTS", False), self.define("MPI_C_COMPILER", self.spec["mpi"].mpicc)]
        if "CHART_JS" in os.environ:
            args.append(self.define("CHART_JS", os.environ["CHART_JS"]))
        return args

"""What scripts that judge whole runs share."""
import hashlib, os

# As root and with more ranks than cores, ranks not bound to cores.
MPI_ENV = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1",
               OMPI_MCA_hwloc_base_binding_policy="none")


def digest(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def fingerprint(run_dir):
    """SHA-256 of what has the same bytes in every run, by path: results.json and every output file."""
    paths = [os.path.join(run_dir, "results.json")]
    for folder, _, names in os.walk(os.path.join(run_dir, "output")):
        paths += [os.path.join(folder, name) for name in names]
    return {os.path.relpath(path, run_dir): digest(path) for path in paths}

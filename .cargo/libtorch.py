"""Puts libtorch in place: .cargo/libtorch.py [LINK]

Downloads the pinned wheels with pip, checks them, unpacks the parts that a CPU
build needs into the user's cache folder, and makes LINK (by default the one
that .cargo/config.toml names) point there. Does nothing when all that is done.
The build runs it by itself; running it by hand is the same.

Works with every python3 from 3.6 on, and needs only its standard library.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

# The libtorch that the tch of Cargo.toml needs. To move to another: change tch
# and torch-sys in Cargo.toml, the folder in .cargo/config.toml, this table, and
# libtorch.sums beside it.
VERSION = "2.11.0"

# One row per wheel: requirement, platform tag, SHA-256, and what to keep of it
# (a folder, or a file) and where. The Linux wheel of torch is a CUDA build, so
# even its CPU part loads two small CUDA libraries; no GPU or driver is needed.
WHEELS = [
    (
        "torch==" + VERSION,
        "manylinux_2_28_x86_64",
        "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
        {
            "torch/include/": "include/",
            "torch/lib/libtorch_cpu.so": "lib/libtorch_cpu.so",
            "torch/lib/libc10.so": "lib/libc10.so",
            "torch/lib/libgomp.so.1": "lib/libgomp.so.1",
            "torch-%s.dist-info/licenses/" % VERSION: "licenses/torch/",
        },
    ),
    (
        "nvidia-cuda-runtime==13.0.96",
        "manylinux_2_17_x86_64",
        "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        {
            "nvidia/cu13/lib/libcudart.so.13": "lib/libcudart.so.13",
            "nvidia_cuda_runtime-13.0.96.dist-info/licenses/": "licenses/cuda-runtime/",
        },
    ),
    (
        "nvidia-cuda-cupti==13.0.85",
        "manylinux_2_25_x86_64",
        "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        {
            "nvidia/cu13/lib/libcupti.so.13": "lib/libcupti.so.13",
            "nvidia_cuda_cupti-13.0.85.dist-info/licenses/": "licenses/cuda-cupti/",
        },
    ),
]

# pip holds the large wheel twice for a moment; unpacked, the parts take 500 MB.
BYTES_NEEDED = 1300 * 10**6
MIN_GLIBC = (2, 28)
MIN_PIP = (20, 3)
OWN_LIBTORCH = (
    "Or bring a libtorch %s of your own: set LIBTORCH to its folder, or set "
    "LIBTORCH_USE_PYTORCH=1 where python3 has torch %s." % (VERSION, VERSION)
)


class SetupError(Exception):
    """What went wrong, and how to fix it."""


class Progress:
    """Where progress goes. Cargo swallows what a build script prints, so it
    goes to the terminal itself where there is one, else to stderr."""

    def __init__(self):
        self.stream = sys.stderr
        if not sys.stderr.isatty():
            with contextlib.suppress(OSError):
                self.stream = open("/dev/tty", "w")

    def say(self, text):
        # A leading newline keeps the line clear of cargo's own progress bar.
        lead = "\r\033[K" if self.stream.isatty() else ""
        with contextlib.suppress(OSError):
            self.stream.write("%smetarl: %s\n" % (lead, text))
            self.stream.flush()


def main():
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    link = os.path.join(checkout, ".libtorch", VERSION)
    if len(sys.argv) > 1:
        link = sys.argv[1]
    if os.path.basename(link) != VERSION:
        raise SetupError(
            "the folder %s is not named after libtorch %s. Make .cargo/config.toml "
            "and .cargo/libtorch.py agree." % (link, VERSION)
        )
    if is_complete(link) and not os.path.islink(link):
        return  # A folder that the user put there, instead of our link.
    if os.path.isdir(link) and not os.path.islink(link):
        raise SetupError("%s is a folder without a complete libtorch. Move it away." % link)
    check_platform()
    cache = cache_folder()
    home = os.path.join(cache, "libtorch-%s-cpu" % VERSION)
    if not (is_whole(home) and points_to(link, home)):
        progress = Progress()
        with exclusive(home + ".lock", progress) as lock:
            if not is_whole(home):
                install(home, lock, progress)
            make_link(link, home)


def is_complete(folder):
    """Whether libtorch is all there: build-version is written last."""
    return os.path.exists(os.path.join(folder, "build-version")) and os.path.exists(
        os.path.join(folder, "lib", "libtorch_cpu.so")
    )


def is_whole(home):
    """Whether what was installed is all there, every library with all its bytes.
    `experiments doctor` compares their sums as well, which takes a while."""
    sizes = {file: int(size) for _, size, file in sums()}
    found = {file: size_of(os.path.join(home, file)) for file in sizes}
    return is_complete(home) and found == sizes


def sums():
    """The rows of libtorch.sums: SHA-256, bytes, file."""
    with open(os.path.splitext(os.path.abspath(__file__))[0] + ".sums") as file:
        return [line.split() for line in file if not line.startswith("#")]


def size_of(path):
    with contextlib.suppress(OSError):
        return os.stat(path).st_size
    return None


def points_to(link, target):
    return os.path.islink(link) and os.readlink(link) == target


def check_platform():
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise SetupError(
            "libtorch is fetched by itself on Linux x86_64 only; this is %s %s. %s"
            % (system, machine, OWN_LIBTORCH)
        )
    found = ""
    with contextlib.suppress(OSError, ValueError):
        found = os.confstr("CS_GNU_LIBC_VERSION") or ""
    numbers = re.match(r"glibc (\d+)\.(\d+)", found)
    if not numbers or tuple(map(int, numbers.groups())) < MIN_GLIBC:
        raise SetupError(
            "libtorch needs glibc %d.%d or newer; this system has %s. Use a newer "
            "distribution or a container of one." % (MIN_GLIBC + (found or "another libc",))
        )


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # Unset, or relative, which its standard rules out.
        base = os.path.join(os.path.expanduser("~"), ".cache")
    cache = os.path.join(base, "metarl")
    try:
        os.makedirs(cache, exist_ok=True)
    except OSError as error:
        raise SetupError(
            "the cache folder %s cannot be made: %s. Set XDG_CACHE_HOME to a folder "
            "that you can write to." % (cache, error.strerror)
        )
    return cache


@contextlib.contextmanager
def exclusive(path, progress):
    """Holds a lock against other builds. The kernel drops it with the last
    process that has it open, so a killed build leaves no stale lock."""
    try:
        lock = open(path, "a+")
    except OSError as error:
        raise SetupError(
            "the lock file %s cannot be opened: %s. Make it writable, or set "
            "XDG_CACHE_HOME to another folder." % (path, error.strerror)
        )
    with lock:
        if not try_lock(lock):
            progress.say("waiting for another build that is fetching libtorch")
            fcntl.flock(lock, fcntl.LOCK_EX)
            # torch-sys compiles two files at once: what failed for the first
            # would only make the user wait a second time.
            lock.seek(0)
            failure = lock.read()
            if failure:
                raise SetupError(failure)
        lock.truncate(0)
        try:
            yield lock
        except SetupError as error:
            lock.write(str(error))
            raise


def try_lock(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise SetupError(
            "the file system of %s cannot lock files: %s. Set XDG_CACHE_HOME "
            "to a local folder." % (lock.name, error.strerror)
        )
    return True


def install(home, lock, progress):
    """Builds the folder beside its place, then renames it: it appears whole."""
    partial = home + ".partial"
    for leftover in (partial, home):  # From a killed build, or half deleted.
        if os.path.lexists(leftover):
            shutil.rmtree(leftover)
    free = shutil.disk_usage(os.path.dirname(home)).free
    if free < BYTES_NEEDED:
        raise SetupError(
            "libtorch needs %d MB in %s while it is unpacked, and %d MB are free. Make "
            "room, or set XDG_CACHE_HOME to a folder on another disk."
            % (BYTES_NEEDED // 10**6, os.path.dirname(home), free // 10**6)
        )
    check_pip()
    started = time.time()
    progress.say("fetching libtorch %s into %s (540 MB, once per user)" % (VERSION, home))
    try:
        tree = os.path.join(partial, "tree")
        os.makedirs(os.path.join(tree, "lib"))
        for requirement, tag, sha256, keep in WHEELS:
            wheel = download(requirement, tag, partial, lock, progress)
            verify(wheel, requirement, sha256)
            unpack(wheel, keep, tree)
            os.remove(wheel)
        finish(tree)
        if not is_whole(tree):
            raise SetupError("libtorch.sums is not of libtorch %s; make the two agree." % VERSION)
        # Everything must be on the disk before the name is, or a power cut
        # could leave the final folder with empty files.
        os.sync()
        os.rename(tree, home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress.say("libtorch %s is ready after %d s" % (VERSION, time.time() - started))


def check_pip():
    command = [sys.executable, "-m", "pip", "--version"]
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
    )
    numbers = re.match(r"pip (\d+)\.(\d+)", process.stdout)
    if process.returncode != 0 or not numbers:
        raise SetupError(
            "%s has no pip, which is needed once, to download libtorch (%s). Install it, for "
            "example with 'apt install python3-pip' or '%s -m ensurepip'. %s"
            % (sys.executable, process.stderr.strip(), sys.executable, OWN_LIBTORCH)
        )
    if tuple(map(int, numbers.groups())) < MIN_PIP:
        raise SetupError(
            "pip %s.%s is too old; %d.%d or newer is needed to download libtorch. Update "
            "it with '%s -m pip install --upgrade pip'." % (numbers.groups() + MIN_PIP + (sys.executable,))
        )


def download(requirement, tag, partial, lock, progress):
    """Downloads one wheel into `partial`; returns its path."""
    folder = os.path.join(partial, "wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command += ["download", "--no-cache-dir", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--platform", tag, "--dest", folder, requirement]
    scratch = os.path.join(partial, "tmp")
    os.makedirs(scratch, exist_ok=True)
    # pip inherits the lock: should this process be killed, nobody else starts
    # before that pip is gone. Its scratch files stay in our folder as well.
    process = subprocess.Popen(
        command,
        # No environment of Python is written to, so none has to be active; and
        # what is downloaded is checked below, by a sum of our own.
        env=dict(
            os.environ, TMPDIR=scratch, PIP_REQUIRE_VIRTUALENV="0", PIP_REQUIRE_HASHES="0"
        ),
        stdin=subprocess.DEVNULL,
        stdout=progress.stream,
        stderr=subprocess.PIPE,
        pass_fds=[lock.fileno()],
    )
    try:
        complaints = process.communicate()[1].decode(errors="replace").strip()
    except BaseException:
        process.kill()
        process.wait()
        raise
    wheels = os.listdir(folder) if os.path.isdir(folder) else []
    if process.returncode != 0 or len(wheels) != 1:
        raise SetupError(
            "pip could not download %s:\n%s\nCheck the network (pip heeds HTTPS_PROXY and "
            "its own configuration) and build again. %s"
            % (requirement, complaints or "no message", OWN_LIBTORCH)
        )
    return os.path.join(folder, wheels[0])


def verify(wheel, requirement, sha256):
    digest = hashlib.sha256()
    with open(wheel, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise SetupError(
            "the download of %s has the SHA-256 sum %s instead of %s; it was discarded. A "
            "proxy or a package mirror altered it: build again without it. %s"
            % (requirement, digest.hexdigest(), sha256, OWN_LIBTORCH)
        )


def unpack(wheel, keep, tree):
    with zipfile.ZipFile(wheel) as archive:
        for source, target in keep.items():
            members = [
                info
                for info in archive.infolist()
                if info.filename.startswith(source) and not info.filename.endswith("/")
            ]
            if not members:
                raise SetupError("%s holds no %s" % (os.path.basename(wheel), source))
            for info in members:
                path = os.path.join(tree, target + info.filename[len(source) :])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(info) as inside, open(path, "wb") as outside:
                    shutil.copyfileobj(inside, outside, 1 << 20)
                # Cargo compares this time with that of the last build. A fixed
                # time in the past never makes it rebuild what is up to date.
                os.utime(path, (946684800, 946684800))


def finish(tree):
    # The wheel's own libtorch.so wants the CUDA half; the linker takes this
    # script in its place.
    with open(os.path.join(tree, "lib", "libtorch.so"), "w") as file:
        file.write("INPUT(libtorch_cpu.so libc10.so)\n")
    # torch-sys links -lgomp: let it find the one that libtorch loads.
    os.symlink("libgomp.so.1", os.path.join(tree, "lib", "libgomp.so"))
    with open(os.path.join(tree, "build-version"), "w") as file:
        file.write(VERSION + "\n")


def make_link(link, home):
    os.makedirs(os.path.dirname(link), exist_ok=True)
    fresh = "%s.%d" % (link, os.getpid())
    with contextlib.suppress(FileNotFoundError):
        os.remove(fresh)
    os.symlink(home, fresh)
    os.replace(fresh, link)


def stop(_signal, _frame):
    # Raised as an interrupt, so that what is half-made is removed on the way out.
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        main()
    except SetupError as error:
        sys.exit("metarl: %s" % error)
    except OSError as error:
        sys.exit(
            "metarl: libtorch could not be put in place: %s. Nothing half-made is left; "
            "see to that and build again. %s" % (error, OWN_LIBTORCH)
        )
    except KeyboardInterrupt:
        sys.exit("metarl: interrupted; nothing half-made is left")

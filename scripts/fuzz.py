"""Feed the readers of fixlip with broken input: each must give a result or a FixlipError, soon, in little memory.

    python scripts/fuzz.py --seconds 300                    # each target of `tests/helpers/fuzzing.py`
    python scripts/fuzz.py --target coco --seed 3 --out findings

Anything else is a finding: its input and its traceback are kept under ``--out``, one for each place in the code. With
atheris (``pip install "fixlip[fuzz]"``) the inputs are guided by what code they reach; without it they are random
changes of the same seeds. Each target runs in a process of its own, at most `SECONDS` of processor time and `GIGABYTES`
more of memory for one input. The last hunt of each target is kept in benchmarks/results/fuzz.json; exits with 1 if
there is a finding.

A finding that was mended becomes a file of tests/helpers/findings/TARGET, which tests/robustness/test_fuzz.py tries
ever after.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
MENDED = ROOT / "tests" / "helpers" / "findings"
SECONDS, GIGABYTES, LONGEST = 20, 3, 100_000
sys.path.insert(0, str(ROOT))


class TooLong(BaseException):
    """One input took more than `SECONDS`; no ``except Exception`` hides it."""


class Hunt:
    """One target: runs inputs, keeps findings in `out`, counts.

    Args:
        target: of `tests.helpers.fuzzing.TARGETS`.
        out: folder for findings.
    """

    def __init__(self, target, out):
        self.target, self.out, self.executions, self.findings = target, Path(out), 0, {}
        self.folder = Path(tempfile.mkdtemp(prefix="fixlip-fuzz-"))
        self.told = 0.0

    def __call__(self, data):
        from fixlip.errors import FixlipError

        self.executions += 1
        here = self.folder / "run"
        here.mkdir()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.target.run(data, here)
        except FixlipError as error:
            if len(str(error).splitlines()) > 1:
                self.keep(data, AssertionError(f"more than one line: {error}"))
        except (Exception, TooLong) as error:
            self.keep(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            shutil.rmtree(here)
        if time.monotonic() - self.told > 1:
            self.tell()

    def keep(self, data, error):
        """One finding for each kind of error and place."""
        stack = traceback.extract_tb(error.__traceback__)
        place = next((f for f in reversed(stack) if "/fixlip/" in f.filename or "/tests/" in f.filename), None)
        where = f"{Path(place.filename).name}:{place.name}:{place.lineno}" if place else str(error)[:20]
        about = f"{type(error).__name__} {where}"
        if about in self.findings:
            return
        self.findings[about] = name = sha256(data).hexdigest()[:12]
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / name).write_bytes(data)
        (self.out / f"{name}.txt").write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
        self.tell()

    def tell(self):
        """Write the progress for the process that has started this one."""
        self.told = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        done = {"executions": self.executions, "findings": self.findings}
        (self.out / "done.json").write_text(json.dumps(done))

    def close(self):
        self.tell()
        shutil.rmtree(self.folder, ignore_errors=True)


def too_long(number, frame):
    raise TooLong(f"more than {SECONDS} seconds")


def random_changes(hunt, seed, *, seconds=float("inf"), executions=None):
    """Random changes of the seeds, and of what they became, for so long or so many times.

    Args:
        hunt: a `Hunt`.
        seed: fixes the changes.
        seconds, executions: where to stop, whichever comes first.
    """
    rng, start = Random(seed), time.monotonic()
    seeds = hunt.target.seeds()
    pool = list(seeds)
    while time.monotonic() - start < seconds and (executions is None or hunt.executions < executions):
        data = hunt.target.mutate(rng.choice(pool), rng)[:LONGEST]
        hunt(data)
        if rng.random() < 0.1:  # changes add up
            pool = [*seeds, *pool[len(seeds) :], data][: len(seeds) + 20] if rng.random() < 0.8 else list(seeds)


def guided(hunt, seed, seconds, corpus):
    """The same by atheris; does not come back."""
    import atheris

    corpus.mkdir(parents=True, exist_ok=True)
    for data in hunt.target.seeds():
        (corpus / sha256(data).hexdigest()[:12]).write_bytes(data)

    def mutate(data, most, number):
        try:
            return hunt.target.mutate(bytes(data), Random(number))[:most]
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            return hunt.target.mutate(Random(number).choice(hunt.target.seeds()), Random(number))[:most]

    options = [f"-max_total_time={seconds}", f"-seed={seed + 1}", f"-max_len={LONGEST}", "-timeout=90"]
    options += ["-rss_limit_mb=8000", "-verbosity=0", f"-artifact_prefix={hunt.out}/died-"]
    hunt.out.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], str(corpus), *options], hunt, custom_mutator=mutate)
    atheris.Fuzz()


def child(name, seconds, seed, out):
    """Hunt in this process."""
    signal.signal(signal.SIGPROF, too_long)
    by_atheris = find_spec("atheris") is not None
    if by_atheris:
        import atheris

        with atheris.instrument_imports(include=["fixlip"]):
            from tests.helpers.fuzzing import TARGETS
    else:
        from tests.helpers.fuzzing import TARGETS
    hunt = Hunt(TARGETS[name], out)
    for data in hunt.target.seeds():
        hunt(data)  # imports what is imported late
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (GIGABYTES << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if by_atheris:
        guided(hunt, seed, seconds, hunt.folder / "corpus")
    random_changes(hunt, seed, seconds=seconds)
    hunt.close()


def run(name, seconds, seed, out):
    """Hunt in another process, so that one that dies or hangs is a finding too."""
    out = Path(out) / name
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, __file__, "--child", "--target", name]
    command += ["--seconds", str(seconds), "--seed", str(seed), "--out", str(out)]
    start = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TMPDIR": tempfile.mkdtemp()}
    try:
        process = subprocess.run(command, env=environment, capture_output=True, timeout=seconds + 300)
        died = process.returncode and process.stderr.decode("utf-8", "replace")[-1000:]
    except subprocess.TimeoutExpired:
        died = "it never came back"
    shutil.rmtree(environment["TMPDIR"], ignore_errors=True)
    done = {"executions": 0, "findings": {}}
    if (out / "done.json").exists():
        done = json.loads((out / "done.json").read_text())
    if died:
        done["findings"]["the process died"] = died
        out.mkdir(parents=True, exist_ok=True)
        (out / "died.txt").write_text(died)
    mended = len(list((MENDED / name).glob("*"))) if (MENDED / name).is_dir() else 0
    return {
        "target": name,
        "executions": done["executions"],
        "seconds": round(time.monotonic() - start),
        "findings": done["findings"],
        "mended": mended,
    }


def main():
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--seconds", type=int, default=60, help="for each target")
    about.add_argument("--target", action="append", help="one of tests/helpers/fuzzing.py; all when left out")
    about.add_argument("--seed", type=int, default=0)
    about.add_argument("--out", type=Path, default=ROOT / "runs" / "fuzz", help="folder for findings")
    about.add_argument("--results", type=Path, default=RESULTS, help="where each target's last hunt is written")
    about.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = about.parse_args()
    if given.child:
        child(given.target[0], given.seconds, given.seed, given.out)
        return
    from tests.helpers.fuzzing import TARGETS

    document = json.loads(given.results.read_text()) if given.results.exists() else {}
    found = {one["target"]: one for one in document.get("targets", [])}
    for name in given.target or TARGETS:
        found[name] = run(name, given.seconds, given.seed, given.out.resolve())
        print(*(f"{key} {value}" for key, value in found[name].items()), sep=", ", flush=True)
        engine = "atheris" if find_spec("atheris") else "random changes"
        kept = [found[name] for name in TARGETS if name in found]
        document = {"engine": engine, "python": platform.python_version(), "seed": given.seed, "targets": kept}
        given.results.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.exit(any(one["findings"] for one in found.values()))


if __name__ == "__main__":
    main()

"""Makes a small virtual environment in which transformers runs PyTorch on the CPU.

    python3 tools/parity/cpu_environment.py DIRECTORY

PyPI's PyTorch for Linux links 3 GB of CUDA libraries that a CPU never calls.
This installs PyTorch and transformers without them (1.4 GB in place of 5.6) and
satisfies the loader with one library of functions that do nothing but return an
error code; the CUDA runtime itself, a few MB, is the real one and reports that
there is no device. For checks only: never train or measure in such an environment.
It needs a C compiler, nm and readelf, and refuses a directory that exists.
"""

import argparse
import re
import subprocess
import sys
import sysconfig
import venv
from collections import defaultdict
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"
# The pure Python that torch imports, and the runtime that it was built for.
TORCH_NEEDS = ["filelock", "fsspec", "jinja2", "networkx", "setuptools>=77.0.3", "sympy", "typing_extensions"]
CUDA_RUNTIME = "nvidia-cuda-runtime==13.2.86"
CUDA_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
CUDA_SYMBOL = re.compile(r"(cu|nv|nccl)")
ABSENT = "libcuda_absent.so"
# cudaErrorNoDevice; the other libraries count any number but 0 as a failure.
NO_DEVICE = 100


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def pinned(package):
    """`package==version` as requirements.txt has it."""
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(package + "=="):
            return line
    raise SystemExit(f"{REQUIREMENTS} does not pin {package}")


def install(python):
    """Installs torch last and alone, so that pip neither fetches nor complains about what it lacks."""
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, *TORCH_NEEDS, *map(pinned, ("numpy", "safetensors", "transformers"))], check=True)
    subprocess.run([*pip, "--no-deps", pinned("torch"), CUDA_RUNTIME], check=True)


def missing_libraries(libraries, site):
    """The CUDA libraries that `libraries` link and the environment lacks."""
    needed = set()
    for path in libraries:
        needed |= set(re.findall(r"NEEDED.*\[(.+)\]", output("readelf", "-d", path)))
    present = {path.name for path in site.rglob("*.so*")}
    return sorted(name for name in needed - present if CUDA_LIBRARY.match(name))


def undefined_symbols(libraries):
    """`{version: {symbol}}` of what `libraries` expect from others and none of them defines."""
    wanted, defined = defaultdict(set), set()
    for path in libraries:
        for line in output("nm", "--dynamic", "--with-symbol-versions", path).splitlines():
            name, _, tag = line.split()[-1].partition("@")
            if line.split()[-2] == "U":
                wanted[tag.lstrip("@")].add(name)
            else:
                defined.add(name)
    return {tag: names - defined for tag, names in wanted.items()}


def build_absent(folder, wanted, missing):
    """One library that defines every wanted CUDA symbol under its version, known by every missing name."""
    versioned = {tag: names for tag, names in wanted.items() if tag in missing or tag == "NVSHMEM"}
    plain = {name for name in wanted.get("", ()) if CUDA_SYMBOL.match(name)}
    names = sorted(plain.union(*versioned.values()))
    source, script = folder / "absent.c", folder / "absent.map"
    source.write_text("".join(f"int {name}(void) {{ return {NO_DEVICE}; }}\n" for name in names), encoding="ascii")
    script.write_text(
        "".join(f"{tag} {{ global: {'; '.join(sorted(each))}; }};\n" for tag, each in versioned.items()),
        encoding="ascii",
    )
    options = ["-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,--version-script={script}"]
    subprocess.run(["cc", *options, source, "-o", folder / ABSENT], check=True)
    for name in missing:
        (folder / name).symlink_to(ABSENT)
    source.unlink()
    script.unlink()


def main():
    parser = argparse.ArgumentParser(description="Make a small CPU environment with transformers.")
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    if directory.exists():
        raise SystemExit(f"{directory} exists: name another directory, or delete it to make it again")
    if sys.platform != "linux":
        raise SystemExit("only PyPI's PyTorch for Linux needs this: elsewhere pip install -r tools/requirements.txt")
    venv.create(directory, with_pip=True)
    python = directory / "bin/python"
    install(python)
    site = Path(sysconfig.get_path("purelib", vars={"base": directory.absolute()}))
    folder = site / "torch/lib"
    libraries = sorted(folder.glob("*.so*"))
    build_absent(folder, undefined_symbols(libraries), missing_libraries(libraries, site))
    print(output(python, "-c", "import torch; print('torch', torch.__version__, 'without CUDA')"), end="")


if __name__ == "__main__":
    main()

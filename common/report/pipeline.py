"""The numbered scripts as a whole: what each of them declares, and the page that shows all of them.

Every script hands `PIPELINE` to `run_stage`.
"""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from common.report.overview import update_overview
from common.stages import presets
from common.stages.run import PROGRAM
from common.stages.stage import Pipeline


class DeclaredStages(Mapping[str, Mapping[str, Any]]):
    """Built-in presets of each stage, by its subject; a script is executed when its presets are first asked for."""

    def __init__(self) -> None:
        self._scripts = {presets.subject(path.stem): path for path in sorted(PROGRAM.glob("[0-9][0-9]_*.py"))}
        self._found: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, subject: str) -> Mapping[str, Any]:
        """Return the presets of a stage."""
        if subject not in self._found:
            script = self._scripts[subject]
            specification = importlib.util.spec_from_file_location(f"stage_{script.stem}", script)
            module = importlib.util.module_from_spec(specification)
            sys.modules.setdefault(specification.name, module)  # `typing` looks names up there
            specification.loader.exec_module(module)
            self._found[subject] = module.PRESETS
        return self._found[subject]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the subjects, in order of the stages."""
        return iter(self._scripts)

    def __len__(self) -> int:
        """Return the number of stages."""
        return len(self._scripts)

    def __reduce__(self) -> str:
        """Pickle by name: another process, such as a worker of a cluster, executes the scripts that it has."""
        return "DECLARED"


DECLARED = DeclaredStages()
PIPELINE = Pipeline(DECLARED, update_overview)

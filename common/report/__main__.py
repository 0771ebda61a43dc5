"""Write the results page anew and print the results table: `python -m common.report`."""

import os
import sys
from pathlib import Path

from common import stages

folder = Path(os.environ.get("OUTPUTS_DIR") or "outputs")
folder.mkdir(parents=True, exist_ok=True)
stages.write_overview(folder)
sys.stdout.write((folder / "results.md").read_text())

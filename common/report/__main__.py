"""Write the results page anew and print the results table: `python -m common.report`."""

import os
import sys
from pathlib import Path

from common.report import write

folder = Path(os.environ.get("OUTPUTS_DIR") or "outputs")
write(folder)
sys.stdout.write((folder / "results.md").read_text())

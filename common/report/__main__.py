"""Write the results page anew and print the results table: `python -m common.report`."""

import sys

from common.report import overview
from common.report.metrics import write_metrics
from common.running import console
from common.stages.run import outputs_folder

outputs = outputs_folder()
try:
    outputs.mkdir(parents=True, exist_ok=True)
    write_metrics(outputs)
    overview.write(outputs)
except OSError as error:
    console.error(
        f"report: {error.strerror or error} ({error.filename or outputs}); the results page is not up to date"
    )
    sys.exit(1)
sys.stdout.write((outputs / "results.md").read_text(encoding="utf-8"))

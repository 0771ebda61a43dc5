"""The results page, `outputs/index.html`, and the results table as Markdown and CSV, from what lies in `outputs/`.

`page` reads what there is; `sections` lists what the page shows, in order, and which module and template of
`templates/sections/` each part comes from; `writing` writes the files. A section is added by a line in `sections`, a
function that returns what it shows, and a template.
"""

from common.report.writing import write as write

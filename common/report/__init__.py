"""The results page, `outputs/index.html`, and the results table as Markdown and CSV, from the files in `outputs/`.

`metrics` merges the measurements of the stages; `page` reads all files; `sections` lists what the page shows, in
order, and which module and template of `templates/sections/` each part comes from; `writing` writes the files. A
section is added by a line in `sections`, a function that returns what it shows, and a template.

In: `run.json` of each stage and their files. Out: `metrics.json`, `index.html`, `results.md`, `results.csv`.
Open `overview` first.
"""

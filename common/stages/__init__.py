"""The life of a stage: its configuration and preset, the artifacts that it reads and writes, and the record of its run.

In: what a numbered script declares (`stage.Stage`). Out: its folder of `outputs/`, replaced as a whole.
Open `stage` first, then `run` for what a script is handed, and `artifacts` for how stale and damaged files are noticed.
"""

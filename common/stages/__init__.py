"""Stages: their configuration and presets, the artifacts that they read and write, and the record of a run.

In: the declaration of a numbered script (`stage.Stage`). Out: its folder of `outputs/`, replaced as a whole.
Open `stage` first, then `run`, which a script works with, and `artifacts`, which detects stale and damaged files.
"""

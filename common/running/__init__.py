"""Execution: child processes with logs, worker pools, threads, terminal output, and tools installed by pip.

In: commands and functions. Out: their results, or an error that names the log. Nothing here depends on stages.
Open `processes` first: it runs every external tool.
"""

"""Running things: child processes with logs, worker pools, threads, the terminal, tools that pip brings.

In: commands and functions. Out: their results, or an error that names the log. Nothing here knows of stages.
Open `processes` first: every outside tool runs through it.
"""

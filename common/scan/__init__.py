"""Scan of the design space: points are proposed, computed on a Dask cluster, stored and ranked.

In: a space file, images. Out: a folder per point, tables of all points and of the finalists.
Open `spaces` first, then `scheduling`.
"""

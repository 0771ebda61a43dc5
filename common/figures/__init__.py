"""Figures in one style: one function per figure, which returns it with title, caption and data.

In: arrays and rows of `metrics.json`. Out: PNG, SVG and the data as CSV (`style.save`).
Open `style` first. `of_variants`, `of_synthesis` and `of_scan` draw all figures of a stage.
"""

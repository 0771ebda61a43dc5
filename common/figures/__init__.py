"""Figures: one function each, data in, a captioned figure out, in one style.

In: arrays and rows of `metrics.json`. Out: PNG, SVG and the data as CSV (`style.save`).
Open `style` first. `of_variants`, `of_synthesis` and `of_scan` draw all figures of a stage.
"""

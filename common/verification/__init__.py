"""Verification of RTL and netlists: simulation over all test images, or proof of equality for every input.

In: Yosys's JSON of a design, and its pipeline registers. Out: how many values differ, and the first of them.
Open `by_simulation` first; `equivalence` is the proof.
"""

"""High-level synthesis: hls4ml projects, C simulation, test bench, and the tools and reports of Vivado and Vitis.

In: a cut of a Keras model. Out: a project with golden outputs, and the first mismatch of Keras and C++.
Open `conversion` first.
"""

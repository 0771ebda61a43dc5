"""High-level synthesis: hls4ml projects, their C simulation and test bench, the tools and reports of Vivado and Vitis.

In: a cut of a Keras model. Out: a project with golden outputs, and where Keras and C++ first differ.
Open `conversion` first.
"""

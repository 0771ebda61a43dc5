"""Logic synthesis for Xilinx, and the build of all designs: tracing, RTL, simulations, netlists, HLS tool.

In: the folders of stage 05. Out: a `reports.DesignReport` for each design.
Open `building` first: it lists the steps of a design.
"""

"""Lattice ECP5: logic synthesis, and place and route with nextpnr, the only open flow here with timing.

In: a design of `synthesis.building`. Out: Fmax, critical path, cells, exactness of the routed netlist.
Open `flow` first.
"""

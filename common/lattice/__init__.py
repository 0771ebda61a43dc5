"""The Lattice ECP5: synthesis, and place and route with nextpnr, the only open flow here that knows a clock.

In: a design of `synthesis.building`. Out: its findings: Fmax, critical path, cells, exactness of the routed netlist.
Open `flow` first.
"""

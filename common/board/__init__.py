"""A board: the top level with its serial port, simulated bit by bit, routed to the pins, and the host program.

In: a design of `synthesis.building`. Out: `design.bit`, and how many values differ at the end of the serial line.
Open `on_board` first. A board is a line in `boards` and files in `hardware/`.
"""

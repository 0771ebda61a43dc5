"""Design on a board: top level with serial port, its simulation bit by bit, routing to the pins, host program.

In: a design of `synthesis.building`. Out: `design.bit`, and how many values differ over the serial line.
Open `on_board` first. A board is a line in `boards` and files in `hardware/`.
"""

"""Register-transfer level: alkaid traces a converted model to adders and tables, and writes Verilog or VHDL.

In: an hls4ml model and its golden outputs. Out: a `verified_trace`, and RTL of initiation interval 1.
Open `tracing` first, then `pipeline`.
"""

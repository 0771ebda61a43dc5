"""Register-transfer level: a converted model, traced by alkaid to adders and tables, as a pipeline in Verilog or VHDL.

In: an hls4ml model and its golden outputs. Out: a `verified_trace`, and RTL of initiation interval 1.
Open `tracing` first, then `pipeline`.
"""

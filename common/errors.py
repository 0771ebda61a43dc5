"""Errors for the user: one line that names the fault, the file and the remedy."""


class PipelineError(Exception):
    """A fault of input, configuration or environment. The stage prints its message and exits with status 1."""


class ToolError(PipelineError):
    """An external tool (g++, Yosys, Vivado HLS, ...) is missing, failed, or ran out of time."""

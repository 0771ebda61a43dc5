"""The errors a user is meant to read: one line that says what is wrong, with which file, and what to do next."""


class PipelineError(Exception):
    """A fault of input, configuration or surroundings. The stage prints its message and exits with status 1."""


class ToolError(PipelineError):
    """An external tool (g++, Yosys, Vivado HLS, ...) is missing, failed, or ran out of time."""

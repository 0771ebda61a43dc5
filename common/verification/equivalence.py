"""Proof that a synthesized netlist equals the RTL for every possible input, one pipeline stage at a time.

Registers keep their names in the netlist, so each stage is combinational logic between two registers of both sides. It
is enough to show for each stage that equal bits in the register before give equal bits in the register after it; by
induction, the outputs are equal. For each bit of the register after, an XOR (miter) joins RTL and netlist, and ABC
shows that it is 0 for all contents of the register before, reachable or not:

A. Mishchenko, S. Chatterjee, R. Jiang, R. Brayton, 'FRAIGs: A unifying representation for logic synthesis and
verification', ERL technical report, UC Berkeley, 2005.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError, ToolError
from common.rtl.pipeline import INPUT_PORT, INPUT_REGISTER, TOP, PipelineRegister
from common.verification import abc
from common.verification.netlists import Node, load_netlist

# Merges equal nodes, and writes what is left of each XOR.
_MERGE = """
read_blif miter.blif
strash
&get -n
&fraig -y -C 100000
&put
write_blif left.blif
"""
# Finds an input for which one of them is 1.
_REFUTE = """
read_blif left.blif
strash
orpos
sat
write_cex -n counterexample.txt
"""


@dataclass(frozen=True)
class Proof:
    """Result of the proof for each pipeline stage of a netlist.

    Attributes:
        proven: Registers at the end of a proven stage: equal on both sides whenever the register before is.
        refuted: Registers at the end of a refuted stage, each with a counterexample in words.
        unproven: Registers at the end of any other stage, each with the reason.
    """

    proven: tuple[str, ...]
    refuted: dict[str, str]
    unproven: dict[str, str]

    @property
    def stages(self) -> int:
        """Total number of stages."""
        return len(self.proven) + len(self.refuted) + len(self.unproven)

    @property
    def counts(self) -> dict[str, int]:
        """Counts for the netlist's row of `metrics.json`."""
        return {"stages": self.stages, "stages_proven": len(self.proven)}


class UnprovenError(Exception):
    """A stage that could be neither proven nor refuted."""


class _Side:
    """One of the two designs: the driver of each net, and the nets of each register."""

    def __init__(self, path: Path, prefix: str, registers: Sequence[str]) -> None:
        netlist = load_netlist(path, TOP, probes=registers)
        self.prefix = prefix
        self.node_of = {node.output: node for node in netlist.nodes}
        self.bits = {INPUT_PORT: dict(enumerate(netlist.inputs[INPUT_PORT])), **netlist.probes}

    def next_value(self, register: str, bit: int) -> Node | int:
        """Return the next value of a register bit: a function of nets, or a constant."""
        net = self.bits[register][bit]
        if net in (0, 1):
            return net
        node = self.node_of[net]
        if node.initial is None:
            raise UnprovenError(f"bit {bit} of {register} is not driven by a register")
        return node

    def cone(self, roots: Sequence[Node], known: dict[int, str]) -> list[Node]:
        """Return the logic between known nets and the inputs of `roots`, each node after its inputs."""
        ordered: dict[int, Node] = {}
        waiting = [net for root in roots for net in root.inputs]
        while waiting:
            net = waiting[-1]
            if net in known or net in ordered:
                waiting.pop()
                continue
            node = self.node_of.get(net)
            if node is None or node.initial is not None:
                raise UnprovenError("the logic has inputs other than the register before")
            missing = [source for source in node.inputs if source not in known and source not in ordered]
            if missing:
                waiting += missing
            else:
                ordered[net] = node
                waiting.pop()
        return list(ordered.values())


def prove(
    rtl: Path,
    netlist: Path,
    registers: dict[str, PipelineRegister],
    timeout_seconds: float,
    on_stage: Callable[[str], None],
) -> Proof:
    """Return which stages of a netlist are proven equal to the RTL.

    Args:
        rtl: RTL as gates, Yosys's JSON.
        netlist: Synthesized netlist, Yosys's JSON. ABC works in folders next to it; only the logs of unproven stages
            are kept.
        registers: Pipeline registers after the input register, in order.
        timeout_seconds: Wall time for each stage [s].
        on_stage: Called with the register at the end of each stage.
    """
    names = [INPUT_REGISTER, *registers]
    sides = _Side(rtl, "r", names), _Side(netlist, "n", names)
    proven, refuted, unproven = [], {}, {}
    for before, name in zip([INPUT_PORT, *names], names, strict=False):
        on_stage(name)
        folder = netlist.with_suffix(f".proof_{name}")
        try:
            example = _refute(*sides, before, name, registers.get(name), folder, timeout_seconds)
        except (UnprovenError, ToolError) as reason:
            unproven[name] = str(reason)
            for path in [path for path in folder.glob("*") if path.suffix != ".log"]:
                path.unlink()
            continue
        shutil.rmtree(folder)
        if example is None:
            proven.append(name)
        else:
            refuted[name] = example
    return Proof(tuple(proven), refuted, unproven)


def _refute(
    rtl: _Side,
    netlist: _Side,
    before: str,
    name: str,
    register: PipelineRegister | None,
    folder: Path,
    timeout_seconds: float,
) -> str | None:
    """Return a counterexample for a stage, in words, or None if ABC proves that there is none.

    Raises:
        UnprovenError: ABC found neither.
        ToolError: ABC ran out of time.
    """
    for side, words in ((rtl, "RTL"), (netlist, "netlist")):
        if not {before, name} <= side.bits.keys():
            raise UnprovenError(f"the {words} has no register {name if before in side.bits else before}")
    known = _shared_nets(rtl.bits[before], netlist.bits[before])
    bits = sorted(rtl.bits[name].keys() & netlist.bits[name].keys())  # bits missing on one side are unused
    folder.mkdir()
    (folder / "miter.blif").write_text("\n".join(_miter(rtl, netlist, name, bits, known)), encoding="utf-8")
    abc.run(_MERGE, folder, timeout_seconds)
    if _constant_zeros(folder / "left.blif").issuperset(f"x{bit}" for bit in bits):
        return None
    try:
        abc.run(_REFUTE, folder, timeout_seconds)
    except ToolError:
        raise UnprovenError("neither a proof nor a counterexample was found") from None
    inputs = dict(line.split("=") for line in (folder / "counterexample.txt").read_text(encoding="utf-8").split())
    return _explain(rtl, netlist, name, register, bits, known, {net: int(bit) for net, bit in inputs.items()})


def _shared_nets(rtl: dict[int, int], netlist: dict[int, int]) -> tuple[dict[int, str], dict[int, str]]:
    """Return common names for the nets of a register in RTL and netlist.

    Bits that the netlist optimized away are free in the RTL. Bits that it merged or made constant are so in the
    RTL too, by the proof of the stage before.
    """
    of_netlist = {0: "zero", 1: "one"} | {net: f"i{net}" for net in netlist.values() if net > 1}
    of_rtl = {0: "zero", 1: "one"}
    for bit, net in rtl.items():
        name = of_netlist[netlist[bit]] if bit in netlist else f"free{bit}"
        if of_rtl.setdefault(net, name) != name:
            raise UnprovenError("the RTL has merged bits of a register")
    return of_rtl, of_netlist


def _miter(
    rtl: _Side, netlist: _Side, name: str, bits: Sequence[int], known: tuple[dict[int, str], dict[int, str]]
) -> Iterator[str]:
    """Yield the lines of a miter in Berkeley Logic Interchange Format, with an output `x...` per register bit."""
    inputs = sorted({net for side in known for net in side.values()} - {"zero", "one"})
    yield ".model miter"
    yield ".inputs " + " ".join(inputs)
    yield ".outputs " + " ".join(f"x{bit}" for bit in bits)
    yield ".names zero"
    yield ".names one\n1"
    for side, names in zip((rtl, netlist), known, strict=True):
        following = {bit: side.next_value(name, bit) for bit in bits}
        roots = {bit: node for bit, node in following.items() if isinstance(node, Node)}
        for node in side.cone(list(roots.values()), names):
            yield from _names(node, f"{side.prefix}{node.output}", side.prefix, names)
        for bit, node in following.items():
            constant = Node(0, (), int(node)) if bit not in roots else node
            yield from _names(constant, f"{side.prefix}next{bit}", side.prefix, names)
    for bit in bits:
        yield f".names rnext{bit} nnext{bit} x{bit}\n01 1\n10 1"
    yield ".end\n"


def _names(node: Node, output: str, prefix: str, known: dict[int, str]) -> Iterator[str]:
    inputs = [known.get(net, f"{prefix}{net}") for net in node.inputs if node.table]  # ABC fails on 0 with inputs
    yield " ".join([".names", *inputs, output])
    for row in range(1 << len(inputs)):
        if node.table >> row & 1:
            yield " ".join(["".join(str(row >> position & 1) for position in range(len(inputs))), "1"]).strip()


def _constant_zeros(blif: Path) -> set[str]:
    """Return the nets that are always 0: without inputs, and without a row that gives 1."""
    zeros: set[str] = set()
    name = None
    for line in blif.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        words = line.split()
        if words[:1] == [".names"]:
            name = words[1] if len(words) == 2 else None
            zeros |= {name} if name else set()
        elif words == ["1"] and name:
            zeros.discard(name)
    return zeros


def _explain(
    rtl: _Side,
    netlist: _Side,
    name: str,
    register: PipelineRegister | None,
    bits: Sequence[int],
    known: tuple[dict[int, str], dict[int, str]],
    inputs: dict[str, int],
) -> str:
    """Describe the first word of a register that differs for these inputs, with its values on both sides.

    Raises:
        PipelineError: No word differs: the counterexample is wrong.
    """
    values = []
    for side, names in zip((rtl, netlist), known, strict=True):
        following = {bit: side.next_value(name, bit) for bit in bits}
        nets = {net: inputs.get(symbol, int(symbol == "one")) for net, symbol in names.items()}
        roots = [node for node in following.values() if isinstance(node, Node)]
        for node in side.cone(roots, names):
            nets[node.output] = _evaluate(node, nets)
        values.append({bit: _evaluate(x, nets) if isinstance(x, Node) else x for bit, x in following.items()})
    of_rtl, of_netlist = values
    differing = [bit for bit in bits if of_rtl[bit] != of_netlist[bit]]
    if not differing:
        raise PipelineError(f"both sides agree on ABC's counterexample for register {name}")
    if register is None:
        return (
            f"bit {differing[0]} of register {name} is {of_rtl[differing[0]]} in RTL, {of_netlist[differing[0]]} found"
        )
    word = register.word_of_bit(differing[0])
    both = np.zeros((2, sum(register.widths)), np.uint8)
    for row, side in zip(both, values, strict=True):
        row[list(side)] = list(side.values())
    expected, found = register.to_values(both)[:, word]
    kind = register.types[word].layout
    return (
        f"differs in layer {register.layers[word]}, word {word} of register {name}: for some contents of the register "
        f"before, {float(expected)!r} expected as {kind}, {float(found)!r} found as {kind}"
    )


def _evaluate(node: Node, nets: dict[int, int]) -> int:
    return node.table >> sum(nets[net] << position for position, net in enumerate(node.inputs)) & 1

"""Optimization of sums for adders of three terms, which cost no more LUTs than adders of two.

alkaid finds partial sums that several neurons share, and builds everything from adders of two terms. With adders of
three terms, fewer partial sums are worth an adder of their own. Those that are not are copied into their readers; then
each sum becomes a tree of ternary adders. No value changes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from math import inf

from alkaid.trace.passes import add_surrogate, dead_code_elimin
from alkaid.types import CombLogic, Op, QInterval

from common.rtl.ternary_adders import EITHER_SIGN, Span, Term, add_up, adder_luts, constant

NEGATE, ADD, SUBTRACT, QUANTIZE, ADD_CONSTANT, CONSTANT, ADD_THREE = -2, 0, 1, 3, 4, 5, 11  # alkaid's opcodes
FEW = 3  # longest sum that may be copied although several sums read it [terms]
UNIT = 64  # values are integers in units of 2^-64 here
QUICK = 3  # window of `add_up` for cost estimates: a seventh of the time, 0.5 % more LUTs

Summands = Counter[tuple[int, int]]
"""How often operation x 2^exponent is added, by (operation, exponent); negative if it is subtracted."""


def rebuild(logic: CombLogic) -> CombLogic:
    """Return logic with the same outputs and fewer LUTs.

    `cost` is carried along: the adders of a sum get the least cost of its additions.
    """
    sums = _Sums(logic)
    sums.copy_where_cheaper()
    return dead_code_elimin(_Writer(sums).write(), keep_dead_inputs=True)


def with_estimates(logic: CombLogic) -> CombLogic:
    """Return the logic with alkaid's latencies and costs; adders cost the LUTs of `slice_adders.py`."""
    estimated = add_surrogate(logic)
    operations = [
        operation._replace(cost=float(_adder_cost(operation, estimated.ops)))
        if operation.opcode in (NEGATE, ADD, SUBTRACT, ADD_CONSTANT, ADD_THREE)
        else operation
        for operation in estimated.ops
    ]
    return estimated._replace(ops=operations)


def _adder_cost(operation: Op, operations: list[Op]) -> int:
    spans = []
    for source, sign, exponent in _summands(operation):
        summand = _operand(operations[source], sign, exponent)
        spans.append(summand.span)
    if operation.opcode == ADD_CONSTANT:
        summand = constant(operation.data[0] << UNIT - operation.data[1])
        spans.append(Span(summand.low, summand.high, False, summand.smallest < 0))
    return adder_luts(tuple(sorted(spans)), _operand(operation, 1, 0).high)


def _summands(operation: Op) -> Iterator[tuple[int, int, int]]:
    """Yield (operation, sign, exponent) of each summand, except the constant of ADD_CONSTANT."""
    match operation.opcode:
        case 0 | 1:
            yield operation.addr[0], 1, 0
            yield operation.addr[1], 1 - 2 * operation.opcode, operation.data[0]
        case -2 | 4:
            yield operation.addr[0], 1 if operation.opcode == ADD_CONSTANT else -1, 0
        case 11:
            for source, positive, exponent in zip(
                operation.addr, operation.data[::2], operation.data[1::2], strict=True
            ):
                yield source, 1 if positive else -1, exponent


def _scaled(value: float, exponent: int = 0) -> int:
    return int(value * 2.0 ** (UNIT + exponent))


@cache
def _operand(operation: Op, sign: int, exponent: int, source: int = 0) -> Term:
    """Return sign x operation x 2^exponent as a term; the same object each time, so that `add` can cache it."""
    smallest, largest, step = operation.qint
    low = _scaled(step, exponent).bit_length() - 1
    smallest, largest = _scaled(smallest, exponent), _scaled(largest, exponent)
    return Term(sign, smallest, largest, low, operation.latency, (source, exponent))


class _Sums:
    """Additions of some logic, merged to sums of many terms.

    Attributes:
        logic: The logic.
        summands: Summands of each sum, by operation.
        constants: Constant summand of each sum, by operation.
        costs: Least cost of the additions of each sum, by operation.
        needed: Sums that something other than a sum reads.
    """

    def __init__(self, logic: CombLogic) -> None:
        self.logic = logic
        self.summands: dict[int, Summands] = {}
        self.constants: dict[int, int] = {}
        self.costs = [operation.cost for operation in logic.ops]
        self._readers: dict[int, set[int]] = defaultdict(set)
        self._known_luts: dict[object, float] = {}
        self.linear = linear = {
            index for index, operation in enumerate(logic.ops) if operation.opcode in (NEGATE, ADD, SUBTRACT, 4)
        }
        self.needed = linear & {
            *logic.out_idxs,
            *(source for index, operation in enumerate(logic.ops) if index not in linear for source in operation.addr),
        }
        for index in sorted(linear):
            self._set(index, *self._read(logic.ops[index]))
        for index in sorted(linear - self.needed):
            if len(self._readers[index]) == 1 or len(self.summands[index]) == 1:
                self._copy(index, self._copied(index))

    def _read(self, operation: Op) -> tuple[Summands, int]:
        summands, added = Counter(), 0
        for source, sign, exponent in _summands(operation):
            if self.logic.ops[source].opcode == CONSTANT:
                added += sign * _scaled(self.logic.ops[source].qint.min, exponent)
            else:
                summands[source, exponent] += sign
        if operation.opcode == ADD_CONSTANT:
            added += _scaled(operation.data[0], -operation.data[1])
        return _carried(summands), added

    def terms(self, summands: Summands, added: int) -> list[Term]:
        """Return the terms of a sum."""
        operations = self.logic.ops
        terms = [_operand(operations[source], sign, exponent, source) for (source, exponent), sign in summands.items()]
        return [*terms, constant(added)] if added else terms

    def signs(self, index: int) -> tuple[int, ...]:
        """Return the signs that a sum may be built with."""
        return (1,) if index in self.needed else EITHER_SIGN

    def _set(self, index: int, summands: Summands, added: int) -> None:
        for source, _ in self.summands.get(index, ()):
            self._readers[source].discard(index)
        for source, _ in summands:
            self._readers[source].add(index)
        self.summands[index], self.constants[index] = summands, added

    def _luts(self, index: int, summands: Summands, added: int) -> float:
        signs = self.signs(index)
        key = frozenset(summands.items()), added, signs
        if key not in self._known_luts:
            terms = self.terms(summands, added)
            self._known_luts[key] = add_up(terms, signs, QUICK)[0] if terms else 0
        return self._known_luts[key]

    def _copied(self, index: int) -> dict[int, tuple[Summands, int]]:
        """Return the readers of a sum, with its summands instead of the sum."""
        copies = {}
        for reader in sorted(self._readers[index]):
            summands, added = Counter(self.summands[reader]), self.constants[reader]
            for (source, exponent), sign in self.summands[reader].items():
                if source == index:
                    del summands[source, exponent]
                    for (inner, shift), inner_sign in self.summands[index].items():
                        summands[inner, shift + exponent] += sign * inner_sign
                    added += sign * int(self.constants[index] * 2.0**exponent)
            copies[reader] = _carried(summands), added
        return copies

    def copy_where_cheaper(self) -> None:
        """Copy sums into their readers until no copy saves a LUT.

        Long sums are copied only if a single sum reads them; several readers would need as many adders each.
        """
        changed = True
        while changed:
            changed = False
            for index in sorted(self.summands.keys() - self.needed):
                few, alone = len(self.summands[index]) <= FEW, len(self._readers[index]) < 2
                if not (few or alone):
                    continue
                copies = self._copied(index)
                if not few or self._is_cheaper(index, copies):
                    self._copy(index, copies)
                    changed = True

    def _is_cheaper(self, index: int, copies: Mapping[int, tuple[Summands, int]]) -> bool:
        before = [index, *copies]
        luts = sum(self._luts(each, self.summands[each], self.constants[each]) for each in before)
        return sum(self._luts(reader, *copy) for reader, copy in copies.items()) <= luts

    def _copy(self, index: int, copies: Mapping[int, tuple[Summands, int]]) -> None:
        for reader, copy in copies.items():
            self._set(reader, *copy)
            self.costs[reader] = min(self.costs[reader], self.costs[index])
        self._set(index, Counter(), 0)
        del self.summands[index], self.constants[index]


def _carried(summands: Summands) -> Summands:
    """Return summands that occur once each: one added twice becomes one with twice the factor."""
    waiting = sorted(((exponent, source), count) for (source, exponent), count in summands.items())
    carried: Summands = Counter()
    counts = dict(waiting)
    while counts:
        exponent, source = min(counts)
        count = counts.pop((exponent, source))
        if count % 2:
            sign = 1 if count > 0 else -1
            carried[source, exponent] = sign
            count -= sign
        if count:
            counts[exponent + 1, source] = counts.get((exponent + 1, source), 0) + count // 2
    return carried


class _Writer:
    """Writer of operations: sums as trees of adders, all else unchanged, in order."""

    def __init__(self, sums: _Sums) -> None:
        self._sums = sums
        self._operations: list[Op] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._places: dict[int, tuple[int, int, int]] = {}  # of an operation: index of the new one, sign, exponent
        self._cost = 0.0

    def write(self) -> CombLogic:
        """Return the logic with each sum as a tree of adders."""
        logic = self._sums.logic
        for index, operation in enumerate(logic.ops):
            self._cost = self._sums.costs[index]
            if index in self._sums.summands:
                self._places[index] = self._write_sum(index, operation)
            elif index not in self._sums.linear:
                addresses = tuple(self._places[source][0] for source in operation.addr)
                self._places[index] = self._append(operation._replace(addr=addresses)), 1, 0
        outputs = [self._places[index][0] if index >= 0 else index for index in logic.out_idxs]
        return logic._replace(ops=self._operations, out_idxs=outputs)

    def _append(self, operation: Op) -> int:
        key = (operation.opcode, operation.addr, operation.data, operation.qint)
        if key not in self._known:
            self._known[key] = len(self._operations)
            self._operations.append(operation)
        return self._known[key]

    def _new(self, opcode: int, addresses: tuple[int, ...], data: tuple[int, ...], interval: QInterval) -> int:
        return self._append(Op(addresses, opcode, data, interval, 0.0, self._cost))

    def _write_sum(self, index: int, operation: Op) -> tuple[int, int, int]:
        """Write a sum; if something other than a sum reads it, restore the operation's sign and scale."""
        sums, terms = self._sums, []
        for (source, shift), factor in sums.summands[index].items():
            place, sign, exponent = self._places[source]
            terms.append(_operand(self._operations[place], sign * factor, shift + exponent, place))
        if sums.constants[index]:
            terms.append(constant(sums.constants[index]))
        luts, root = add_up(terms, sums.signs(index))
        place, sign, exponent = self._write_term(root if luts < inf else add_up(terms)[1])
        written = self._operations[place]
        interval = _within(written.qint, operation.qint, sign * 2.0**exponent)
        self._operations[place] = written._replace(qint=interval)
        if index not in sums.needed:
            return place, sign, exponent
        if sign < 0:
            place = self._new(NEGATE, (place,), (), QInterval(-interval.max, -interval.min, interval.step))
        if exponent:
            place = self._new(QUANTIZE, (place,), (exponent,), operation.qint)
        return place, 1, 0

    def _write_term(self, root: Term) -> tuple[int, int, int]:
        """Write adders and constants of a term; return its index, sign and exponent."""
        if root.source:
            return root.source[0], root.sign, root.source[1]
        if not root.terms:
            value, step = root.smallest * 2.0**-UNIT, 2.0 ** (root.low - UNIT)
            return self._new(CONSTANT, (), (root.smallest >> root.low,), QInterval(value, value, step)), 1, 0
        parts = sorted((self._write_term(summand) for summand in root.terms), key=lambda part: -part[1])
        scale = parts[0][2]
        addresses = tuple(place for place, _, _ in parts)
        if len(parts) == 2:
            opcode, data = ADD if parts[1][1] > 0 else SUBTRACT, (parts[1][2] - scale,)
        else:
            opcode, data = ADD_THREE, tuple(v for _, sign, exponent in parts for v in (int(sign > 0), exponent - scale))
        unit = 2.0 ** -(UNIT + scale)
        interval = QInterval(root.smallest * unit, root.largest * unit, 2.0**root.low * unit)
        return self._new(opcode, addresses, data, interval), root.sign, scale


def _within(found: QInterval, known: QInterval, factor: float) -> QInterval:
    """Return the intersection of two ranges of a value; `known` is the range of the value times `factor`."""
    smallest, largest = sorted((known.min / factor, known.max / factor))
    return QInterval(max(found.min, smallest), min(found.max, largest), max(found.step, known.step / abs(factor)))

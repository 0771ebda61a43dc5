"""Adders of up to three terms at one LUT per bit, and sums of many terms as trees of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import combinations
from math import inf
from typing import NamedTuple

EITHER_SIGN = (1, -1)
WINDOW = 8


class Span(NamedTuple):
    """Bits `low` to `high` - 1 that a term occupies in a sum, whether it is signed, and whether it is subtracted."""

    low: int
    high: int
    signed: bool
    subtracted: bool


@dataclass(frozen=True, eq=False)
class Term:
    """Summand of known range: an operation, an adder of other terms, or a constant. Values are integers.

    Attributes:
        sign: +1, or -1 if it is subtracted.
        smallest: Smallest value, before the sign.
        largest: Largest value, before the sign.
        low: Lowest bit that is not always zero.
        delay: Adders in series up to it.
        source: Index of an operation, and exponent of its factor of two; None for adders and constants.
        terms: Summands of an adder, before the sign; empty for others.
    """

    sign: int
    smallest: int
    largest: int
    low: int
    delay: float = 0.0
    source: tuple[int, int] | None = None
    terms: "tuple[Term, ...]" = ()

    @cached_property
    def high(self) -> int:
        """One more than the highest bit that its range needs."""
        width = max(self.largest >> self.low, ~(self.smallest >> self.low)).bit_length() + (self.smallest < 0)
        return self.low + width

    @cached_property
    def span(self) -> Span:
        """Bits that it occupies."""
        return Span(self.low, self.high, self.smallest < 0, self.sign < 0)

    @cached_property
    def opposite(self) -> "Term":
        """The term with the opposite sign; for a constant, which is always added, the negated constant."""
        if self.source is None and not self.terms:
            return constant(-self.smallest)
        return Term(-self.sign, self.smallest, self.largest, self.low, self.delay, self.source, self.terms)


@cache
def constant(value: int) -> Term:
    """Return a nonzero constant as a term."""
    return Term(1, value, value, (value & -value).bit_length() - 1)


@cache
def adder_luts(spans: tuple[Span, ...], high: int) -> int:
    """Return the LUTs of an adder of one to three terms, as `slice_adders.py` builds it.

    Args:
        spans: Bits of the terms.
        high: One more than the highest bit of the sum.
    """
    start = min([*sorted(span.low for span in spans)[1:2], *(span.low for span in spans if span.subtracted)])
    if len(spans) == 1 and start == high - 1:
        return 0  # the lowest bit of -x is that of x
    luts, majority = 0, sum(span.subtracted for span in spans) > 1
    for bit in range(start, high):
        present = sum(span.subtracted or (span.low <= bit and (span.signed or bit < span.high)) for span in spans)
        luts += present > 0 or majority
        majority = present == 3 or (present == 2 and majority)
    return luts


@lru_cache(maxsize=1 << 18)
def add(terms: tuple[Term, ...], signs: tuple[int, ...] = EITHER_SIGN) -> tuple[float, Term]:
    """Return an adder's LUTs and its sum, with the sign that makes the adder cheaper.

    Args:
        terms: Two or three; an adder cannot subtract all of them.
        signs: Allowed signs of the sum; if none is possible, the LUTs are infinite.
    """
    least, best = (inf, 0, 0), terms[0]
    for sign in signs:
        signed = terms if sign > 0 else tuple(term.opposite for term in terms)
        if all(term.sign < 0 for term in signed):
            continue
        smallest = sum(term.smallest if term.sign > 0 else -term.largest for term in signed)
        largest = sum(term.largest if term.sign > 0 else -term.smallest for term in signed)
        delay = max(term.delay for term in terms) + 1
        total = Term(sign, smallest, largest, min(term.low for term in terms), delay, None, signed)
        cost = (adder_luts(tuple(sorted(term.span for term in signed)), total.high), total.high, -sign)
        if cost < least:
            least, best = cost, total
    return least[0], best


def add_up(terms: Sequence[Term], signs: tuple[int, ...] = EITHER_SIGN, window: int = WINDOW) -> tuple[float, Term]:
    """Return the LUTs of a tree of adders over one or more terms, and the sum at its root.

    Terms whose highest bit is lowest are added first, since their sums are narrowest; among these, the adder that
    removes most bits per LUT. An even number of terms needs one adder of two, which comes first.

    Args:
        terms: Summands.
        signs: Allowed signs of the sum; if none is possible, the LUTs are infinite.
        window: How many of the first terms the next adder chooses among.
    """
    waiting = sorted(terms, key=_order)
    luts = 0.0
    while len(waiting) > 1:
        count = 2 + len(waiting) % 2
        allowed = signs if count == len(waiting) else EITHER_SIGN
        least, best, used = (inf, 0, inf), waiting[0], waiting
        for others in combinations(waiting[1:window], count - 1):
            chosen = (waiting[0], *others)
            cost, total = add(chosen, allowed)
            removed = sum(term.high - term.low for term in chosen) - (total.high - total.low)
            score = (cost - removed / 2, total.high, cost)
            if score < least:
                least, best, used = score, total, chosen
        luts += least[2]
        waiting = sorted([*(term for term in waiting if term not in used), best], key=_order)
    return luts, waiting[0]


def _order(term: Term) -> tuple[int, int]:
    return term.high, -term.low

"""Checks of the tests: no assertion that cannot fail, no test without assertion.

Ruff finds the simplest cases (a tuple, a comparison of constants or of a name with itself).
"""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted(Path(__file__).parents[1].rglob("*.py"))
INVERSE = {ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.In: ast.NotIn}
INVERSE |= {negative: positive for positive, negative in INVERSE.items()}
HOLD_OF_ITSELF = (ast.Eq, ast.Is, ast.LtE, ast.GtE)
HOLD_OF_A_LENGTH = {(">=", 0), (">", -1), ("!=", -1)}
QUESTIONS = re.compile(r"is_?[a-z]+|exists|any|all|startswith|endswith")  # methods that return a truth value
CALCULATION = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
ASSERTING = ("pytest.raises", "pytest.warns", "pytest.fail", "np.testing.")


# ------------------------------------------------------------------------------------------------- search


def truth(node: ast.expr) -> bool | None:
    """Return the truth value of an expression that is always true or always false, else None."""
    always = None
    match node:
        case _ if is_constant(node):
            always = bool(eval(ast.unparse(node)))
        case ast.Tuple(parts) | ast.List(parts) | ast.Set(parts) | ast.Dict(parts):
            of_unknown_length = [part is None or isinstance(part, ast.Starred) for part in parts]
            always = bool(parts) if not parts or not all(of_unknown_length) else None
        case ast.JoinedStr(parts):
            always = any(isinstance(part, ast.Constant) for part in parts) or None
        case ast.Lambda() | ast.GeneratorExp():
            always = True
        case ast.Attribute(_, name) if QUESTIONS.fullmatch(name):
            always = True  # the method itself, not called
        case ast.NamedExpr(_, value):
            always = truth(value)
        case ast.UnaryOp(ast.Not(), operand):
            always = None if truth(operand) is None else not truth(operand)
        case ast.IfExp(_, body, orelse):
            always = truth(body) or truth(orelse) or None  # a false branch can be intended: `x if y else False`
        case ast.BoolOp(operator, values):
            decisive = isinstance(operator, ast.Or)
            found = {truth(value) for value in values}
            if decisive in found or any(are_inverse(*pair) for pair in itertools.combinations(values, 2)):
                always = decisive
            elif None not in found:
                always = not decisive
        case ast.Compare():
            always = truth_of_comparison(node)
    return always


def is_constant(node: ast.expr) -> bool:
    """Return whether an expression contains only constants."""
    return all(isinstance(part, CALCULATION) for part in ast.walk(node))


def truth_of_comparison(node: ast.Compare) -> bool | None:
    """Return the fixed truth value of a comparison: of constants, of a value with itself, of a length with 0."""
    operands = [node.left, *node.comparators]
    if all(map(is_constant, operands)):
        return bool(eval(ast.unparse(node)))
    if len(operands) > 2:
        return None
    (left, right), operator = operands, node.ops[0]
    calls = any(isinstance(part, ast.Call) for part in ast.walk(left))  # a second call may return another value
    if not calls and ast.dump(left) == ast.dump(right):
        return isinstance(operator, HOLD_OF_ITSELF)
    words = ast.unparse(node).replace(" ", "")
    return True if any(words.startswith("len(") and words.endswith(f"){op}{n}") for op, n in HOLD_OF_A_LENGTH) else None


def are_inverse(first: ast.expr, second: ast.expr) -> bool:
    """Return whether one expression is the negation of the other: `a < b` and `a >= b`, `a` and `not a`."""
    for one, other in ((first, second), (second, first)):
        if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.Not) and ast.dump(one.operand) == ast.dump(other):
            return True
    if not all(isinstance(each, ast.Compare) and len(each.ops) == 1 for each in (first, second)):
        return False
    same = ast.dump(first.left) == ast.dump(second.left)
    same &= ast.dump(first.comparators[0]) == ast.dump(second.comparators[0])
    return same and isinstance(second.ops[0], INVERSE[type(first.ops[0])])


def idle_assertions(source: str) -> Iterator[int]:
    """Yield the line of each assertion that cannot fail or has a comparison with a fixed value."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            compared = [part for part in ast.walk(node.test) if isinstance(part, ast.Compare)]
            operands = [part for comparison in compared for part in (comparison.left, *comparison.comparators)]
            conditions = [
                part for part in operands if isinstance(part, ast.BoolOp) and set(part.values) <= set(compared)
            ]
            if truth(node.test) or any(truth(part) is not None for part in (*compared, *conditions)):
                yield node.lineno


def silent_tests(sources: list[str]) -> list[str]:
    """Return the names of tests without an assertion of their own or in a function that they call."""
    functions = [
        each for source in sources for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef)
    ]
    calls = {
        function: {ast.unparse(part.func) for part in ast.walk(function) if isinstance(part, ast.Call)}
        for function in functions
    }
    silent = [
        function
        for function in functions
        if not any(isinstance(part, ast.Assert) for part in ast.walk(function))
        and not any(call.startswith(ASSERTING) for call in calls[function])
    ]
    asserting = {function.name for function in functions} - {function.name for function in silent}
    while (
        more := {each.name for each in silent if {call.split(".")[-1] for call in calls[each]} & asserting} - asserting
    ):
        asserting |= more
    return sorted({each.name for each in silent if each.name.startswith("test_")} - asserting)


# ------------------------------------------------------------------------------------------------- tests of the search


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_assertion_can_fail(path):
    assert list(idle_assertions(path.read_text(encoding="utf-8"))) == []


def test_every_test_asserts_something():
    assert silent_tests([path.read_text(encoding="utf-8") for path in SOURCES]) == []


CANNOT_FAIL = """
    True
    1
    'words'
    f'{x} words'
    (x, 'words')
    [x]
    {x: 1}
    {*x, 1}
    (value for value in x)
    lambda: x == 1
    x.exists
    x.is_file
    x == 1 if y else 436
    x == 1 if y else 544 - 108
    436 if y else x == 1
    x == 1 or True
    x == 1 or 'words'
    x == 1 or x != 1
    x or not x
    True and 'words'
    not None
    not (x < 1 and x >= 1)
    (y := 1)
    x == x
    x.y <= x.y
    3 == 3
    2 + 1 < 4
    1 < 2 < 3
    len(x) >= 0
    len(x[1].y) > -1
    y == (x >= 1 or x < 1)
    y == (x == x)
    y is (3 < 4)
"""
CAN_FAIL = """
    x
    x == 1
    x == (462 if y else 436)
    x == 544 - 108
    x if y else False
    x == (y or 'default')
    [*x]
    {**x}
    f'{x}'
    [value for value in x]
    all(value for value in x)
    x.exists()
    x.title
    x or y
    x < 1 or x > 1
    x < 1 or y >= 1
    not x
    f() == f()
    len(x) > 0
    len(x)
    x == []
    0 <= x < 1
    x == (1, 2)
    False
"""


def expressions(lines):
    return [line.strip() for line in lines.splitlines() if line]


@pytest.mark.parametrize("expression", expressions(CANNOT_FAIL))
def test_assertion_that_cannot_fail_is_found(expression):
    assert list(idle_assertions(f"def test_it():\n    assert {expression}, 'words'\n")) == [2]


@pytest.mark.parametrize("expression", expressions(CAN_FAIL))
def test_assertion_that_can_fail_is_not_found(expression):
    assert list(idle_assertions(f"def test_it():\n    assert {expression}, 'words'\n")) == []


def test_test_that_asserts_nothing_is_found_unless_a_helper_does():
    helpers = (
        "def check(x):\n    assert x\n\ndef check_both(x):\n    check(x)\n    check(x)\n\ndef draw(x):\n    print(x)\n"
    )
    tests = "\n".join(
        f"def test_{name}():\n    {statement}\n"
        for name, statement in {
            "asserts": "assert x", "raises": "with pytest.raises(E): f()", "compares": "np.testing.assert_equal(x, y)",
            "calls_a_helper": "helpers.check_both(x)", "only_draws": "draw(x)", "only_compares": "x == 1",
        }.items()
    )  # fmt: skip
    assert silent_tests([helpers, tests]) == ["test_only_compares", "test_only_draws"]

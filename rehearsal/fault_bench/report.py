"""What the fault bench prints."""

from collections.abc import Sequence

from rehearsal.fault_bench import plan
from rehearsal.fault_bench.bench import MEANS, Result
from rehearsal.fault_bench.strikes import FAULTS


def line(result: Result) -> str:
    """Return how one point ended, in one line; more where something is wrong."""
    point, wrong = result.point, result.difference
    if not result.struck:
        ended = "did no harm"
    elif result.converged:
        ended = f"converged after {result.repeats} more" + "".join(
            f", {words}" for means, (_, words) in MEANS.items() if means in result.means
        )
    else:
        ended = f"DID NOT CONVERGE after {result.repeats} more:\n{result.last_words}"
    text = (
        f"{point.number:>4}  {point.run:<8} {point.fault:<30} at {point.when:>4.0%}  {ended} ({result.seconds:.0f} s)"
    )
    for word, items in (
        ("lost", wrong.lost),
        ("doubled", wrong.doubled),
        ("left", wrong.left),
        ("rebooted too often", wrong.rebooted),
        ("LEAKED", result.leaks),
    ):
        text += "".join(f"\n      {word}: {each}" for each in items)
    return text


def table(results: Sequence[Result], wanted: int, seed: int, seconds: float) -> str:
    """Return the counts: for each fault, for each kind of run, and for all."""
    lines = [""]
    for title, names, of in (("fault", tuple(FAULTS), _fault), ("run", plan.RUNS, _run)):
        lines += [f"{title:<30} {'points':>6} {'failed':>6} {'converged':>9} {'repeats':>8} {'wrong':>6}"]
        lines += [_row(name, [result for result in results if of(result) == name]) for name in names]
        lines.append("")
    converged = sum(result.converged for result in results)
    share = f" ({converged / len(results):.0%})" if results else ""
    counts = {
        word: sum(len(getattr(each.difference, word)) for each in results)
        for word in ("lost", "doubled", "left", "rebooted")
    }
    lines += [
        f"seed {seed}: {len(results)} of {wanted} points, {converged} converged{share}",
        f"repeats: {sum(result.repeats for result in results)}",
        *(f"{words}: {sum(means in result.means for result in results)}" for means, (words, _) in MEANS.items()),
        "objects " + ", ".join(f"{word}: {count}" for word, count in counts.items() if word != "rebooted"),
        f"nodes that rebooted more often than planned: {counts['rebooted']}",
        f"secrets seen in state, logs or process arguments: {sum(len(result.leaks) for result in results)}",
        f"{seconds / 60:.0f} minutes",
    ]
    return "\n".join(lines)


def _fault(result: Result) -> str:
    return result.point.fault


def _run(result: Result) -> str:
    return result.point.run


def _row(name: str, own: Sequence[Result]) -> str:
    struck, good = sum(result.struck for result in own), sum(result.converged for result in own)
    most = max((result.repeats for result in own), default=0)
    wrong = sum(bool(result.difference) for result in own)
    return f"{name:<30} {len(own):>6} {struck:>6} {good:>9} {f'max {most}':>8} {wrong:>6}"

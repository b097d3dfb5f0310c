"""What the fault bench prints."""

from collections.abc import Sequence

from rehearsal.fault_bench import plan
from rehearsal.fault_bench.bench import Result


def line(result: Result) -> str:
    """Return how one point ended, in one line; more where something is wrong."""
    point, wrong = result.point, result.difference
    if not result.struck:
        ended = "did no harm"
    elif result.converged:
        ended = f"converged after {result.repeats} more" + "".join(_means(result))
    else:
        ended = f"DID NOT CONVERGE after {result.repeats} more:\n{result.last_words}"
    said = (
        f"{point.number:>4}  {point.run:<8} {point.fault:<30} at {point.when:>4.0%}  {ended} ({result.seconds:.0f} s)"
    )
    for word, found in (
        ("lost", wrong.lost),
        ("doubled", wrong.doubled),
        ("left", wrong.left),
        ("LEAKED", result.leaks),
    ):
        said += "".join(f"\n      {word}: {each}" for each in found)
    return said


def table(results: Sequence[Result], wanted: int, seed: int, seconds: float) -> str:
    """Return the counts: for each fault, and for all."""
    lines = ["", f"{'fault':<30} {'points':>6} {'failed':>6} {'converged':>9} {'repeats':>8} {'wrong':>6}"]
    for fault in plan.FAULTS:
        own = [result for result in results if result.point.fault == fault]
        struck, good = sum(result.struck for result in own), sum(result.converged for result in own)
        most = max((result.repeats for result in own), default=0)
        wrong = sum(bool(result.difference) for result in own)
        lines.append(f"{fault:<30} {len(own):>6} {struck:>6} {good:>9} {f'max {most}':>8} {wrong:>6}")
    converged = sum(result.converged for result in results)
    share = f" ({converged / len(results):.0%})" if results else ""
    counts = {
        word: sum(len(getattr(each.difference, word)) for each in results) for word in ("lost", "doubled", "left")
    }
    lines += [
        "",
        f"seed {seed}: {len(results)} of {wanted} points, {converged} converged{share}",
        f"repeats: {sum(result.repeats for result in results)}",
        f"needed `pulumi cancel`: {sum(result.cancelled for result in results)}",
        f"needed the last copy of the state: {sum(result.restored for result in results)}",
        f"needed the state's attributes removed: {sum(result.stripped for result in results)}",
        f"cancelled, and ended with exit code 0: {sum(result.claimed for result in results)}",
        f"needed KbsConfig's finalizer removed: {sum(result.freed for result in results)}",
        "objects " + ", ".join(f"{word}: {count}" for word, count in counts.items()),
        f"secrets seen in state, logs or process arguments: {sum(len(result.leaks) for result in results)}",
        f"{seconds / 60:.0f} minutes",
    ]
    return "\n".join(lines)


def _means(result: Result) -> list[str]:
    """Return what the user had to do between the runs."""
    said = {
        "with `pulumi cancel`": result.cancelled,
        "with the last copy of the state": result.restored,
        "without its attributes": result.stripped,
        "cancelled with exit code 0": result.claimed,
        "with KbsConfig's finalizer removed": result.freed,
    }
    return [f", {means}" for means, taken in said.items() if taken]

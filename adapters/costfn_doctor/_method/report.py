"""What the doctor found, as data and as text."""

import html
import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .causes import CAUSES
from .source import Location

Severity = Literal["error", "warning", "information"]
Verdict = Literal["ok", "suspicious", "broken"]

WIDTH = 88
STEPS_SHOWN = 4
RANK: dict[str, int] = {"error": 0, "warning": 1, "information": 2}
_STYLE = {"error": "bold red", "warning": "yellow", "information": "cyan"}
_VERDICT_STYLE = {"broken": "bold red", "suspicious": "yellow", "ok": "green"}


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found.

    Attributes:
        severity: "error" (shown by an intervention or by numbers), "warning"
            (likely, or it depends on a guess) or "information".
        cause: A name of the fixed vocabulary, such as "INDEX_OP".
        message: What was observed.
        file: Source file of the culprit, if a line is known.
        line: Line in it.
        code: Text of that line.
        evidence: What was measured, by name.
        chain: What happens to the value between the culprit and the loss.
        fix: What to do about it.
    """

    severity: Severity
    cause: str
    message: str
    file: str | None = None
    line: int | None = None
    code: str = ""
    evidence: Mapping[str, float] = field(default_factory=dict)
    chain: Sequence[str] = ()
    fix: str = ""

    def __str__(self) -> str:
        lines = [f"{self.severity.upper()} {self.cause}: {self.message}"]
        lines += [f"  {line}" for line in self._details()]
        return "\n".join(lines)

    def _details(self) -> list[str]:
        lines = []
        if self.file is not None and self.line is not None:
            place = Location(self.file, self.line)
            lines.append(f"at {place}: {self.code}" if self.code else f"at {place}")
        lines += [f"then {step}" for step in self.chain[:STEPS_SHOWN]]
        if self.evidence:
            numbers = (f"{name} {value:.3g}" for name, value in self.evidence.items())
            lines.append(f"measured: {', '.join(numbers)}")
        if self.fix:
            lines.append(f"fix: {self.fix}")
        return lines


def finding(
    severity: Severity,
    cause: str,
    message: str,
    at: Location | None = None,
    *,
    evidence: Mapping[str, float] | None = None,
    chain: Sequence[str] = (),
    fix: str | None = None,
) -> Finding:
    """A finding with the fix of its cause, unless it is given a better one."""
    return Finding(
        severity,
        cause,
        message,
        None if at is None else at.file,
        None if at is None else at.line,
        "" if at is None else at.code,
        dict(evidence or {}),
        tuple(chain),
        CAUSES[cause] if fix is None else fix,
    )


class BrokenLossError(AssertionError):
    """A loss that does not train; its text is the report."""


@dataclass(frozen=True)
class Report:
    """What `diagnose` or `watch` found about a loss.

    Attributes:
        name: Name of the loss.
        findings: The worst first; the first is the diagnosis.
        checked: What was checked and is correct, with the numbers.
        not_checked: What was not checked, with the reason.
        seconds: Time that the diagnosis took.
    """

    name: str
    findings: Sequence[Finding]
    checked: Sequence[str] = ()
    not_checked: Sequence[str] = ()
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Either "broken" (an error), "suspicious" (a warning) or "ok"."""
        severities = {found.severity for found in self.findings}
        if "error" in severities:
            return "broken"
        return "suspicious" if "warning" in severities else "ok"

    def raise_if_broken(self) -> None:
        """Raise an error that contains this report, if the loss is broken.

        Raises:
            BrokenLossError: If the verdict is "broken".
        """
        if self.verdict == "broken":
            raise BrokenLossError(f"\n{self}")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {"verdict": self.verdict, **asdict(self)}

    def _notes(self) -> list[str]:
        notes = []
        if self.checked:
            notes.append(f"Checked: {'; '.join(self.checked)}.")
        if self.not_checked:
            notes.append(f"Not checked: {'; '.join(self.not_checked)}.")
        return notes

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.verdict} ({self.seconds:.2f} s)"]
        for found in self.findings:
            lines += textwrap.wrap(
                str(found).splitlines()[0], WIDTH, subsequent_indent="  "
            )
            for detail in found._details():
                lines += textwrap.wrap(
                    detail, WIDTH, initial_indent="  ", subsequent_indent="    "
                )
        for note in self._notes():
            lines += textwrap.wrap(note, WIDTH, subsequent_indent="  ")
        return "\n".join(lines)

    def __rich__(self) -> Any:
        from rich.text import Text

        text = Text()
        text.append(f"{self.name}: ")
        text.append(self.verdict, style=_VERDICT_STYLE[self.verdict])
        text.append(f" ({self.seconds:.2f} s)")
        for found in self.findings:
            text.append(f"\n{found.severity.upper()} ", style=_STYLE[found.severity])
            text.append(found.cause, style="bold")
            text.append(f": {found.message}")
            for detail in found._details():
                text.append(f"\n  {detail}", style="dim")
        for note in self._notes():
            text.append(f"\n{note}")
        return text

    def _repr_html_(self) -> str:
        try:
            from rich.console import Console
        except ImportError:
            return f"<pre>{html.escape(str(self))}</pre>"
        console = Console(record=True, width=WIDTH, file=io.StringIO())
        console.print(self, highlight=False)
        return console.export_html(
            inline_styles=True,
            code_format='<pre style="font-family:monospace">{code}</pre>',
        )

"""How a checkpoint was read: one rule for each decision that could have been another one."""

from dataclasses import dataclass

from biobert_onnx.artifact.manifest import RuleRecord, rule_line


@dataclass(frozen=True)
class Rule:
    """A decision: what it is `about`, the `decision`, and the `reason`, which names the file or option that decided.

    >>> print(Rule("pooling", "mean", "by default: nothing in the folder names one"))
    pooling: mean (by default: nothing in the folder names one)
    """

    about: str
    decision: str
    reason: str

    def __str__(self) -> str:
        return rule_line(self.record())

    def record(self) -> RuleRecord:
        """Return the rule as the manifest records it."""
        return RuleRecord(about=self.about, decision=self.decision, reason=self.reason)

"""Warnings about what a stack may have chosen on purpose: ``acceptedRisks`` says so, and a run does not tell them."""

from typing import Literal, Self

from pydantic.alias_generators import to_camel

Name = Literal["any_reboot", "same_cluster", "any_command", "shared_secrets"]


class Risk(str):
    """Such a warning; the proof report has it in any case.

    Attributes:
        name: the field of ``coco_azure.settings.preflight.AcceptedRisks`` that is about it.
    """

    __slots__ = ("name",)
    name: Name

    def __new__(cls, name: Name, text: str) -> Self:
        """Return the text under this name."""
        risk = super().__new__(cls, text)
        risk.name = name
        return risk

    @property
    def advice(self) -> str:
        """The text with the command for whoever means it so."""
        return f"{self}. Meant so: pulumi config set --path coco-azure:acceptedRisks.{to_camel(self.name)} true"

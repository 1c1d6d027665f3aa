"""A setup step, and its place in the how-tos."""

from dataclasses import asdict, dataclass
from typing import Any

HOW_TO = "Curity DCR (developer.konghq.com/how-to/curity-dcr/)"
CLASSIC = "Curity DCR for the classic portal (docs.konghq.com/konnect/dev-portal/applications/dynamic-client-registration/curity/)"


@dataclass(frozen=True)
class HowToPlace:
    """The place of a step in a how-to: its section, and its number there as rendered."""

    section: str
    step: str
    how_to: str = HOW_TO


@dataclass(frozen=True)
class Step:
    """One setup step. `place` and `label` are the words of the user interface of the product.

    `undo` says whether the mocked target can be started with only this step left undone, and `undo_reason` why not;
    `variants` are the ways to do it wrong. `unguarded_reason` says why no check notices the step.
    """

    id: str
    party: str
    owner: str
    place: str
    label: str
    value: str
    breaks: str
    fix: str
    source: str
    caution: str = ""
    guide: HowToPlace | None = None
    also: tuple[HowToPlace, ...] = ()
    """Places of the same step in the other how-to; `dcrproof.core.guide` fills them in."""
    notes: str = ""
    undo: bool = True
    variants: tuple[str, ...] = ()
    undo_reason: str = ""
    unguarded_reason: str = ""

    @property
    def implied(self) -> bool:
        return self.guide is None

    @property
    def where(self) -> str:
        """The step in the how-to and in the product, in one line."""
        interface = f'{self.place} > "{self.label}"' if self.label else self.place
        if self.guide is None:
            return f"not in the how-to: {interface}"
        return f"{self.guide.section}, step {self.guide.step}: {interface}"

    @property
    def brief(self) -> dict[str, Any]:
        """The step as `run.json` holds it."""
        names = ("id", "party", "owner", "where", "implied", "label", "value", "breaks", "fix", "caution")
        return {name: getattr(self, name) for name in names}

    def data(self) -> dict[str, Any]:
        """The step as `dcrproof steps --json` prints it."""
        lists = {"also": [asdict(place) for place in self.also], "variants": list(self.variants)}
        return {**asdict(self), "implied": self.implied, **lists}


def navigation(id: str, owner: str, place: str, label: str, guide: HowToPlace, notes: str = "") -> Step:
    """A step that leads to a form, and sets nothing."""
    return Step(
        id,
        id.partition(".")[0],
        owner,
        place,
        label,
        "opened",
        "nothing by itself: the next steps cannot be done",
        "open it",
        "developer.konghq.com/how-to/curity-dcr/",
        guide=guide,
        notes=notes,
        undo=False,
        undo_reason="navigation: there is no setting to leave undone",
        unguarded_reason="navigation: no request shows which form was open",
    )

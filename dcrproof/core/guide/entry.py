"""What is known of one set-up step, and where the how-tos have it."""

from dataclasses import asdict, dataclass
from typing import Any

HOW_TO = "Curity DCR (developer.konghq.com/how-to/curity-dcr/)"
CLASSIC = "Curity DCR for the classic portal (docs.konghq.com/konnect/dev-portal/applications/dynamic-client-registration/curity/)"


@dataclass(frozen=True)
class HowToPlace:
    """Where a how-to has the step: its section, and the number in it as rendered."""

    section: str
    step: str
    how_to: str = HOW_TO


@dataclass(frozen=True)
class Step:
    """One set-up step. `place` and `label` are the words of that product's user interface.

    `undo` says whether the mocked target can be started with just this step left undone; `variants` are the ways of
    doing it wrong; `undo_reason` says why where it cannot. `unguarded_reason` says why no check notices the step.
    """

    id: str
    party: str
    owner: str
    place: str
    label: str
    value: str
    breaks: str
    mend: str
    source: str
    beware: str = ""
    guide: HowToPlace | None = None
    also: tuple[HowToPlace, ...] = ()
    """Where the other how-to has the same step; `dcrproof.core.guide` fills it in."""
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
            return f"not a step, the how-to forgets it: {interface}"
        return f"{self.guide.section}, step {self.guide.step}: {interface}"

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
        "nothing by itself: what follows cannot be done",
        "open it",
        "developer.konghq.com/how-to/curity-dcr/",
        guide=guide,
        notes=notes,
        undo=False,
        undo_reason="navigation: there is no setting to leave undone",
        unguarded_reason="navigation: no request shows which form was open",
    )

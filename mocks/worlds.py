"""The world of running mocks, and its reset."""

from dcrproof.mocks import steps
from dcrproof.mocks.control import Control
from dcrproof.mocks.start import Start
from dcrproof.mocks.world import World


class Worlds:
    """The current world of running mocks; a reset replaces it with a new one that starts alike.

    A step of `start.undone` that cannot be left undone raises UnknownStep or NotHere.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.reset()

    def reset(self) -> None:
        world = World(self.start)
        world.handlers["control"] = Control(world, self.reset).handle
        for step, variant in self.start.undone.items():
            steps.undo(world, step, variant)
        self.current = world

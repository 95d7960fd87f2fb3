"""Options of the command line that say where: a ball, a box or the whole space."""

from __future__ import annotations

import argparse

import numpy as np

from lipexplore.errors import InvalidRegion, InvalidSetting
from lipexplore.regions import WHOLE_SPACE, Ball, Box, Region
from lipexplore.rounding import Array


def add_region_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a region."""
    add = parser.add_argument
    add("--center", metavar="X.npy", help="centre of a ball")
    add("--radius", type=float, metavar="R", help="radius of the ball")
    add("--ball", default="linf", metavar="P", help="norm of the ball (default linf)")
    add("--box", metavar="BOX.npz", help="a box: arrays lower and upper")


def region_of(chosen: argparse.Namespace) -> Region:
    """Return the region that was chosen.

    Raises
    ------
    InvalidRegion, InvalidSetting
        If the files hold none, or the arguments do not fit together.
    """
    if chosen.box:
        if chosen.center or chosen.radius is not None:
            raise InvalidSetting("choose either --box or --center with --radius")
        return Box(*(array_of(chosen.box, key) for key in ("lower", "upper")))
    if (chosen.center is None) != (chosen.radius is None):
        raise InvalidSetting("a ball needs both --center and --radius")
    if chosen.center is None:
        return WHOLE_SPACE
    return Ball(array_of(chosen.center).ravel(), chosen.radius, chosen.ball)


def array_of(path: str, key: str | None = None) -> Array:
    """Return the array of an .npy file, or that of a key of an .npz file."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InvalidRegion(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError):
        raise InvalidRegion(f"{path}: this is no NumPy file of numbers") from None
    is_archive = isinstance(loaded, np.lib.npyio.NpzFile)
    if is_archive != (key is not None) or (key is not None and key not in loaded):
        expected = f"an .npz file with the array {key!r}" if key else "an .npy file"
        raise InvalidRegion(f"{path}: {expected} is needed")
    return np.asarray(loaded[key] if key else loaded)

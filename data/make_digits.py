"""Write data/digits.npz from the digits that scikit-learn ships (needs the extra ``test``)."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def main() -> None:
    """Store pixels 0..16 and labels 0..9 as bytes, in scikit-learn's order."""
    pixels, labels = load_digits(return_X_y=True)
    np.savez_compressed(
        Path(__file__).with_name("digits.npz"),
        allow_pickle=False,
        pixels=pixels.astype(np.uint8),
        labels=labels.astype(np.uint8),
    )


if __name__ == "__main__":
    main()

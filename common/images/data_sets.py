"""Data sets by name, and the warning beside results of any but MNIST."""

MNIST, DIGITS = "mnist", "digits"
TITLES = {
    MNIST: "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "Kuzushiji-MNIST",
    "emnist_digits": "EMNIST digits",
    DIGITS: "scikit-learn's 8 × 8 digits",
}
"""Data sets in words, by their names; files of the user's own are named by themselves and their hash."""


def other_data(sha256: str) -> str:
    """Return the name of data in the format of MNIST that is not the data set it should be."""
    return f"other data (SHA-256 {sha256[:12]})"


def caution(name: str | None) -> str | None:
    """Return the warning to show beside results of this data, or None for MNIST or no data."""
    if name in (None, MNIST):
        return None
    title = TITLES.get(name, name).upper()
    of_demo = f"DATA OF THE DEMO PRESET: THESE ARE {title}, NOT MNIST."
    what = of_demo if name == DIGITS else f"THESE IMAGES ARE NOT MNIST BUT {title}."
    return f"{what} NO NUMBER HERE COMPARES WITH THE PAPER'S."

"""Where figures from elsewhere come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A publication, or a file of a public repository.

    Attributes:
        title: Of the publication, or what the file is.
        year: In which it appeared.
        place: arXiv number, DOI, institution, or repository and file.
    """

    title: str
    year: int
    place: str

    def __str__(self) -> str:
        return f"{self.title} ({self.year}), {self.place}"

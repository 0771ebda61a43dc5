"""Sources of published numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A publication, or a file of a public repository.

    Attributes:
        title: Title of the publication, or description of the file.
        year: Year of publication.
        place: arXiv number, DOI, institution, or repository and file.
    """

    title: str
    year: int
    place: str

    def __str__(self) -> str:
        return f"{self.title} ({self.year}), {self.place}"

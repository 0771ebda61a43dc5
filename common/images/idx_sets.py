"""Public data sets in the format of MNIST: where they are, how their files are known, what their classes are called."""

from dataclasses import dataclass, field

ONE_OF_EACH = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class IdxSet:
    """A data set of four IDX files.

    Attributes:
        key: Its name on the command line.
        title: Its name in words.
        mirrors: Addresses of folders that hold its files, in order of preference.
        sha256: SHA-256 of the files on the mirrors, by file name.
        class_names: What images of each label show.
        noun: What a class is called.
        megabytes: Size of the files on a mirror [MB].
        names: IDX files without `.gz`: training images, training labels, test images, test labels.
        content_sha256: SHA-256 of the uncompressed IDX files by name, where they are known.
        archive: Zip file that holds the IDX files, if they are not on the mirrors themselves.
        archive_folder: Their folder in it.
        transposed: Whether rows and columns of the images are exchanged.
    """

    key: str
    title: str
    mirrors: tuple[str, ...]
    sha256: dict[str, str]
    class_names: tuple[str, ...]
    noun: str
    megabytes: float
    names: tuple[str, str, str, str] = ONE_OF_EACH
    content_sha256: dict[str, str] = field(default_factory=dict)
    archive: str | None = None
    archive_folder: str = ""
    transposed: bool = False

    @property
    def remedy(self) -> str:
        """What to do where the files are missing or damaged."""
        what = self.archive or "the four .gz files"
        variable = " or MNIST_DIR" if self.key == "mnist" else ""
        return f"download {what} of {self.title} from {self.mirrors[0]} and name the folder with --mnist-dir{variable}"


MNIST = IdxSet(
    key="mnist",
    title="MNIST",
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    class_names=DIGITS,
    noun="digit",
    megabytes=12,
    content_sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

# The hashes of the following sets are those of TensorFlow Datasets (github.com/tensorflow/datasets, folder
# tensorflow_datasets/url_checksums): fashion_mnist.txt, kmnist.txt and emnist.txt.
FASHION_MNIST = IdxSet(
    key="fashion_mnist",
    title="Fashion-MNIST",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    class_names=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
    ),
    noun="class",
    megabytes=31,
)  # fmt: skip

KMNIST = IdxSet(
    key="kmnist",
    title="Kuzushiji-MNIST",
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    sha256={
        "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    },
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    noun="class",
    megabytes=22,
)

EMNIST_DIGITS = IdxSet(
    key="emnist_digits",
    title="EMNIST digits",
    mirrors=(
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",  # the address of emnist.txt
    ),
    sha256={"gzip.zip": "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"},
    class_names=DIGITS,
    noun="digit",
    megabytes=562,
    names=(
        "emnist-digits-train-images-idx3-ubyte",
        "emnist-digits-train-labels-idx1-ubyte",
        "emnist-digits-test-images-idx3-ubyte",
        "emnist-digits-test-labels-idx1-ubyte",
    ),
    archive="gzip.zip",
    archive_folder="gzip",
    transposed=True,
)

SETS = {each.key: each for each in (MNIST, FASHION_MNIST, KMNIST, EMNIST_DIGITS)}
"""All sets, by their name on the command line."""

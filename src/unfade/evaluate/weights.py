"""Where the weights of learned measures are, each compared with its hash before it is read.

They are not networks for restoring, so they are not in the zoo's catalogue; they lie in a package
that brings them or in the zoo's folder of weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unfade.config import load_config
from unfade.errors import ModelMissing, ModelRejected
from unfade.zoo.catalogue import FileEntry
from unfade.zoo.store import locate as find_file
from unfade.zoo.store import size_and_hash, where


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One file of numbers.

    Attributes:
        measure: what it is for, as messages name it
        path: inside ``package``, or its plain name in the folder of weights
        sha256: the whole hash, or as many of its first digits as the publisher puts in the name
        package: installed module that brings it; empty: the user lays it into the folder
        get: how to get it, the second sentence of the error
    """

    measure: str
    path: str
    sha256: str
    package: str = ""
    get: str


def _published(measure: str, name: str, url: str) -> Weights:
    digits = name.rpartition("-")[2].partition(".")[0]
    return Weights(measure=measure, path=name, sha256=digits, get=f"Download `{url}`")


STLPIPS_ALEX = Weights(
    measure="ST-LPIPS",
    package="stlpips_pytorch",
    path="weights/vST0.0/alex_shift_tolerant.pth",
    sha256="b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
    get="Install it with: pip install 'unfade[study]'",
)
STLPIPS_VGG = Weights(
    measure="ST-LPIPS (VGG)",
    package="stlpips_pytorch",
    path="weights/vST0.0/vgg_shift_tolerant.pth",
    sha256="44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    get="Install it with: pip install 'unfade[study]'",
)
BRISQUE_SVM = Weights(
    measure="BRISQUE",
    package="brisque",
    path="models/svm.txt",
    sha256="19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d",
    # with its dependencies it would lay a second OpenCV over the one that is here
    get="Install the package that brings it: pip install --no-deps brisque==0.2.0",
)
ALEXNET = _published(
    "LPIPS",
    "alexnet-owt-7be5be79.pth",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
)
LPIPS_ALEX = _published(
    "LPIPS",
    "LPIPS_v0.1_alex-df73285e.pth",
    "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/LPIPS_v0.1_alex-df73285e.pth",
)
VGG16 = _published(
    "DISTS", "vgg16-397923af.pth", "https://download.pytorch.org/models/vgg16-397923af.pth"
)
DISTS_WEIGHTS = _published(
    "DISTS",
    "DISTS_weights-f5e65c96.pth",
    "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/DISTS_weights-f5e65c96.pth",
)
SFACE = Weights(
    measure="Face identity drift",
    path="face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    get="Download it from the OpenCV zoo (models/face_recognition_sface)",
)


def locate(weights: Weights) -> Path:
    """The file, compared with its hash (once in a process).

    Raises:
        ModelMissing: it is not on this machine; the message says how to get it
        ModelRejected: it is another file
    """
    folder = where(load_config().config.cache)
    path = (
        find_file(_as_entry(weights), folder)
        if weights.package
        else _existing(folder / weights.path)
    )
    if path is None:
        then = "." if weights.package else f" and lay it into `{folder}`."
        raise ModelMissing(
            f"{weights.measure} needs `{weights.path.rpartition('/')[2]}`, which is not on this "
            "machine.",
            weights.get + then,
        )
    found = size_and_hash(path)[1]
    if not found.startswith(weights.sha256):
        raise ModelRejected(
            f"`{path}` has SHA-256 {found[:16]}..., expected {weights.sha256[:16]}...",
            "Remove it and get it again.",
        )
    return path


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _as_entry(weights: Weights) -> FileEntry:
    return FileEntry(
        role="weights",
        path=weights.path,
        bytes=1,  # not compared: the hash is
        sha256=weights.sha256,
        package=weights.package,
    )

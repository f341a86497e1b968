"""Frame pairs read from image sets, ready to be measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from cdfi_model.data.image_sets import ImageSet, Triplet
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.frames import check_pair
from cdfi_runtime.images import read_image
from cdfi_runtime.manifest import SizeInfo
from cdfi_runtime.padding import centre_cut
from numpy.typing import NDArray

DYNAMIC = SizeInfo(dynamic=True)


@dataclass(frozen=True)
class Pair:
    """Two frames, and the true one between them where it is known.

    Attributes:
        name: The triplet's name.
        frame0: ``(H, W, 3)`` uint8.
        frame2: The same shape.
        truth: The same shape, or ``None``.
        cropped: The files hold larger frames; these are their centres.
    """

    name: str
    frame0: NDArray[np.uint8]
    frame2: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    cropped: bool

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.frame0.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.frame0.shape[0])


def read_pair(triplet: Triplet, size: SizeInfo = DYNAMIC) -> Pair:
    """Read a triplet; what is larger than a graph's fixed ``size`` is cropped to its centre.

    Raises:
        InputError: a file cannot be read, or the frames differ in size.
    """
    frame0, frame2 = read_image(triplet.frame0), read_image(triplet.frame2)
    check_pair(frame0, frame2, (str(triplet.frame0), str(triplet.frame2)))
    truth = None if triplet.truth is None else read_image(triplet.truth)
    if truth is not None:
        check_pair(frame0, truth, (str(triplet.frame0), str(triplet.truth)))
    cut = centre_cut(size, *frame0.shape[:2])
    return Pair(
        name=triplet.name,
        frame0=frame0[cut],
        frame2=frame2[cut],
        truth=None if truth is None else truth[cut],
        cropped=frame0[cut].shape != frame0.shape,
    )


def first_pairs(sets: list[ImageSet], pairs: int | None) -> list[ImageSet]:
    """Each set cut to its first ``pairs`` triplets; ``None`` keeps all.

    Raises:
        InputError: ``pairs`` is not positive.
    """
    if pairs is None:
        return sets
    if pairs < 1:
        raise InputError("the number of pairs must be positive", expected=">= 1", got=str(pairs))
    return [ImageSet(each.name, each.triplets[:pairs]) for each in sets]


def hash_images(image_set: ImageSet) -> str:
    """SHA-256 over the names of the triplets and the bytes of their files, in order."""
    digest = hashlib.sha256()
    for triplet in image_set.triplets:
        digest.update(triplet.name.encode() + b"\0")
        for path in (triplet.frame0, triplet.frame2, triplet.truth):
            digest.update(b"-" if path is None else sha256_file(path).encode())
    return digest.hexdigest()

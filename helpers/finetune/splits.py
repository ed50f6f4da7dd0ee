"""Train and test kept apart: splits by patient, copies that look alike, and what leaks from one side to the other.

Slices of one patient are nearly one picture. A model that has seen some of them in training is asked about a person it
knows when it is tested on the others, and its score says little about the next patient. So a split deals out groups
(patients, persons), never examples; and where nobody wrote down who is who, pictures that look alike make the groups.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..errors import BadImage, CourseError
from ..images import open_image
from .formats import Example

SHARES = {"train": 0.8, "test": 0.2}
#: Near-duplicates differ in at most so many of the 64 bits of ``dhash``, and correlate at least so much.
DISTANCE, CORRELATION = 10, 0.985
THUMB = 32  # pixels of a side


def split_by_group(
    examples: Sequence[Example], shares: Mapping[str, float] = SHARES, seed: int = 0
) -> dict[str, list[Example]]:
    """Deal the groups out to the sides: each group on one side, whole. Same examples and seed, same split.

    Labels are spread as evenly as groups allow: groups are dealt out class by class, each by the rarest label that it
    has, and a class with at least as many groups as there are sides is on every side. Within a side, examples keep
    their order.

    Args:
        shares: the name of each side and its share of the examples; they add up to 1.

    Raises CourseError for examples without a group, shares that do not add up, and fewer groups than sides.
    """
    if any(share <= 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise CourseError(f"The shares {dict(shares)} should be above 0 and add up to 1.")
    groups = _groups(examples)
    if len(groups) < len(shares):
        raise CourseError(f"{len(groups)} groups cannot be dealt out to {len(shares)} sides. Take fewer sides.")
    counts = Counter(example.label for example in examples)
    strata = defaultdict(list)
    for name, members in groups.items():
        strata[min((counts[e.label], str(e.label)) for e in members)].append(name)
    side_of, rng = {}, random.Random(seed)
    for stratum in sorted(strata):
        side_of |= _deal(strata[stratum], {name: len(groups[name]) for name in strata[stratum]}, shares, rng)
    if missing := shares.keys() - side_of.values():
        raise CourseError(f"No group is left for {', '.join(sorted(missing))}. Give it a larger share, or more groups.")
    return {side: [e for e in examples if side_of[e.group] == side] for side in shares}


def _groups(examples: Sequence[Example]) -> dict[str, list[Example]]:
    groups = defaultdict(list)
    for example in examples:
        groups[example.group].append(example)
    if None in groups:
        raise CourseError(
            f"{len(groups[None])} of {len(examples)} examples have no group, so nobody knows which belong to one "
            "patient or person. Fill in `group` from the data's source. Where it does not say, put pictures that look "
            "alike into one group (`group_alike`), and claim nothing about new patients."
        )
    return groups


def _deal(names: list[str], sizes: dict[str, int], shares: Mapping[str, float], rng: random.Random) -> dict[str, str]:
    """Group → side: in random order, each to the side that lacks most of what it should have."""
    names = sorted(names)
    rng.shuffle(names)
    lack = {side: share * sum(sizes.values()) for side, share in shares.items()}
    empty = sorted(shares, key=shares.get, reverse=True) if len(names) >= len(shares) else []
    side_of = {}
    for name in names:
        side = empty.pop(0) if empty else max(lack, key=lack.get)
        side_of[name] = side
        lack[side] -= sizes[name]
    return side_of


def dhash(image) -> int:
    """64 bits that say what a picture looks like: in 8 rows of 9 grey dots, whether each is darker than the next.

    A little noise, another size or a compressed copy changes few of them. ``image`` is a path or a PIL image. The
    method is known as "difference hash".
    """
    from PIL import Image

    grey = np.asarray(open_image(image).convert("L").resize((9, 8), Image.Resampling.BOX), int)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def thumbnail(image) -> np.ndarray:
    """A picture as 32 × 32 grey values (1024,), shifted to mean 0 and scaled to length 1: products are correlations."""
    from PIL import Image

    small = open_image(image).convert("L").resize((THUMB, THUMB), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).ravel()
    values = values - values.mean()
    length = np.linalg.norm(values)
    return values / length if length > 0 else np.full(values.size, 1 / THUMB, np.float32)  # of one grey alone


def near_duplicates(images: Sequence, distance: int = DISTANCE, correlation: float = CORRELATION) -> list[set[int]]:
    """Which pictures (paths or PIL images) look alike: sets of their indices, two or more in each, none in two sets.

    Two pictures do whose hashes differ in at most ``distance`` of 64 bits and whose thumbnails correlate by at least
    ``correlation``; whatever is alike to one of a set belongs to it. The hash alone would not do: all heads, and all
    faces, are light and dark in the same places. Copies that were compressed, scaled, brightened or are noisier are
    found; such that were cropped, turned or mirrored are not.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    looks = _looks(images)
    pairs = _alike(looks, looks, distance, correlation)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    _, component = connected_components(graph, directed=False)
    found = defaultdict(set)
    for index, number in enumerate(component):
        found[int(number)].add(index)
    return [members for members in found.values() if len(members) > 1]


def group_alike(
    examples: Sequence[Example], distance: int = DISTANCE, correlation: float = CORRELATION
) -> list[Example]:
    """The examples, in their order, with groups for those that had none: pictures that look alike share one.

    For data whose patients nobody wrote down. It keeps copies on one side of a split. It does not make it a split by
    patient: two slices of one person that do not look alike have different groups. Examples without a picture get a
    group of their own; with several pictures, the first one counts. Raises BadImage.
    """
    bare = [i for i, example in enumerate(examples) if example.group is None]
    seen = [i for i in bare if examples[i].images]
    number = {i: i for i in bare}
    for alike in near_duplicates([examples[i].images[0] for i in seen], distance, correlation):
        number |= {seen[j]: seen[min(alike)] for j in alike}
    return [replace(e, group=f"alike {number[i]}") if i in number else e for i, e in enumerate(examples)]


def _looks(images: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Hashes (n,) and thumbnails (n, 1024)."""
    pictures = [open_image(image) for image in images]
    hashes = np.array([dhash(picture) for picture in pictures], np.uint64)
    return hashes, np.array([thumbnail(picture) for picture in pictures]).reshape(len(pictures), THUMB * THUMB)


def _alike(first: tuple, second: tuple, distance: int, correlation: float) -> np.ndarray:
    """(n, 2): the pairs of a picture of the first and one of the second that look alike."""
    found = [np.empty((0, 2), int)]
    for start in range(0, len(first[0]), 256):  # a block at a time: memory grows with one side alone
        block = slice(start, start + 256)
        close = np.bitwise_count(first[0][block, None] ^ second[0][None, :]) <= distance
        found.append(np.argwhere(close & (first[1][block] @ second[1].T >= correlation)) + [start, 0])
    return np.concatenate(found)


@dataclass(frozen=True)
class Leaks:
    """What of the training side is on the test side, too. True in a condition where anything is.

    Attributes:
        groups: patients or persons on both sides.
        identical: pairs of files (training, test) of the same content.
        alike: pairs of files (training, test) that look alike, the identical ones not counted again.
        n_test: how many examples the test side has.
        touched: how many of them share a group or a file with the training side, or look like one.
    """

    groups: list[str] = field(default_factory=list)
    identical: list[tuple[str, str]] = field(default_factory=list)
    alike: list[tuple[str, str]] = field(default_factory=list)
    n_test: int = 0
    touched: int = 0

    def __bool__(self) -> bool:
        return bool(self.groups or self.identical or self.alike)

    def rows(self) -> list[dict]:
        """One row for each kind: "leak", "count", "first"."""
        found = {"groups on both sides": self.groups, "identical files": [pair[1] for pair in self.identical],
                 "pictures that look alike": [pair[1] for pair in self.alike]}  # fmt: skip
        return [
            {"leak": kind, "count": len(items), "first": ", ".join(Path(item).name for item in items[:3])}
            for kind, items in found.items()
        ]

    def __str__(self) -> str:
        if not self:
            return f"No leak found among {self.n_test} test examples."
        lines = [f"{row['leak']}: {row['count']} (first: {row['first']})" for row in self.rows() if row["count"]]
        return f"{self.touched} of {self.n_test} test examples are touched by training.\n" + "\n".join(lines)


def leaks(
    train: Sequence[Example], test: Sequence[Example], distance: int = DISTANCE, correlation: float = CORRELATION
) -> Leaks:
    """What two sides share: groups, files with the same bytes, and pictures that look alike (``near_duplicates``).

    Raises BadImage for a picture that cannot be read.
    """
    known = {e.group for e in train} - {None}
    shared = sorted(known & {e.group for e in test})
    first, second = ([path for e in side for path in (*e.images, *e.audios)] for side in (train, test))
    digest = {path: _digest(path) for path in {*first, *second}}
    where = {digest[path]: path for path in reversed(first)}
    identical = [(where[digest[path]], path) for path in dict.fromkeys(second) if digest[path] in where]
    same = {path for _, path in identical}
    pictures = [list(dict.fromkeys(path for e in side for path in e.images)) for side in (train, test)]
    pairs = _alike(*map(_looks, pictures), distance, correlation)
    alike = [(pictures[0][i], pictures[1][j]) for i, j in pairs if pictures[1][j] not in same]
    bad = same | {path for _, path in alike}
    touched = sum(e.group in shared or not bad.isdisjoint((*e.images, *e.audios)) for e in test)
    return Leaks(shared, identical, alike, len(test), touched)


def _digest(path: str) -> bytes:
    if not Path(path).is_file():
        raise BadImage(f"There is no file {path}. Check the path, or leave the example out.")
    return sha256(Path(path).read_bytes()).digest()

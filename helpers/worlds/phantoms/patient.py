"""Patients and their slices, and how they are drawn.

A patient is drawn from ``random.Random(f"phantoms/{split}/{seed}/{index}")``. Splits are splits by patient: a quarter
of all, by a hash of everything about them, is reserved for ``heldout``; ``novel`` patients have a finding in a region
where no training patient has it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from ...errors import CourseError, unknown
from .. import drawing
from .findings import FINDINGS, NONE, NOVEL_COMBINATIONS, REGIONS, Finding, cross_section, regions_of, sample_finding
from .head import LEVELS, SIDES, Head, level_of, sample_head

SPLITS = ("train", "heldout", "novel")
APART = 9.0  # mm between slices, at least


@dataclass(frozen=True)
class Slice:
    """One axial slice. ``finding`` is the cross-section of the patient's finding, None where it does not reach.

    ``shift`` is how far the finding pushes the midline, in mm, with the sign of x. It is kept apart, for it changes the
    anatomy far from the finding itself.
    """

    patient: str
    head: Head
    z: float
    finding: Finding | None
    shift: float
    pixel_seed: int

    @property
    def kind(self) -> str:
        """One of FINDINGS."""
        return self.finding.kind if self.finding else NONE

    @property
    def level(self) -> str:
        """A key of LEVELS."""
        return level_of(self.z)


@dataclass(frozen=True)
class Patient:
    """A head, three to five heights at which it is seen, from the base upwards, and at most one finding."""

    head: Head
    zs: tuple[float, ...]
    finding: Finding | None

    @cached_property
    def id(self) -> str:
        """Ten hexadecimal digits. They are a hash of everything else: equal ids mean equal patients."""
        return sha256(repr((self.head, self.zs, self.finding)).encode()).hexdigest()[:10]

    @property
    def kind(self) -> str:
        """One of FINDINGS."""
        return self.finding.kind if self.finding else NONE

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """All slices, also those that the finding does not reach."""
        made = []
        for z in self.zs:
            found = cross_section(self.finding, self.head, z) if self.finding else None
            noise = zlib.crc32(f"{self.id}/{z}".encode())
            made.append(Slice(self.id, self.head, z, found, found.shift if found else 0.0, noise))
        return tuple(made)


def is_reserved(patient: Patient) -> bool:
    """Whether a patient is kept for evaluation: a quarter of all, by a hash, whatever the seed."""
    return drawing.is_reserved(patient.id)


def patient_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one patient. Raises UnknownName for a split that does not exist."""
    _known("split", split, SPLITS)
    return random.Random(f"phantoms/{split}/{seed}/{index}")


def patients(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, finding: str | None = None
) -> Iterator[Patient]:
    """Yield ``n`` patients of a split (endlessly when ``n`` is None), with one finding or (None) all findings in turn.

    Every ``novel`` patient has a finding; the others' findings include "none".
    """
    kinds = [kind for kind in FINDINGS if kind != NONE or split != "novel"]
    for index in drawing.indices(n, start):
        yield sample_patient(patient_rng(split, seed, index), split, finding or kinds[index % len(kinds)])


def slices(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, finding: str | None = None
) -> Iterator[Slice]:
    """Yield ``n`` slices, each of another patient, that show one finding or (None) all in turn, so in equal shares.

    Those that show none are of healthy patients, or of others where their finding does not reach.
    """
    for index in drawing.indices(n, start):
        yield sample_slice(patient_rng(split, seed, index), split, finding or FINDINGS[index % len(FINDINGS)])


def regions(split: str, finding: str) -> tuple[str, ...]:
    """The regions that a finding has in a split."""
    return tuple(r for r in regions_of(finding) if ((finding, r) in NOVEL_COMBINATIONS) == (split == "novel"))


def sample_patient(
    rng: random.Random,
    split: str = "train",
    finding: str | None = None,
    side: str | None = None,
    region: str | None = None,
) -> Patient:
    """Draw one patient. What is not given is drawn too. UnknownName for a name that does not exist."""
    _known("split", split, SPLITS)
    kind = finding or rng.choice(FINDINGS[split == "novel" :])
    _known("finding", kind, FINDINGS)
    if kind == NONE and split == "novel":
        raise CourseError("Every novel patient has a finding. Slices without one are to be had from slices().")
    if side:
        _known("side", side, SIDES)
    if region:
        _known("region", region, regions(split, kind) if kind != NONE else REGIONS)
    while True:
        head, zs, found = sample_head(rng), _heights(rng), None
        if kind != NONE:
            where = side or rng.choice(tuple(SIDES)), region or rng.choice(regions(split, kind))
            found = sample_finding(rng, head, zs, kind, *where)
        patient = Patient(head, zs, found)
        if found and not any(s.finding for s in patient.slices):
            continue
        if split == "novel" or is_reserved(patient) == (split == "heldout"):
            return patient


def sample_slice(
    rng: random.Random,
    split: str = "train",
    finding: str | None = None,
    side: str | None = None,
    region: str | None = None,
) -> Slice:
    """Draw one slice that shows a finding (drawn too unless given; "none" for none), with the patient that it is of."""
    kind = finding or rng.choice(FINDINGS)
    _known("finding", kind, FINDINGS)
    while True:
        of = kind
        if kind == NONE and (split == "novel" or rng.random() < 0.5):
            of = rng.choice(FINDINGS[1:])
        found = [s for s in sample_patient(rng, split, of, side, region).slices if s.kind == kind]
        if found:
            return rng.choice(found)


def _heights(rng: random.Random) -> tuple[float, ...]:
    """Three to five heights; every region of the brain is on one of them, for the lower two levels always are."""
    levels = list(LEVELS.values())
    upper = levels[2:] if rng.random() < 0.6 else [rng.choice(levels[2:])]
    ranges = levels[:2] + upper + [(0.0, levels[-1][1])] * rng.choice((0, 1) if len(upper) > 1 else (0, 1, 1))
    while True:
        zs = sorted(rng.uniform(low + 3, high - 3) for low, high in ranges)
        if all(b - a >= APART for a, b in zip(zs, zs[1:])):
            return tuple(zs)


def _known(kind: str, name: str, choices) -> None:
    if name not in choices:
        raise unknown(kind, name, list(choices))

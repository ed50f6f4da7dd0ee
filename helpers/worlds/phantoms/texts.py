"""What can truthfully be said about a slice: a report in the manner of MedTrinity-25M's captions, a summary, a thought.

Every word is one that the course's tokenizer has read.
"""

from __future__ import annotations

from .findings import HAEMORRHAGE, HETEROGENEOUS, HYPERDENSE, INFARCT, MASS, NONE, SUBDURAL
from .head import SIDES
from .patient import Slice
from .render import box, share, size

#: What asks for ``report(slice)``, and what asks for ``summary(slice)``.
REPORT = ("Please describe the CT image.", "Write a short report.", "What are the findings in this image?")
SUMMARY = "Describe the modality, the finding, its side, its region, its area and its density."
SHIFTED = 2.0  # mm; less is called no shift
UNEVEN = 0.3  # from where on unequal ventricles are worth a word
#: The levels at which the lateral ventricles and each calcification are seen.
_VENTRICLES_AT = ("basal ganglia", "lateral ventricles")
_SEEN_AT = {
    "pineal gland": ("basal ganglia",),
    "left choroid plexus": _VENTRICLES_AT,
    "right choroid plexus": _VENTRICLES_AT,
}


def report(slice: Slice) -> str:
    """Modality, region of interest, its place in the picture and its share, its density, and what it suggests."""
    said = [f"The image is an axial CT slice of the brain without contrast, {_level(slice)}."]
    if slice.finding:
        said.append(
            f"The region of interest, located {position(slice)} of the image, occupies approximately"
            f" {100 * share(slice):.1f}% of the area."
        )
        said.append(f"It is {_lesion(slice)}, which suggests {diagnosis(slice)}.")
    else:
        said.append("There is no abnormal density: no haemorrhage, no infarct and no mass.")
    if calcifications(slice):
        said.append(f"A small bright calcification in {calcifications(slice)} is a normal finding.")
    said.append(midline(slice))
    return " ".join(said if slice.finding else [*said, "The scan is normal."])


def summary(slice: Slice) -> str:
    """The same facts as a list on one line: "Modality: CT. Finding: infarct. Side: left. Region: frontal lobe. …"."""
    if not slice.finding:
        return "Modality: CT. Finding: none."
    region = slice.finding.region + ("" if slice.finding.region in _NO_LOBES else " lobe")
    return (
        f"Modality: CT. Finding: {slice.kind}. Side: {slice.finding.side}. Region: {region}."
        f" Area: {100 * share(slice):.1f}% of the image. Density: {slice.finding.density}."
    )


def reasoning(slice: Slice) -> str:
    """What a thinking model says to itself before it answers: modality, level, symmetry, density, place, conclusion."""
    said = [f"This is an axial CT slice {_level(slice)}.", "I compare both hemispheres."]
    if calcifications(slice):
        said.append(f"The small bright point in {calcifications(slice)} is calcium, a normal finding.")
    uneven = abs(slice.head.uneven) > UNEVEN and slice.level in _VENTRICLES_AT
    if uneven:
        wide, narrow = ("left", "right") if slice.head.uneven > 0 else ("right", "left")
        said.append(f"The {wide} lateral ventricle is larger than the {narrow}, also normal.")
    if not slice.finding:
        said.append("No region is brighter or darker than the same region of the other side.")
        return " ".join([*said, midline(slice), "So the finding is none."])
    picture = "left" if slice.finding.side == "right" else "right"
    said.append(f"On the {picture} side of the image, so the {slice.finding.side} side of the patient, {_seen(slice)}")
    return " ".join([*said, midline(slice), f"So the finding is {diagnosis(slice)} in the {place(slice)}."])


_NO_LOBES = {"basal ganglia": "basal ganglia", "cerebellum": "cerebellar hemisphere"}


def _level(slice: Slice) -> str:
    return slice.level if slice.level.startswith("above") else f"at the level of the {slice.level}"


def place(slice: Slice) -> str:
    """Where a finding is in the patient: "right frontal lobe", "left basal ganglia", "left cerebellar hemisphere"."""
    return f"{slice.finding.side} {_NO_LOBES.get(slice.finding.region, f'{slice.finding.region} lobe')}"


def position(slice: Slice) -> str:
    """Where the middle of a finding's box is in the picture: "left of the centre and in the upper part"."""
    x1, y1, x2, y2 = box(slice)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    across = "left of the centre" if x < 0.42 else "right of the centre" if x > 0.58 else "near the centre"
    return f"{across} and in the {'upper' if y < 0.4 else 'lower' if y > 0.6 else 'middle'} part"


def midline(slice: Slice) -> str:
    """Whether the midline is shifted, and to which side of the patient."""
    if abs(slice.shift) < SHIFTED:
        return "The midline is not shifted."
    to = next(side for side, sign in SIDES.items() if sign * slice.shift > 0)
    return f"The midline is shifted by {abs(slice.shift):.0f} mm to the {to}."


def calcifications(slice: Slice) -> str:
    """Where calcium is seen: "the pineal gland and the choroid plexus"; nothing where it is not."""
    seen = [name for name in slice.head.calcified if slice.level in _SEEN_AT[name]]
    return " and ".join(dict.fromkeys(f"the {name.removeprefix('left ').removeprefix('right ')}" for name in seen))


def diagnosis(slice: Slice) -> str:
    """The finding with its article: "an acute haemorrhage", "an infarct", "a chronic subdural haematoma"."""
    if slice.kind in (NONE, INFARCT, MASS):
        return {NONE: "none", INFARCT: "an infarct", MASS: "a mass with oedema"}[slice.kind]
    return f"{'an acute' if slice.finding.density == HYPERDENSE else 'a chronic'} {slice.kind}"


def _lesion(slice: Slice) -> str:
    finding = slice.finding
    wide = f"{finding.density} region of {size(slice):.0f} mm in the {place(slice)}"
    if finding.kind == SUBDURAL:
        return f"a crescent-shaped {finding.density} collection along the skull at the {place(slice)}"
    if finding.kind == MASS:
        ring = " with a bright ring and a dark centre" if finding.density == HETEROGENEOUS else ""
        return f"a {wide}{ring}, surrounded by dark oedema"
    if finding.is_wedge:
        return f"a {finding.density} wedge in the {place(slice)} that reaches the cortex, without a rim of oedema"
    return f"a {wide} without a rim of oedema"


def _seen(slice: Slice) -> str:
    finding = slice.finding
    bright = finding.density == HYPERDENSE
    if finding.kind == MASS:
        what = "a round bright lesion" if bright else "a bright ring with a dark centre"
        return f"there is {what}, and around it a dark band, so oedema."
    means = "is bright, so of high density" if bright else "is dark, so of low density"
    if finding.kind == SUBDURAL:
        return f"a crescent between the skull and the brain {means}."
    if finding.is_wedge:
        return f"a wedge that reaches the cortex {means}."
    where = "inside the brain" if finding.kind == HAEMORRHAGE else "deep in the brain"
    return f"a round region {where} {means}, without a band around it."

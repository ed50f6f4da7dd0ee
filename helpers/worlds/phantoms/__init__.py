"""Phantoms: drawings in the manner of axial head CT, with findings whose kind, side, region and size are known.

>>> from helpers.worlds import phantoms
>>> patient = next(phantoms.patients("heldout", 1, finding="infarct"))
>>> slice = next(phantoms.slices("heldout", 1, finding="infarct"))
>>> image = phantoms.render(slice)          # a grey PIL image, 128 × 128
>>> phantoms.report(slice)                  # doctest: +SKIP

**These are drawings, not CT.** Nobody was scanned: ellipses, bands and waves stand for anatomy, and a model that reads
them has learnt nothing about people. They exist so that a fine-tuning can be measured against an exact truth. Neither
they nor any model trained on them may be used for a diagnosis, for triage, for training or testing a medical device, or
as evidence that a method works on patients.

Pictures follow radiology: they are seen from the feet, so the patient's right is at the picture's left. ``side`` is
always the patient's; boxes and "left of the centre" are the picture's.

What is rough on purpose: there are four levels with few structures each; every finding is one lesion of one shape;
nothing bleeds into a ventricle; a slice is infinitely thin; there are no old strokes, fractures, implants or movement.
What is normal and can mislead: calcified pineal gland and choroid plexus, unequal ventricles, wide sulci of age, a
hardened dark band between the petrous bones, brighter brain near bone, a head that is turned, and windows that differ.

Where the numbers come from:

* Densities (Hounsfield units): Neurosurgical Atlas, "Neuroradiology", quick reference tables, 2018 (grey matter 30 to
  40, white 20 to 35, cerebral oedema 10 to 14, fluid 5, blood clot 75 to 80),
  https://www.neurosurgicalatlas.com/volumes/principles-of-cranial-surgery/quick-reference-tables/neuroradiology; and
  T. M. Buzug, *Computed Tomography*, Springer 2008, p. 475, as quoted at
  http://radclass.mudr.org/content/hounsfield-units-scale-hu-ct-numbers (white 20 to 30, grey 37 to 45, haematoma 40 to
  90, bone from 700). Those of infarcts, masses and old subdural blood are chosen between these.
* Frontal horns about a quarter as wide as the inner skull (Evans' index, mean 0.25): S. A. Olarinoye-Akorede et al.,
  "Computerized tomographic study of normal Evans index in adult Nigerians", https://ruralneuropractice.com/?p=5085.
* Unequal ventricles and calcifications of pineal gland and choroid plexus as normal: "Normal findings", Clinical
  neurology, https://www.mitchmedical.us/clinical-neurology/normal-findings-1.html.
* The sides: "How to interpret an unenhanced CT brain scan, part 1", South Sudan Medical Journal, August 2016,
  http://southsudanmedicaljournal.com/archive/august-2016/.
* A brain window 80 wide at a level of 40: "Using stroke windows for detecting ischemia on head CT",
  https://old.grepmed.com/images/12330.
"""

from .findings import (
    DENSITIES,
    FINDINGS,
    HAEMORRHAGE,
    INFARCT,
    MASS,
    NONE,
    NOVEL_COMBINATIONS,
    REGIONS,
    SUBDURAL,
    Finding,
)
from .head import LEVELS, SIDES, Head, to_picture
from .patient import (
    SPLITS,
    Patient,
    Slice,
    is_reserved,
    patient_rng,
    patients,
    regions,
    sample_patient,
    sample_slice,
    slices,
)
from .questions import ANSWER, ANSWERS, CHANCE, Question, questions, sample_question, slice_questions
from .render import box, render, share, size
from .texts import REPORT, SUMMARY, reasoning, report, summary

__all__ = [
    "ANSWER", "ANSWERS", "CHANCE", "DENSITIES", "FINDINGS", "HAEMORRHAGE", "INFARCT", "LEVELS", "MASS", "NONE",
    "NOVEL_COMBINATIONS", "REGIONS", "REPORT", "SIDES", "SPLITS", "SUBDURAL", "SUMMARY", "Finding", "Head", "Patient",
    "Question", "Slice", "box", "is_reserved", "patient_rng", "patients", "questions", "reasoning", "regions", "render",
    "report", "sample_patient", "sample_question", "sample_slice", "share", "size", "slice_questions", "slices",
    "summary", "to_picture",
]  # fmt: skip

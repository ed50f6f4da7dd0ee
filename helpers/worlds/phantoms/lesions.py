"""The shapes of findings: blobs, wedges and crescents as masks, and how they are drawn over a healthy head."""

from __future__ import annotations

import math

import numpy as np

from .anatomy import Anatomy
from .findings import INFARCT, SUBDURAL, Finding
from .head import SIDES, Frame

OEDEMA = 14.0  # Hounsfield units


def masks(finding: Finding, frame: Frame, healthy: Anatomy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a cross-section is: all of it, what of it is no oedema, and a mass's centre; masks from 0 to 1."""
    own = frame.soft(frame.x * SIDES[finding.side] - 1) * healthy.brain
    dx, dy = frame.x - finding.x, frame.y - finding.y
    c, s = math.cos(finding.turn), math.sin(finding.turn)
    p, q = c * dx + s * dy, c * dy - s * dx  # along and across
    if finding.kind == SUBDURAL:
        core = _crescent(finding, frame) * own
    elif finding.is_wedge:
        core = _wedge(finding, frame, p, q) * own * (1 - healthy.fluid)
    else:
        core = frame.soft(_blob(finding, p, q, 1.0)) * own
        if finding.kind == INFARCT:
            core = core * (1 - healthy.fluid)
    whole, centre = core, core
    if finding.rim:
        oedema = frame.soft(_blob(finding, p, q, 2.5) + finding.rim) * own * (1 - healthy.fluid)
        whole = np.maximum(core, oedema)
        centre = frame.soft(_blob(finding, p, q, 1.0) - max(2.6, 0.32 * finding.across)) * own
    return whole, core, centre


def _blob(finding: Finding, p: np.ndarray, q: np.ndarray, rough: float) -> np.ndarray:
    """Distance to an uneven ellipse, positive inside. Oedema is rougher than what it surrounds."""
    where = np.arctan2(q / finding.across, p / finding.along)
    wave = 1 + sum(rough * high * np.cos(n * where + phase) for n, high, phase in finding.lobes)
    return (wave - np.hypot(p / finding.along, q / finding.across)) * min(finding.along, finding.across)


def _wedge(finding: Finding, frame: Frame, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """From an apex in the depth it widens outwards, as far as the skull."""
    share = np.clip((p + finding.along) / (2 * finding.along), 0, 1.3)
    wave = 1 + sum(0.8 * high * np.cos(n * p / 9 + phase) for n, high, phase in finding.lobes)
    half = finding.across * (0.2 + 0.8 * share) * wave
    return frame.soft(np.minimum(half - np.abs(q), p + finding.along))


def _crescent(finding: Finding, frame: Frame) -> np.ndarray:
    """Thickest in its middle, it follows the inner table of the skull to either side."""
    radius = np.hypot(frame.x, frame.y) + 1e-3
    turned = np.arctan2(frame.y, frame.x) - finding.turn
    arc = np.abs((turned + math.pi) % (2 * math.pi) - math.pi) * radius / finding.along
    thick = finding.across * np.sqrt(1 - np.clip(arc, 0, 1) ** 2)
    return frame.soft(thick - frame.depth) * frame.soft((1 - arc) * finding.along)


def paint(hu: np.ndarray, finding: Finding, found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """The densities with a cross-section drawn over them; ``found`` is what ``masks`` says."""
    whole, core, centre = found
    if not finding.rim:
        return hu + core * (finding.hu - hu)
    hu = hu + whole * (OEDEMA - hu)
    hu = hu + core * (finding.hu - hu)
    return hu + centre * (finding.inner - hu)

"""Where things are: boxes and points in a model's own numbers, read from its answers, and how well they fit.

    resized = resized_size(*picture.size, processor)
    kind = convention(spec)                                          # "absolute" or "relative"
    read = parse_boxes(answer)                                       # an outcome, whatever the answer is
    found = [to_image_box(box, picture.size, resized, kind) for box in read.found]
    mean_iou(found, truth), average_precision([found], [truth], 0.5)
"""

from .coordinates import CONVENTIONS, convention, resized_size, to_image, to_image_box, to_image_point, to_model
from .overlap import average_precision, iou, match, mean_iou, point_hits
from .parsing import EMPTY, FOUND, UNPARSED, Box, Parsed, Point, clip, parse_boxes, parse_points
from .seconds import parse_span, temporal_iou

__all__ = [
    "CONVENTIONS", "EMPTY", "FOUND", "UNPARSED", "Box", "Parsed", "Point", "average_precision", "clip", "convention",
    "iou", "match", "mean_iou", "parse_boxes", "parse_points", "parse_span", "point_hits", "resized_size",
    "temporal_iou", "to_image", "to_image_box", "to_image_point", "to_model",
]  # fmt: skip

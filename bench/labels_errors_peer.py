"""cleanlab on given probabilities, in its own environment: reads FILE.npz, writes JSON to stdout.

Knows nothing of Freehold. Every setting is cleanlab's default but the number of processes, which is 1.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

SCORES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def main(path: str) -> int:
    """Writes rankings of all rows, the rows that are issues by default, and CPU seconds."""
    import cleanlab
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with np.load(path, allow_pickle=False) as given:
        labels, chances = given["labels"], given["chances"]
    told: dict[str, Any] = {"version": cleanlab.__version__, "ranked": {}}
    for score in SCORES:
        quality = get_label_quality_scores(labels, chances, method=score)
        told["ranked"][score] = np.argsort(quality, kind="stable").tolist()
    began = time.process_time()
    issues = find_label_issues(labels, chances, n_jobs=1)
    told["cpu"] = time.process_time() - began
    told["issues"] = np.flatnonzero(issues).tolist()
    # Its own calibration rounds the joint to whole rows; what is compared is the estimate before that.
    joint = compute_confident_joint(labels, chances, calibrate=False).astype(float)
    wrong = 1 - np.diag(joint) / joint.sum(1)
    told["share"] = float(wrong @ np.bincount(labels) / len(labels))
    json.dump(told, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

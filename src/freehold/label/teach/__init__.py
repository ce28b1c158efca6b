"""Teachers, one committee: who is asked about which rows, what that costs, what is made of what they say.

Teachers are endpoints, releases, encoders, rules and tables of patterns. `teach` asks them about rows without
labels and about rows whose label is known, and gives back the labels that the committee is sure of; `survey` says
how good each teacher is; `estimate` what asking would cost. Test rows are shown to nobody.
"""

from freehold.label.teach.estimates import Estimate, estimate
from freehold.label.teach.orders import watch
from freehold.label.teach.sayings import Saying
from freehold.label.teach.surveys import Survey, Surveyed, survey
from freehold.label.teach.teaching import Taught, is_taught, teach, teachers_state

__all__ = [
    "Estimate",
    "Saying",
    "Survey",
    "Surveyed",
    "Taught",
    "estimate",
    "is_taught",
    "survey",
    "teach",
    "teachers_state",
    "watch",
]

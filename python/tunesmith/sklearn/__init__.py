"""A scikit-learn search: `TunesmithSearchCV` stands where `GridSearchCV` or `HalvingGridSearchCV` would, and proposes
by tunesmith's methods.

Refuses what would make scores incomparable: splits drawn anew for each batch of candidates, schedulers that judge at
points of a training that scikit-learn does not show, and an earlier study's trials, whose splits are not known.
"""

from ._search import TunesmithSearchCV

__all__ = ["TunesmithSearchCV"]

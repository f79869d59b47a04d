"""Hyperparameter search with the Trainer of transformers, by its public interfaces.

`search(trainer, space, …)` runs a study; `enable()` teaches `trainer.hyperparameter_search` the backend `tunesmith`.

It refuses to change what it does not own: arguments, callbacks and model_init of the trainer are after a search what they
were before it, and nothing of transformers is replaced but, by `enable()`, that one method.
"""

from ._enable import enable
from ._search import SearchResult, search

__all__ = ["SearchResult", "enable", "search"]

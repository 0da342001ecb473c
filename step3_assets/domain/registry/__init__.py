"""The model registry: which model versions exist, the stage of each, which one decides.

Belongs here: pure functions over tables ``model_registry`` and ``registry_transitions``: entries
(:mod:`.entries`), stages (:mod:`.stages`), promotion and rollback (:mod:`.promotion`), the model in
force (:mod:`.in_force`), the JSON document (:mod:`.document`), making a fold's models again
(:mod:`.reproduction`). Does not belong here: training, the verdict, storage.
"""

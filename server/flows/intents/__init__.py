"""Which intent a message carries: a small local classifier trained on a flow's own examples, in any language.

`train` makes an `IntentModel`; `IntentModel.classify` answers; `to_bytes` and `from_bytes` keep it without pickle.
"""

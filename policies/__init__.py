"""The policy pack: what a stack of this project must not be, judged on what it registers.

``rules`` has all rules; a rule is a pure function of resources and knows nothing of Pulumi. ``pack`` makes a CrossGuard
pack of them, and only ``__main__`` starts it.
"""

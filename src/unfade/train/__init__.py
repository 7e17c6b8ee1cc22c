"""Training: data set x synthetic damage x task -> weights, and their entry in the zoo.

``read_recipe`` reads what to train, ``fit`` trains it, ``export`` writes weights for every
runtime, ``verify`` measures shipped weights again. Needs the extra ``train``.
"""

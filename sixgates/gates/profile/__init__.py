"""What did the inputs look like, in counts small enough to keep with the model?

A profile counts each feature on a grid that is fixed once, from the training data. Nulls, NaN,
values beyond either end and levels that training never saw have cells of their own. Counts on one
grid add up, so windows merge, and a window is compared with the training data without reading it.
"""

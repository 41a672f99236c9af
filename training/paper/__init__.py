"""The seed method as published: a generator of our own, stage 1 in its W+, stage 2, evaluation."""

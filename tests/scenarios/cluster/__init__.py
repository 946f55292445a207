"""A project of its own for real worker processes: its agents write down what they do, and wait there to be killed."""

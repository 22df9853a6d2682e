// The simulator follows.

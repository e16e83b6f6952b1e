"""Project files on one side, core objects on the other."""

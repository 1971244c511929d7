"""The built-in estimators of fixlip, one file each; they register through the same entry points as anyone's."""

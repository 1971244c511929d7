"""A data set made of what a test gives it."""


class ListedData:
    """A data set of these entries, of any kind."""

    name = "listed"

    def __init__(self, *entries):
        self.entries = entries

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index]

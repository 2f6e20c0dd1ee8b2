"""Who may see a title: viewers, groups, defaults of folders, and the edits that change it."""

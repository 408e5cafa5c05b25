"""The sub-commands of core: `plugins`, `doctor`, `inspect` and `new-plugin`."""

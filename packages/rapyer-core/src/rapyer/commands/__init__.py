"""The subcommands of core: `plugins`, `doctor`, `inspect` and `new-plugin`."""

"""The workbench as a page: a server that gives every page a kernel and a worker of its own."""

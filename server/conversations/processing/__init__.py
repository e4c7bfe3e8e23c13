"""What happens to an input before the flow gets it: a pipeline of stages, each a folder of its own in `stages/`."""

"""The words of design as types: entity, group, descriptor, problem, run."""

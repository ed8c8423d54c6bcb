"""What ``hetbrian new`` writes: a study of one's own, from the files in ``template/`` or from a published protocol."""

from hetbrian._new.study import write_study

__all__ = ["write_study"]

"""Work in this process or on a Ray cluster: one way to start a cluster, to address it, to trust nodes and to report.

A `job.Job` says what the work is (`fixlip.evaluation` and `fixlip.index` have one each), and an engine of `engines`
does its tasks. The one for Ray (`ray`) keeps a `crew` of workers (`remote`) in their `places`, which show a `proof`
that they are able before they get tasks in the order of a `schedule`.
"""

from fixlip.cluster.engines import Engine, Local, engine
from fixlip.cluster.ray import Ray

__all__ = ["Engine", "Local", "Ray", "engine"]

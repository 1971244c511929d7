"""The worker on a node of a Ray cluster."""


def worker_class() -> type:
    """The class of the workers. Made here, it is sent by value, so that it can say where fixlip is missing."""

    class RemoteWorker:
        def node(self) -> str:
            """The node that it is on."""
            import ray

            return str(ray.get_runtime_context().get_node_id())

        def prove(self, make, folder, fields):  # type: ignore[no-untyped-def]
            """The `Proof` of this process, or the sentence that says why there is none."""
            import os
            from contextlib import suppress

            try:
                with suppress(OSError):
                    os.chdir(folder)
                if not hasattr(self, "worker"):
                    self.worker = make()
                return self.worker.prove(fields)
            except Exception as error:
                kind = "" if type(error).__module__ == "fixlip.errors" else f"{type(error).__name__}: "
                return f"{kind}{error}"

        def call(self, method, task):  # type: ignore[no-untyped-def]
            """The rows of a task."""
            return list(getattr(self.worker, method)(task))

    RemoteWorker.__qualname__ = "RemoteWorker"
    return RemoteWorker

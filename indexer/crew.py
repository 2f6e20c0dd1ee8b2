"""The threads that look at files. The work itself is in child processes, so threads are enough."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Self, TypeVar

from indexer.examine import Unsettled, Vanished
from indexer.progress import Progress
from media.sandbox import SandboxError

Job = TypeVar("Job")
Result = TypeVar("Result")

# What a file or its disk causes; anything else is a fault of the program and ends the scan.
_CAUSED_BY_FILES = (Vanished, Unsettled, SandboxError, OSError)


class Crew:
    """`workers` threads, each running one tool at a time."""

    def __init__(self, workers: int, progress: Progress) -> None:
        self.workers = workers
        self._progress = progress
        self._pool = ThreadPoolExecutor(workers, "crew")

    def each(
        self, what: str, work: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> Iterator[tuple[Job, Result | Exception]]:
        """Run `work` on all jobs; yield results, and the exceptions that files cause, as they come."""
        self._progress.stage(what, len(jobs))
        futures: dict[Future[Result], Job] = {self._pool.submit(work, job): job for job in jobs}
        for future in as_completed(futures):
            job = futures[future]
            self._progress.step()
            error = future.exception()
            if error is None:
                yield job, future.result()
            elif isinstance(error, _CAUSED_BY_FILES):
                yield job, error
            else:
                raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

"""The benchmark engine: items × models × samples → an append-only log → scores, times and a report.

    plan = make_plan(items, ["r1-s", "r1-l"], samples=1, settings=Settings(max_tokens=1024))
    async with make_client(server.base_url) as client:
        await run(plan, client, "runs/first")          # killed or stopped, the same call goes on from there
    grade_answers("runs/first", items)
    attempts = read("runs/first")
    summarise(attempts), latency(attempts), compare(attempts), write_report("runs/first", items)

`course bench` does the same from a terminal, and ``write_archive`` keeps a log in a small file. Graders are
``helpers.grading``'s, one request is ``helpers.chat``'s.
"""

from .archive import read_archive, write_archive
from .cost import cost_of, price_of
from .engine import RunStopped, run
from .estimate import dry_run
from .grades import grade_answers
from .limits import Limits
from .log import Attempt, LogError, read
from .plan import Settings, host_of, make_plan
from .report import write_report
from .sources import items_of, load_tasks
from .summary import compare, cons_at_k, pass_at_k, sampling, summarise
from .timing import latency, throughput

__all__ = [
    "Attempt", "Limits", "LogError", "RunStopped", "Settings", "compare", "cons_at_k", "cost_of", "dry_run",
    "grade_answers", "host_of", "items_of", "latency", "load_tasks", "make_plan", "pass_at_k",
    "price_of", "read", "read_archive", "run", "sampling", "summarise", "throughput", "write_archive", "write_report",
]  # fmt: skip

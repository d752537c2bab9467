"""Ends sessions for Tenure: an activity on the host application's own Temporal task queue.

Tenure's lifecycle schedules the activity `revokeSessions` here when somebody's access closes, and again until
nothing is left twice in a row. The answer is two counts. It is kept in Temporal's history, so nothing else is
in it, and no error may quote a person's data.
"""

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

DATABASE = os.environ.get("DATABASE", "sessions.db")


@dataclass
class Revocation:
    """What Tenure asks for. Field names are those of its JSON."""

    kind: str
    userId: str
    organizationId: str
    # The person is in no other organization any more: what belongs to none goes too.
    last: bool
    # Counts the times at which access closed. The same one again is a repetition.
    closing: int
    # leaving, disabled, suspended, tokenRevoked, ... Others may follow; what is to be ended is the same.
    reason: str


@activity.defn(name="revokeSessions")
def revoke_sessions(asked: Revocation) -> dict[str, int]:
    """Deletes, then counts anew: what is left is read, never concluded from what was deleted."""
    belongs = "user_id = ? AND (organization_id = ? OR organization_id IS NULL)"
    whose = (asked.userId, asked.organizationId)
    with sqlite3.connect(DATABASE) as database:
        revoked = database.execute(f"DELETE FROM sessions WHERE {belongs}", whose).rowcount
    with sqlite3.connect(DATABASE) as database:
        (left,) = database.execute(f"SELECT count(*) FROM sessions WHERE {belongs}", whose).fetchone()
    return {"revoked": revoked, "left": left}


async def main() -> None:
    with sqlite3.connect(DATABASE) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user_id TEXT, organization_id TEXT)"
        )
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    with ThreadPoolExecutor(8) as threads:
        worker = Worker(
            client,
            task_queue=os.environ.get("TASK_QUEUE", "billing"),
            activities=[revoke_sessions],
            activity_executor=threads,
        )
        print("polling", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main())

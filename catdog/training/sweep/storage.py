"""Where the study of a sweep lies: a file in its folder, or a place that many machines share.

"" is an SQLite file, for the processes of one machine. `journal:PATH` is a file of Optuna's on a
folder that all machines see; `postgresql://USER@HOST/DATABASE` is a database.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError
from catdog.runtime.optional import optional
from catdog.runtime.provenance import without_passwords
from catdog.training.sweep.plan import Plan

NAME, STUDY = "sweep", "sweep.db"
JOURNAL = "journal:"
_POSTGRESQL = ("postgresql://", "postgres://")
#: Seconds that a process waits for another one's writing.
_PATIENCE = 60


def optuna() -> Any:
    """The module; raises CatdogError, with the command to run, where it is not installed."""
    module: Any = optional("optuna", "a sweep needs Optuna", "pip install optuna")
    module.logging.set_verbosity(module.logging.WARNING)
    return module


def check_storage(text: str) -> None:
    """Raise CatdogError for what is neither of the two kinds."""
    journal = text.startswith(JOURNAL) and text != JOURNAL
    if text and not journal and not text.startswith(_POSTGRESQL):
        raise CatdogError(
            f'"{without_passwords(text)}" is no storage that machines share',
            where="--storage",
            remedy="write journal:PATH or postgresql://USER@HOST/DATABASE",
        )


def place_of(plan: Plan) -> str:
    """Where the study is, as a person may see it."""
    return without_passwords(plan.storage) if plan.storage else str(plan.folder / STUDY)


def study_name(plan: Plan) -> str:
    """What Optuna calls the study: in a database with others, as the sweep's folder is called."""
    return plan.folder.name if plan.storage.startswith(_POSTGRESQL) else NAME


def opened(plan: Plan) -> Any:
    """Optuna's storage; call it under `locked`, as it may be made here."""
    storages = optuna().storages
    if plan.storage.startswith(JOURNAL):
        try:
            return storages.JournalStorage(storages.journal.JournalFileBackend(str(_journal(plan))))
        # Optuna asserts that it knows what it reads
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
            raise _no_journal(plan) from None
    if plan.storage:
        url = _url(plan).render_as_string(hide_password=False)
        # a connection for each look at it: none is found dead after hours of training
        return storages.RDBStorage(url, engine_kwargs={"poolclass": _alchemy().pool.NullPool})
    return storages.RDBStorage(
        f"sqlite:///{(plan.folder / STUDY).resolve()}",
        engine_kwargs={"connect_args": {"timeout": _PATIENCE}},
    )


@contextmanager
def locked(plan: Plan) -> Iterator[None]:
    """One worker at a time, of all that share the study; of one that dies the lock is let go."""
    if plan.storage.startswith(JOURNAL):
        if _journal(plan).is_char_device():
            # it may have no end
            raise _no_journal(plan)
        # the kernel's locks do not reach over every network
        _journal(plan).parent.mkdir(parents=True, exist_ok=True)
        lock = optuna().storages.journal.JournalFileOpenLock(f"{_journal(plan)}.turn")
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
    elif plan.storage:
        with _database(plan):
            yield
    else:
        with (plan.folder / f".{STUDY}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def reached(plan: Plan) -> Iterator[None]:
    """Where a study cannot be read or written, a CatdogError says which and why."""
    internal = optuna().exceptions.StorageInternalError
    try:
        yield
    except (internal, _alchemy().exc.SQLAlchemyError, OSError) as error:
        # the database's own words, without the statement that SQLAlchemy adds
        told = getattr(error, "orig", None) or getattr(error, "strerror", None)
        told = told or error.__cause__ or error
        why = without_passwords(str(told).splitlines()[0])
        raise CatdogError(f"the study cannot be reached: {why}", where=place_of(plan)) from error


@contextmanager
def _database(plan: Plan) -> Iterator[None]:
    """A lock of PostgreSQL's own, which ends with its connection."""
    alchemy = _alchemy()
    engine = alchemy.create_engine(_url(plan), poolclass=alchemy.pool.NullPool)
    with engine.connect() as connection:
        name = {"name": f"catdog {study_name(plan)}"}
        connection.execute(alchemy.text("select pg_advisory_lock(hashtext(:name))"), name)
        yield


def _journal(plan: Plan) -> Path:
    return Path(plan.storage.removeprefix(JOURNAL)).resolve()


def _no_journal(plan: Plan) -> CatdogError:
    return CatdogError("is no journal of Optuna's", where=place_of(plan))


def _url(plan: Plan) -> Any:
    """For SQLAlchemy, with the driver that the extra brings."""
    optional("psycopg", "PostgreSQL needs psycopg", "pip install 'psycopg[binary]'")
    try:
        url = _alchemy().engine.make_url(plan.storage)
    except (ValueError, _alchemy().exc.ArgumentError):
        raise CatdogError(
            "is no address of a database",
            where=place_of(plan),
            remedy="write postgresql://USER@HOST:PORT/DATABASE",
        ) from None
    return url.set(drivername="postgresql+psycopg")


def _alchemy() -> Any:
    """SQLAlchemy, which comes with Optuna."""
    return optional("sqlalchemy", "a sweep needs SQLAlchemy", "pip install optuna")

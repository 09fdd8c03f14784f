"""Copy a hub's whole database: FROM TO [overwrite], both URLs of SQLAlchemy. Run by the hub's own Python.

All tables of JupyterHub, and those that others keep beside them, for example an authenticator its passwords. Either
everything is there afterwards, counted, or TO is as it was. A TO that has a hub's state is refused without `overwrite`.
"""

import sys

from jupyterhub import orm
from sqlalchemy import MetaData, create_engine, func, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

BATCH = 1000


def count(connection, table):
    """Number of rows."""
    return connection.execute(select(func.count()).select_from(table)).scalar()


def tables_of(source):
    """All tables to copy, those that others refer to first."""
    metadata = MetaData()
    for table in orm.Base.metadata.tables.values():
        table.to_metadata(metadata)
    beside = MetaData()
    beside.reflect(source, only=[name for name in inspect(source).get_table_names() if name not in metadata.tables])
    for table in beside.tables.values():
        # SQLite's own types have no meaning elsewhere.
        for column in table.columns:
            column.type = column.type.as_generic()
        table.to_metadata(metadata)
    return metadata


def refuse_filled(target, metadata, place):
    """End when one of the tables is there with rows, but for the mark that says which release made them."""
    there = set(inspect(target).get_table_names())
    found = {name: count(target, table) for name, table in metadata.tables.items() if name in there}
    filled = [f"{name} {rows}" for name, rows in found.items() if rows and name != "alembic_version"]
    if filled:
        sys.exit(
            f"{place} has a hub's state already (rows: {', '.join(filled)}), expected none. When the hub runs on it, there is "
            "nothing to move: run the playbook site.yml with -e hub_docker_other_database_accepted=true. When it is of no "
            "worth, run this again with -e hub_docker_overwrite_database=true."
        )


def copy(source, target, table):
    """All rows of a table; how many."""
    rows = source.execution_options(yield_per=BATCH).execute(select(table))
    for part in rows.mappings().partitions(BATCH):
        target.execute(insert(table), [dict(row) for row in part])
    expected, found = count(source, table), count(target, table)
    if expected != found:
        sys.exit(f"{table.name} has {found} rows after copying, expected {expected}. Nothing was kept.")
    number = table.autoincrement_column
    if number is not None and found and target.dialect.name == "postgresql":
        target.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, :number), :last)"),
            {
                "name": target.dialect.identifier_preparer.format_table(table),
                "number": number.name,
                "last": target.execute(select(func.max(number))).scalar(),
            },
        )
    return found


def main():
    """The command line."""
    source_url, target_url, *words = sys.argv[1:]
    source_engine, target_engine = create_engine(source_url), create_engine(target_url)
    place = target_engine.url.render_as_string(hide_password=True)
    try:
        orm.check_db_revision(source_engine)
        with source_engine.connect() as source, target_engine.begin() as target:
            metadata = tables_of(source)
            if "overwrite" not in words:
                refuse_filled(target, metadata, place)
            metadata.drop_all(target)
            metadata.create_all(target)
            for table in metadata.sorted_tables:
                print(f"{table.name}: {copy(source, target, table)} rows")
    except (SQLAlchemyError, orm.DatabaseSchemaMismatch) as error:
        sys.exit(f"The hub's state could not be copied to {place}, which is as it was: {error}")


if __name__ == "__main__":
    main()

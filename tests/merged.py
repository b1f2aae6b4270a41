"""Tables with a key read as the catalog's contract says, without the program: of each key in each
partition the row with the greatest (sequence, position), a row before a delete of one position."""

import pyarrow.parquet


def entries(project, table):
    """Every row of every file that is read now: (partition, position, is a delete, row)."""
    rows = project.query(
        """
        SELECT f.path, f.content, p.partition_values, d.position
        FROM files f JOIN deltas d USING (delta_id) JOIN partitions p USING (partition_id)
          JOIN streams s ON s.stream_id = p.stream_id JOIN table_versions v USING (version_id)
          JOIN tables t USING (table_id) JOIN namespaces n USING (namespace_id)
        WHERE n.name || '.' || t.name = ? AND v.lifecycle = 'active'
          AND s.state = 'committed' AND p.state = 'committed' AND d.state = 'committed'""",
        table,
    )
    for file in rows:
        content = pyarrow.parquet.ParquetFile(project.data_file(file["path"])).read()
        for row in content.to_pylist():
            yield file["partition_values"], file["position"], file["content"] == "deletes", row


def rank(entry, sequence):
    _, position, deletes, row = entry
    value = row.get(sequence) if sequence else None
    return (value is not None, value if value is not None else 0, position, not deletes)


def read(project, table, key, sequence=None):
    """The rows as dicts; no key may be there twice, whatever its partition."""
    best = {}
    for entry in entries(project, table):
        name = (entry[0], *(entry[3][column] for column in key))
        if name not in best or rank(entry, sequence) > rank(best[name], sequence):
            best[name] = entry
    rows = [entry[3] for entry in best.values() if not entry[2]]
    keys = [tuple(row[column] for column in key) for row in rows]
    assert len(keys) == len(set(keys)), f"{table}: a key is in two partitions"
    return sorted(rows, key=lambda row: tuple(str(row[column]) for column in key))

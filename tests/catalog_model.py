"""DeltaCAT's storage model in memory, as plainly as it can be written: what `sluice catalog` is held against.

Each verb changes the model and returns None, or returns what is wrong ("missing", "exists", "conflict",
"invalid") and changes nothing."""

import dataclasses


@dataclasses.dataclass
class Delta:
    id: str
    type: str
    files: list  # (key, rows, bytes)
    position: int = 0

    @property
    def rows(self):
        return sum(rows for _, rows, _ in self.files)


@dataclasses.dataclass
class Partition:
    id: str
    values: tuple
    previous: str  # the id of the one that was committed when it was staged
    state: str = "staged"
    deltas: dict = dataclasses.field(default_factory=dict)

    def committed(self):
        return [d for d in self.deltas.values() if d.position]


@dataclasses.dataclass
class Stream:
    id: str
    previous: str
    state: str = "staged"
    position: int = 0
    partitions: dict = dataclasses.field(default_factory=dict)

    def current(self, values):
        for partition in self.partitions.values():
            if partition.state == "committed" and partition.values == values:
                return partition
        return None

    def find_delta(self, delta_id):
        for partition in self.partitions.values():
            if delta_id in partition.deltas:
                return partition, partition.deltas[delta_id]
        return None, None


@dataclasses.dataclass
class Version:
    number: int
    lifecycle: str
    streams: dict = dataclasses.field(default_factory=dict)

    @property
    def stream(self):
        return next((s for s in self.streams.values() if s.state == "committed"), None)


@dataclasses.dataclass
class Table:
    versions: list = dataclasses.field(default_factory=list)
    properties: dict = dataclasses.field(default_factory=dict)

    def version(self, number):
        if number:
            return self.versions[number - 1] if number <= len(self.versions) else None
        active = [v for v in self.versions if v.lifecycle == "active"]
        return active[-1] if active else None


class Model:
    def __init__(self):
        self.namespaces = {}  # name → {table name → Table}

    def table(self, at):
        namespace, name = at
        return self.namespaces.get(namespace, {}).get(name)

    def version(self, at, number):
        table = self.table(at)
        return table.version(number) if table else None

    def usable(self, at, number):
        """The version, or why nothing can be staged there."""
        version = self.version(at, number)
        if not version:
            return None, "missing"
        if version.lifecycle == "deleted":
            return None, "conflict"
        return version, None

    # --- namespaces, tables, versions

    def create_namespace(self, name):
        if name in self.namespaces:
            return "exists"
        self.namespaces[name] = {}
        return None

    def delete_namespace(self, name):
        if name not in self.namespaces:
            return "missing"
        if self.namespaces[name]:
            return "conflict"
        del self.namespaces[name]
        return None

    def create_table(self, at):
        if at[0] not in self.namespaces:
            return "missing"
        if self.table(at):
            return "exists"
        self.namespaces[at[0]][at[1]] = Table()
        return None

    def rename_table(self, at, name):
        if not self.table(at):
            return "missing"
        if name == at[1]:
            return None
        if name in self.namespaces[at[0]]:
            return "exists"
        self.namespaces[at[0]][name] = self.namespaces[at[0]].pop(at[1])
        return None

    def delete_table(self, at):
        if not self.table(at):
            return "missing"
        del self.namespaces[at[0]][at[1]]
        return None

    def create_version(self, at, lifecycle, stream_id):
        """`stream_id` is what the program chose; it is not known before."""
        table = self.table(at)
        if not table:
            return "missing"
        version = Version(len(table.versions) + 1, lifecycle)
        version.streams[stream_id] = Stream(stream_id, None, "committed")
        table.versions.append(version)
        return None

    def set_lifecycle(self, at, number, lifecycle):
        version = self.version(at, number)
        if not version:
            return "missing"
        if version.lifecycle == "deleted" and lifecycle != "deleted":
            return "conflict"
        version.lifecycle = lifecycle
        return None

    # --- streams

    def stage_stream(self, at, number, stream_id):
        version, wrong = self.usable(at, number)
        if wrong:
            return wrong
        previous = version.stream
        version.streams[stream_id] = Stream(
            stream_id, previous.id if previous else None, position=previous.position if previous else 0
        )
        return None

    def commit_stream(self, at, number, stream_id):
        version, wrong = self.usable(at, number)
        if wrong:
            return wrong
        stream = version.streams.get(stream_id)
        if not stream:
            return "missing"
        current = version.stream
        if stream.state != "staged" or stream.previous != (current.id if current else None):
            return "conflict"
        if current:
            current.state = "deprecated"
            stream.position = max(stream.position, current.position) + 1
        stream.state = "committed"
        return None

    def delete_staged_stream(self, at, number, stream_id):
        version, wrong = self.usable(at, number)
        if wrong:
            return wrong
        stream = version.streams.get(stream_id)
        if not stream:
            return "missing"
        if stream.state != "staged":
            return "conflict"
        del version.streams[stream_id]
        return None

    # --- partitions

    def stream_of(self, at, number, stream_id):
        version, wrong = self.usable(at, number)
        if wrong:
            return None, wrong
        stream = version.streams.get(stream_id) if stream_id else version.stream
        if not stream:
            return None, "missing"
        if stream.state == "deprecated":
            return None, "conflict"
        return stream, None

    def stage_partition(self, at, number, stream_id, values, partition_id):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        current = stream.current(values)
        stream.partitions[partition_id] = Partition(partition_id, values, current.id if current else None)
        return None

    def commit_partition(self, at, number, stream_id, partition_id):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        partition = stream.partitions.get(partition_id)
        if not partition:
            return "missing"
        current = stream.current(partition.values)
        if partition.state != "staged" or partition.previous != (current.id if current else None):
            return "conflict"
        if current:
            current.state = "deprecated"
        partition.state = "committed"
        stream.position += 1  # from which on it is read
        return None

    def delete_partition(self, at, number, stream_id, values):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        current = stream.current(values)
        if not current:
            return "missing"
        current.state = "deprecated"
        stream.position += 1
        return None

    def delete_staged_partition(self, at, number, stream_id, partition_id):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        partition = stream.partitions.get(partition_id)
        if not partition:
            return "missing"
        if partition.state != "staged":
            return "conflict"
        del stream.partitions[partition_id]
        return None

    # --- deltas

    def stage_delta(self, at, number, stream_id, partition_id, values, delta):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        partition = stream.partitions.get(partition_id) if partition_id else stream.current(values)
        if not partition:
            return "missing"
        if partition.state == "deprecated":
            return "conflict"
        partition.deltas[delta.id] = delta
        return None

    def merge_deltas(self, at, number, stream_id, ids, new_id):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        found = [stream.find_delta(delta_id) for delta_id in ids]
        if any(delta is None for _, delta in found):
            return "missing"
        partitions = {partition.id for partition, _ in found}
        types = {delta.type for _, delta in found}
        if any(delta.position for _, delta in found) or found[0][0].state == "deprecated":
            return "conflict"
        if len(partitions) > 1 or (len(types) > 1 and types != {"add", "append"}):
            return "conflict"
        partition = found[0][0]
        merged = Delta(new_id, types.pop() if len(types) == 1 else "add", [])
        for _, delta in found:
            merged.files += delta.files
            del partition.deltas[delta.id]
        partition.deltas[new_id] = merged
        return None

    def commit_delta(self, at, number, stream_id, delta_id, position=0):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        partition, delta = stream.find_delta(delta_id)
        if not delta:
            return "missing"
        if delta.position or partition.state == "deprecated":
            return "conflict"
        if position and position <= stream.position:
            return "conflict"
        stream.position = delta.position = position or stream.position + 1
        return None

    def delete_delta(self, at, number, stream_id, delta_id):
        stream, wrong = self.stream_of(at, number, stream_id)
        if wrong:
            return wrong
        partition, delta = stream.find_delta(delta_id)
        if not delta:
            return "missing"
        if delta.position:
            return "conflict"
        del partition.deltas[delta_id]
        return None

    # --- what the lists say

    def partitions(self, stream):
        return {
            (p.id, p.values, sum(d.rows for d in p.committed()), max((d.position for d in p.committed()), default=0))
            for p in stream.partitions.values()
            if p.state == "committed"
        }

    def deltas(self, stream):
        return sorted(
            (
                (d.position, d.type, d.id, p.values, d.rows, [key for key, _, _ in d.files])
                for p in stream.partitions.values()
                if p.state != "staged"
                for d in p.committed()
            ),
            reverse=True,
        )

    def referenced(self):
        """Keys of files that something refers to, staged deltas among them."""
        return sorted(
            key
            for tables in self.namespaces.values()
            for table in tables.values()
            for version in table.versions
            for stream in version.streams.values()
            for partition in stream.partitions.values()
            for delta in partition.deltas.values()
            for key, _, _ in delta.files
        )

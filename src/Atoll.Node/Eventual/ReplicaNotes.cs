using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Node.Requests;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>What a replica finds beside its rows when it starts (<see cref="NoteKeys"/>).</summary>
internal sealed class ReplicaNotes
{
    private const int NotesPerPage = 256;

    private readonly List<(ReadOnlyMemory<byte> Partition, PaxosPartitionState State)> _paxosStates = [];

    /// <summary>Where the range is; null when that was never written down.</summary>
    public RangeHorizon? Horizon { get; private set; }

    /// <summary>The floor of Paxos, or none.</summary>
    public Ballot PaxosFloor { get; private set; } = Ballot.None;

    /// <summary>Under which name it adds to counters; null when it never did.</summary>
    public uint? Generation { get; private set; }

    /// <summary>The stamp of the last truncation; zero when there was none.</summary>
    public HybridTime Truncated { get; private set; }

    /// <summary>What Paxos remembers, by partition.</summary>
    public IReadOnlyList<(ReadOnlyMemory<byte> Partition, PaxosPartitionState State)> PaxosStates => _paxosStates;

    /// <summary>Whether there was nothing at all.</summary>
    public bool AreNone { get; private set; } = true;

    /// <summary>Reads the notes of a replica, page by page; null when they cannot be read now.</summary>
    public static void Load(EventualReplica replica, NodeId self, Action<ReplicaNotes?> done) =>
        new ReplicaNotes().Load(replica, self, default, done);

    private void Load(EventualReplica replica, NodeId self, ReadOnlyMemory<byte> after, Action<ReplicaNotes?> done)
    {
        var query = new WireWriter(64);
        EventualQuery.WriteNotes(query, default, after.Span, NotesPerPage);
        replica.Query(query.ToArray(), response =>
        {
            if (response.Status != ResponseStatus.Ok)
            {
                done(null);
                return;
            }

            var areNotes = EventualQuery.TryReadNotes(response.Body, out var notes, out var isComplete);
            Check.That(areNotes && (isComplete || notes.Length > 0));
            foreach (var note in notes)
            {
                Take(note, self);
            }

            if (isComplete)
            {
                done(this);
            }
            else
            {
                Load(replica, self, notes[^1].Key, done);
            }
        });
    }

    // The bytes are covered by the store's checksums: what cannot be read was never written.
    private void Take(Note note, NodeId self)
    {
        AreNone = false;
        if (note.Key.Span.SequenceEqual(NoteKeys.Horizon))
        {
            Horizon = RangeHorizon.TryRead(self, note.Value);
            Check.That(Horizon is not null);
        }
        else if (note.Key.Span.SequenceEqual(NoteKeys.PaxosFloor))
        {
            var reader = new WireReader(note.Value);
            PaxosFloor = Ballot.Read(ref reader);
            Check.That(reader.OkAtEnd);
        }
        else if (note.Key.Span.SequenceEqual(NoteKeys.Generation))
        {
            Check.That(note.Value.Length == sizeof(uint));
            Generation = BinaryPrimitives.ReadUInt32LittleEndian(note.Value.Span);
        }
        else if (note.Key.Span.SequenceEqual(NoteKeys.Truncation))
        {
            Check.That(note.Value.Length == sizeof(ulong));
            Truncated = new HybridTime(BinaryPrimitives.ReadUInt64LittleEndian(note.Value.Span));
        }
        else if (NoteKeys.TryReadPaxos(note.Key, out var partition))
        {
            var isState = PaxosPartitionState.TryRead(note.Value, out var state);
            Check.That(isState);
            _paxosStates.Add((partition, state));
        }
    }
}

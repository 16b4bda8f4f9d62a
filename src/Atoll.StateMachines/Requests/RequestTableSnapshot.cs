using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Requests;

/// <summary>The request table as slices: the clients by number, each as in <see cref="Write"/>, until the slice's end.</summary>
internal sealed class RequestTableSnapshotSource : ISnapshotSource
{
    private readonly TreeCursor<ulong, ClientAnswers, NumberOrder> _cursor;
    private bool _more;

    public bool IsWaiting => false;

    public string? Error => null;

    internal RequestTableSnapshotSource(TreeSnapshot<ulong, ClientAnswers, NumberOrder> table)
    {
        _cursor = table.OpenCursor();
        _more = _cursor.SeekFirst();
    }

    public bool TryNext(WireWriter slice)
    {
        if (!_more)
        {
            return false;
        }

        var end = slice.Length + Limits.SnapshotChunkBytes;
        while (_more && slice.Length < end)
        {
            Write(slice, _cursor.Key, _cursor.Value);
            _more = _cursor.Next();
        }

        return true;
    }

    public void Load(Action ready) => ready();

    public void Dispose()
    {
        // Nodes that only a snapshot needs are the garbage collector's.
    }

    /// <summary>Reads a slice into a table that is being built.</summary>
    internal static bool TryRead(ReadOnlyMemory<byte> slice, RequestTable table, RequestTableOptions options)
    {
        var reader = new WireReader(slice);
        var answers = new List<RememberedAnswer>();
        do
        {
            var id = reader.ReadUInt64();
            var answeredBelow = reader.ReadVarint();
            var latestIssuedAt = new HybridTime(reader.ReadUInt64());
            var count = reader.ReadCount(options.AnswersPerClientMax);
            answers.Clear();
            for (var i = 0; i < count && reader.Ok; i++)
            {
                answers.Add(new RememberedAnswer(
                    reader.ReadVarint(), new HybridTime(reader.ReadUInt64()), reader.ReadBytes().Span));
            }

            if (!reader.Ok
                || !table.TryRestore(id, answeredBelow, latestIssuedAt, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(answers))
                || table.Count > options.AnswersMax)
            {
                return false;
            }
        }
        while (reader.Remaining > 0);

        return true;
    }

    /// <summary>Writes one client.</summary>
    internal static void Write(WireWriter writer, ulong id, ClientAnswers client)
    {
        writer.WriteUInt64(id);
        writer.WriteVarint(client.AnsweredBelow);
        writer.WriteUInt64(client.LatestIssuedAt.Value);
        writer.WriteVarint((ulong)client.Count);
        foreach (ref readonly var answer in client.All)
        {
            writer.WriteVarint(answer.Sequence);
            writer.WriteUInt64(answer.IssuedAt.Value);
            writer.WriteBytes(answer.Answer);
        }
    }
}

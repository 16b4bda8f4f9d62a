using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;

namespace Atoll.Node.Replicas;

/// <summary>
/// What a replica has to know about the last entry in its stored state when its log no longer has that entry; it lies in the store beside
/// the state.
/// </summary>
/// <param name="Term">The entry's term.</param>
/// <param name="Membership">The membership in force at it.</param>
internal sealed record ReplicaNote(Term Term, Membership Membership)
{
    /// <summary>The note as bytes.</summary>
    public byte[] ToBytes()
    {
        var writer = new WireWriter(64);
        writer.WriteUInt64(Term.Value);
        writer.WriteBytes(Membership.ToBytes());
        return writer.ToArray();
    }

    /// <summary>Reads a note; null when the bytes are none.</summary>
    public static ReplicaNote? Read(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var term = new Term(reader.ReadUInt64());
        var membership = reader.ReadBytes();
        return reader.OkAtEnd && Membership.TryDecode(membership, out var decoded) ? new ReplicaNote(term, decoded) : null;
    }
}

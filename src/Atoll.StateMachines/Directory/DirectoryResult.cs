using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>How a command or query of the directory ended.</summary>
public enum DirectoryStatus : byte
{
    /// <summary>As asked; also when it had been done before.</summary>
    Ok = 0,

    /// <summary>There is no such node, space or shard.</summary>
    NotFound = 1,

    /// <summary>The name or number is taken by something else.</summary>
    AlreadyExists = 2,

    /// <summary>The command cannot be understood, or a value in it is not allowed.</summary>
    Invalid = 3,

    /// <summary>The cluster has fewer nodes than the replicas need.</summary>
    NotEnoughNodes = 4,

    /// <summary>Atoll will have it, this version has not.</summary>
    NotAvailable = 5,

    /// <summary>Something still depends on it.</summary>
    InUse = 6,

    /// <summary>The cluster was not initialised.</summary>
    NotInitialized = 7,

    /// <summary>A bound of the cluster is reached (nodes, spaces or shards).</summary>
    LimitReached = 8,

    /// <summary>The shard has another generation than the command expected.</summary>
    Conflict = 9,
}

/// <summary>The result of a directory command. Nothing was changed unless the status is Ok.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Version">The version of the directory after the command.</param>
/// <param name="Id">The number of the node, space or shard that the command was about; 0 when there is none.</param>
/// <param name="Detail">Words for people when there is something to say; else null.</param>
public readonly record struct DirectoryResult(DirectoryStatus Status, HybridTime Version, ulong Id, string? Detail)
{
    /// <summary>Writes the result.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteUInt64(Version.Value);
        writer.WriteVarint(Id);
        writer.WriteString(Detail ?? "");
    }

    /// <summary>Reads a result.</summary>
    /// <returns>False when the bytes are none.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out DirectoryResult result)
    {
        var reader = new WireReader(bytes);
        var status = (DirectoryStatus)reader.ReadByte();
        var version = new HybridTime(reader.ReadUInt64());
        var id = reader.ReadVarint();
        var detail = reader.ReadString();
        result = new DirectoryResult(status, version, id, detail.Length == 0 ? null : detail);
        return reader.OkAtEnd && status <= DirectoryStatus.Conflict;
    }
}

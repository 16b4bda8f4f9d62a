using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// A write of a record that keeps siblings, at the replica that leads it. Layout: kind (byte), stamp (8 bytes), origin (two varints),
/// identity (8, 8 bytes, varint), basis (8 bytes), whether it deletes (byte), expiry (8 bytes), key (bytes), context, value (bytes).
/// </summary>
/// <param name="Key">The record's key.</param>
/// <param name="Seen">What its writer had read.</param>
/// <param name="Write">What is written; its origin is this replica, in this life of its disk.</param>
/// <param name="Stamp">The mutation's stamp.</param>
/// <param name="Basis">
/// The replica's <see cref="RangeHorizon.Basis"/> before: what is replicated is all that it knows of the record.
/// </param>
public sealed record SiblingPut(
    ReadOnlyMemory<byte> Key, CausalContext Seen, Sibling Write, HybridTime Stamp, HybridTime Basis)
{
    /// <summary>Times are below it, with room for later ones behind: thousands of years ahead.</summary>
    internal const ulong TimeEnd = 1UL << 62;

    /// <summary>The value; empty for a deletion.</summary>
    public ReadOnlyMemory<byte> Value => Write.Value;

    /// <summary>Whether it deletes.</summary>
    public bool IsDeletion => Write.IsDeletion;

    /// <summary>Writes the command; the result has the version to replicate (<see cref="EventualResult.Version"/>).</summary>
    public void WriteTo(WireWriter writer)
    {
        writer.WriteByte((byte)EventualCommandKind.PutSibling);
        writer.WriteUInt64(Stamp.Value);
        writer.WriteVarint(Write.Origin.Node.Value);
        writer.WriteVarint(Write.Origin.Generation);
        writer.WriteUInt64(Write.Id.Stamp.Value);
        writer.WriteUInt64(Write.Id.Requester);
        writer.WriteVarint(Write.Id.Number);
        writer.WriteUInt64(Basis.Value);
        writer.WriteBool(Write.IsDeletion);
        writer.WriteUInt64((ulong)Write.ExpiresAtMilliseconds);
        writer.WriteBytes(Key.Span);
        Seen.Write(writer);
        writer.WriteBytes(Write.Value.Span);
    }

    /// <summary>Reads the command; key and value are slices of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> command, out SiblingPut put)
    {
        var reader = new WireReader(command);
        var kind = (EventualCommandKind)reader.ReadByte();
        var stamp = new HybridTime(reader.ReadUInt64());
        var node = reader.ReadVarint();
        var generation = reader.ReadVarint();
        var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
        var basis = new HybridTime(reader.ReadUInt64());
        var isDeletion = reader.ReadBool();
        var expires = (long)reader.ReadUInt64();
        var key = reader.ReadBytes();
        var seen = CausalContext.Read(ref reader);
        var value = reader.ReadBytes();
        var origin = new CounterOrigin(new NodeId((uint)node), (uint)generation);
        put = new SiblingPut(key, seen, new Sibling(origin, HybridTime.Zero, id, isDeletion, expires, value), stamp, basis);
        return reader.OkAtEnd && kind == EventualCommandKind.PutSibling && node <= uint.MaxValue && generation <= uint.MaxValue
            && expires >= 0 && (!isDeletion || (expires == 0 && value.IsEmpty))
            && stamp.Value is > 0 and < TimeEnd && seen.Latest.Value < TimeEnd
            && key.Length is > 0 and <= Limits.KeyBytesMax - RowKey.RecordHeadBytes;
    }
}

/// <summary>Works a <see cref="SiblingPut"/> out.</summary>
internal static class SiblingUpdate
{
    /// <summary>Works the write out; a record that has as many siblings as it may takes only what leaves it no more of them.</summary>
    /// <param name="put">The write.</param>
    /// <param name="update">Where to.</param>
    /// <param name="version">What to replicate: all that is known of the record here.</param>
    /// <param name="detail">What is wrong; empty when nothing is.</param>
    internal static EventualStatus Work(SiblingPut put, EventualUpdate update, out ReadOnlyMemory<byte> version, out string detail)
    {
        version = default;
        var key = RowKey.OfRecord(put.Key.Span);
        var row = update.After(key);
        var before = SiblingSet.Empty;
        if (row.TryGetCell(RecordsVersion.Column, default, out var cell))
        {
            if (cell.Kind != CellKind.Siblings)
            {
                detail = "the record does not keep siblings";
                return EventualStatus.Invalid;
            }

            before = SiblingsValue.Of(cell);
        }

        if (before.Context.Latest.Value >= SiblingPut.TimeEnd)
        {
            detail = "the record's time is thousands of years ahead";
            return EventualStatus.TooLarge;
        }

        var after = before.Remembers(put.Write.Id) ? before : before.Put(put.Write.Origin, put.Stamp, put.Seen, put.Write);
        if (after.Siblings.Length > Math.Max(Limits.SiblingsMax, before.Siblings.Length))
        {
            detail = $"the record has {before.Siblings.Length} siblings, of at most {Limits.SiblingsMax}: "
                + "get them, and put one value with the context of that get";
            return EventualStatus.TooLarge;
        }

        if (after.ValueBytes > Math.Max(Limits.SiblingBytesTotalMax, before.ValueBytes))
        {
            detail = $"the record's siblings have {before.ValueBytes} bytes, of at most {Limits.SiblingBytesTotalMax}: "
                + "get them, and put one value with the context of that get";
            return EventualStatus.TooLarge;
        }

        var counted = SiblingsValue.CellOf(RecordsVersion.Column, after);
        update.Put(key, counted);
        var contents = new VersionContents { Basis = put.Basis };
        contents.Records.Add(new VersionRecord(
            key, EventualRecords.Encode(RowData.Create(RowLiveness.None, DeletionTime.None, [], [counted]), new WireWriter())));
        version = contents.Encode();
        detail = update.Finish() ?? "";
        return detail.Length == 0 ? EventualStatus.Ok : EventualStatus.TooLarge;
    }
}

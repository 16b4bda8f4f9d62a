using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Kernel.Eventual;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The value of a cell that holds siblings: a <see cref="SiblingSet"/>. Its timestamp says nothing and is always the same.
/// </summary>
internal static class SiblingsValue
{
    /// <summary>The timestamp of every such cell, so that two of them are joined.</summary>
    internal const long TimestampMicros = 0;

    /// <summary>The siblings of a cell that was checked when it came.</summary>
    internal static SiblingSet Of(in RowCell cell)
    {
        var siblings = SiblingSet.TryRead(cell.Value);
        Check.That(siblings is not null);
        return siblings;
    }

    /// <summary>A cell of siblings; it is the one cell of its row.</summary>
    internal static RowCell CellOf(uint column, SiblingSet siblings)
    {
        var writer = new WireWriter(256);
        siblings.Write(writer);
        return new RowCell(column, default, CellKind.Siblings, TimestampMicros, 0, writer.WrittenMemory);
    }

    /// <summary>Whether a cell is what it says.</summary>
    internal static bool IsValid(in RowCell cell) =>
        cell.TimestampMicros == TimestampMicros && cell.Path.IsEmpty && SiblingSet.TryRead(cell.Value) is not null;

    /// <summary>What both know together; of bytes that are none, the greater ones.</summary>
    internal static ReadOnlyMemory<byte> Merge(ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b)
    {
        if (a.Span.SequenceEqual(b.Span))
        {
            return a;
        }

        if (SiblingSet.TryRead(a) is not { } ours || SiblingSet.TryRead(b) is not { } theirs)
        {
            return a.Span.SequenceCompareTo(b.Span) >= 0 ? a : b;
        }

        var writer = new WireWriter(a.Length + b.Length);
        ours.Merge(theirs).Write(writer);
        return writer.WrittenMemory;
    }
}

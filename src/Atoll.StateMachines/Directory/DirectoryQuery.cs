using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The directory's one query: the whole view, unless the asker has it already.</summary>
public static class DirectoryQuery
{
    private const byte View = 1;
    private const byte Unchanged = 0;
    private const byte Changed = 1;
    private const byte Invalid = 2;

    /// <summary>Asks for the view.</summary>
    /// <param name="writer">Receives the query.</param>
    /// <param name="haveVersion">The version of the view that the asker has; zero for none.</param>
    public static void WriteView(WireWriter writer, HybridTime haveVersion)
    {
        writer.WriteByte(View);
        writer.WriteUInt64(haveVersion.Value);
    }

    /// <summary>Reads a query.</summary>
    public static bool TryReadView(ReadOnlyMemory<byte> query, out HybridTime haveVersion)
    {
        var reader = new WireReader(query);
        var kind = reader.ReadByte();
        haveVersion = new HybridTime(reader.ReadUInt64());
        return reader.OkAtEnd && kind == View;
    }

    /// <summary>Reads the answer.</summary>
    /// <param name="answer">The bytes.</param>
    /// <param name="view">The view; null when the asker's is still the newest.</param>
    /// <returns>False when the bytes are no answer, or the query was refused.</returns>
    public static bool TryReadAnswer(ReadOnlyMemory<byte> answer, out DirectoryView? view)
    {
        view = null;
        if (answer.IsEmpty)
        {
            return false;
        }

        return answer.Span[0] switch
        {
            Unchanged => answer.Length == 1,
            Changed => DirectoryView.TryDecode(answer[1..], out view),
            _ => false,
        };
    }

    internal static void WriteUnchanged(WireWriter writer) => writer.WriteByte(Unchanged);

    internal static void WriteRefused(WireWriter writer) => writer.WriteByte(Invalid);

    internal static void WriteAnswer(WireWriter writer, ReadOnlySpan<byte> encodedView)
    {
        writer.WriteByte(Changed);
        writer.WriteRaw(encodedView);
    }
}

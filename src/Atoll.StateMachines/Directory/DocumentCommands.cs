using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The command about documents.</summary>
internal static class DocumentCommands
{
    internal static DirectoryOutcome ChangeDocuments(DirectoryState state, ref WireReader reader, HybridTime now)
    {
        var changes = new List<DocumentChange>();
        for (var left = reader.ReadCount(Limits.DocumentChangesMax); left > 0 && reader.Ok; left--)
        {
            var (name, expected) = (reader.ReadString(), new HybridTime(reader.ReadUInt64()));
            changes.Add(new DocumentChange(name, expected, reader.ReadBool() ? reader.ReadBytes() : default(ReadOnlyMemory<byte>?)));
        }

        if (!reader.OkAtEnd)
        {
            return DirectoryOutcome.Garbled;
        }

        var documents = state.View.Documents;
        for (var i = 0; i < changes.Count; i++)
        {
            var change = changes[i];
            var position = PositionOf(documents, change.Name, out var isThere);
            var version = isThere ? documents[position].Version : HybridTime.Zero;
            if (version != change.Expected || version == now)
            {
                return DirectoryOutcome.Refused(
                    DirectoryStatus.Conflict, $"document '{change.Name}' has version {version}, not {change.Expected}", (ulong)i);
            }

            documents = isThere ? documents.RemoveAt(position) : documents;
            if (change.Value is { } value)
            {
                var document = new DirectoryDocument(change.Name, now, value.ToArray());
                if (DirectoryRules.FaultOf(document) is { } fault)
                {
                    return DirectoryOutcome.Refused(DirectoryStatus.Invalid, fault, (ulong)i);
                }

                documents = documents.Insert(position, document);
            }
        }

        if (documents.Length > Limits.DocumentsMax
            || documents.Sum(static document => (long)document.Value.Length) > Limits.DocumentBytesTotalMax)
        {
            return DirectoryOutcome.Refused(
                DirectoryStatus.LimitReached,
                $"a cluster has at most {Limits.DocumentsMax} documents of {Limits.DocumentBytesTotalMax} bytes together");
        }

        return DirectoryOutcome.Done(0, state with { View = state.View.With(now, documents: documents) });
    }

    private static int PositionOf(ImmutableArray<DirectoryDocument> documents, string name, out bool isThere)
    {
        var low = 0;
        var high = documents.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (string.CompareOrdinal(documents[middle].Name, name) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        isThere = low < documents.Length && string.Equals(documents[low].Name, name, StringComparison.Ordinal);
        return low;
    }
}

using Atoll.Foundation.World;
using Atoll.Storage.Journals;

namespace Atoll.Storage.Inspection;

/// <summary>Looks at both copies of each segment's header: an opening is content with one of them.</summary>
internal static class SegmentHeadCheck
{
    /// <summary>Checks segment after segment.</summary>
    public static void Run(IDisk disk, IEnumerable<string> names, List<StorageFinding> findings, Action done)
    {
        var left = new Queue<string>(names);
        Next();

        void Next()
        {
            if (!left.TryDequeue(out var name))
            {
                done();
                return;
            }

            disk.Open(name, (opened, file) =>
            {
                if (!opened.IsOk)
                {
                    var why = opened.Detail ?? "the file cannot be opened";
                    findings.Add(new StorageFinding(FindingKind.Unreadable, new StorageCorruption(name, 0, why)));
                    Next();
                    return;
                }

                var head = new byte[JournalFormat.DataOffset];
                file!.Read(0, head, result =>
                {
                    file.Close();
                    Look(name, head.AsSpan(0, result.IsOk ? (int)result.Bytes : 0), findings);
                    Next();
                });
            });
        }
    }

    private static void Look(string name, ReadOnlySpan<byte> head, List<StorageFinding> findings)
    {
        var copy = head[Math.Min(head.Length, JournalFormat.HeaderCopyOffset)..];
        var first = SegmentHeader.Read(head, out _, out _);
        var second = SegmentHeader.Read(copy, out _, out _);
        if (first == second)
        {
            return; // both whole, or none: then the opening says what it means
        }

        var (offset, which) = first == SegmentHeaderState.Valid
            ? (JournalFormat.HeaderCopyOffset, "the second copy of the segment's header is damaged; the first is whole")
            : (0, "the first copy of the segment's header is damaged; the second is whole");
        findings.Add(new StorageFinding(FindingKind.Harmless, new StorageCorruption(name, offset, which)));
    }
}

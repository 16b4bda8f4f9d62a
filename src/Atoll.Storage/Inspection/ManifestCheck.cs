using Atoll.Foundation.World;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>Looks at both copies of every edit of a manifest: an opening is content with one of them.</summary>
internal sealed class ManifestCheck
{
    private readonly string _name;

    private ManifestCheck(string name) => _name = name;

    /// <summary>The store's identity; 0 when nothing tells.</summary>
    public ulong Identity { get; private set; }

    /// <summary>The newest format that an edit is written in.</summary>
    public uint FormatVersion { get; private set; }

    /// <summary>Edits of which a copy at least is whole, in order from the first.</summary>
    public ulong Edits { get; private set; }

    /// <summary>What is not as it should be, and does no harm: whether the rest is damage, the opening says.</summary>
    public List<StorageFinding> Findings { get; } = [];

    /// <summary>Reads and checks a manifest.</summary>
    public static void Run(IDisk disk, string name, Action<ManifestCheck> done)
    {
        var check = new ManifestCheck(name);
        disk.Open(name, (opened, file) =>
        {
            if (!opened.IsOk)
            {
                done(check); // a store without one says so when it is opened
                return;
            }

            var bytes = new byte[(int)Math.Min(file!.LengthBytes, Array.MaxLength)];
            file.Read(0, bytes, result =>
            {
                file.Close();
                check.Walk(bytes.AsMemory(0, result.IsOk ? (int)result.Bytes : 0));
                done(check);
            });
        });
    }

    private void Walk(ReadOnlyMemory<byte> bytes)
    {
        long at = 0;
        while (at < bytes.Length)
        {
            var isFirstWhole = ManifestFormat.TryReadCopy(bytes, at, out var copy);
            if (!isFirstWhole && !TryFindSecond(bytes, at, out copy))
            {
                if (bytes.Span[(int)at..].IndexOfAnyExcept((byte)0) >= 0)
                {
                    Report(at, "what is behind the last whole edit is none: an edit that was never finished, or damaged ones");
                }

                return;
            }

            var copyBytes = ManifestFormat.CopyBytes(copy.ContentBytes);
            Identity = copy.Identity;
            FormatVersion = Math.Max(FormatVersion, copy.Version);
            Edits++;
            if (!isFirstWhole)
            {
                Report(at, $"the first copy of edit {copy.Sequence} is damaged; the second is whole");
            }
            else if (!ManifestFormat.TryReadCopy(bytes, at + copyBytes, out var second) || second.Sequence != copy.Sequence)
            {
                Report(at + copyBytes, $"the second copy of edit {copy.Sequence} is damaged; the first is whole");
            }

            at += 2 * copyBytes;
        }
    }

    // Both copies have one length, so the second tells where the first began.
    private static bool TryFindSecond(ReadOnlyMemory<byte> bytes, long start, out ManifestCopy copy)
    {
        copy = default;
        for (var at = start + ManifestFormat.BlockBytes; at < bytes.Length; at += ManifestFormat.BlockBytes)
        {
            if (ManifestFormat.TryReadCopy(bytes, at, out copy))
            {
                return at - ManifestFormat.CopyBytes(copy.ContentBytes) == start;
            }
        }

        return false;
    }

    private void Report(long offset, string why) =>
        Findings.Add(new StorageFinding(FindingKind.Harmless, new StorageCorruption(_name, offset, why)));
}

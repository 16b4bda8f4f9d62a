using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Live.Nodes;

namespace Atoll.Fuzz.Targets;

/// <summary>The file that says whose a data folder is.</summary>
public sealed class NodeIdentityTarget : IFuzzTarget
{
    private static readonly byte[] ChecksumLine = "\nchecksum "u8.ToArray();

    /// <inheritdoc />
    public string Name => "node-identity";

    /// <inheritdoc />
    public string About => "NodeIdentity: refused with a reason, or read and written as the same";

    /// <inheritdoc />
    public AllocationBound Allocation => new(64, 64 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Encoding.UTF8.GetBytes(new NodeIdentity(77, new(2), 3, 99).Format()),
        Encoding.UTF8.GetBytes(new NodeIdentity(0, new(1), 1, 0).Format()),
    ];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
        ["format ", "cluster ", "node ", "loops ", "checksum ", "\n", "4294967296", "-1", "0x", " "];

    /// <summary>Makes the last line's checksum right.</summary>
    public void FixChecksums(Span<byte> input)
    {
        var line = input.LastIndexOf(ChecksumLine);
        if (line >= 0 && input.Length - line - ChecksumLine.Length >= 8)
        {
            var text = Encoding.UTF8.GetString(input[..(line + 1)]);
            var checksum = Crc32C.Compute(Encoding.UTF8.GetBytes(text)).ToString("x8", CultureInfo.InvariantCulture);
            Encoding.ASCII.GetBytes(checksum, input[(line + ChecksumLine.Length)..]);
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (NodeIdentity.TryParse(Encoding.UTF8.GetString(input.Span), out var identity) is { } why)
        {
            BrokenPromiseException.Unless(identity is null, "who refuses gives no identity");
            return Verdict.RefusedFor(why);
        }

        BrokenPromiseException.Unless(
            NodeIdentity.TryParse(identity!.Format(), out var again) is null && again == identity,
            "an identity is written as what it was read as");
        return Verdict.Accepted();
    }
}

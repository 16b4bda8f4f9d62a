using System.Globalization;
using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;

namespace Atoll.Live.Nodes;

/// <summary>Whose a data folder is: fixed when the folder is made, and compared at every start.</summary>
/// <param name="ClusterId">The cluster's number.</param>
/// <param name="Node">The node's number in it.</param>
/// <param name="LoopCount">How many loops the data is spread over.</param>
/// <param name="Incarnation">Drawn at random when the folder was made: the same folder is the same node, an empty one is another.</param>
public sealed record NodeIdentity(ulong ClusterId, NodeId Node, int LoopCount, ulong Incarnation)
{
    /// <summary>The version of the folder's layout that this program reads and writes.</summary>
    public const int FormatVersion = 1;

    private const string FirstLine = "atoll data folder";

    /// <summary>The file's text: lines of a name and a value, and a checksum of those before it.</summary>
    internal string Format(int formatVersion = FormatVersion)
    {
        var text = new StringBuilder();
        text.Append(FirstLine).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"format {formatVersion}\n");
        text.Append(CultureInfo.InvariantCulture, $"cluster {ClusterId:x16}\n");
        text.Append(CultureInfo.InvariantCulture, $"node {Node.Value}\n");
        text.Append(CultureInfo.InvariantCulture, $"loops {LoopCount}\n");
        text.Append(CultureInfo.InvariantCulture, $"incarnation {Incarnation:x16}\n");
        var checksum = ChecksumOf(text.ToString());
        return text.Append(CultureInfo.InvariantCulture, $"checksum {checksum:x8}\n").ToString();
    }

    /// <summary>Reads the file's text, which may be anything.</summary>
    /// <param name="text">The text.</param>
    /// <param name="identity">What it says, when it can be read.</param>
    /// <returns>Null, or why it can't be read.</returns>
    internal static string? TryParse(string text, out NodeIdentity? identity)
    {
        identity = null;
        var lines = text.Split('\n');
        if (lines[0] != FirstLine)
        {
            return "it is not an identity file of Atoll";
        }

        if (lines.Length < 2 || !TryNumber(lines[1], "format", NumberStyles.None, out var format))
        {
            return "its second line does not name a format";
        }

        // Before anything else: what a later version writes behind this is not for this one to judge.
        if (format > FormatVersion)
        {
            return $"it was written by a newer version of Atoll (format {format}; this version reads up to {FormatVersion})";
        }

        var checksumAt = text.LastIndexOf("checksum ", StringComparison.Ordinal);
        if (lines.Length != 8
            || !TryNumber(lines[2], "cluster", NumberStyles.AllowHexSpecifier, out var cluster)
            || !TryNumber(lines[3], "node", NumberStyles.None, out var node)
            || !TryNumber(lines[4], "loops", NumberStyles.None, out var loops)
            || !TryNumber(lines[5], "incarnation", NumberStyles.AllowHexSpecifier, out var incarnation)
            || !TryNumber(lines[6], "checksum", NumberStyles.AllowHexSpecifier, out var checksum)
            || checksum != ChecksumOf(text[..checksumAt])
            || node is 0 or > uint.MaxValue
            || loops is 0 or > Limits.LoopsMax)
        {
            return "it is damaged";
        }

        identity = new NodeIdentity(cluster, new NodeId((uint)node), (int)loops, incarnation);
        return null;
    }

    private static bool TryNumber(string line, string name, NumberStyles style, out ulong value)
    {
        value = 0;
        return line.StartsWith(name + " ", StringComparison.Ordinal)
            && ulong.TryParse(line.AsSpan(name.Length + 1), style, CultureInfo.InvariantCulture, out value);
    }

    private static uint ChecksumOf(string text) => Crc32C.Compute(Encoding.UTF8.GetBytes(text));
}

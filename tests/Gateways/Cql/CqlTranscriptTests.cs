using System.Buffers;
using System.Globalization;
using System.Text;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Xunit;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>
/// Golden transcripts: each file of Transcripts is a connection, byte for byte. Lines with '>' are what a client sends, written by a
/// driver's own encoder; lines with '&lt;' what the server answers, and below them what the answer is. With ATOLL_REWRITE=1 in the
/// environment the answers are rewritten, and the difference is the review.
/// </summary>
public sealed class CqlTranscriptTests
{
    private static readonly string Folder = FindFolder();

    public static TheoryData<string> Transcripts =>
        [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Transcripts))]
    public void A_transcript_is_as_recorded(string name)
    {
        var file = Path.Combine(Folder, name + ".txt");
        var recorded = File.ReadAllText(file);
        var replayed = Replay(name, recorded);
        if (Environment.GetEnvironmentVariable("ATOLL_REWRITE") == "1")
        {
            File.WriteAllText(file, replayed);
        }
        else
        {
            Assert.Equal(recorded, replayed);
        }
    }

    [Theory]
    [MemberData(nameof(Transcripts))]
    public void It_is_the_same_in_whatever_pieces_the_bytes_come(string name)
    {
        var (sent, answered) = Read(File.ReadAllText(Path.Combine(Folder, name + ".txt")));
        foreach (var pieceBytes in new[] { 1, 2, 3, 7, 64 })
        {
            var host = Host(name);
            for (var step = 0; step < sent.Count; step++)
            {
                foreach (var octet in sent[step])
                {
                    host.Feed([octet], pieceBytes);
                }

                Assert.Equal(answered[step], Convert.ToHexStringLower(host.Take()));
            }
        }

        var longest = sent.Max(bytes => bytes.Length);
        for (var cut = 1; cut < longest; cut++)
        {
            var host = Host(name);
            for (var step = 0; step < sent.Count; step++)
            {
                var at = Math.Min(cut, sent[step].Length);
                host.Feed(sent[step].AsSpan(0, at));
                if (!host.IsClosed)
                {
                    host.Feed(sent[step].AsSpan(at));
                }

                Assert.Equal(answered[step], Convert.ToHexStringLower(host.Take()));
            }
        }
    }

    private static CoreHost Host(string name) => new(needsCredentials: name.Contains("credentials", StringComparison.Ordinal));

    private static string Replay(string name, string recorded)
    {
        var host = Host(name);
        var reader = new CqlFrameReader(CqlProtocol.BodyBytesMax, isServer: false);
        var replayed = new StringBuilder();
        foreach (var line in recorded.TrimEnd('\n').Split('\n').Where(line => line.Length == 0 || line[0] is not '<' and not '.'))
        {
            replayed.Append(line).Append('\n');
            if (line.StartsWith("> ", StringComparison.Ordinal))
            {
                host.Feed(Bytes(line));
                var answer = host.Take();
                replayed.Append("< ").Append(Hex(answer)).Append('\n');
                Describe(reader, answer, replayed);
                replayed.Append(host.IsClosed ? ". closed\n" : "");
            }
        }

        return replayed.ToString();
    }

    private static void Describe(CqlFrameReader reader, byte[] answer, StringBuilder replayed)
    {
        var left = new ReadOnlySequence<byte>(answer);
        while (reader.TryRead(ref left, out var frame) is var status && status != CqlReadStatus.NeedsMore)
        {
            Assert.True(status == CqlReadStatus.Frame, reader.Fault);
            Assert.True(ResponseDecoder.TryDecode(frame, FakeTables.Columns, out var response));
            replayed.Append(CultureInfo.InvariantCulture, $". {frame.Header.Stream}: {ResponseText.Of(response)}\n");
            if (response is not ReadyResponse and not AuthenticateResponse || reader.IsInSegments)
            {
                continue;
            }

            // What STARTUP asked for, the comment above it says, too.
            var isCompressed = replayed.ToString().Contains("# start with LZ4", StringComparison.Ordinal);
            if (frame.Header.Version == (byte)CqlVersion.V5)
            {
                reader.StartSegments(isCompressed);
            }
            else
            {
                reader.StartCompression(isCompressed ? CqlCompression.Lz4 : CqlCompression.None);
            }
        }

        Assert.True(left.IsEmpty);
    }

    private static (List<byte[]> Sent, List<string> Answered) Read(string recorded)
    {
        var lines = recorded.Split('\n');
        return (
            [.. lines.Where(line => line.StartsWith("> ", StringComparison.Ordinal)).Select(Bytes)],
            [.. lines.Where(line => line.StartsWith('<')).Select(line => Convert.ToHexStringLower(Bytes(line)))]);
    }

    private static byte[] Bytes(string line) => Convert.FromHexString(line[1..].Replace(" ", "", StringComparison.Ordinal));

    private static string Hex(byte[] bytes) => string.Join(' ', bytes.Select(octet => octet.ToString("x2", CultureInfo.InvariantCulture)));

    private static string FindFolder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Atoll.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("the repository's root");
        }

        return Path.Combine(folder, "tests", "Gateways", "Cql", "Transcripts");
    }
}

using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Node.Routing;
using Xunit;

namespace Atoll.Node.Tests.Routing;

public sealed class PeerFrameTests
{
    [Fact]
    public void Parts_come_back_in_order_and_unknown_kinds_can_be_skipped()
    {
        var frame = new WireWriter();
        var parts = new[] { (PeerMessageKind.Ping, 0), (PeerMessageKind.Raft, 3), ((PeerMessageKind)77, 5), (PeerMessageKind.Pong, 1) };
        foreach (var (kind, body) in parts)
        {
            var position = PeerFrame.Begin(frame, kind);
            frame.WriteRaw(new byte[body]);
            PeerFrame.End(frame, position);
        }

        var reader = new WireReader(frame.ToArray());
        Assert.True(PeerFrame.TryOpen(ref reader));
        var seen = new List<(byte, int)>();
        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            seen.Add(((byte)kind, body.Length));
        }

        Assert.True(reader.Ok);
        Assert.Equal([(4, 0), (1, 3), (77, 5), (5, 1)], seen);
    }

    [Fact]
    public void Garbage_ends_the_reading_and_never_throws()
    {
        var random = new Prng(99);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.NextInt(0, 64)];
            random.Fill(bytes);
            if (bytes.Length > 0 && random.Chance(900_000))
            {
                bytes[0] = PeerFrame.Version;
            }

            var reader = new WireReader(bytes);
            if (PeerFrame.TryOpen(ref reader))
            {
                var parts = 0;
                while (PeerFrame.TryNext(ref reader, out _, out _))
                {
                    parts++;
                }

                Assert.InRange(parts, 0, bytes.Length);
            }
        }
    }
}

using Atoll.Foundation.Bytes;
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
}

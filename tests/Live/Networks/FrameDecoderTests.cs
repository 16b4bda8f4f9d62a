using Atoll.Foundation.Randomness;
using Atoll.Live.Networks;
using Xunit;

namespace Atoll.Live.Tests.Networks;

public sealed class FrameDecoderTests
{
    private const int PayloadBytesMax = 200_000;

    [Fact]
    public void Frames_come_out_as_they_went_in_however_the_stream_is_cut()
    {
        var prng = new Prng(1);
        for (var round = 0; round < 50; round++)
        {
            var payloads = Enumerable.Range(0, prng.NextInt(1, 30)).Select(_ => Bytes(prng, prng.NextInt(0, 8) == 0
                ? prng.NextInt(0, PayloadBytesMax) : prng.NextInt(0, 600))).ToList();
            var stream = payloads.SelectMany(payload => Frame.Build(FrameKind.Message, payload)).ToArray();
            var decoder = new FrameDecoder(PayloadBytesMax);
            var frames = new List<ReadOnlyMemory<byte>>();
            for (var offset = 0; offset < stream.Length;)
            {
                var room = decoder.Room();
                var count = Math.Min(Math.Min(room.Length, prng.NextInt(1, 70_000)), stream.Length - offset);
                stream.AsMemory(offset, count).CopyTo(room);
                decoder.Received(count);
                offset += count;
                while (decoder.TryRead(out var frame, out _) == FrameStatus.Complete)
                {
                    frames.Add(frame.Payload);
                }
            }

            // Compared at the end: what was cut out early must not have been overwritten since.
            Assert.Equal(payloads.Count, frames.Count);
            Assert.All(payloads.Zip(frames), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second.Span)));
        }
    }

    [Fact]
    public void A_length_of_three_gigabytes_is_refused_before_room_is_made()
    {
        var decoder = new FrameDecoder(PayloadBytesMax);
        var header = new byte[Frame.HeaderBytes];
        BitConverter.TryWriteBytes(header.AsSpan(Frame.LengthOffset), 3_000_000_000u);
        Receive(decoder, header);
        Assert.Equal(FrameStatus.Bad, decoder.TryRead(out _, out var why));
        Assert.Contains("3000000000", why, StringComparison.Ordinal);
        Assert.InRange(decoder.Room().Length, 1, PayloadBytesMax + (64 * 1024));
    }

    [Fact]
    public void Any_flipped_bit_is_noticed()
    {
        var frame = Frame.Build(FrameKind.Message, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            var flipped = frame.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            var decoder = new FrameDecoder(PayloadBytesMax);
            Receive(decoder, flipped);
            Assert.NotEqual(FrameStatus.Complete, decoder.TryRead(out _, out _));
        }
    }

    [Fact]
    public void A_kind_that_nobody_knows_is_bad()
    {
        var decoder = new FrameDecoder(PayloadBytesMax);
        Receive(decoder, Frame.Build((FrameKind)9, [1]));
        Assert.Equal(FrameStatus.Bad, decoder.TryRead(out _, out var why));
        Assert.Contains("kind 9", why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_greeting_is_read_as_it_was_written()
    {
        var greeting = new Greeting(
            1, 2, 0x1234_5678_9ABC_DEF0, new Atoll.Foundation.Identity.NodeId(3), new Atoll.Foundation.Identity.NodeId(4),
            Atoll.Foundation.World.Lane.Bulk, 5);
        var decoder = new FrameDecoder(1_000);
        Receive(decoder, greeting.Encode());
        Assert.True(decoder.TryTake(Greeting.Magic.Length, out var magic));
        Assert.True(magic.SequenceEqual(Greeting.Magic));
        Assert.Equal(FrameStatus.Complete, decoder.TryRead(out var frame, out _));
        Assert.True(Greeting.TryDecode(frame.Payload, out var read));
        Assert.Equal(greeting, read);
        Assert.Equal("too old", Refusal.Decode(PayloadOf(Refusal.Encode("too old", isAnswer: false))));
    }

    [Fact]
    public void The_layout_of_a_frame_is_as_documented()
    {
        var frame = new byte[Frame.HeaderBytes + 2];
        Frame.WriteHeader(frame.AsSpan(0, Frame.HeaderBytes), FrameKind.Message, 7, 3, [0xAA, 0xBB]);
        frame[^2] = 0xAA;
        frame[^1] = 0xBB;
        Assert.Equal("0200000001070300AABB", Convert.ToHexString(frame.AsSpan(4)));
        Assert.Equal(Foundation.Bytes.Crc32C.Compute(frame.AsSpan(4)), BitConverter.ToUInt32(frame));
    }

    private static ReadOnlyMemory<byte> PayloadOf(byte[] bytes) => bytes.AsMemory(Frame.HeaderBytes);

    private static byte[] Bytes(Prng prng, int count)
    {
        var bytes = new byte[count];
        prng.Fill(bytes);
        return bytes;
    }

    private static void Receive(FrameDecoder decoder, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(decoder.Room().Span);
        decoder.Received(bytes.Length);
    }
}

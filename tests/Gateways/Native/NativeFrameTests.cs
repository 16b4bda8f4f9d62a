using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Services.Native;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>The bytes of docs/protocol.md. A change here needs a new protocol version.</summary>
public sealed class NativeFrameTests
{
    [Fact]
    public void The_clients_hello_has_these_bytes()
    {
        var writer = new WireWriter();
        new ClientHello(1, 3, "key"u8.ToArray(), "me").Write(writer);
        Assert.Equal("41544F4C0100030007000000F7FE7ABE036B6579026D65", Convert.ToHexString(writer.Written));
    }

    [Fact]
    public void The_nodes_hello_has_these_bytes()
    {
        var writer = new WireWriter();
        new ServerHello(1, NativeError.None, "", 0x1122334455667788, new NodeId(3), new HybridTime(9), 1000, 64).Write(writer);
        Assert.Equal(
            "41544F4C010000001D00000000000000008877665544332211030000000900000000000000E803000040000000".Length, writer.Length * 2);
        Assert.Equal("41544F4C010000001D000000", Convert.ToHexString(writer.Written[..12]));
        Assert.Equal("008877665544332211030000000900000000000000E803000040000000", Convert.ToHexString(writer.Written[16..]));
    }

    [Fact]
    public void A_frame_has_these_bytes()
    {
        var writer = new WireWriter();
        var position = NativeFrame.Begin(writer, NativeFrameType.Pong, 0x01020304);
        writer.WriteUInt16(0xBEEF);
        NativeFrame.End(writer, position);
        Assert.Equal("07000000", Convert.ToHexString(writer.Written[..4]));
        Assert.Equal(Crc32C.Compute(writer.Written[8..]), BitConverter.ToUInt32(writer.Written[4..8]));
        Assert.Equal("0504030201EFBE", Convert.ToHexString(writer.Written[8..]));
    }

    [Fact]
    public void Hellos_come_back_as_they_went()
    {
        var writer = new WireWriter();
        var said = new ServerHello(1, NativeError.None, "", 77, new NodeId(3), new HybridTime(9), 1000, 64);
        said.Write(writer);
        var header = writer.Written[..HelloFrame.HeaderBytes];
        Assert.Equal(NativeError.None, HelloFrame.ReadHeader(header, out var version, out var error, out var bodyBytes));
        Assert.True(HelloFrame.IsIntact(header, writer.Written[HelloFrame.HeaderBytes..]));
        Assert.True(ServerHello.TryRead(version, error, writer.WrittenMemory.Slice(HelloFrame.HeaderBytes, bodyBytes), out var heard));
        Assert.Equal(said, heard);
    }

    [Fact]
    public void Every_altered_byte_of_a_frame_is_noticed()
    {
        var writer = new WireWriter();
        NativeFrame.WriteError(writer, NativeError.Malformed, "some reason");
        for (var bit = 0; bit < writer.Length * 8; bit++)
        {
            var altered = writer.ToArray();
            altered[bit / 8] ^= (byte)(1 << (bit % 8));
            var prefix = altered.AsSpan(0, NativeFrame.PrefixBytes);
            var error = NativeFrame.ReadPrefix(prefix, 1024, out var contentBytes);
            if (error == NativeError.None && contentBytes == altered.Length - NativeFrame.PrefixBytes)
            {
                error = NativeFrame.Open(prefix, altered.AsMemory(NativeFrame.PrefixBytes), out _, out _, out _);
                Assert.Equal(NativeError.ChecksumMismatch, error);
            }
        }
    }

    [Theory]
    [InlineData("FFFFFFFF00000000", NativeError.TooLarge)]
    [InlineData("0104000000000000", NativeError.TooLarge)]
    [InlineData("0400000000000000", NativeError.Malformed)]
    [InlineData("0000000000000000", NativeError.Malformed)]
    [InlineData("0500000000000000", NativeError.None)]
    public void Absurd_lengths_are_refused_before_anything_is_kept(string prefix, NativeError expected) =>
        Assert.Equal(expected, NativeFrame.ReadPrefix(Convert.FromHexString(prefix), 1024, out _));

    [Fact]
    public void Random_bytes_are_never_more_than_an_error()
    {
        var random = new Prng(20_261_121);
        for (var round = 0; round < 50_000; round++)
        {
            var bytes = new byte[random.NextInt(13, 80)];
            random.Fill(bytes);
            if (random.Chance(500_000))
            {
                bytes[1] = bytes[2] = bytes[3] = 0;
            }

            if (NativeFrame.ReadPrefix(bytes, 64, out var contentBytes) == NativeError.None && contentBytes <= bytes.Length - 8)
            {
                NativeFrame.Open(bytes, bytes.AsMemory(8, contentBytes), out _, out _, out var body);
                NativeFrame.TryReadError(body, out _, out _);
            }

            HelloFrame.ReadHeader(bytes.AsSpan(0, 13).ToArray().Concat(new byte[3]).ToArray(), out var first, out var second, out _);
            ClientHello.TryRead(first, second, bytes, out _);
            ServerHello.TryRead(first, second, bytes, out _);
        }
    }
}

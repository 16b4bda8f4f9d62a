using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class WireTests
{
    [Fact]
    public void What_was_written_is_read()
    {
        var prng = new Prng(1);
        for (var round = 0; round < 500; round++)
        {
            var bytes = new byte[prng.NextInt(0, 300)];
            prng.Fill(bytes);
            var number = prng.NextUInt64() >> prng.NextInt(0, 63);
            var text = string.Concat(Enumerable.Range(0, prng.NextInt(0, 40)).Select(_ => prng.Pick(["a", "é", "漢", "😀", "\0"])));
            var writer = new WireWriter(16);
            writer.WriteByte((byte)number);
            writer.WriteBool(round % 2 == 0);
            writer.WriteUInt16((ushort)number);
            writer.WriteUInt32((uint)number);
            writer.WriteUInt64(number);
            writer.WriteVarint(number);
            writer.WriteBytes(bytes);
            writer.WriteString(text);
            writer.WriteRaw(bytes);

            var reader = new WireReader(writer.WrittenMemory);
            Assert.Equal((byte)number, reader.ReadByte());
            Assert.Equal(round % 2 == 0, reader.ReadBool());
            Assert.Equal((ushort)number, reader.ReadUInt16());
            Assert.Equal((uint)number, reader.ReadUInt32());
            Assert.Equal(number, reader.ReadUInt64());
            Assert.Equal(number, reader.ReadVarint());
            Assert.Equal(bytes, reader.ReadBytes().ToArray());
            Assert.Equal(text, reader.ReadString());
            Assert.False(reader.OkAtEnd && bytes.Length > 0);
            Assert.Equal(bytes, reader.ReadRaw(bytes.Length).ToArray());
            Assert.True(reader.OkAtEnd);
            Assert.Equal(0, reader.Remaining);
        }
    }

    // The layout is a promise to other versions: a change here needs an upgrade.
    [Fact]
    public void The_layout_is_fixed()
    {
        var writer = new WireWriter();
        writer.WriteUInt16(0x0102);
        writer.WriteUInt32(0x01020304);
        writer.WriteUInt64(0x0102030405060708);
        writer.WriteVarint(0);
        writer.WriteVarint(127);
        writer.WriteVarint(128);
        writer.WriteVarint(ulong.MaxValue);
        writer.WriteBytes([9, 8]);
        writer.WriteString("é");
        Assert.Equal(
            "020104030201080706050403020100" + "7F8001FFFFFFFFFFFFFFFFFF01" + "020908" + "02C3A9",
            Convert.ToHexString(writer.Written));
    }

    [Fact]
    public void Every_cut_of_a_message_fails_and_never_throws()
    {
        var writer = new WireWriter();
        writer.WriteUInt32(7);
        writer.WriteVarint(300);
        writer.WriteString("text");
        writer.WriteBytes([1, 2, 3]);
        writer.WriteUInt64(1);
        for (var length = 0; length < writer.Length; length++)
        {
            Assert.False(ReadAll(writer.WrittenMemory[..length]));
        }

        Assert.True(ReadAll(writer.WrittenMemory));

        static bool ReadAll(ReadOnlyMemory<byte> bytes)
        {
            var reader = new WireReader(bytes);
            reader.ReadUInt32();
            reader.ReadVarint();
            reader.ReadString();
            reader.ReadBytes();
            reader.ReadUInt64();
            return reader.OkAtEnd;
        }
    }

    [Fact]
    public void Garbage_never_throws_and_after_a_failure_everything_is_empty()
    {
        var prng = new Prng(2);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[prng.NextInt(0, 24)];
            prng.Fill(bytes);
            var reader = new WireReader(bytes);
            for (var field = 0; field < 8; field++)
            {
                var wasOk = reader.Ok;
                var empty = prng.NextInt(0, 8) switch
                {
                    0 => reader.ReadByte() == 0,
                    1 => !reader.ReadBool(),
                    2 => reader.ReadUInt16() == 0,
                    3 => reader.ReadUInt32() == 0,
                    4 => reader.ReadUInt64() == 0,
                    5 => reader.ReadVarint() == 0,
                    6 => reader.ReadBytes().IsEmpty,
                    7 => reader.ReadString().Length == 0,
                    _ => reader.ReadRaw(prng.NextInt(-2, 12)).IsEmpty,
                };
                Assert.True(wasOk || (!reader.Ok && empty));
                Assert.InRange(reader.Position, 0, bytes.Length);
                Assert.InRange(reader.Remaining, 0, bytes.Length);
            }
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 })]
    [InlineData(new byte[] { 0x80 })]
    [InlineData(new byte[] { 0x80, 0 })]
    [InlineData(new byte[] { 0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xBF, 0xFF, 0xFF, 0xFF, 0 })]
    public void Varints_beyond_64_bits_without_end_or_longer_than_need_be_fail(byte[] bytes)
    {
        var reader = new WireReader(bytes);
        Assert.Equal(0UL, reader.ReadVarint());
        Assert.False(reader.Ok);
    }

    [Fact]
    public void Absurd_lengths_fail_without_taking_memory()
    {
        var writer = new WireWriter();
        writer.WriteVarint(ulong.MaxValue);
        var reader = new WireReader(writer.WrittenMemory);
        Assert.True(reader.ReadBytes().IsEmpty);
        Assert.False(reader.Ok);

        reader = new WireReader(writer.WrittenMemory);
        Assert.Equal(0, reader.ReadCount(1_000));
        Assert.False(reader.Ok);
    }

    [Fact]
    public void Booleans_and_text_must_be_well_formed()
    {
        var reader = new WireReader(new byte[] { 2 });
        reader.ReadBool();
        Assert.False(reader.Ok);

        reader = new WireReader(new byte[] { 2, 0xC3, 0x28 });
        Assert.Equal("", reader.ReadString());
        Assert.False(reader.Ok);
    }

    [Fact]
    public void A_patched_integer_and_a_truncated_tail_read_as_such()
    {
        var writer = new WireWriter();
        var offset = writer.ReserveUInt32();
        writer.WriteByte(1);
        writer.WriteByte(2);
        writer.Truncate(writer.Length - 1);
        writer.PatchUInt32(offset, 77);
        var reader = new WireReader(writer.WrittenMemory);
        Assert.Equal(77u, reader.ReadUInt32());
        Assert.Equal(1, reader.ReadByte());
        Assert.True(reader.OkAtEnd);
        Assert.Throws<CheckFailedException>(() => writer.PatchUInt32(writer.Length - 3, 1));
        Assert.Throws<CheckFailedException>(() => writer.Truncate(writer.Length + 1));
    }

    [Fact]
    public void A_warm_writer_allocates_nothing()
    {
        var writer = new WireWriter(16);
        Write(writer);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Write(writer);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Write(WireWriter writer)
        {
            writer.Reset();
            writer.WriteVarint(12_345);
            writer.WriteRaw("some bytes that are longer than sixteen"u8);
            writer.WriteString("text");
        }
    }
}

using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Xunit;

namespace Atoll.Fuzz.Tests;

/// <summary>The fuzzing itself: the same seed, the same inputs; and each kind of bug, planted here, is found and made small.</summary>
public sealed class FuzzRunTests
{
    [Fact]
    public void The_same_seed_feeds_the_same_inputs_and_another_one_others()
    {
        var (one, two, other) = (Inputs(5), Inputs(5), Inputs(6));
        Assert.Equal(one, two);
        Assert.NotEqual(one, other);
    }

    [Fact]
    public void A_length_that_nobody_checks_is_found_by_the_exception_that_it_makes()
    {
        var (input, fault) = Find(new Planted((input, length) => input.Span.Slice(4, length).Length));
        Assert.StartsWith("ArgumentOutOfRangeException in Atoll.Fuzz.Tests", fault.Kind, StringComparison.Ordinal);
        Assert.Equal(4, input.Length);
    }

    [Fact]
    public void Room_that_is_made_for_a_length_that_nobody_checks_is_found_by_the_memory_that_it_takes()
    {
        var (input, fault) = Find(new Planted((_, length) => new byte[Math.Clamp(length, 0, 64 * 1024 * 1024)].Length));
        Assert.True(fault.IsAllocation, fault.Kind);
        Assert.Equal(4, input.Length);
    }

    [Fact]
    public void A_bug_behind_a_checksum_is_found()
    {
        var target = new Planted((_, length) => length == 77_777 ? throw new InvalidDataException("planted") : 0, isChecked: true);
        var (input, fault) = Find(target);
        Assert.StartsWith("InvalidDataException", fault.Kind, StringComparison.Ordinal);
        Assert.Equal(8, input.Length);
    }

    [Fact]
    public void A_promise_that_does_not_hold_is_found()
    {
        var (_, fault) = Find(new Planted((_, length) =>
        {
            BrokenPromiseException.Unless(length != -1, "a length is never minus one");
            return 0;
        }));
        Assert.Equal("promise: a length is never minus one", fault.Kind);
    }

    private static List<byte[]> Inputs(ulong seed)
    {
        var run = new FuzzRun(new Planted((_, _) => 0), seed);
        var inputs = new List<byte[]>();
        while (inputs.Count < 200)
        {
            inputs.Add(run.Next());
            Assert.Null(run.Feed(inputs[^1]));
        }

        return inputs;
    }

    private static (byte[] Input, Fault Fault) Find(IFuzzTarget target)
    {
        var run = new FuzzRun(target, 3);
        while (run.Iterations < 20_000)
        {
            var input = run.Next();
            if (run.Feed(input) is { } fault)
            {
                var small = Minimizer.Minimize(target, input, fault);
                Assert.Equal(fault.Kind, Judge.Try(target, small, out _)?.Kind);
                return (small, fault);
            }
        }

        Assert.Fail("the planted bug was not found");
        return default;
    }

    /// <summary>A length (4 bytes), perhaps a checksum of it (4 bytes), and bytes, taken by something with a bug.</summary>
    private sealed class Planted(Func<ReadOnlyMemory<byte>, int, int> take, bool isChecked = false) : IFuzzTarget
    {
        public string Name => "planted";

        public string About => "a bug";

        public AllocationBound Allocation => AllocationBound.OfDecoder;

        public IReadOnlyList<byte[]> Seeds { get; } = [Seed(isChecked)];

        public void FixChecksums(Span<byte> input)
        {
            if (isChecked && input.Length >= 8)
            {
                // The bug hides behind a number that no random walk finds: the mended input has it now and then.
                BinaryPrimitives.WriteInt32LittleEndian(input, input[0] == 0 ? 77_777 : BinaryPrimitives.ReadInt32LittleEndian(input));
                BinaryPrimitives.WriteUInt32LittleEndian(input[4..], Crc32C.Compute(input[..4]));
            }
        }

        public Verdict Run(ReadOnlyMemory<byte> input)
        {
            var span = input.Span;
            if (span.Length < (isChecked ? 8 : 4)
                || (isChecked && BinaryPrimitives.ReadUInt32LittleEndian(span[4..]) != Crc32C.Compute(span[..4])))
            {
                return Verdict.Refused();
            }

            return take(input, BinaryPrimitives.ReadInt32LittleEndian(span)) >= 0 ? Verdict.Accepted() : Verdict.Refused("negative");
        }

        private static byte[] Seed(bool isChecked)
        {
            var seed = new byte[isChecked ? 16 : 12];
            seed[0] = 5;
            if (isChecked)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(seed.AsSpan(4), Crc32C.Compute(seed.AsSpan(0, 4)));
            }

            return seed;
        }
    }
}

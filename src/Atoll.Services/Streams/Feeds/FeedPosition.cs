using System.Buffers.Text;
using System.Globalization;
using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// How far a feed has come in a shard. In a snapshot: the keys up to the cursor are in the topic as they were at a time, and so is what
/// changed of them since; the others are still to come. It is kept as an offset of the feed's group, so that it moves in the transaction
/// with the records that it speaks of.
/// </summary>
/// <param name="Through">Changes up to this version are in the topic, of those keys that are.</param>
/// <param name="Snapshot">The snapshot that is taken, or was taken last, counted from 1.</param>
/// <param name="Cursor">The last key that is in the topic; empty before the first. Null: the snapshot is complete.</param>
internal readonly record struct FeedPosition(HybridTime Through, int Snapshot, ReadOnlyMemory<byte>? Cursor)
{
    /// <summary>Where a feed begins.</summary>
    public static readonly FeedPosition Start = new(HybridTime.Zero, 1, ReadOnlyMemory<byte>.Empty);

    /// <summary>Where it goes on when nobody knows how far it had come: something may have been missed.</summary>
    public static readonly FeedPosition Unknown = new(HybridTime.Zero, 2, ReadOnlyMemory<byte>.Empty);

    private const string Source = "source";
    private const string Following = "following";
    private const string InSnapshot = "snapshot";

    // A cursor that is longer has further pieces beside it.
    private const int PieceCharacters = 4_000;
    private const int CursorBytesMax = Limits.KeyBytesMax + 16; // of a table: a key, and how many rows of its partition came before
    private const int PiecesMax = ((CursorBytesMax / 3 * 4) / PieceCharacters) + 1;

    /// <summary>Whether something may have been missed before this snapshot: readers are told where it begins and ends.</summary>
    public bool IsAfterLoss => Snapshot > 1;

    /// <summary>Where it goes on when changes are not kept any more.</summary>
    public FeedPosition Anew() => new(HybridTime.Zero, Snapshot == int.MaxValue ? 2 : Snapshot + 1, ReadOnlyMemory<byte>.Empty);

    /// <summary>The places in the feed's group that hold the position in a shard, of which the first is always there.</summary>
    public static IReadOnlyList<TopicPartition> PlacesOf(ShardId shard)
    {
        Check.That(shard.Value <= int.MaxValue);
        return [.. Enumerable.Range(0, PiecesMax).Select(piece => PlaceOf(shard, piece))];
    }

    /// <summary>As offsets of the feed's group.</summary>
    public IReadOnlyList<OffsetToCommit> ToOffsets(ShardId shard)
    {
        var text = Cursor is { } cursor ? Base64Url.EncodeToString(cursor.Span) : "";
        var pieces = Math.Max(1, (text.Length + PieceCharacters - 1) / PieceCharacters);
        Check.That(pieces <= PiecesMax);
        var head = string.Create(
            CultureInfo.InvariantCulture, $"{(Cursor is null ? Following : InSnapshot)} {Snapshot} {text.Length} ");
        var offsets = new OffsetToCommit[pieces];
        for (var piece = 0; piece < pieces; piece++)
        {
            var part = text[(piece * PieceCharacters)..Math.Min(text.Length, (piece + 1) * PieceCharacters)];
            offsets[piece] = new OffsetToCommit(
                PlaceOf(shard, piece), new CommittedOffset((long)Through.Value, -1, piece == 0 ? head + part : part));
        }

        return offsets;
    }

    /// <summary>Reads a position; null when the offsets are none, or somebody else's.</summary>
    /// <param name="offsets">What was committed at <see cref="PlacesOf"/>, in that order.</param>
    public static FeedPosition? Of(IReadOnlyList<CommittedOffset> offsets)
    {
        if (offsets.Count == 0 || offsets[0].Offset < 0 || offsets[0].Metadata?.Split(' ') is not { Length: 4 } words
            || !TryReadNumber(words[1], int.MaxValue, out var snapshot) || snapshot == 0
            || !TryReadNumber(words[2], PiecesMax * PieceCharacters, out var characters)
            || (words[0] != Following || characters > 0) && words[0] != InSnapshot)
        {
            return null;
        }

        var text = words[3];
        for (var piece = 1; text.Length < characters && piece < offsets.Count; piece++)
        {
            text += offsets[piece].Metadata;
        }

        if (text.Length != characters || !Base64Url.IsValid(text))
        {
            return null;
        }

        var cursor = words[0] == InSnapshot ? Base64Url.DecodeFromChars(text) : default(ReadOnlyMemory<byte>?);
        return new FeedPosition(new HybridTime((ulong)offsets[0].Offset), snapshot, cursor);
    }

    /// <summary>In words, for people.</summary>
    public override string ToString() => Cursor is null ? $"from {Through} on"
        : string.Create(CultureInfo.InvariantCulture, $"in snapshot {Snapshot}");

    private static bool TryReadNumber(string text, int max, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= max;

    private static TopicPartition PlaceOf(ShardId shard, int piece) => new(
        piece == 0 ? Source : string.Create(CultureInfo.InvariantCulture, $"{Source}.{piece}"), (int)shard.Value);
}

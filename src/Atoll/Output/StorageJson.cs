using System.Globalization;
using System.Text.Json;
using Atoll.Storage;
using Atoll.Storage.Inspection;

namespace Atoll.Output;

/// <summary>What is in a data folder, as JSON. Numbers of 64 bits that are names, not amounts, are strings.</summary>
internal static class StorageJson
{
    /// <summary>A loop, as <c>atoll storage inspect</c> shows it.</summary>
    public static void WriteLoop(Utf8JsonWriter writer, int number, LoopStorage loop)
    {
        writer.WriteStartObject();
        writer.WriteNumber("loop", number);
        WriteJournal(writer, loop);
        WriteStore(writer, loop);
        writer.WriteStartArray("snapshots");
        foreach (var snapshot in loop.Snapshots!.Store is { } store ? store.Shards.SelectMany(store.List) : [])
        {
            writer.WriteStartObject();
            writer.WriteString("file", snapshot.File);
            writer.WriteNumber("shard", snapshot.Meta.Shard.Value);
            writer.WriteNumber("index", snapshot.Meta.Index.Value);
            writer.WriteNumber("term", snapshot.Meta.Term.Value);
            writer.WriteNumber("bytes", snapshot.ContentBytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Something that is not as it should be.</summary>
    public static void WriteFinding(Utf8JsonWriter writer, int loop, StorageFinding finding)
    {
        writer.WriteString("finding", JsonNamingPolicy.CamelCase.ConvertName(finding.Kind.ToString()));
        writer.WriteNumber("loop", loop);
        writer.WriteString("file", finding.Corruption.File);
        writer.WriteNumber("offset", finding.Corruption.OffsetBytes);
        writer.WriteString("why", finding.Corruption.Why);
        writer.WriteStartArray("shards");
        foreach (var shard in finding.Shards)
        {
            writer.WriteNumberValue(shard.Value);
        }

        writer.WriteEndArray();
        if (!finding.From.IsEmpty)
        {
            writer.WriteString("from", StoredText.OfKey(finding.From));
            writer.WriteString("to", StoredText.OfKey(finding.To));
        }
    }

    private static void WriteJournal(Utf8JsonWriter writer, LoopStorage loop)
    {
        if (LoopInspection.Describe(loop.Journal?.Journal) is not { } journal)
        {
            WriteProblem(writer, "journal", loop.Journal?.Corruption, loop.Journal?.Detail);
            return;
        }

        writer.WriteStartObject("journal");
        writer.WriteString("identity", journal.Identity.ToString("x16", CultureInfo.InvariantCulture));
        WriteFiles(writer, "segments", journal.Segments.Select(static segment => (segment.File, segment.LengthBytes, segment.LiveBytes)));
        writer.WriteStartArray("logs");
        foreach (var log in journal.Logs)
        {
            writer.WriteStartObject();
            writer.WriteNumber("shard", log.Shard.Value);
            writer.WriteNumber("firstIndex", log.First.Value);
            writer.WriteNumber("lastIndex", log.Last.Value);
            writer.WriteNumber("lastTerm", log.LastTerm.Value);
            writer.WriteNumber("term", log.HardState.Term.Value);
            writer.WriteNumber("votedFor", log.HardState.Vote.Value);
            writer.WriteNumber("bytes", log.SizeBytes);
            writer.WriteBoolean("rebuilding", log.IsRebuilding);
            if (log.Damage is not null)
            {
                writer.WriteString("damage", log.Damage);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // Files of which a part is needed, and the rest will be given back.
    private static void WriteFiles(
        Utf8JsonWriter writer, string name, IEnumerable<(string File, long LengthBytes, long LiveBytes)> files)
    {
        writer.WriteStartArray(name);
        foreach (var (file, lengthBytes, liveBytes) in files)
        {
            writer.WriteStartObject();
            writer.WriteString("file", file);
            writer.WriteNumber("bytes", lengthBytes);
            writer.WriteNumber("neededBytes", liveBytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteStore(Utf8JsonWriter writer, LoopStorage loop)
    {
        if (LoopInspection.DescribeStore(loop) is not { } store)
        {
            WriteProblem(writer, "store", loop.Store?.Corruption, loop.Store?.DiskResult.Detail);
            return;
        }

        writer.WriteStartObject("store");
        writer.WriteString("identity", store.Identity.ToString("x16", CultureInfo.InvariantCulture));
        writer.WriteNumber("format", store.FormatVersion);
        writer.WriteStartArray("files");
        foreach (var file in store.Files)
        {
            writer.WriteStartObject();
            writer.WriteString("file", file.File);
            writer.WriteNumber("level", file.Level);
            writer.WriteNumber("bytes", file.LengthBytes);
            writer.WriteNumber("entries", file.Entries);
            writer.WriteNumber("tombstones", file.Tombstones);
            writer.WriteNumber("deletedRanges", file.DeletedRanges);
            writer.WriteString("from", StoredText.OfKey(file.From));
            writer.WriteString("to", StoredText.OfKey(file.To));
            writer.WriteString("oldestVersion", file.OldestVersion.ToString(CultureInfo.InvariantCulture));
            writer.WriteString("newestVersion", file.NewestVersion.ToString(CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteFiles(writer, "valueFiles", store.Values.Select(static file => (file.File, file.LengthBytes, file.LiveBytes)));
        writer.WriteStartArray("trees");
        foreach (var tree in store.Trees)
        {
            writer.WriteStartObject();
            writer.WriteNumber("shard", tree.Shard.Value);
            writer.WriteNumber("tree", tree.Tree);
            writer.WriteNumber("appliedIndex", tree.Applied.Value);
            writer.WriteNumber("records", tree.Records);
            writer.WriteString("collectedThrough", tree.CollectedThrough.ToString(CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("leftovers");
        foreach (var name in store.Leftovers)
        {
            writer.WriteStringValue(name);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteProblem(Utf8JsonWriter writer, string name, StorageCorruption? corruption, string? detail)
    {
        if (corruption is null && detail is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        writer.WriteString("problem", corruption?.ToString() ?? detail);
        writer.WriteEndObject();
    }
}

using System.CommandLine;
using System.Text.Json;
using Atoll.Live.Disks;
using Atoll.Live.Nodes;
using Atoll.Output;
using Atoll.Storage.Inspection;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Atoll.Storage.Snapshots;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll storage inspect</c>: what a data folder consists of.</summary>
internal static class StorageInspectCommand
{
    private static readonly Color[] LevelColors = [Color.Yellow, Color.Aqua, Color.Blue, Color.Green, Color.Purple, Color.Red, Color.Grey];

    public static Command Create(ClientOptions client)
    {
        var folder = StorageCommands.FolderArgument();
        var files = new Option<bool>("--files") { Description = "List each sorted file with its keys" };
        var command = new Command("inspect", "Show what a data folder consists of: journal, store, snapshots") { folder, files };
        command.SetAction(parsed =>
        {
            using var data = StorageCommands.Open(parsed.GetRequiredValue(folder));
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.RawJson(writer => WriteJson(writer, data));
                return ExitCode.Ok;
            }

            var identity = data.Identity;
            printer.Line(identity is null
                ? $"{data.FolderPath}: no file says whose it is"
                : $"{data.FolderPath}: node {identity.Node} of cluster {identity.ClusterId:x16}, {identity.LoopCount} loops");
            foreach (var number in data.Loops())
            {
                using var disk = new ShadowDisk(data.LoopFolder(number));
                Show(printer, number, StorageCommands.Open(disk), parsed.GetValue(files));
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(Printer printer, int number, LoopStorage loop, bool withFiles)
    {
        printer.Line($"\nloop {number}");
        ShowJournal(printer, loop);
        ShowStore(printer, loop, withFiles);
        ShowSnapshots(printer, loop);
    }

    private static void ShowJournal(Printer printer, LoopStorage loop)
    {
        if (LoopInspection.Describe(loop.Journal?.Journal) is not { } journal)
        {
            printer.Line($"  journal: {Problem(loop.Journal) ?? "none"}");
            return;
        }

        printer.Line($"  journal {journal.Identity:x16}: {journal.Segments.Count} segments, "
            + $"{Printer.Size(journal.Segments.Sum(static s => s.LengthBytes))}, of which "
            + $"{Printer.Size(journal.Segments.Sum(static s => s.LiveBytes))} are needed");
        var table = new Table().Border(TableBorder.Simple)
            .AddColumns("shard", "first", "last", "term of last", "term", "vote", "bytes", "in the store through", "state");
        foreach (var log in journal.Logs)
        {
            var applied = loop.Store?.Store?.Shards.FirstOrDefault(shard => shard.Shard == log.Shard)?.DurableApplied;
            table.AddRow(
                $"{log.Shard}", $"{log.First}", $"{log.Last}", $"{log.LastTerm}", $"{log.HardState.Term}", $"{log.HardState.Vote}",
                Printer.Size(log.SizeBytes), applied is { } index ? $"{index}" : "",
                Markup.Escape(log.Damage ?? (log.IsRebuilding ? "being rebuilt from others" : "sound")));
        }

        printer.Tables.Write(table);
    }

    private static void ShowStore(Printer printer, LoopStorage loop, bool withFiles)
    {
        if (LoopInspection.DescribeStore(loop) is not { } store)
        {
            printer.Line($"  store: {Problem(loop.Store) ?? "none"}");
            return;
        }

        printer.Line($"  store {store.Identity:x16}, format {store.FormatVersion}: {store.Files.Count} sorted files, "
            + $"{Printer.Size(store.Files.Sum(static f => f.LengthBytes))}, {store.Files.Sum(static f => f.Entries)} entries"
            + (store.Values.Count == 0 ? "" : $"; {store.Values.Count} value files, "
                + $"{Printer.Size(store.Values.Sum(static v => v.LengthBytes))}, of which "
                + $"{Printer.Size(store.Values.Sum(static v => v.LiveBytes))} are needed"));
        foreach (var fault in loop.Store!.Missing)
        {
            printer.Line($"  damaged: {fault.Corruption}");
        }

        ShowLevels(printer, store, withFiles);
        var trees = new Table().Border(TableBorder.Simple)
            .AddColumns("shard", "tree", "applied", "records", "collected through");
        foreach (var tree in store.Trees)
        {
            trees.AddRow($"{tree.Shard}", $"{tree.Tree}", $"{tree.Applied}", $"{tree.Records}", $"{tree.CollectedThrough}");
        }

        printer.Tables.Write(trees);
        if (store.Leftovers.Count > 0)
        {
            printer.Line($"  leftovers that the node's next start deletes: {string.Join(", ", store.Leftovers)}");
        }
    }

    private static void ShowLevels(Printer printer, StoreFigures store, bool withFiles)
    {
        var levels = store.Files.GroupBy(static file => file.Level).OrderBy(static level => level.Key).ToList();
        if (levels.Count == 0)
        {
            return;
        }

        var chart = new BarChart().Width(Math.Min(100, printer.Tables.Profile.Width))
            .UseValueFormatter(static bytes => Printer.Size((long)bytes));
        var table = new Table().Border(TableBorder.Simple).AddColumns("level", "files", "bytes", "entries", "first key", "last key before");
        foreach (var level in levels)
        {
            var bytes = level.Sum(static file => file.LengthBytes);
            chart.AddItem($"level {level.Key}", bytes, LevelColors[level.Key % LevelColors.Length]);
            table.AddRow(
                $"{level.Key}", $"{level.Count()}", Printer.Size(bytes), $"{level.Sum(static file => file.Entries)}",
                Markup.Escape(StoredText.OfKey(level.MinBy(static file => file.From, KeyMemoryOrder.Instance)!.From)),
                Markup.Escape(StoredText.OfKey(level.MaxBy(static file => file.To, KeyMemoryOrder.Instance)!.To)));
        }

        printer.Tables.Write(chart);
        printer.Tables.Write(table);
        if (!withFiles)
        {
            return;
        }

        var files = new Table().Border(TableBorder.Simple)
            .AddColumns("level", "file", "bytes", "entries", "tombstones", "deleted ranges", "first key", "last key before");
        foreach (var file in store.Files)
        {
            files.AddRow(
                $"{file.Level}", Markup.Escape(file.File), Printer.Size(file.LengthBytes), $"{file.Entries}", $"{file.Tombstones}",
                $"{file.DeletedRanges}", Markup.Escape(StoredText.OfKey(file.From)), Markup.Escape(StoredText.OfKey(file.To)));
        }

        printer.Tables.Write(files);
    }

    private static void ShowSnapshots(Printer printer, LoopStorage loop)
    {
        var opening = loop.Snapshots!;
        if (opening.Store is not { } store)
        {
            printer.Line($"  snapshots: {opening.Detail} {opening.DiskResult.Detail}");
            return;
        }

        foreach (var snapshot in store.Shards.SelectMany(store.List))
        {
            printer.Line($"  snapshot of shard {snapshot.Meta.Shard} through index {snapshot.Meta.Index} (term {snapshot.Meta.Term}): "
                + $"{Printer.Size(snapshot.ContentBytes)}, {snapshot.File}");
        }

        foreach (var damage in opening.Damaged)
        {
            printer.Line($"  damaged: {damage}");
        }
    }

    private static string? Problem(JournalOpening? opening) => opening is null ? null : opening.Corruption?.ToString()
        ?? $"{opening.Status}: {opening.Detail} {opening.DiskResult.Detail}";

    private static string? Problem(LsmOpening? opening) => opening is null ? null : opening.Corruption?.ToString()
        ?? $"{opening.Status}: {opening.DiskResult.Detail}";

    private static void WriteJson(Utf8JsonWriter writer, DataFolder data)
    {
        writer.WriteStartObject();
        writer.WriteString("folder", data.FolderPath);
        if (data.Identity is { } identity)
        {
            writer.WriteNumber("node", identity.Node.Value);
            writer.WriteString("cluster", identity.ClusterId.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        }

        writer.WriteStartArray("loops");
        foreach (var number in data.Loops())
        {
            using var disk = new ShadowDisk(data.LoopFolder(number));
            StorageJson.WriteLoop(writer, number, StorageCommands.Open(disk));
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private sealed class KeyMemoryOrder : IComparer<ReadOnlyMemory<byte>>
    {
        public static readonly KeyMemoryOrder Instance = new();

        public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);
    }
}

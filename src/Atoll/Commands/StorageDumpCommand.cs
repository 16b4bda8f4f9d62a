using System.CommandLine;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Gateways.Http;
using Atoll.Kernel.Raft;
using Atoll.Live.Disks;
using Atoll.Live.Nodes;
using Atoll.Output;
using Atoll.StateMachines.Inspection;
using Atoll.Storage.Inspection;
using Atoll.Storage.Journals;

namespace Atoll.Commands;

/// <summary><c>atoll storage dump</c>: prints records of a store, or entries of a log.</summary>
internal static class StorageDumpCommand
{
    private const int ReadBytes = 1024 * 1024;

    public static Command Create(ClientOptions client)
    {
        var folder = StorageCommands.FolderArgument();
        var shard = new Option<ulong?>("--shard") { Description = "Whose records or entries", HelpName = "N" };
        var section = new Option<string>("--section") { Description = "What of its state", DefaultValueFactory = _ => "records" };
        section.AcceptOnlyFromAmong([.. StateSectionNames.All]);
        var from = new Option<string?>("--from") { Description = "The first key: text, or 0x and hexadecimal digits", HelpName = "KEY" };
        var to = new Option<string?>("--to") { Description = "The first key behind the last", HelpName = "KEY" };
        var limit = new Option<long>("--limit") { Description = "At most so many", HelpName = "N", DefaultValueFactory = _ => 1000 };
        var versions = new Option<bool>("--versions") { Description = "All versions that are kept, and deletes" };
        var log = new Option<bool>("--log") { Description = "The shard's log instead of its state" };
        var fromIndex = new Option<ulong?>("--from-index") { Description = "The first entry of the log", HelpName = "N" };
        var toIndex = new Option<ulong?>("--to-index") { Description = "The last entry of the log", HelpName = "N" };
        var file = new Option<string?>("--file")
        {
            Description = "The blocks of one file instead, as inspect and verify name it: loop-0/store/...", HelpName = "F",
        };
        var command = new Command("dump", "Print records of a shard's state, entries of its log, or the blocks of a file")
        {
            folder, shard, section, from, to, limit, versions, log, fromIndex, toIndex, file,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var data = StorageCommands.Open(parsed.GetRequiredValue(folder));
            var printer = client.Printer(parsed);
            var most = parsed.GetValue(limit);
            if (parsed.GetValue(file) is { } name)
            {
                return Task.FromResult(StorageFileDump.Run(printer, data, name, most, cancellation));
            }

            var id = new ShardId(parsed.GetValue(shard)
                ?? throw new CommandException("which shard? Give --shard (\"atoll storage inspect\" shows them), or --file"));
            if (parsed.GetValue(log))
            {
                DumpLog(printer, data, id, parsed.GetValue(fromIndex), parsed.GetValue(toIndex), most, cancellation);
                return Task.FromResult(ExitCode.Ok);
            }

            var number = StateSectionNames.Parse(parsed.GetRequiredValue(section));
            DumpRecords(printer, data, id, number, StoredText.Parse(parsed.GetValue(from)), StoredText.Parse(parsed.GetValue(to)), most,
                parsed.GetValue(versions), cancellation);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static void DumpRecords(
        Printer printer, DataFolder data, ShardId shard, byte section, byte[] from, byte[] to, long limit, bool withVersions,
        CancellationToken cancellation)
    {
        using var found = Find(data, shard, static (loop, id) => loop.Store?.Store?.Shards.Any(known => known.Shard == id) == true,
            "state (what was not flushed yet is in its --log)");
        var store = found.Loop.Store!.Store!;
        var log = found.Loop.Journal?.Journal is { } journal && journal.TryGetShard(shard, out var kept) ? kept : null;
        var applied = store.Shards.First(known => known.Shard == shard).DurableApplied;
        if (log is not null && log.LastIndex > applied)
        {
            Printer.Remark($"atoll: entries {applied.Next} to {log.LastIndex} of the log are not in the store yet (see --log)");
        }

        var (printed, isDone, isCut) = (0L, false, false);
        var ranges = new List<StoredEntry>();
        ReadOnlyMemory<byte> last = default;
        var isFirst = true;
        Storage.Lsm.StoreFault? fault = null;
        StorageCommands.Run(found.Disk, () => isDone, () => StoreWalk.Run(store, shard, section, from, to, Take, end =>
        {
            fault = end;
            isDone = true;
        }));
        if (isCut)
        {
            Printer.Remark($"atoll: there are more than {limit} (--limit)");
        }

        if (fault is not null)
        {
            throw new CommandException(ExitCode.Damaged, $"the rest cannot be read: {fault.Corruption}");
        }

        bool Take(StoredEntry entry)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!withVersions && !IsVisible(entry))
            {
                return true;
            }

            if (printed == limit)
            {
                isCut = true;
                return false;
            }

            printed++;
            Print(printer, entry);
            return true;
        }

        // Of each key the newest version, unless that says "gone", or a range that was deleted later covers it.
        bool IsVisible(in StoredEntry entry)
        {
            if (entry.Kind == StoredEntryKind.DeleteRange)
            {
                ranges.Add(entry);
                return false;
            }

            var (key, version) = (entry.Key, entry.Version);
            var isNewest = isFirst || !key.Span.SequenceEqual(last.Span);
            (isFirst, last) = (false, key);
            var isThere = entry.Kind is StoredEntryKind.Put or StoredEntryKind.Lost;
            return isNewest && isThere && !ranges.Exists(range => range.Version > version
                && key.Span.SequenceCompareTo(range.Key.Span) >= 0 && key.Span.SequenceCompareTo(range.Value.Span) < 0);
        }
    }

    private static void Print(Printer printer, StoredEntry entry)
    {
        var what = entry.Kind switch
        {
            StoredEntryKind.Delete => "deleted",
            StoredEntryKind.Lost => $"DAMAGED: {System.Text.Encoding.UTF8.GetString(entry.Value.Span)}",
            StoredEntryKind.DeleteRange => $"all up to before {StoredText.Of(entry.Value.Span)} deleted",
            _ => StoredText.Of(entry.Value.Span),
        };
        var expires = entry.ExpiresAt == 0 ? "" : $" (expires {RecordJson.Time(new HybridTime(entry.ExpiresAt))})";
        printer.Result($"{StoredText.OfKey(entry.Section, entry.Key)} @{entry.Version}{expires}: {what}", writer =>
        {
            writer.WriteString("section", StateSectionNames.Of(entry.Section));
            var prefix = StateSectionNames.Prefix(entry.Section, entry.Key, out var key);
            if (prefix.Length > 0)
            {
                writer.WriteString("of", prefix);
            }

            StoredText.WriteJson(writer, "key", key.Span);
            writer.WriteString("version", RecordJson.Version(new HybridTime(entry.Version)));
            writer.WriteString("kind", System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(entry.Kind.ToString()));
            if (entry.ExpiresAt != 0)
            {
                writer.WriteString("expiresAt", RecordJson.Time(new HybridTime(entry.ExpiresAt)));
            }

            if (entry.Kind == StoredEntryKind.Put)
            {
                StoredText.WriteJson(writer, "value", entry.Value.Span);
            }
            else if (entry.Kind == StoredEntryKind.Lost)
            {
                writer.WriteString("damage", entry.Value.Span);
            }
            else if (entry.Kind == StoredEntryKind.DeleteRange)
            {
                StoredText.WriteJson(writer, "to", entry.Value.Span);
            }
        });
    }

    private static void DumpLog(
        Printer printer, DataFolder data, ShardId shard, ulong? from, ulong? to, long limit, CancellationToken cancellation)
    {
        using var found = Find(data, shard, static (loop, id) => loop.Journal?.Journal?.Shards.Contains(id) == true, "log");
        var log = found.Loop.Journal!.Journal!.Shard(shard);
        var first = LogIndex.Max(log.FirstIndex, new LogIndex(from ?? 0));
        var last = LogIndex.Min(log.LastIndex, new LogIndex(to ?? ulong.MaxValue));
        if (from < log.FirstIndex.Value)
        {
            Printer.Remark($"atoll: the log begins at index {log.FirstIndex}");
        }

        if (log.Damage is { } damage)
        {
            Printer.Remark($"atoll: the log is damaged: {damage}");
        }

        for (var printed = 0L; first <= last;)
        {
            LogReadResult? read = null;
            var next = first;
            StorageCommands.Run(found.Disk, () => read is not null, () => log.Read(next, last, ReadBytes, result => read = result));
            if (read!.Value.Status != LogReadStatus.Ok)
            {
                throw new CommandException(
                    ExitCode.Damaged, $"entry {first} cannot be read: {read.Value.Corruption?.ToString() ?? read.Value.DiskResult.Detail}");
            }

            foreach (var entry in read.Value.Entries)
            {
                cancellation.ThrowIfCancellationRequested();
                if (printed++ == limit)
                {
                    Printer.Remark($"atoll: there are more than {limit} (--limit)");
                    return;
                }

                Print(printer, shard, entry);
                first = entry.Index.Next;
            }
        }
    }

    private static void Print(Printer printer, ShardId shard, LogEntry entry)
    {
        var command = entry.Kind == EntryKind.Command ? LoggedCommand.TryRead(shard, entry.Payload) : null;
        var membership = entry.Kind == EntryKind.Membership && Membership.TryDecode(entry.Payload, out var decoded) ? decoded : null;
        var what = command is not null
            ? $"{command.Kind} {string.Join(", ", command.Operations.Select(static o => $"{o.Kind} {StoredText.Of(o.Key.Span)}"))}"
            : membership is not null ? Describe(membership) : entry.Payload.IsEmpty ? "" : StoredText.Of(entry.Payload.Span);
        printer.Result($"{entry.Index} term {entry.Term} {entry.Kind}: {what}", writer =>
        {
            writer.WriteNumber("index", entry.Index.Value);
            writer.WriteNumber("term", entry.Term.Value);
            writer.WriteString("kind", System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(entry.Kind.ToString()));
            writer.WriteNumber("bytes", entry.Payload.Length);
            if (command is not null)
            {
                writer.WriteString("command", command.Kind);
                writer.WriteString("stamp", RecordJson.Version(command.Stamp));
                if (!command.Identity.IsNone)
                {
                    writer.WriteString("client", $"{command.Identity.ClientId:x16}");
                    writer.WriteNumber("sequence", command.Identity.Sequence);
                }

                writer.WriteStartArray("operations");
                foreach (var operation in command.Operations)
                {
                    writer.WriteStartObject();
                    writer.WriteString("operation", System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(operation.Kind.ToString()));
                    StoredText.WriteJson(writer, "key", operation.Key.Span);
                    writer.WriteNumber("valueBytes", operation.Value.Length);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }
            else if (membership is not null)
            {
                writer.WriteString("membership", Describe(membership));
            }
        });
    }

    private static string Describe(Membership membership) => string.Join("; ", new[]
    {
        $"voters {string.Join(", ", membership.Voters)}",
        membership.IsJoint ? $"outgoing {string.Join(", ", membership.OutgoingVoters)}" : "",
        membership.Learners.IsEmpty ? "" : $"learners {string.Join(", ", membership.Learners)}",
    }.Where(static part => part.Length > 0));

    private static FoundLoop Find(DataFolder data, ShardId shard, Func<LoopStorage, ShardId, bool> has, string what)
    {
        foreach (var number in data.Loops())
        {
            var disk = new ShadowDisk(data.LoopFolder(number));
            var loop = StorageCommands.Open(disk);
            if (has(loop, shard))
            {
                return new FoundLoop(disk, loop);
            }

            disk.Dispose();
        }

        throw new CommandException(ExitCode.NotFound, $"no loop of this folder has shard {shard}'s {what}");
    }

    private sealed record FoundLoop(ShadowDisk Disk, LoopStorage Loop) : IDisposable
    {
        public void Dispose() => Disk.Dispose();
    }
}

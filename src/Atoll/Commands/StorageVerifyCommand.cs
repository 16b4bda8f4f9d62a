using System.CommandLine;
using Atoll.Live.Disks;
using Atoll.Output;
using Atoll.Storage.Inspection;

namespace Atoll.Commands;

/// <summary><c>atoll storage verify</c>: reads everything in a data folder, and says what is damaged.</summary>
internal static class StorageVerifyCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create(ClientOptions client)
    {
        var folder = StorageCommands.FolderArgument();
        var command = new Command(
            "verify", $"Read every block of every file, and say what is damaged. Exit code {ExitCode.Damaged}: something is") { folder };
        command.SetAction((parsed, cancellation) => Task.FromResult(Verify(
            client.Printer(parsed), parsed.GetRequiredValue(folder), cancellation)));
        return command;
    }

    private static int Verify(Printer printer, DirectoryInfo folder, CancellationToken cancellation)
    {
        using var data = StorageCommands.Open(folder);
        var started = TimeProvider.System.GetTimestamp();
        var (damages, harmless, files) = (0, 0, 0);
        var (bytes, blocks, entries, values, logEntries) = (0L, 0L, 0L, 0L, 0L);
        foreach (var number in data.Loops())
        {
            using var disk = new ShadowDisk(data.LoopFolder(number));
            var loop = StorageCommands.Open(disk);
            var isDone = false;
            LoopVerification? verification = null;
            var progress = new Progress(number, disk);
            StorageCommands.Run(disk, () =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress.Show(verification?.Current ?? "");
                return isDone;
            }, () => verification = LoopVerification.Run(loop, () => isDone = true));
            progress.Clear();
            foreach (var finding in verification!.Findings)
            {
                Report(printer, number, finding);
                damages += finding.Kind == FindingKind.Harmless ? 0 : 1;
                harmless += finding.Kind == FindingKind.Harmless ? 1 : 0;
            }

            files += verification.Files;
            bytes += disk.BytesRead;
            blocks += verification.Blocks;
            entries += verification.StoreEntries;
            values += verification.Values;
            logEntries += verification.LogEntries;
        }

        var elapsed = TimeProvider.System.GetElapsedTime(started);
        var verdict = damages > 0 ? $"DAMAGED: {damages} findings" : harmless > 0 ? "sound, with remarks" : "sound";
        printer.Result(
            $"{verdict}: {files} files, {blocks} blocks, {entries} entries and {values} values of the store, {logEntries} entries of logs; "
                + $"{Printer.Size(bytes)} read in {elapsed.TotalSeconds:0.0} s",
            writer =>
            {
                writer.WriteBoolean("damaged", damages > 0);
                writer.WriteNumber("damages", damages);
                writer.WriteNumber("harmless", harmless);
                writer.WriteNumber("files", files);
                writer.WriteNumber("blocks", blocks);
                writer.WriteNumber("storeEntries", entries);
                writer.WriteNumber("values", values);
                writer.WriteNumber("logEntries", logEntries);
                writer.WriteNumber("bytesRead", bytes);
                writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
            });
        return damages > 0 ? ExitCode.Damaged : ExitCode.Ok;
    }

    private static void Report(Printer printer, int loop, StorageFinding finding)
    {
        var shards = finding.Shards.Count == 0 ? "" : $"; shard {string.Join(", ", finding.Shards)}";
        var keys = finding.From.IsEmpty ? ""
            : $"; keys from {StoredText.OfKey(finding.From)} {StoredText.OfEnd(finding.To)}";
        printer.Result(
            $"{Word(finding.Kind)}: loop-{loop}/{finding.Corruption}{shards}{keys}",
            writer => StorageJson.WriteFinding(writer, loop, finding));
    }

    private static string Word(FindingKind kind) => kind switch
    {
        FindingKind.Damage => "damaged",
        FindingKind.Unreadable => "unreadable",
        FindingKind.NewerVersion => "newer version",
        _ => "harmless",
    };

    // On the standard error of a terminal, over and over in one line.
    private sealed class Progress(int loop, ShadowDisk disk)
    {
        private readonly bool _isShown = !Console.IsErrorRedirected;
        private long _last = TimeProvider.System.GetTimestamp();
        private int _width;

        public void Show(string current)
        {
            if (_isShown && TimeProvider.System.GetElapsedTime(_last) >= ProgressInterval)
            {
                _last = TimeProvider.System.GetTimestamp();
                Write($"loop {loop}: {Printer.Size(disk.BytesRead)} read, {current}");
            }
        }

        public void Clear()
        {
            if (_width > 0)
            {
                Write("");
                Console.Error.Write('\r');
            }
        }

        private void Write(string text)
        {
            Console.Error.Write($"\r{text.PadRight(_width)}");
            _width = text.Length;
        }
    }
}
